/**
 * The types an application meets: what a component is, what a handle shows, what may be called.
 *
 * Types only, beside {@link component}. Everything follows from a {@link ComponentShape}, which the
 * server writes into the application's generated file.
 */

import type { ErrorCode, LiveError } from './error.js'

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
  /** The version of the component the types were generated for, if it is not the first. */
  readonly schema?: number
  /** Exists for the compiler only. */
  readonly [shape]: C
}

/**
 * Names a component of the server, and the version of it that is meant. Generated files call this;
 * applications rarely do.
 *
 * @example
 * export const Counter: Component<CounterShape> = component<CounterShape>('Counter')
 * export const Cart: Component<CartShape> = component<CartShape>('Cart', 3)
 */
export function component<C extends ComponentShape>(name: string, schema = 1): Component<C> {
  // The first version need not say so.
  return (schema > 1 ? { name, schema } : { name }) as Component<C>
}

/** A component's state as the client holds it: for reading. Changing it is an action's work. */
export type StateOf<C extends ComponentShape> = Readonly<C['state']>

/**
 * What became of an instance while the client was away: a dead socket, a sleeping tab, a reload, a
 * restart or a new version of the server.
 *
 * `resumed`: it was waiting, and nothing had changed. `replayed`: it was waiting, and what was missed came
 * after, in so many frames. `rehydrated`: it was gone, and was rebuilt as it was at that version.
 * `reset`: nothing of it was left, for that reason, and the component was mounted afresh.
 */
export type ResumeOutcome =
  | { readonly kind: 'resumed' }
  | { readonly kind: 'replayed'; readonly frames: number }
  | { readonly kind: 'rehydrated'; readonly version: number }
  | { readonly kind: 'reset'; readonly reason: ErrorCode }

/**
 * One picture of a mounted component, discriminated by `status`. Replaced, never changed, so `===`
 * tells whether anything happened.
 *
 * `mounting`: nothing was shown yet. `live`: the server holds exactly this. `stale`: the last that was
 * known, shown while the connection or the instance is being restored. `failed`: the server refused.
 */
export type LiveView<C extends ComponentShape> = {
  /** What became of the instance when the client came back last; undefined if it never was away. */
  readonly outcome: ResumeOutcome | undefined
} & (
  | { readonly status: 'mounting'; readonly state: undefined; readonly error: undefined }
  | { readonly status: 'live' | 'stale'; readonly state: StateOf<C>; readonly error: undefined }
  | { readonly status: 'failed'; readonly state: StateOf<C> | undefined; readonly error: LiveError }
)

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

/** What an action will do, as far as the client can tell: the fields that change, made from the state it is called on. */
export type OptimisticReducers<C extends ComponentShape> = {
  readonly [K in keyof C['actions']]?: (
    state: StateOf<C>,
    ...args: ActionArgs<C['actions'][K]>
  ) => Partial<StateOf<C>>
}

/** Milliseconds: for every action, or for some by name. */
export type Delay<C extends ComponentShape> = number | { readonly [K in ActionName<C>]?: number }

/** How the actions of a handle are called. */
export interface CallingOptions<C extends ComponentShape> {
  /**
   * What actions will do, shown at once and taken back if they are refused. Each is done again over whatever
   * the server says meanwhile, so it must only look at what it is given.
   */
  readonly optimistic?: OptimisticReducers<C> | undefined
  /** Whether anything is shown before the server has said so. Default true. */
  readonly optimisticUpdates?: boolean | undefined
  /** How long, in ms, an action has to be left alone before it is called; only the last call of a series is made. */
  readonly debounceMs?: Delay<C> | undefined
  /**
   * The shortest time, in ms, between two calls of one action; of those in between the last is made. Together
   * with `debounceMs`: how long it may be put off.
   */
  readonly throttleMs?: Delay<C> | undefined
}

/**
 * A list of which only a part is in the state: how long it is, and what changed lately. Its rows are read by
 * `@fluxstack/client/window`.
 */
export interface Windowed<Row> {
  readonly length: number
  /** Counts the changes of the list. */
  readonly rev: number
  /** The last changes, oldest first: at `index` so many rows were removed, and so many others put there. */
  readonly edits: readonly (readonly [rev: number, index: number, removed: number, inserted: number])[]
  /** Exists for the compiler only. */
  readonly __row?: Row
}

