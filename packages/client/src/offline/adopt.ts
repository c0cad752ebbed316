/**
 * Calls of tabs that were closed, taken over by one that is there.
 *
 * A tab holds a lock while its page is there, so a tab whose lock is free is closed, or on another page, or
 * between two loads. One that was found free twice, `patience` ms apart, is taken for closed. The lock is only
 * asked about and never taken: a page that is loaded in that moment would find it taken, and take itself for a
 * copy. What is taken over is the same user's, by the server's word, and is for components that this tab has
 * too; what was perhaps sent is never sent again, because another instance cannot know whether it was done.
 *
 * Where there are no locks nobody can know who is there, and nothing is taken over.
 */

import type { Clock } from '../environment.js'
import type { Kept } from './entry.js'
import type { Store } from './store.js'

/** The part of `navigator.locks` that is needed. */
export type Locks = Pick<LockManager, 'query'>

/** Who takes over. */
export interface Adopter {
  /** The tab it is; undefined while it is not clear who is here. */
  tab(): string | undefined
  /** Whether it wants this call. */
  wants(kept: Kept): boolean
  /** These are its own now. */
  adopted(calls: readonly Kept[]): void
}

/** Looks for what was left behind, again and again. Returns how to stop it. */
export function beginAdopting(
  store: Store,
  locks: Locks,
  clock: Clock,
  patience: number,
  { tab, wants, adopted }: Adopter,
): () => void {
  let free = new Set<string>()
  let isStopped = false
  let cancel = (): void => undefined

  async function look(): Promise<void> {
    const mine = tab()
    const found = new Set<string>()
    if (mine !== undefined) {
      const wanted = (await store.calls()).filter((kept) => kept.tab !== mine && wants(kept))
      const { held = [], pending = [] } = wanted.length > 0 ? await locks.query() : {}
      const taken = new Set([...held, ...pending].map(({ name }) => name))
      for (const other of new Set(wanted.map((kept) => kept.tab))) {
        const ids = wanted.filter((kept) => kept.tab === other).map(({ id }) => id)
        if (taken.has(`fluxstack ${other}`)) continue
        if (!free.has(other)) found.add(other)
        // Whoever this tab has become meanwhile, it was found free by the same one.
        else if (!isStopped && tab() === mine) adopted(await store.move(ids, other, mine))
      }
    }
    free = found
  }

  const again = (): void => {
    if (isStopped) return
    cancel = clock.after(patience, () => {
      void look()
        .catch(() => undefined)
        .then(again)
    })
  }
  again()
  return () => {
    isStopped = true
    cancel()
  }
}
