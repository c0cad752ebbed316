/**
 * What the fake server says to clients that show already what a call will do.
 *
 * A turn that changed something is announced by `CALL_DONE`, directly before the state that it led to, so that
 * the client drops its guess and paints what is true in one step. Where the author paces a field, the answer
 * says that something is held back, and `CALL_DONE` waits for the state that brings it. What must stay true:
 * it is said only to the connection that made the call, once, and never after the state.
 */

import type { JsonObject } from './protocol.js'

/** As much of an instance as is needed here. */
export interface FakeTurns {
  readonly id: string
  readonly component: string
  state: JsonObject
  /** What was changed and is held back, by field. */
  heldBack: JsonObject
  /** Calls that are done and were not announced, and whether they wait for what is held back. */
  owed: { readonly callId: string; readonly waits: boolean }[]
  /** What calls were answered, by their names. */
  readonly answers: ReadonlyMap<string, unknown>
}

/** The turns of all instances. */
export interface FakeOptimistic<I> {
  /** Does a call, which is what changes something until it is done. Says whether some of that is held back. */
  during(call: object, doIt: () => JsonObject): JsonObject
  /** What a turn starts from: the state, and what is held back. */
  draft(instance: I): JsonObject
  /** The turn that is under way changed these fields: what of them may be told now. */
  changed(instance: I, changes: JsonObject): JsonObject
  /** Directly before the state: what is done. `isAll`: what was held back is in it. */
  announce(instance: I, isAll: boolean): void
  /** What was done and not told is undone. */
  undo(instance: I): void
  /** Which of the calls in doubt are done. The connection is another one. */
  settle(instance: I, doubt: readonly string[] | undefined): { readonly done?: readonly string[] }
}

/** No turn is under way. `paced` says which fields the author of a component wants seldom. */
export function fakeOptimistic<I extends FakeTurns>(
  say: (message: unknown) => void,
  paced: (component: string) => ReadonlySet<string>,
  isOn: boolean,
): FakeOptimistic<I> {
  let under: { readonly call: JsonObject; isHeld: boolean } | undefined

  return {
    during(call, doIt) {
      const before = under
      const mine = { call: call as JsonObject, isHeld: false }
      under = mine
      try {
        const answer = doIt()
        return mine.isHeld && isOn ? { ...answer, held: true } : answer
      } finally {
        under = before
      }
    },
    draft: ({ state, heldBack }) => ({ ...state, ...heldBack }),
    changed(instance, changes) {
      if (!under) return changes
      const names = Object.keys(changes)
      const late = paced(instance.component)
      const waits = names.some((name) => late.has(name))
      under.isHeld ||= waits
      for (const name of names) if (late.has(name)) instance.heldBack[name] = changes[name]
      const { optimistic, callId } = under.call
      if (isOn && optimistic === true && typeof callId === 'string' && names.length > 0) {
        instance.owed.push({ callId, waits })
      }
      return Object.fromEntries(names.filter((name) => !late.has(name)).map((name) => [name, changes[name]]))
    },
    announce(instance, isAll) {
      const due = instance.owed.filter(({ waits }) => isAll || !waits)
      if (due.length === 0) return
      instance.owed = instance.owed.filter((call) => !due.includes(call))
      const callIds = due.map(({ callId }) => callId)
      say({ type: 'CALL_DONE', componentId: instance.id, payload: { callIds } })
    },
    undo(instance) {
      instance.owed = []
      instance.heldBack = {}
    },
    settle(instance, doubt) {
      instance.owed = []
      return doubt ? { done: doubt.filter((callId) => instance.answers.has(callId)) } : {}
    },
  }
}
