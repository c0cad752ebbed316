/**
 * What becomes of a call that cannot be sent now, decided for each action.
 *
 * | policy | the connection is open | it is not |
 * |---|---|---|
 * | `queue`, the default | the call waits its turn | the same: it is kept, and sent in order |
 * | `latest` | a newer call of the action takes the place of one that still waits | the same |
 * | `{ merge }` | the call becomes one with the last that waits, if that is of the same action | the same |
 * | `fail` | the call waits its turn | rejected at once with `DISCONNECTED` |
 * | `drop` | the call waits its turn | rejected at once with `DROPPED`, for calls that mean nothing later |
 *
 * What was sent is never replaced or merged. `fail` and `drop` are never written down.
 */

import type { ActionArgs, ActionName, Component, ComponentShape } from '../shape.js'

/** Makes one call of two: the arguments of the one, or nothing if both shall be made. */
export type Merge<A> = (earlier: A, later: A) => A | undefined

/** The argument of an action; an action without one is called with `{}`. */
type ArgOf<F> = ActionArgs<F> extends [infer A, ...unknown[]] ? A : Record<never, never>

/** What becomes of the calls of one action. */
export type ActionPolicy<F> = 'queue' | 'latest' | 'fail' | 'drop' | { readonly merge: Merge<ArgOf<F>> }

/** What becomes of the calls of a component, by action; the others are queued. */
export type ActionPolicies<C extends ComponentShape> = {
  readonly [K in ActionName<C>]?: ActionPolicy<C['actions'][K]>
}

/** The same when nobody knows the types any more. */
export type AnyPolicy = 'queue' | 'latest' | 'fail' | 'drop' | { readonly merge: Merge<unknown> }

/** What becomes of the calls of a component. Made by {@link policy}. */
export interface ComponentPolicy {
  readonly component: string
  readonly actions: Readonly<Record<string, AnyPolicy>>
}

/**
 * Says what becomes of the calls of a component that cannot be sent now.
 *
 * @example
 * offlineOutbox({
 *   policies: [
 *     policy(Notebook, {
 *       search: 'latest',
 *       pay: 'fail',
 *       ping: 'drop',
 *       bump: { merge: (earlier, later) => ({ by: earlier.by + later.by }) },
 *     }),
 *   ],
 * })
 */
export function policy<C extends ComponentShape>(
  component: Component<C>,
  actions: ActionPolicies<C>,
): ComponentPolicy {
  // What merges is called with what the same action was called with, which its type says.
  return { component: component.name, actions: actions as unknown as ComponentPolicy['actions'] }
}

/** Finds the policy of an action. */
export function policyIn(
  policies: readonly ComponentPolicy[],
): (component: string, action: string) => AnyPolicy {
  const known = new Map(
    policies.map(({ component, actions }) => [component, new Map(Object.entries(actions))]),
  )
  return (component, action) => known.get(component)?.get(action) ?? 'queue'
}
