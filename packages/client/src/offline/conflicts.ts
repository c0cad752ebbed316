/**
 * Calls that waited and were not done, until somebody has decided what becomes of them.
 *
 * They are written down like calls that wait, so a reload does not lose them, and told of on every page
 * until they are retried or discarded. At most `MOST_CONFLICTS` of them: of more the oldest goes, and the
 * console says so.
 */

import type { LiveError } from '../error.js'
import { type Entry, partsOf } from './entry.js'

/** Calls that may be undecided at once. */
const MOST_CONFLICTS = 100

/** A call, for those who have to decide about it. */
export interface ConflictCall {
  /** The name the action was given as `call_id`, if it was. */
  readonly id: string
  readonly component: string
  readonly componentId: string
  readonly action: string
  readonly payload: unknown
  /** When it was made, in ms since 1970. */
  readonly at: number
}

/** A call that waited and was not done, or of which nobody knows whether it was. */
export interface Conflict {
  readonly call: ConflictCall
  readonly reason: LiveError
  /** Makes it again, as a new call, for whichever instance has its name now. */
  readonly retry: () => void
  /** Forgets it. */
  readonly discard: () => void
}

/** What is undecided. */
export interface Conflicts {
  readonly list: () => readonly Conflict[]
  add(entry: Entry, reason: LiveError): void
  /** The calls they are about. */
  readonly entries: () => Entry[]
  /** Forgets those that `which` names, without a word. Brings them. */
  remove(which: (entry: Entry) => boolean): Entry[]
}

/** Nothing is undecided. `tell` hears of each; `decided` of what becomes of it. */
export function createConflicts(
  tell: (conflict: Conflict) => void,
  decided: (entry: Entry, isWanted: boolean) => void,
): Conflicts {
  const known = new Map<Entry, Conflict>()
  let list: readonly Conflict[] = []

  function remove(which: (entry: Entry) => boolean): Entry[] {
    const those = [...known.keys()].filter(which)
    for (const entry of those) known.delete(entry)
    list = [...known.values()]
    return those
  }

  /** Does it once, whoever is asked how often. */
  function decide(entry: Entry, isWanted: boolean): void {
    if (remove((other) => other === entry).length > 0) decided(entry, isWanted)
  }

  return {
    list: () => list,
    entries: () => [...known.keys()],
    remove,
    add(entry, reason) {
      const conflict: Conflict = {
        call: callOf(entry),
        reason,
        retry: () => decide(entry, true),
        discard: () => decide(entry, false),
      }
      known.set(entry, conflict)
      list = [...known.values()]
      const [oldest] = known.keys()
      if (known.size > MOST_CONFLICTS && oldest) {
        console.warn(
          `[fluxstack] more than ${MOST_CONFLICTS} calls are undecided: ${nameOf(oldest)} is forgotten`,
        )
        decide(oldest, false)
      }
      // Later, because what is signed out a moment later is nobody's business any more.
      queueMicrotask(() => {
        if (known.has(entry)) tell(conflict)
      })
    },
  }
}

/** Tells the author of the page, who has not said what to do. */
export function reportConflict({ call, reason }: Conflict): void {
  const { component, componentId, action } = call
  console.warn(
    `[fluxstack] ${component} ${componentId}: ${action} was called while there was no connection, and was not done: ${reason.message}. It is kept until it is retried or discarded: give offlineOutbox an onConflict.`,
  )
}

function callOf({ id, name, body, at }: Entry): ConflictCall {
  const [component, componentId] = partsOf(name)
  const { action, payload } = body.type === 'CALL_ACTION' ? body : { action: body.type, payload: undefined }
  return { id, component, componentId, action, payload, at }
}

function nameOf(entry: Entry): string {
  const { component, action } = callOf(entry)
  return `${component} ${action}`
}
