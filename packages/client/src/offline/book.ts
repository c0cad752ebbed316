/**
 * What waits: every call that is counted, where it waits, and what of it is written down.
 *
 * A call waits in the line of its handle; or, while nobody has taken it, under the name of its instance. It
 * is in the book from when it is made or read until it is settled, and in the database as long, so what is in
 * the book and what a later page finds are the same.
 *
 * What must stay true: a call is written down before it may leave, and places grow in the order of the calls.
 */

import { LiveError } from '../error.js'
import { type Entry, type Kept, keptOf, sizeOf } from './entry.js'
import type { Book, Line } from './parts.js'
import type { Store } from './store.js'

/** What a book is made with. */
export interface BookOptions {
  readonly store: Store
  /** Resolves when what earlier pages left is known. */
  readonly opened: Promise<void>
  readonly maxCalls: number
  readonly maxBytes: number
  readonly tab: () => string
  /** Something that is counted has changed. */
  readonly changed: () => void
}

/** What a line does with it. */
type ForLines = Pick<
  Book,
  'add' | 'rewrite' | 'done' | 'release' | 'claim' | 'join' | 'take' | 'leave' | 'changed'
>

/** What waits. */
export interface Calls extends ForLines {
  /** Everything that is counted. */
  readonly entries: () => Entry[]
  /** Whether something is left for a name. */
  has(name: string): boolean
  /** What is written down and not known here, nor was when this was asked. */
  read(): Promise<Kept[]>
  /** Gives calls to whoever has the name, or will have it. */
  hand(entries: readonly Entry[]): void
  /** Counts a call, and gives it to whoever had the handle of `like`, which it replaces. */
  renew(entry: Entry, like: Entry): void
  /** Writes down what has become of a call. */
  note(entries: readonly Entry[], reason?: LiveError): Promise<unknown>
  /** Notes whose calls these are. */
  sign(entries: readonly Entry[]): void
  /** Removes what is written down, together with what else is removed now. */
  remove(ids: readonly string[]): void
  /** Gives up what `which` names on this page; what is written down stays. */
  dismiss(which: (entry: Entry) => boolean, why: LiveError): void
  /** The handles that are there, by name. */
  readonly lines: () => Map<string, Line>
}

