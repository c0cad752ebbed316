/**
 * The object on which actions are called.
 */

/** An object on which every name is an action. The function of a name stays the same. */
export function callsOf(act: (name: string, args: readonly unknown[]) => Promise<unknown>): object {
  // Without a prototype, whose names would be there already.
  const made = Object.create(null) as Record<string, (...args: unknown[]) => Promise<unknown>>
  return new Proxy(
    {},
    {
      get(_target, name) {
        // What engines and frameworks look up on any object: calling the server for it would be absurd.
        if (typeof name !== 'string' || /^(then|toJSON|\$\$typeof)$/.test(name)) return undefined
        made[name] ??= (...args) => act(name, args)
        return made[name]
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
