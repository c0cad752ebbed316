/**
 * The object on which actions are called.
 */

/** Names that engines and frameworks look up on any object; calling the server for them would be absurd. */
const NOT_ACTIONS = /^(then|toJSON|\$\$typeof)$/

/** An object on which every name is an action. The function of a name stays the same. */
export function callsOf(act: (name: string, args: readonly unknown[]) => Promise<unknown>): object {
  const made = new Map<string, (...args: unknown[]) => Promise<unknown>>()
  return new Proxy(
    {},
    {
      get(_target, name) {
        if (typeof name !== 'string' || NOT_ACTIONS.test(name)) return undefined
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
  const isEvent = 'nativeEvent' in Object(first) || (globalThis.Event && first instanceof Event)
  return first === undefined || isEvent ? {} : first
}
