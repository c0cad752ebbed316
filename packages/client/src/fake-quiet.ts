/**
 * What the fake server does for a client that wants quiet: it keeps state and events, and says them merged.
 *
 * open ──QUIET on──► keeping ──QUIET off, or an answer──► what was kept, one state for each instance
 *
 * An answer takes what is before it along, as everywhere; a pong does not. A new connection is not quiet.
 */

import { isObject, type JsonObject } from './protocol.js'

/** What is between the server and the wire. */
export interface FakeQuiet {
  /** Says it, or keeps it for later. */
  say(message: unknown): void
  set(on: boolean): void
  /** The connection is another one. */
  renew(): void
}

/** What is kept for one instance: that calls are done, one state, events. */
interface Kept {
  calls: JsonObject | undefined
  states: JsonObject[]
  readonly events: unknown[]
}

/** Nobody wants quiet yet. */
export function fakeQuiet(say: (message: unknown) => void): FakeQuiet {
  let isOn = false
  const kept = new Map<unknown, Kept>()

  function release(): void {
    const all = [...kept.values()]
    kept.clear()
    for (const { calls, states, events } of all) {
      if (calls) say(calls)
      for (const message of [...states, ...events]) say(message)
    }
  }

  function keep(message: JsonObject): void {
    // What is said in rooms concerns no instance, and is one heap.
    const { type, componentId } = message
    const heap: Kept = kept.get(componentId) ?? { calls: undefined, states: [], events: [] }
    kept.set(componentId, heap)
    if (type === 'CALL_DONE') heap.calls = mergeCalls(heap.calls, message)
    else if (type === 'STATE_DELTA' || type === 'STATE_UPDATE') heap.states = mergeState(heap.states, message)
    else heap.events.push(message)
  }

  return {
    say(message) {
      const { type, requestId } = Object(message) as JsonObject
      const isPush = requestId === undefined && type !== 'COMPONENT_PONG' && type !== 'ERROR'
      if (isOn && isPush && isObject(message)) {
        keep(message)
        return
      }
      if (type !== 'COMPONENT_PONG') release()
      say(message)
    },
    set(on) {
      isOn = on
      if (!on) release()
    },
    renew() {
      isOn = false
      kept.clear()
    },
  }
}

function mergeCalls(before: JsonObject | undefined, message: JsonObject): JsonObject {
  const ids = (frame: JsonObject | undefined): unknown[] =>
    isObject(frame?.payload) && Array.isArray(frame.payload.callIds) ? frame.payload.callIds : []
  return { ...message, payload: { callIds: [...ids(before), ...ids(message)] } }
}

/** The states with one more, as one where that can be: edits of lists are not merged here. */
function mergeState(states: readonly JsonObject[], message: JsonObject): JsonObject[] {
  if (message.type === 'STATE_UPDATE') return [message]
  const last = states.at(-1)
  const [before, after] = [last?.payload, message.payload]
  if (!last || !isObject(before) || !isObject(after) || !isPlain(before) || !isPlain(after)) {
    return [...states, message]
  }
  const { version, digest } = after
  const merged =
    last.type === 'STATE_UPDATE'
      ? { state: { ...Object(before.state), ...Object(after.delta) }, version, digest }
      : { base: before.base, version, digest, delta: { ...Object(before.delta), ...Object(after.delta) } }
  return [...states.slice(0, -1), { ...last, payload: merged }]
}

function isPlain({ splice, merge }: JsonObject): boolean {
  return splice === undefined && merge === undefined
}
