/**
 * What the outbox shows of itself: how much waits, and what needs a decision.
 *
 * A store as zustand knows it. A picture is replaced, never changed, and only when something in it did;
 * what is equal keeps its identity. Looked up when it is asked for, told once for everything that happens
 * in one turn.
 */

import { share } from '../delta.js'
import { listeners } from '../listeners.js'
import type { Conflict } from './conflicts.js'
import { type Entry, partsOf } from './entry.js'

/** What an outbox shows. */
export interface OutboxState {
  /** Calls that are not answered yet. */
  readonly pending: number
  /** The same by the name of the component; one without any is not named. */
  readonly byComponent: Readonly<Record<string, number>>
  /** When the oldest of them was made, in ms since 1970. */
  readonly oldest: number | undefined
  /** The connection is lost, or could not be made. */
  readonly offline: boolean
  /** The connection is there again, and what waited is on its way. */
  readonly syncing: boolean
  /** Calls that were not done, until they are retried or discarded; oldest first. */
  readonly conflicts: readonly Conflict[]
  /** Nothing can be kept: what waits is lost when the page is left. */
  readonly memoryOnly: boolean
}

/** What is to be seen before anything has happened. */
export const NOTHING: OutboxState = {
  pending: 0,
  byComponent: {},
  oldest: undefined,
  offline: false,
  syncing: false,
  conflicts: [],
  memoryOnly: false,
}

/** The readable half of an outbox, as zustand's `useStore` takes it. */
export interface OutboxView {
  getState(): OutboxState
  getInitialState(): OutboxState
  /** Hears of every change. */
  subscribe(listener: (state: OutboxState, previous: OutboxState) => void): () => void
}

/** What there is to look at. */
export interface OutboxSight {
  readonly entries: Iterable<Entry>
  readonly isOffline: boolean
  readonly conflicts: readonly Conflict[]
  readonly memoryOnly: boolean
}

/** The view of what `look` sees, and how to say that it has changed. */
export function outboxView(look: () => OutboxSight): OutboxView & { changed(): void } {
  const changes = listeners<[state: OutboxState, previous: OutboxState]>()
  let state = NOTHING
  let told = NOTHING
  let isOld = false
  let isTelling = false

  function getState(): OutboxState {
    if (isOld) {
      isOld = false
      state = share(state, stateOf(look())) as OutboxState
    }
    return state
  }

  return {
    getState,
    getInitialState: () => NOTHING,
    subscribe: changes.add,
    changed() {
      isOld = true
      if (isTelling) return
      isTelling = true
      queueMicrotask(() => {
        isTelling = false
        const previous = told
        told = getState()
        if (told !== previous) changes.tell(told, previous)
      })
    },
  }
}

function stateOf({ entries, isOffline, conflicts, memoryOnly }: OutboxSight): OutboxState {
  const byComponent: Record<string, number> = {}
  let pending = 0
  let oldest: number | undefined
  let syncing = false
  for (const { name, at, hasWaited } of entries) {
    const [component] = partsOf(name)
    byComponent[component] = (byComponent[component] ?? 0) + 1
    pending += 1
    if (oldest === undefined || at < oldest) oldest = at
    syncing ||= hasWaited && !isOffline
  }
  return { pending, byComponent, oldest, offline: isOffline, syncing, conflicts, memoryOnly }
}
