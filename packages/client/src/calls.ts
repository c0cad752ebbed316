/**
 * The calls of a handle: those that wait for a mount, and the object on which actions are called.
 */

import { LiveError } from './error.js'
import type { Port } from './port.js'

interface Waiting {
  readonly post: (instanceId: string) => void
  readonly reject: (error: unknown) => void
  readonly cancelTimeout: () => void
}

/** Calls that wait for a mount. Bounded, and each with its own patience. */
export class WaitingCalls {
  private calls: Waiting[] = []

  constructor(private readonly port: Pick<Port, 'clock' | 'timeout' | 'queue'>) {}

  enter(post: (instanceId: string) => void, reject: (error: unknown) => void): void {
    const { clock, queue, timeout } = this.port
    if (this.calls.length >= queue) {
      reject(new LiveError('QUEUE_FULL', `the call was not sent: ${queue} calls wait for the mount already`))
      return
    }
    const cancelTimeout = clock.after(timeout, () => {
      this.calls = this.calls.filter((call) => call !== waiting)
      reject(
        new LiveError('TIMEOUT', `the call was not sent: the component was not mounted within ${timeout} ms`),
      )
    })
    const waiting: Waiting = { post, reject, cancelTimeout }
    this.calls.push(waiting)
  }

  /** The instance is there. */
  admit(instanceId: string): void {
    for (const call of this.empty()) {
      try {
        call.post(instanceId)
      } catch (error) {
        call.reject(error)
      }
    }
  }

  /** It will not come. */
  refuse(error: LiveError): void {
    for (const call of this.empty()) call.reject(error)
  }

  private empty(): Waiting[] {
    const { calls } = this
    this.calls = []
    for (const call of calls) call.cancelTimeout()
    return calls
  }
}

/** Names that engines and frameworks look up on any object; calling the server for them would be absurd. */
const NOT_ACTIONS: ReadonlySet<string> = new Set(['then', 'toJSON', '$$typeof'])

/** An object on which every name is an action. The function of a name stays the same. */
export function callsOf(act: (name: string, args: readonly unknown[]) => Promise<unknown>): object {
  const made = new Map<string, (...args: unknown[]) => Promise<unknown>>()
  return new Proxy(Object.freeze({}), {
    get(_target, name) {
      if (typeof name !== 'string' || NOT_ACTIONS.has(name)) return undefined
      let call = made.get(name)
      if (!call) {
        call = (...args) => act(name, args)
        made.set(name, call)
      }
      return call
    },
  })
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
