/**
 * The types of this entry: a store that can be bound, what the live slice holds, what the bound hook takes.
 */

import type {
  ComponentShape,
  ConnectionStatus,
  LiveError,
  LiveStatus,
  StateOf,
  WritableName,
} from '@fluxstack/client'
import type { LiveStats } from '@fluxstack/client/stats'
import type { Live } from '../live.js'

/** A zustand store, with whatever middleware: only what all of them have is asked for. */
export interface BindableStore<G> {
  getState(): G
  getInitialState(): NoInfer<G>
  subscribe(listener: (state: NoInfer<G>, previous: NoInfer<G>) => void): () => void
  // The name of the action is for `devtools`; stores without it do not look at it.
  setState(patch: NoInfer<Partial<G>>, replace?: false, action?: string): unknown
}

/** Where a mounted component stands, as the store shows it. */
export interface LiveEntry {
  readonly status: LiveStatus
  /** What is shown: the server's state, with what calls under way will do. */
  readonly state: object | undefined
  /** Why it failed, if it did; plain, so that it can be shown anywhere. */
  readonly error: Pick<LiveError, 'code' | 'message' | 'fields'> | undefined
  /** How many calls and writes are shown already and not answered. */
  readonly pending: number
  /** The digest of the server's state. */
  readonly fingerprint: string | undefined
  /** The server's id of the instance, while there is one. */
  readonly instanceId: string | undefined
}

/** An event of a component, and when it was heard (ms since 1970). */
export interface LiveEvent {
  readonly component: string
  readonly event: unknown
  readonly at: number
}

/**
 * The store and the server disagreed about a field that both have a say in.
 *
 * | reason | what happened | who won |
 * |---|---|---|
 * | `refused` | the server did not take what the store has | the server |
 * | `changed` | the server made something else of it, or somebody else did | the server |
 * | `both` | both had changed when the connection came back | the store |
 * | `loop` | an updater and a binding kept changing each other, and were stopped | the server |
 */
export interface LiveConflict {
  readonly component: string
  readonly field: string
  readonly reason: 'refused' | 'changed' | 'both' | 'loop'
  readonly winner: 'server' | 'store'
  /** What the store had. */
  readonly global: unknown
  /** What the server has. */
  readonly server: unknown
  /** Why the server refused, if it did. */
  readonly error: Pick<LiveError, 'code' | 'message' | 'fields'> | undefined
  readonly at: number
}

/** What was counted. The numbers of the connection are there if the slice was given its `stats`. */
export interface LivePerformance extends Partial<LiveStats> {
  /** How often the state of a tracked component changed. */
  readonly updates: number
}

/** What the store knows of the live components. Replaced, never changed. */
export interface LiveComponents {
  readonly connection: ConnectionStatus
  /** By name: `Till`, `Till#2` for a second one, `Till:desk` for one with a `componentId`. */
  readonly components: Readonly<Record<string, LiveEntry>>
  /** The last events, oldest first. */
  readonly events: readonly LiveEvent[]
  /** The last conflicts, oldest first. */
  readonly conflicts: readonly LiveConflict[]
  readonly performance: LivePerformance
}

/** What {@link liveSlice} adds to a store. */
export interface LiveSlice {
  readonly liveComponents: LiveComponents
}

/** How a component and the store are kept together. */
export interface GlobalOptions<C extends ComponentShape, G, T = undefined> {
  /**
   * The part of the store this component shows, as `globalState`. It re-renders when that part changes
   * (compared shallowly). Without it nothing is selected.
   */
  readonly selector?: (global: G) => T
  /**
   * Server to store: what the store takes over from the component, each time its state changes. Only what
   * differs is set. In a bound field it sees what the store wants as long as that is on its way.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: an updater may have nothing to return
  readonly updater?: (state: StateOf<C>, global: G) => Partial<G> | undefined | void
  /**
   * Store to server: what the component wants to know of the store, by its writable fields. `undefined` is no
   * opinion.
   */
  readonly bind?: [WritableName<C>] extends [never]
    ? Readonly<Record<string, never>>
    : { readonly [K in WritableName<C>]?: (global: G) => C['writable'][K] | undefined }
  /** Hears that the store and the server disagreed about a bound field. */
  readonly onConflict?: (conflict: LiveConflict) => void
}

/** What the bound hook gives: what `useLive` gives, and the store. */
export type BoundLive<C extends ComponentShape, S, G, T> = Live<C, S> & {
  /** What `selector` selected. */
  readonly globalState: T
  /** Changes the store. `why` is the name of the action in Redux DevTools. */
  readonly updateGlobal: (patch: Partial<G> | ((global: G) => Partial<G>), why?: string) => void
}
