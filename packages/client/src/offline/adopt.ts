/**
 * Calls of tabs that were closed, taken over by one that is there.
 *
 * A tab holds a lock while its page is there, so a tab whose lock is free is closed, or on another page, or
 * between two loads. One that was found free twice, `patience` ms apart, is taken for closed. What is taken
 * over is the same user's, by the server's word, and is for components that this tab has too; what was
 * perhaps sent is never sent again, because another instance cannot know whether it was done.
 *
 * Where there are no locks nobody can know who is there, and nothing is taken over.
 */

import type { Clock } from '../environment.js'
import type { Kept } from './entry.js'
import type { Store } from './store.js'

/** The part of `navigator.locks` that is needed. */
export type Locks = Pick<LockManager, 'request'>

/** Who takes over. */
export interface Adopter {
  /** The tab it is; undefined while it is not clear who is here. */
  tab(): string | undefined
  /** Whether it wants this call. */
  wants(kept: Kept): boolean
  /** These are its own now. */
  adopted(calls: readonly Kept[]): void
}

/** Looks for what was left behind, again and again. */
export function beginAdopting(
  store: Store,
  locks: Locks,
  clock: Clock,
  patience: number,
  { tab, wants, adopted }: Adopter,
): void {
  let free = new Set<string>()

  async function look(): Promise<void> {
    const mine = tab()
    const found = new Set<string>()
    if (mine !== undefined) {
      const wanted = (await store.calls()).filter((kept) => kept.tab !== mine && wants(kept))
      for (const other of new Set(wanted.map((kept) => kept.tab))) {
        const ids = wanted.filter((kept) => kept.tab === other).map(({ id }) => id)
        await locks.request(`fluxstack ${other}`, { ifAvailable: true }, async (lock) => {
          if (!lock) return
          if (!free.has(other)) found.add(other)
          // Whoever this tab has become meanwhile, it was found free by the same one.
          else if (tab() === mine) adopted(await store.move(ids, other, mine))
        })
      }
    }
    free = found
  }

  const again = (): void => {
    clock.after(patience, () => {
      void look()
        .catch(() => undefined)
        .then(again)
    })
  }
  again()
}
