/**
 * The door between an outbox and its lines, seen from both sides.
 */

import type { LiveError } from '../error.js'
import type { CallBody, JsonObject } from '../protocol.js'
import type { Entry } from './entry.js'
import type { AnyPolicy } from './policy.js'

/** What a line asks of its outbox. */
export interface Book {
  /** Resolves when what earlier pages left is known. */
  readonly opened: Promise<void>
  /** How long, in ms, a call may wait. */
  readonly maxAge: number
  policyOf(component: string, action: string): AnyPolicy
  user(): Entry['user']
  /** The server has said who is here. */
  look(): void
  /** Notes whose these are, if that is known by now and was not when they were made. */
  sign(entries: readonly Entry[]): void
  /** Whether it was made by whoever is here. */
  isOurs(entry: Entry): boolean
  /** Registers the line of a name; one that had it before gives its calls back. */
  join(name: string, line: Line): void
  /** Shows what the component of a name showed last, if there is no connection. */
  show(name: string, line: Line): void
  /** Takes what is left for a name. */
  take(name: string, line: Line): readonly Entry[]
  /** Leaves something for a name. */
  leave(entries: readonly Entry[]): void
  /** Counts a call, and writes it down if it is kept. Throws if there is no room. */
  add(entry: Entry, line: Line, instead: Entry | undefined): void
  /** A call that waits has changed, or asks for something else. Throws if there is no room. */
  rewrite(entry: Entry, body: CallBody): void
  /** It is settled, and forgotten. */
  done(entry: Entry): void
  /** It is nobody's on this page any more; what was written down stays. */
  release(entry: Entry): void
  /** It was not done, and somebody has to know. */
  fail(entry: Entry, reason: LiveError): void
  claim(entries: readonly Entry[], instanceId: string): Promise<ReadonlySet<Entry>>
  /** Something that is counted has changed. */
  changed(): void
  /** A component shows this now. */
  saw(name: string, state: JsonObject): void
}

/** A line, as its outbox knows it. */
export interface Line {
  /** Something was left for its name. */
  take(): void
  /** It may be able to send more. */
  pump(): void
  /** Gives up those of its calls; their promises are rejected, what is written down stays. */
  dismiss(which: (entry: Entry) => boolean, why: LiveError): void
  /** Gives its waiting calls to another line of its name. */
  yield(): Entry[]
  /** Shows a state that is not proven; undefined takes it away. */
  picture(state: JsonObject | undefined): void
}
