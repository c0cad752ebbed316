/**
 * What the fake server can do, as types. The server itself is in `testing.ts`.
 */

import type { LiveClient, LiveClientOptions } from './client.js'
import type { Clock } from './environment.js'
import type { ErrorCode } from './error.js'
import type { FakeUploads } from './fake-upload.js'
import type { ClientMessage, Limits } from './protocol.js'
import type { Component, ComponentShape, Windowed } from './shape.js'

/** A state that may be changed: what an action of the fake server works on. */
export type Draft<C extends ComponentShape> = {
  -readonly [K in keyof C['state']]: C['state'][K] extends Windowed<infer Row> ? Row[] : C['state'][K]
}

/** The state as the fake server itself has it: of a list that is read in part, all rows. */
export type FakeState<C extends ComponentShape> = {
  [K in keyof C['state']]: C['state'][K] extends Windowed<infer Row> ? readonly Row[] : C['state'][K]
}

/** What the fake server does when an action is called. Throw a `LiveError` to refuse. */
export type FakeActions<C extends ComponentShape> = {
  readonly [K in keyof C['actions']]?: C['actions'][K] extends (...args: infer A) => infer R
    ? (
        state: Draft<C>,
        args: A extends [infer First] ? First : undefined,
        emit: (event: C['event']) => void,
      ) => R
    : never
}

/** Something a client asked for. */
export interface RecordedCall {
  readonly component: string
  readonly action: string
  readonly args: unknown
}

/** How a fake server is made. */
export interface FakeServerOptions extends Omit<LiveClientOptions, 'createSocket' | 'url'> {
  /** What the server says it allows. */
  readonly limits?: Partial<Limits>
  /** Whether what was mounted outlives the connection. Default true; older servers say no. */
  readonly resume?: boolean
  /** What the server says it can. Default all that the fake one can; `[]` is an older server. */
  readonly caps?: readonly ('optimistic' | 'quiet' | 'upload' | 'window' | (string & Record<never, never>))[]
  /** Who may sign in: users by the `token` of their credentials. Everybody else is refused with `AUTH_FAILED`. */
  readonly users?: Readonly<Record<string, string>>
  /** Who is signed in when a connection is made, as by a cookie. */
  readonly user?: string
}

/** How a component is mounted. */
export interface FakeMountOptions<C extends ComponentShape> {
  /** Who mounts it with the same key shares one instance. Default: each mount is its own. */
  readonly shared?: (props: C['props']) => string
  /**
   * Fields that their author wants seldom (`every_ms`): what actions change in them is held back until
   * {@link FakeServer.release}.
   */
  readonly paced?: readonly (keyof C['state'] & string)[]
  /** Fields that are lists of which clients read a part (`window`). Here they have all their rows. */
  readonly windowed?: readonly (keyof C['state'] & string)[]
}

/** An instance, as the server itself has it. */
export interface FakeInstance {
  readonly id: string
  readonly component: string
  /** The client's own names for it: `Component:componentId`. Several if it is shared. */
  readonly names: readonly string[]
  readonly state: Readonly<Record<string, unknown>>
}

/** A scripted server and the client connected to it. */
export interface FakeServer {
  /** The client of the page there is; give it to the provider, or ask it for handles. */
  readonly client: LiveClient
  /** Loads the page again: another client, which knows what the tab does. The one before is gone. */
  reload(): LiveClient
  /** Every action called so far, in order. */
  readonly calls: readonly RecordedCall[]
  /** Every message received so far, in order. */
  readonly received: readonly (ClientMessage & { readonly requestId?: string; readonly bytes?: Uint8Array })[]
  /** Every message said to the client so far, in order, also those that were lost on their way. */
  readonly sent: readonly Readonly<Record<string, unknown>>[]
  /** Whose time it is: the `clock` of the options, or the machine's. */
  readonly clock: Clock
  /** The files it was sent, and what a test does to them. */
  readonly uploads: FakeUploads
  /** Hears that something was received or sent. */
  watch(listener: () => void): () => void
  /** What is mounted at this moment, in the order of mounting. */
  instances(): readonly FakeInstance[]
  /** Lets a component be mounted: with this state, or the one made from the props. */
  mounted<C extends ComponentShape>(
    component: Component<C>,
    state: FakeState<C> | ((props: C['props']) => FakeState<C>),
    actions?: FakeActions<C>,
    options?: FakeMountOptions<C>,
  ): FakeServer
  /** Changes fields of every mounted instance of a component, as an action of somebody else would. */
  push<C extends ComponentShape>(component: Component<C>, change: Partial<FakeState<C>>): void
  /** Replaces the state of every mounted instance of a component. */
  update<C extends ComponentShape>(component: Component<C>, state: FakeState<C>): void
  /** Sends what is held back of the fields that are `paced`, of every mounted instance of a component. */
  release<C extends ComponentShape>(component: Component<C>): void
  /** Announces an event from every mounted instance of a component. */
  event<C extends ComponentShape>(component: Component<C>, event: C['event']): void
  /** Tells every mounted instance of a component that events were dropped. */
  missed<C extends ComponentShape>(component: Component<C>, count: number): void
  /** Emits an event in a room of a component, as somebody else who is in it would. Rooms keep what was said. */
  emit<C extends ComponentShape>(component: Component<C>, room: string, event: C['event']): void
  /** Emits an event to everybody who has mounted a component, whatever room they are in. */
  emitAll<C extends ComponentShape>(component: Component<C>, event: C['event']): void
  /** Takes every mounted instance of a component into a room, as the component itself may. */
  take<C extends ComponentShape>(component: Component<C>, room: string): void
  /** Puts every mounted instance of a component out of a room. */
  put<C extends ComponentShape>(component: Component<C>, room: string): void
  /** Takes every mounted instance of a component away from this client, which may not have it any more. */
  deny<C extends ComponentShape>(component: Component<C>, code?: 'UNAUTHENTICATED' | 'FORBIDDEN'): void
  /** Signs the user out everywhere: nothing that was mounted can be had again. */
  signOut(): void
  /** Answers the next request with an error instead of doing it. */
  refuse(code: ErrorCode, message?: string, fields?: Readonly<Record<string, string>>): FakeServer
  /** Loses the next frames on their way to the client. */
  lose(frames?: number): void
  /**
   * How long a question and its answer travel from now on, in ms, by the `clock` of the options: half of it in
   * each direction. Frames stay in order. {@link FakeServer.settled} does not wait for what is on its way.
   */
  latency(ms: number): void
  /** Sends anything at all. */
  send(frame: unknown): void
  /**
   * Breaks the connection, and lets nobody in until {@link FakeServer.reconnect}. What was mounted waits,
   * and may change meanwhile: {@link FakeServer.push} reaches it.
   */
  disconnect(code?: number): void
  /** Lets clients in again, and tells the page so. */
  reconnect(): void
  /**
   * Stops and starts again. Everything is forgotten, so clients mount afresh; with `keep` it was stored,
   * and is rebuilt.
   */
  restart(options?: { readonly keep?: boolean }): void
  /** Waits until nothing is under way any more. In React tests, inside `await act(async () => …)`. */
  settled(): Promise<void>
}
