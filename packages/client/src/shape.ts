/**
 * The types an application meets: what a component is, what a handle shows, what may be called.
 *
 * Types only, beside {@link component}. Everything follows from a {@link ComponentShape}, which the
 * server writes into the application's generated file.
 */

import type { LiveError } from './error.js'

/** What the compiler knows of one component. Generated from Rust; see the guide for an example. */
export interface ComponentShape {
  /** What mounting takes. */
  props: unknown
  /** What the client sees. */
  state: object
  /** Fields the client may write, by name. `{}` if none. */
  writable: object
  /** What the client may call, each with its arguments by name. */
  actions: object
  /** What the component may announce. `never` if nothing. */
  event: unknown
}

declare const shape: unique symbol

/** A component by name, carrying its shape for the compiler. Made by {@link component}. */
export interface Component<C extends ComponentShape> {
  /** The name the server knows it by. */
  readonly name: string
  /** Exists for the compiler only. */
  readonly [shape]: C
}

/**
 * Names a component of the server. Generated files call this; applications rarely do.
 *
 * @example
 * export const Counter: Component<CounterShape> = component<CounterShape>('Counter')
 */
export function component<C extends ComponentShape>(name: string): Component<C> {
  return { name } as Component<C>
}

/** A component's state as the client holds it: for reading. Changing it is an action's work. */
export type StateOf<C extends ComponentShape> = Readonly<C['state']>

/**
 * One picture of a mounted component, discriminated by `status`. Replaced, never changed, so `===`
 * tells whether anything happened.
 *
 * `mounting`: nothing was shown yet. `live`: the server holds exactly this. `stale`: the last that was
 * known, shown while the connection or the instance is being restored. `failed`: the server refused.
 */
export type LiveView<C extends ComponentShape> =
  | { readonly status: 'mounting'; readonly state: undefined; readonly error: undefined }
  | { readonly status: 'live' | 'stale'; readonly state: StateOf<C>; readonly error: undefined }
  | { readonly status: 'failed'; readonly state: StateOf<C> | undefined; readonly error: LiveError }

/** The four things a view can be. */
export type LiveStatus = LiveView<ComponentShape>['status']

/** An action as the client calls it: the same arguments, and a promise. */
export type Call<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never

/** Every action of a component, by name. */
export type Calls<C extends ComponentShape> = { readonly [K in keyof C['actions']]: Call<C['actions'][K]> }

/** The names of a component's actions. */
export type ActionName<C extends ComponentShape> = keyof C['actions'] & string

/** The arguments of one action: none, or one object. */
export type ActionArgs<F> = F extends (...args: infer A) => unknown ? A : never

/** What one action answers. */
export type ActionResult<F> = F extends (...args: never[]) => infer R ? R : never

/** The names of the fields the client may write. */
export type WritableName<C extends ComponentShape> = keyof C['writable'] & string

/** `props`, demanded by the type exactly when the component cannot be mounted without. */
export type PropsOption<C extends ComponentShape> = null extends C['props']
  ? { readonly props?: C['props'] }
  : Record<never, never> extends C['props']
    ? { readonly props?: C['props'] }
    : { readonly props: C['props'] }

/** What mounting a component takes. */
export type MountOptions<C extends ComponentShape> = PropsOption<C> & {
  /**
   * A name for this instance. Handles of the same component with the same name are one handle and one
   * mount; without a name each is its own.
   */
  readonly componentId?: string
}

/** Arguments that may be left out when nothing in them is required. */
export type OptionalIfEmpty<O> = Record<never, never> extends O ? [options?: O] : [options: O]

/** A mounted component: what it shows, what it can be asked. */
export interface LiveHandle<C extends ComponentShape> {
  /** The name of this instance, given or generated. */
  readonly componentId: string
  /** The server's id of the mounted instance, while there is one. */
  readonly instanceId: string | undefined
  /** The digest of the shown state as eight hex digits. Equal on both sides means equal states. */
  readonly fingerprint: string | undefined
  /** What is shown now. */
  getState(): LiveView<C>
  /** What was shown first: always `mounting`. Also the answer while rendering on a server. */
  getInitialState(): LiveView<C>
  /**
   * Hears every change of view. The first subscriber mounts the component, the last one to leave
   * unmounts it after a short grace. The read half is what zustand's `useStore` takes.
   */
  subscribe(listener: (view: LiveView<C>, previous: LiveView<C>) => void): () => void
  /**
   * The actions. When a promise resolves, the view shows already what the call did.
   *
   * Calls made while mounting wait for the mount. Calls made while disconnected wait for the
   * reconnect, and are rejected with `DISCONNECTED` if the component had to be mounted afresh: they
   * were meant for a state that is gone.
   */
  readonly call: Calls<C>
  /** The same by name, for names found at run time. */
  callMethod<K extends ActionName<C>>(
    name: K,
    ...args: ActionArgs<C['actions'][K]>
  ): Promise<ActionResult<C['actions'][K]>>
  /** Writes a field the component declared writable. Rejects with `fields` when it is not acceptable. */
  write<K extends WritableName<C>>(field: K, value: C['writable'][K]): Promise<void>
  /** Sends an event to the component. */
  emit(event: C['event']): Promise<void>
  /** Hears the component's events. Does not mount: subscribe as well. */
  on(listener: (event: C['event']) => void): () => void
  /** Hears how many events were dropped because this client was slow. */
  onMissed(listener: (count: number) => void): () => void
  /** Mounts afresh with the current props. Also the way out of `failed`. */
  reset(): void
  /** Gives the component new props. It takes them in place, or is mounted again if it cannot. */
  setProps(props: C['props']): void
}
