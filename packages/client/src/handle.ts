/**
 * One component as the application holds it: a view to show, actions to call.
 *
 * How the view comes about is the work of `lifecycle.ts`; here names become calls, now or a little later. A
 * handle talks to the client through its {@link Port} and knows no socket.
 */

import { callsOf, payloadOf } from './actions.js'
import { createDelays } from './delays.js'
import { ownValue } from './digest.js'
import { INSIDE, type Inside } from './inside.js'
import { createLifecycle, type Identity } from './lifecycle.js'
import type { Update } from './optimistic.js'
import type { Port } from './port.js'
import type { CallBody } from './protocol.js'
import type { CallingOptions, Calls, ComponentShape, LiveHandle } from './shape.js'

/** A handle that is idle. */
export function createHandle<C extends ComponentShape>(
  port: Port,
  identity: Identity,
  componentId: string,
  firstProps: C['props'],
): LiveHandle<C> {
  let options: CallingOptions<C> = {}
  const inside = createLifecycle<C>(port, identity, firstProps, () => delays.flush(), updateOf)
  const delays = createDelays(port.clock, inside)

  /** What a call will do, as far as the author has said. */
  function updateOf(body: CallBody): Update | undefined {
    if (options.optimisticUpdates === false) return undefined
    if (body.type === 'PROPERTY_UPDATE') return () => ({ [body.property]: body.payload.value })
    if (body.type !== 'CALL_ACTION') return undefined
    // What a reducer takes is what its action takes, checked by the type.
    const reduce = ownValue(options.optimistic ?? {}, body.action) as Reducer | undefined
    return reduce && ((state) => reduce(state, body.payload))
  }

  function act(action: string, args: readonly unknown[]): Promise<unknown> {
    const delay = (ms: unknown): number => Number(Object(ms)[action] ?? ms) || 0
    return delays.make(
      { type: 'CALL_ACTION', action, payload: payloadOf(args) },
      action,
      delay(options.debounceMs),
      delay(options.throttleMs),
    )
  }

  async function done(body: CallBody): Promise<void> {
    await delays.call(body)
  }

  type Tools = Pick<
    LiveHandle<C>,
    'componentId' | 'call' | 'callMethod' | 'write' | 'emit' | 'flush' | 'configure'
  >
  const tools: Tools & { readonly [INSIDE]: Inside } = {
    [INSIDE]: { ...inside, call: delays.call },
    componentId,
    // The names and arguments are the caller's, checked by the type; so is what the server answers.
    call: callsOf(act) as Calls<C>,
    callMethod: ((name: string, ...args: unknown[]) => act(name, args)) as LiveHandle<C>['callMethod'],
    write: (property, value) => done({ type: 'PROPERTY_UPDATE', property, payload: { value } }),
    emit: (event) => done({ type: 'COMPONENT_EVENT', payload: { event } }),
    flush: delays.flush,
    configure(given) {
      options = { ...options, ...given }
    },
  }
  // Onto the face, whose getters a copy would not have.
  return Object.assign(inside.face, tools)
}

type Reducer = (state: never, args: unknown) => object
