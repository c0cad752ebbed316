/**
 * What a tab knows over a reload: its session's token, and which instances it had.
 *
 * One entry for each server, in the tab's own storage and nowhere else, so that neither another tab nor
 * another instance of the same component can be meant. An entry that is old, of another version, or no
 * entry at all is the same as none; where nothing can be stored the page works like one that is loaded
 * for the first time.
 *
 * A tab can be copied, and its storage with it. The copy must not take what belongs to the original, so
 * a page holds a lock by the tab's id while it is there, and who finds it taken is a copy: another tab,
 * with another session, that may rebuild what it has a snapshot of. A page gives the lock back when it is
 * left, because one that holds a lock is not kept for the back button, and marks its entry: what bears
 * the mark was not copied from a page that is there. Where there are no locks the server decides.
 */

import type { Clock, Page, Tab } from './environment.js'

/** The version of the entry. Others are discarded. */
const VERSION = 1
/** An entry older than this, in ms, is discarded. */
const MOST_AGE_MS = 24 * 60 * 60 * 1000
/** Changes are written at most this often, in ms; and when the page is hidden or left. */
const WRITE_MS = 500

/** What is kept of an instance. Without `props` it is only known to exist. */
export interface KeptInstance {
  readonly id: string
  readonly heard?: number
  /** What it was mounted with, as JSON. */
  readonly props?: string
  readonly snapshot?: string | undefined
  readonly shared?: unknown
}

/** What is kept of everything. */
export interface Keepsakes {
  readonly token: string | undefined
  /** Instances by the client's own names. */
  readonly instances: Readonly<Record<string, KeptInstance>>
}

/** What a tab knows over a reload. */
export interface TabMemory {
  /** The tab: the same over a reload, another for a copy. */
  id(): string
  /** What an earlier page left and nobody took yet, by name. */
  readonly left: Map<string, KeptInstance>
  /** Brings an earlier page's token: at once, unless it has to be found out first whose it is. */
  open(key: string, then: (token: string | undefined) => void): void
  /** Something is to be written soon. */
  touch(): void
  /** Nothing of it may be known any more. */
  forget(): void
  /** This is another tab than it seemed: a copy. */
  part(): void
}

/** A memory without content. `gather` says what there is to keep. */
export function tabMemory(
  { tab, clock, page, newId }: { tab: Tab; clock: Clock; page: Page; newId: () => string },
  gather: () => Keepsakes | undefined,
): TabMemory {
  const left = new Map<string, KeptInstance>()
  let id = newId()
  let at = ''
  let isTold = false
  let cancelWrite: (() => void) | undefined
  let unlock: (() => void) | undefined

  /** Does what fails in a private window or on a full disk. */
  function attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (cause) {
      if (!isTold) console.debug('[fluxstack] cannot store:', cause)
      isTold = true
      return undefined
    }
  }

  function write(isLeft = false): void {
    cancelWrite?.()
    cancelWrite = undefined
    const kept = gather()
    if (kept) {
      attempt(() =>
        tab.write(at, JSON.stringify({ v: VERSION, at: tab.now(), tab: id, left: isLeft, ...kept })),
      )
    }
  }

  function touch(): void {
    cancelWrite ??= clock.after(WRITE_MS, write)
  }

  /** Whether nobody else has this tab's lock, as far as can be known. */
  async function lock(): Promise<boolean> {
    try {
      unlock = await tab.lock(`fluxstack ${id}`)
      return unlock !== undefined
    } catch {
      return true
    }
  }

  function part(): void {
    for (const [name, kept] of left) if (!kept.snapshot) left.delete(name)
    unlock?.()
    id = newId()
    void lock()
  }

  return {
    id: () => id,
    left,
    touch,
    part,
    forget() {
      left.clear()
      attempt(() => tab.write(at, null))
    },
    open(key, then) {
      at = key
      page.watch((event) => {
        if (event === 'hidden') write()
        if (event === 'leaving') {
          write(true)
          unlock?.()
        }
        if (event === 'restored') {
          void lock()
          touch()
        }
      })
      // What else is in an entry of ours is for the server to judge.
      const entry = attempt(() => {
        const read = JSON.parse(tab.read(key) ?? '{}') as Entry
        if (read.v !== VERSION || !(tab.now() - read.at < MOST_AGE_MS)) return undefined
        id = read.tab
        for (const [name, kept] of Object.entries(read.instances)) if (kept?.id) left.set(name, kept)
        return read
      })
      const isOurs = lock()
      if (!entry || entry.left) {
        then(entry?.token)
      } else {
        void isOurs.then((yes) => {
          if (!yes) part()
          then(yes ? entry.token : undefined)
        })
      }
    },
  }
}

interface Entry extends Keepsakes {
  readonly v: number
  readonly at: number
  readonly tab: string
  readonly left: boolean
}
