/**
 * The calls of a handle: those that wait for a mount, and the object on which actions are called.
 */

import { LiveError } from './error.js'
import { queueFull } from './outbox.js'
import type { Port } from './port.js'

interface Waiting {
  readonly post: (instanceId: string) => void
  readonly reject: (error: unknown) => void
  readonly cancelTimeout: () => void
}

/** Calls that wait for a mount. Bounded, and each with its own patience. */
export interface WaitingCalls {
  enter(post: (instanceId: string) => void, reject: (error: unknown) => void): void
  /** The instance is there. */
  admit(instanceId: string): void
  /** It will not come. */
  refuse(error: LiveError): void
}

/** Nobody waits yet. */
export function waitingCalls({
  clock,
  queue,
  timeout,
}: Pick<Port, 'clock' | 'timeout' | 'queue'>): WaitingCalls {
  const calls = new Set<Waiting>()
  const empty = (): Waiting[] => {
    const all = [...calls]
    calls.clear()
    for (const call of all) call.cancelTimeout()
    return all
  }
  return {
    enter(post, reject) {
      if (calls.size >= queue) {
        reject(queueFull('the call', queue))
        return
      }
      const cancelTimeout = clock.after(timeout, () => {
        calls.delete(waiting)
        reject(new LiveError('TIMEOUT', `the call was not sent: ${timeout} ms have passed without a mount`))
      })
      const waiting: Waiting = { post, reject, cancelTimeout }
      calls.add(waiting)
    },
    admit(instanceId) {
      for (const call of empty()) {
        try {
          call.post(instanceId)
        } catch (error) {
          call.reject(error)
        }
      }
    },
    refuse(error) {
      for (const call of empty()) call.reject(error)
    },
  }
}

/** Names that engines and frameworks look up on any object; calling the server for them would be absurd. */
const NOT_ACTIONS: ReadonlySet<string> = new Set(['then', 'toJSON', '$$typeof'])

/** An object on which every name is an action. The function of a name stays the same. */
export function callsOf(act: (name: string, args: readonly unknown[]) => Promise<unknown>): object {
  const made = new Map<string, (...args: unknown[]) => Promise<unknown>>()
  return new Proxy(
    {},
    {
      get(_target, name) {
        if (typeof name !== 'string' || NOT_ACTIONS.has(name)) return undefined
        let call = made.get(name)
        if (!call) {
          call = (...args) => act(name, args)
          made.set(name, call)
        }
        return call
      },
    },
  )
}

/** The arguments by name. The event that `onClick={call.increment}` passes is none. */
export function payloadOf(args: readonly unknown[]): unknown {
  const [first] = args
  const isEvent =
    typeof first === 'object' &&
    first !== null &&
    ('nativeEvent' in first || (typeof Event !== 'undefined' && first instanceof Event))
  return first === undefined || isEvent ? {} : first
}
