/**
 * The one error this library throws and rejects with.
 *
 * A code a program can branch on, a sentence a person can read, and, where the complaint is about named
 * fields, what is wrong with each. Codes come from the server (`docs/protocol.md`, "Errors") or from
 * here; the two sets do not overlap.
 */

/** What the server may answer instead of a result. */
export type ServerCode =
  | 'INVALID'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'INTERNAL'
  | 'ACTION_FAILED'
  | 'INSTANCE_LOST'
  | 'BAD_JSON'
  | 'BAD_MESSAGE'
  | 'BAD_PAYLOAD'
  | 'UNKNOWN_TYPE'
  | 'COMPONENT_NOT_FOUND'
  | 'REHYDRATION_REQUIRED'
  | 'NOT_CALLABLE'
  | 'NOT_WRITABLE'
  | 'RATE_LIMITED'
  | 'TOO_MANY_CALLS'
  | 'TOO_MANY_INSTANCES'
  | 'TOO_LARGE'
  | 'BUSY'
  | 'SESSION_EXPIRED'
  | 'SESSION_REFUSED'
  | 'SESSION_IN_USE'
  | 'NOTHING_KEPT'
  | 'SNAPSHOT_CORRUPT'
  | 'SNAPSHOT_FOREIGN'
  | 'SNAPSHOT_EXPIRED'
  | 'SNAPSHOT_TOO_LARGE'
  | 'SNAPSHOT_STALE'
  | 'SNAPSHOT_TOO_NEW'
  | 'SNAPSHOT_UNREADABLE'
  | 'SNAPSHOT_THROTTLED'
  | 'CALL_FORGOTTEN'
  | 'NOT_STORED'
  | 'CLIENT_OUTDATED'
  | 'SERVER_OUTDATED'
  | 'UNAUTHENTICATED'
  | 'AUTH_FAILED'
  | 'AUTH_THROTTLED'
  | 'NOT_A_MEMBER'
  | 'TOO_MANY_ROOMS'
  | 'ROLLED_BACK'
  | 'UPLOAD_REFUSED'
  | 'UPLOAD_TYPE'
  | 'UPLOAD_TOO_LARGE'
  | 'UPLOAD_QUOTA'
  | 'UPLOAD_GAP'
  | 'UPLOAD_GONE'
  | 'UPLOAD_CORRUPT'
  | 'UPLOAD_NO_SPACE'
  | 'UPLOAD_UNSAFE'
  | 'BAD_CHUNK'

/**
 * What can go wrong on this side of the socket.
 *
 * | code | when |
 * |---|---|
 * | `DISCONNECTED` | the socket died; the message says whether the call was sent |
 * | `TIMEOUT` | no answer within the call's time |
 * | `QUEUE_FULL` | too much is waiting to be sent |
 * | `NOT_MOUNTED` | nobody is subscribed to the handle, so there is nothing to call |
 * | `OUT_OF_STEP` | the state keeps failing its digest: client and server disagree about the protocol |
 * | `CLOSED` | the client was closed for good |
 * | `DROPPED` | the connection is not open, and calls of this action mean nothing later |
 * | `FILE_CHANGED` | a file that is being sent cannot be read any more, or is another one now |
 */
export type ClientCode =
  | 'DISCONNECTED'
  | 'TIMEOUT'
  | 'QUEUE_FULL'
  | 'NOT_MOUNTED'
  | 'OUT_OF_STEP'
  | 'CLOSED'
  | 'DROPPED'
  | 'FILE_CHANGED'

/** Every code known today. A newer server may send others, so a `switch` needs a `default`. */
export type ErrorCode = ServerCode | ClientCode | (string & {})

/**
 * Why something did not happen.
 *
 * @example
 * try {
 *   await profile.call.save()
 * } catch (error) {
 *   if (error instanceof LiveError && error.code === 'INVALID') show(error.fields)
 * }
 */
export class LiveError extends Error {
  override readonly name = 'LiveError'
  /** What kind of failure it is. */
  readonly code: ErrorCode
  /** Field or argument name to complaint; empty when the complaint is not about fields. */
  readonly fields: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, fields: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.fields = fields
  }
}

/** Tells the author of the page what nobody else is told. */
export function complain({ code, message }: LiveError, about = ''): void {
  console.error('[fluxstack]', about, code, message)
}

/** Whether an error says that there is no instance to talk to any more. */
export function isGone({ code }: LiveError): boolean {
  return /^(INSTANCE_LOST|REHYDRATION_REQUIRED)$/.test(code)
}

/** Whether an error says that somebody else may, or whoever is here after signing in. */
export function isDenied({ code }: LiveError): boolean {
  return /^(UNAUTHENTICATED|FORBIDDEN)$/.test(code)
}

/** Whether an error says that nothing was done now, and may be done a little later. */
export function isPassing({ code }: LiveError): boolean {
  return /^(BUSY|RATE_LIMITED|TOO_MANY_CALLS|SERVER_OUTDATED|SNAPSHOT_THROTTLED)$/.test(code)
}