/** An empty book. */
export function openBook({ store, opened, maxCalls, maxBytes, tab, changed }: BookOptions): Calls {
  /** Everything that is counted, and the line it waits in, if it does. */
  const entries = new Map<Entry, Line | undefined>()
  /** What nobody has taken yet, by the name of the instance, oldest first. */
  const left = new Map<string, Entry[]>()
  const named = new Map<string, WeakRef<Line>>()
  /** The lines of calls that are for a handle without a name, and so for nobody else. */
  const homes = new WeakMap<Entry, Line>()
  let bytes = 0
  let lastPlace = 0
  let drafts: [entry: Entry, instead: readonly string[]][] = []
  let removals: string[] = []
  /** How often what is written down is being read, and what was removed since the first of them. */
  let readings = 0
  const settled = new Set<string>()

  function count(entry: Entry, line?: Line): void {
    if (!entries.has(entry)) bytes += entry.bytes
    entries.set(entry, line)
    changed()
  }

  function uncount(entry: Entry): void {
    if (entries.delete(entry)) bytes -= entry.bytes
    changed()
  }

  async function write(put: readonly Kept[], remove: readonly string[]): Promise<boolean> {
    const isDone = await store.write(put, remove)
    changed()
    return isDone
  }

  function remove(ids: readonly string[]): void {
    if (ids.length === 0) return
    removals.push(...ids)
    if (readings > 0) for (const id of ids) settled.add(id)
    if (removals.length > ids.length) return
    // Answers come many in a frame.
    queueMicrotask(() => {
      void write([], removals)
      removals = []
    })
  }

  function kept(entry: Entry, reason?: LiveError): Kept {
    if (entry.place === 0) {
      // Somebody may have written down the last place there is.
      lastPlace = Math.min(lastPlace + 1, Number.MAX_SAFE_INTEGER)
      entry.place = lastPlace
    }
    return keptOf(entry, tab(), reason)
  }

  /** Together with what else is called now. */
  function writeDown(entry: Entry, instead: readonly string[]): void {
    drafts.push([entry, instead])
    if (drafts.length === 1) void opened.then(writeAll)
  }

  async function writeAll(): Promise<void> {
    const those = drafts
    drafts = []
    const wanted = those.map(([entry]) => entry).filter((entry) => entries.has(entry))
    const isSafe = await write(
      wanted.map((entry) => kept(entry)),
      those.flatMap(([, instead]) => instead),
    )
    for (const entry of wanted) Object.assign(entry, { isSafe, isWritten: true })
    for (const line of new Set(wanted.map((entry) => entries.get(entry)))) line?.pump()
  }

  function leave(those: readonly Entry[]): void {
    for (const entry of those) {
      count(entry)
      left.set(entry.name, [...(left.get(entry.name) ?? []), entry])
    }
  }

  function hand(those: readonly Entry[]): void {
    leave(those)
    for (const entry of those) (named.get(entry.name)?.deref() ?? homes.get(entry))?.take()
  }

  function lines(): Map<string, Line> {
    const all = new Map<string, Line>()
    for (const [name, held] of named) {
      const line = held.deref()
      if (line) all.set(name, line)
    }
    return all
  }

  return {
    entries: () => [...entries.keys()],
    has: (name) => left.has(name),
    async read() {
      readings += 1
      for (const id of removals) settled.add(id)
      const all = await store.calls()
      for (const { place } of all) lastPlace = Math.max(lastPlace, place)
      const known = new Set(settled)
      for (const { id } of entries.keys()) known.add(id)
      readings -= 1
      if (readings === 0) settled.clear()
      return all.filter(({ id }) => !known.has(id))
    },
    hand,
    leave,
    lines,
    remove,
    renew(entry, like) {
      const line = homes.get(like)
      if (line) homes.set(entry, line)
      hand([entry])
      if (entry.isKept) writeDown(entry, [like.id])
    },
    sign(those) {
      const written = those.filter(({ isKept }) => isKept)
      const ids = written.map(({ id }) => id)
      if (written[0]) void store.sign(ids, tab(), written[0].user)
    },
    note: (those, reason) =>
      write(
        those.map((entry) => kept(entry, reason)),
        [],
      ),
    dismiss(which, why) {
      const waiting = new Set([...entries.values(), ...lines().values()])
      for (const line of waiting) line?.dismiss(which, why)
      for (const [name, calls] of left) {
        const others = calls.filter((entry) => !which(entry))
        if (others.length > 0) left.set(name, others)
        else left.delete(name)
      }
      for (const entry of [...entries.keys()].filter(which)) uncount(entry)
    },
    join(name, line) {
      for (const [other, held] of named) if (!held.deref()) named.delete(other)
      const before = named.get(name)?.deref()
      named.set(name, new WeakRef(line))
      if (before) hand(before.yield())
    },
    take(name, line) {
      const those = left.get(name) ?? []
      left.delete(name)
      for (const entry of those) entries.set(entry, line)
      return those
    },
    add(entry, line, instead) {
      if (entry.isQueued) {
        const calls = entries.size - (instead ? 1 : 0)
        const size = bytes + entry.bytes - (instead?.bytes ?? 0)
        if (calls >= maxCalls) throw full(`${maxCalls} calls`)
        if (size > maxBytes) throw full(`${maxBytes} bytes`)
        count(entry, line)
        if (!named.has(entry.name)) homes.set(entry, line)
      }
      if (instead) uncount(instead)
      if (entry.isKept) writeDown(entry, instead?.isKept ? [instead.id] : [])
      else entry.isWritten = true
    },
    rewrite(entry, body) {
      const size = sizeOf(body)
      const more = size - entry.bytes
      if (more > 0 && bytes + more > maxBytes) throw full(`${maxBytes} bytes`)
      if (entries.has(entry)) bytes += more
      Object.assign(entry, { body, bytes: size })
      if (entry.isKept && entry.place > 0) void store.rewrite([kept(entry)])
    },
    done(entry) {
      uncount(entry)
      if (entry.isKept) remove([entry.id])
    },
    release: uncount,
    async claim(those, instanceId) {
      const ids = those.map(({ id }) => id)
      const gone = await store.claim(ids, tab(), instanceId)
      changed()
      return new Set(those.filter(({ id }) => gone.has(id)))
    },
    changed,
  }
}

function full(what: string): LiveError {
  const why = `${what} wait already, and nothing is dropped for a newer one`
  return new LiveError('QUEUE_FULL', `the call was not kept: ${why}`)
}
