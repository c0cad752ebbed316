/**
 * One component as the application holds it: a view to show, actions to call.
 *
 * How the view comes about is the work of `lifecycle.ts`; here names become calls, now or a little later. A
 * handle talks to the client through its {@link Port} and knows no socket.
 */

import { callsOf, payloadOf } from './actions.js'
import { createDelays } from './delays.js'
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
  const delays = createDelays(port.clock)
  const inside = createLifecycle<C>(port, identity, firstProps, delays.flush, updateOf)
  const { face, call, guess } = inside

  /** What a call will do, as far as the author has said. */
  function updateOf(body: CallBody): Update | undefined {
    if (options.optimisticUpdates === false) return undefined
    if (body.type === 'PROPERTY_UPDATE') return () => ({ [body.property]: body.payload.value })
    const update = body.type === 'CALL_ACTION' && named(options.optimistic, body.action)
    return update ? (state) => update(state, body.payload) : undefined
  }

  function act(action: string, args: readonly unknown[]): Promise<unknown> {
    const { debounceMs, throttleMs } = options
    const body: CallBody = { type: 'CALL_ACTION', action, payload: payloadOf(args) }
    const debounce = delayOf(debounceMs, action)
    const throttle = delayOf(throttleMs, action)
    if (!debounce && !throttle) return now(body)
    // It is written down now: changing an argument afterwards changes nothing.
    const written = JSON.parse(JSON.stringify(body)) as CallBody
    const mine = guess(written)
    const make = (): Promise<unknown> => call(written, { guess: mine })
    return delays.make(action, { make, drop: () => mine?.settle() }, debounce, throttle)
  }

  /** Asks now, after what was put off. */
  function now(body: CallBody): Promise<unknown> {
    delays.flush()
    return call(body)
  }

  async function done(body: CallBody): Promise<void> {
    await now(body)
  }

  type Tools = Pick<
    LiveHandle<C>,
    'componentId' | 'call' | 'callMethod' | 'write' | 'emit' | 'flush' | 'configure'
  >
  const tools: Tools & { readonly [INSIDE]: Inside } = {
    [INSIDE]: inside,
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
  return Object.assign(face, tools)
}

type AnyReducer = (state: never, args: unknown) => object

function named(reducers: object = {}, action: string): AnyReducer | undefined {
  return Object.hasOwn(reducers, action) ? (reducers as Record<string, AnyReducer>)[action] : undefined
}

function delayOf(delay: unknown, action: string): number {
  if (typeof delay === 'object') return Number((delay as Record<string, number>)[action]) || 0
  return Number(delay) || 0
}
