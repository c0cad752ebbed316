/**
 * The door between a handle and its client, seen from both sides.
 */

import type { Clock } from './environment.js'
import type { Instance } from './instance.js'
import type { Asker } from './outbox.js'
import type { ClientMessage } from './protocol.js'
import type { StatsKeeper } from './stats.js'

/** Whoever wants to hear of the connection's ups and downs. */
export interface Guest {
  /** The connection is open. */
  opened(): void
  /** The connection is gone, and every instance with it. */
  lost(): void
  /** The client was closed for good. */
  closed(): void
}

/** What a handle may ask of its client. */
export interface Port {
  readonly clock: Clock
  readonly stats: StatsKeeper
  /** How long, in ms, an answer may take. */
  readonly timeout: number
  /** How long, in ms, an instance outlives its last subscriber. */
  readonly grace: number
  /** How many calls of one handle may wait for a mount. */
  readonly queue: number
  isOpen(): boolean
  ask(message: ClientMessage, asker: Asker): void
  /** Hears of the connection from now on; at once, if it is open. */
  join(guest: Guest): void
  part(guest: Guest): void
  /** Says where messages to an instance go; `undefined`: nowhere any more. */
  route(instanceId: string, instance: Instance | undefined): void
}
