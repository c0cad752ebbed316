/**
 * The door between a handle and its client, seen from both sides.
 */

import type { CallName, MakeLine } from './calls.js'
import type { Hello } from './connection.js'
import type { SignIn } from './door.js'
import type { Clock, Page } from './environment.js'
import type { Instance } from './instance.js'
import type { Asker } from './outbox.js'
import type { ClientMessage, RoomPush } from './protocol.js'
import type { Session } from './session.js'
import type { KeptInstance } from './tab-memory.js'

/** Whoever wants to hear of the connection's ups and downs. */
export interface Guest {
  /** Its name in messages: `Component:componentId`. */
  readonly name: string
  /** What a later page of this tab needs to know of its instance, while there is one. */
  kept(): KeptInstance | undefined
  /** The connection is open. */
  opened(): void
  /** The connection is gone. */
  lost(): void
  /** The client was closed for good. */
  closed(): void
  /** The user is gone: nothing of what was shown may be shown again. */
  forget(): void
  /** Somebody has signed in: what they were not allowed before may be allowed now. */
  signedIn(): void
  /** The page is about to be hidden: what was put off is done now. */
  flush(): void
  /** Something happened in a room, perhaps not one of ours. */
  room(push: RoomPush): void
}

/** What a handle may ask of its client. */
export interface Port {
  readonly clock: Clock
  readonly page: Page
  /** How to sign in with credentials, if the page does. */
  readonly signIn: SignIn | undefined
  /** What the server said first on the last connection. */
  hello(): Hello | undefined
  /** The server is newer than this page. */
  outdated(): void
  /** What outlives the connection. */
  readonly session: Session
  /** Makes lines for calls. */
  readonly line: MakeLine
  /** How long, in ms, an answer may take. */
  readonly timeout: number
  /** How long, in ms, an instance outlives its last subscriber. */
  readonly grace: number
  /** How many calls of one handle may wait for a mount. */
  readonly queue: number
  /** A name for a call, never the same twice. */
  callName(): CallName
  isOpen(): boolean
  /** The tab: the same over a reload, another for a copy. */
  id(): string
  /** Who is signed in. */
  getUser(): string | undefined
  /** Asks the server. An answer may take `timeout` ms, or what is usual. */
  ask(message: ClientMessage, asker?: Asker, timeout?: number): void
  /** Does it later, the more so the more `tries` there were. Returns how to prevent it. */
  later(tries: number, then: () => void): () => void
  /** Hears of the connection from now on; at once, if it is open. */
  join(guest: Guest): void
  part(guest: Guest): void
  /** Where messages to an instance go, by its id: to every handle that has it. */
  readonly routes: Map<string, Set<Instance>>
  /** What an earlier page left, by the client's own names. Who takes something takes it out. */
  readonly left: Map<string, KeptInstance>
  /** Something to be remembered by the tab has changed. */
  touch(): void
}