/** A field that takes files: its rules, and what it has. Files are sent by `@fluxstack/client/upload`. */
export interface UploadState {
  /** What is accepted: types (`image/png`), kinds of types (`image/*`), endings (`.pdf`). Empty: everything. */
  readonly accept: readonly string[]
  /** The largest file, in bytes. */
  readonly maxBytes: number
  /** How many files there may be at once. */
  readonly maxFiles: number
  readonly files: readonly UploadFile[]
}

/** A file as the server sees it. */
export interface UploadFile {
  readonly id: string
  readonly name: string
  readonly type: string
  /** In bytes, like `received`. */
  readonly size: number
  readonly received: number
  readonly status: 'sending' | 'checking' | 'done' | 'failed'
  /** Why it failed. */
  readonly code?: string
  readonly error?: string
  /** Where it is served, once it was kept. */
  readonly url?: string
}

/** A form as the server sees it: what was typed, and what is wrong with it. */
export interface Form<T> {
  readonly values: T
  /** Field name to complaint. */
  readonly errors: { readonly [K in keyof T]?: string }
  /** Whether it was submitted, in vain so far. */
  readonly tried: boolean
}

/** `props`, demanded by the type exactly when the component cannot be mounted without. */
export type PropsOption<C extends ComponentShape> = null extends C['props']
  ? { readonly props?: C['props'] }
  : Record<never, never> extends C['props']
    ? { readonly props?: C['props'] }
    : { readonly props: C['props'] }

/** What mounting a component takes. */
export type MountOptions<C extends ComponentShape> = PropsOption<C> &
  CallingOptions<C> & {
    /**
     * A name for this instance. Handles of the same component with the same name are one handle and one
     * mount; without a name each is its own.
     */
    readonly componentId?: string
    /**
     * Whether an instance with a name is found again when the page is loaded again in the same tab.
     * Default true; without a name it cannot be.
     */
    readonly persistState?: boolean
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
  /**
   * How often the component was mounted afresh. The same number means the same instance, whatever the
   * connection went through; another means that what belonged to the old one is gone.
   */
  readonly generation: number
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
   * Calls made while mounting wait for the mount, and calls made while disconnected for the reconnect.
   * A call whose answer was lost with the connection is sent again by itself, and done once. If the
   * component had to be mounted afresh, both are rejected with `DISCONNECTED`: the state they were meant
   * for is gone.
   */
  readonly call: Calls<C>
  /** The same by name, for names found at run time. */
  callMethod<K extends ActionName<C>>(
    name: K,
    ...args: ActionArgs<C['actions'][K]>
  ): Promise<ActionResult<C['actions'][K]>>
  /**
   * Writes a field the component declared writable. It shows at once; when it is not acceptable it is taken
   * back, and the promise rejects with `fields`.
   */
  write<K extends WritableName<C>>(field: K, value: C['writable'][K]): Promise<void>
  /**
   * Shows what `update` makes of the server's state, whatever that becomes, until the calls that are made on
   * this handle right after it are answered. Returns how to take it back earlier.
   *
   * @example
   * cart.optimisticUpdate((state) => ({ total: state.total + price }))
   * await cart.call.add({ item })
   */
  optimisticUpdate(update: (state: StateOf<C>) => Partial<StateOf<C>>): () => void
  /** How many calls and writes are shown already and not answered. Subscribers hear of it. */
  readonly pending: number
  /** Makes the calls that `debounceMs` and `throttleMs` put off. Hiding the page and unsubscribing do so too. */
  flush(): void
  /** Calls actions differently from now on. What is left out stays as it is. */
  configure(options: CallingOptions<C>): void
  /** Sends an event to the component. */
  emit(event: C['event']): Promise<void>
  /** Hears the component's events. Does not mount: subscribe as well. */
  on(listener: (event: C['event']) => void): () => void
  /** Hears how many events were dropped because this client was slow, or away for too long. */
  onMissed(listener: (count: number) => void): () => void
  /** Hears what became of the instance each time the client came back, once its view shows it. */
  onResume(listener: (outcome: ResumeOutcome) => void): () => void
  /** Mounts afresh with the current props. Also the way out of `failed`. */
  reset(): void
  /** Gives the component new props. It takes them in place, or is mounted again if it cannot. */
  setProps(props: C['props']): void
}
