/**
 * One component as the application holds it: a view to show, actions to call.
 *
 * How the view comes about is the work of `lifecycle.ts`; here names become calls. A handle talks to the
 * client through its {@link Port} and knows no socket.
 */

import { callsOf, payloadOf } from './actions.js'
import { INSIDE, type Inside } from './inside.js'
import { createLifecycle, type Identity } from './lifecycle.js'
import type { Port } from './port.js'
import type { CallBody } from './protocol.js'
import type { Calls, ComponentShape, LiveHandle } from './shape.js'

/** A handle that is idle. */
export function createHandle<C extends ComponentShape>(
  port: Port,
  identity: Identity,
  componentId: string,
  firstProps: C['props'],
): LiveHandle<C> {
  const inside = createLifecycle<C>(port, identity, firstProps)
  const { face, call } = inside

  function act(action: string, args: readonly unknown[]): Promise<unknown> {
    return call({ type: 'CALL_ACTION', action, payload: payloadOf(args) })
  }

  async function done(body: CallBody): Promise<void> {
    await call(body)
  }

  type Tools = Pick<LiveHandle<C>, 'componentId' | 'call' | 'callMethod' | 'write' | 'emit'>
  const tools: Tools & { readonly [INSIDE]: Inside } = {
    [INSIDE]: inside,
    componentId,
    // The names and arguments are the caller's, checked by the type; so is what the server answers.
    call: callsOf(act) as Calls<C>,
    callMethod: ((name: string, ...args: unknown[]) => act(name, args)) as LiveHandle<C>['callMethod'],
    write: (property, value) => done({ type: 'PROPERTY_UPDATE', property, payload: { value } }),
    emit: (event) => done({ type: 'COMPONENT_EVENT', payload: { event } }),
  }
  // Onto the face, whose getters a copy would not have.
  return Object.assign(face, tools)
}
