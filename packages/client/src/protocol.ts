/**
 * The vocabulary of the wire, version 3, and the parser at the rim.
 *
 * `docs/protocol.md` is the contract; this file is that page in TypeScript. Everything the client sends
 * is a {@link ClientMessage}; everything it understands is a {@link ServerMessage}. {@link parseFrame}
 * takes whatever a socket yields and never throws: what is not a message is not there.
 */

import { LiveError } from './error.js'
import type { ResumeOutcome } from './shape.js'

/** An object as JSON has it: own string keys, values not yet looked at. */
export type JsonObject = Record<string, unknown>

/** What the client asks. `requestId` is added when the message leaves. */
export type ClientMessage =
  | {
      readonly type: 'COMPONENT_MOUNT'
      readonly componentId: string
      readonly payload: {
        readonly component: string
        readonly props: unknown
        readonly schema?: number | undefined
      }
    }
  | { readonly type: 'AUTH'; readonly payload: Credentials }
  | { readonly type: 'SESSION_RESUME'; readonly payload: { readonly token: string } }
  | {
      readonly type: 'COMPONENT_RESUME'
      readonly componentId: string
      readonly payload: {
        readonly component: string
        /** The client's own name for it, as in `COMPONENT_MOUNT`. */
        readonly name: string
        /** The version that is shown. */
        readonly have: number
        /** Nothing is shown: the whole state is wanted. */
        readonly fresh?: true | undefined
        /** The `seq` of the last event that was told. */
        readonly heard: number
        readonly schema?: number | undefined
        readonly snapshot?: string | undefined
        /** Of a shared instance, for whoever is no member any more and joins again. */
        readonly props?: unknown
        /** The number of the last event heard in each room it is in. */
        readonly rooms?: Readonly<Record<string, number>> | undefined
        /** Calls without an answer that are shown already. */
        readonly doubt?: readonly string[] | undefined
      }
    }
  | { readonly type: 'COMPONENT_UNMOUNT'; readonly componentId: string }
  | CallMessage
  | {
      readonly type: 'CALL_BATCH'
      readonly payload: { readonly calls: readonly unknown[]; readonly atomic?: true | undefined }
    }
  | {
      readonly type: 'STATE_RESYNC'
      readonly componentId: string
      readonly payload: { readonly have: number }
    }
  | { readonly type: 'COMPONENT_PING' }
  | { readonly type: 'QUIET'; readonly payload: { readonly on: boolean } }
  | UploadMessage

/** What may be in doubt after a lost connection, and is sent again then. */
export type CallMessage = CallBody & {
  readonly componentId: string
  /** An origin, `-`, and a number the origin never uses again. */
  readonly callId?: string | undefined
  /** The origin has every answer of this instance up to this number. */
  readonly acked?: number | undefined
  /** What it will do is shown already, so the server says when a state has it. */
  readonly optimistic?: true | undefined
}

/** What a call asks, of whichever instance. */
export type CallBody =
  | { readonly type: 'CALL_ACTION'; readonly action: string; readonly payload: unknown }
  | {
      readonly type: 'PROPERTY_UPDATE'
      readonly property: string
      readonly payload: { readonly value: unknown }
    }
  | { readonly type: 'PROPS_UPDATE'; readonly payload: { readonly props: unknown } }
  | { readonly type: 'COMPONENT_EVENT'; readonly payload: { readonly event: unknown } }
  | ListRequest
  | RoomRequest

/** What is said of a file on its way, or is a piece of it. */
export type UploadMessage = { readonly componentId: string; readonly uploadId: string } & (
  | {
      readonly type: 'FILE_UPLOAD_START'
      readonly property: string
      readonly filename: string
      readonly fileType: string
      readonly fileSize: number
      /** The server may have a part of it already. */
      readonly resume?: true | undefined
    }
  | {
      readonly type: 'FILE_UPLOAD_CHUNK'
      /** Where it belongs. */
      readonly offset: number
      /** In base64; absent from the header of a binary frame, which is followed by the bytes. */
      readonly data?: string | undefined
    }
  | {
      readonly type: 'FILE_UPLOAD_COMPLETE'
      /** SHA-256 of the whole file, as hex. */
      readonly hash: string
    }
  | { readonly type: 'FILE_UPLOAD_CANCEL' }
)

/** Which rows are asked for of a list that is read in part. */
export interface ListRequest {
  readonly type: 'LIST_READ'
  readonly property: string
  readonly payload: { readonly from: number; readonly count: number }
}

/** What is asked of a room an instance is in, or wants to be in. */
export type RoomRequest = { readonly roomId: string } & (
  | {
      readonly type: 'ROOM_JOIN'
      readonly payload: { readonly since?: number | undefined; readonly history?: number | undefined }
    }
  | { readonly type: 'ROOM_LEAVE' }
  | {
      readonly type: 'ROOM_EMIT'
      readonly payload: { readonly event: unknown; readonly self?: true | undefined }
    }
)

/** What proves who somebody is. What is in it is between the application and its server. */
export interface Credentials {
  readonly token?: string | undefined
  /** Which of the server's ways to check them is meant, if it has several. */
  readonly provider?: string | undefined
  readonly [other: string]: unknown
}

/** What this server allows this connection. */
export interface Limits {
  /** Bytes in a frame. */
  readonly frame: number
  /** Messages in a batch. */
  readonly batch: number
  /** Unanswered requests. */
  readonly calls: number
  /** Messages a second; 0 means unlimited. */
  readonly rate: number
  /** Messages that may come at once. */
  readonly burst: number
}

/** Assumed where a hello says nothing, or nonsense. */
export const DEFAULT_LIMITS: Limits = { frame: 1_048_576, batch: 64, calls: 256, rate: 200, burst: 1000 }

/** The answer to one request. */
export interface Reply {
  readonly type: 'REPLY'
  readonly requestId: string
  /** What went wrong, if it did. */
  readonly failure: LiveError | undefined
  readonly result?: unknown
  /** What it did will be seen later. */
  readonly held?: unknown
}

/** A whole state. */
export interface WholeState {
  readonly state: JsonObject
  readonly version: number
  readonly digest: number
}

/** A change: fields replaced, arrays edited, objects merged. */
export interface Delta {
  readonly base: number
  readonly version: number
  readonly digest: number
  readonly delta?: JsonObject
  readonly splice?: JsonObject
  readonly merge?: JsonObject
}

/**
 * What the server says. State frames that name an instance but cannot be read arrive without a payload:
 * the instance has to ask again, it must not go on as if nothing had been said.
 */
export type ServerMessage =
  | {
      readonly type: 'CONNECTION_ESTABLISHED'
      readonly limits: Limits
      /** What this server can beyond the minimum. */
      readonly caps?: unknown
      /** What to present when coming back; undefined where the server resumes nothing. */
      readonly token: string | undefined
      /** Who is signed in already, by a cookie or the address. */
      readonly user: string | undefined
    }
  | Reply
  | { readonly type: 'COMPONENT_PONG' }
  | Push

/** What happened in a room, or to an instance that is in one, or was. */
export interface RoomPush {
  readonly componentId: string | undefined
  readonly type: 'ROOM_EVENT' | 'ROOM_JOINED' | 'ROOM_LEFT'
  /** Whose events they are: all instances of this component that are in the room; of a `ROOM_EVENT`. */
  readonly component?: unknown
  readonly roomId: string
  readonly payload: JsonObject
}

/** What answers nothing: it concerns one instance, or a room, or it is an error that may concern none. */
export type Push = RoomPush | InstancePush

/** What concerns one instance, by type, and what it says. */
export interface InstancePushes {
  STATE_UPDATE: WholeState | undefined
  STATE_DELTA: Delta | undefined
  STATE_SNAPSHOT: JsonObject
  COMPONENT_EVENT: JsonObject
  CALL_DONE: JsonObject
  ERROR: LiveError
}

/** What concerns one instance; or none, if it is an error. */
export interface InstancePush<T extends keyof InstancePushes = keyof InstancePushes> {
  readonly type: T
  readonly componentId: string | undefined
  readonly payload: InstancePushes[T]
}

/**
 * The messages in a frame; none in a frame that holds none. Never throws.
 *
 * @example
 * parseFrame('{"type":"COMPONENT_PONG"}') // [{ type: 'COMPONENT_PONG' }]
 * parseFrame('{{{') // []
 */
export function parseFrame(text: unknown): readonly ServerMessage[] {
  const messages: ServerMessage[] = []
  try {
    for (const item of [JSON.parse(text as string)].flat()) {
      const message = parseMessage(fieldsOf(item))
      if (message) messages.push(message)
    }
  } catch {
    // What is no text is no JSON either.
  }
  return messages
}

/** Where an instance stands, as the answer to a mount or a resume says. */
export interface Standing {
  /** What became of it; undefined for a mount. */
  readonly outcome: Exclude<ResumeOutcome, { readonly kind: 'reset' }> | undefined
  /** Its id and its state; undefined if it is the one that was asked for, and its state was pushed. */
  readonly made: Made | undefined
  /** What the server holds. */
  readonly version?: unknown
  readonly digest?: unknown
  /** The number of its last event. */
  readonly seq?: unknown
  /** The server has a newer version of the component. */
  readonly outdated?: unknown
  /** Which of the calls in doubt it has done. */
  readonly done?: unknown
}

/** An instance that was mounted, or rebuilt. */
export interface Made {
  readonly id: string
  readonly whole: WholeState
  /** The number of its last event. */
  readonly heard: number
  /** Others have it too. */
  readonly shared: unknown
}

/** What the `result` of a mount or a resume says, or `undefined` when it says nothing usable. */
export function parseStanding(result: unknown): Standing | undefined {
  const said = fieldsOf(result)
  const { outcome: kind, componentId, initialState: state, seq, shared } = said
  const whole = parseWhole({ ...said, state })
  const made =
    typeof componentId === 'string' && whole
      ? { id: componentId, whole, heard: Number(seq) || 0, shared }
      : undefined
  let outcome: Standing['outcome']
  if (kind === 'resumed') outcome = { kind }
  if (kind === 'replayed') outcome = { kind, frames: Number(said.frames) || 0 }
  if (kind === 'rehydrated' && made) outcome = { kind, version: made.whole.version }
  const isUsable = outcome || (made && kind === undefined)
  return isUsable ? { ...said, outcome, made } : undefined
}

function parseMessage(message: JsonObject): ServerMessage | undefined {
  const { type, requestId } = message
  // Whatever answers a request has its id: refusals of malformed frames and of exceeded rates come as `ERROR`.
  if (typeof requestId === 'string') {
    const failure = message.success === true ? undefined : parseError(message)
    return { ...message, type: 'REPLY', requestId, failure }
  }
  const componentId = parseText(message.componentId)
  const payload = fieldsOf(message.payload)
  switch (type) {
    case 'COMPONENT_PONG':
      return { type }
    case 'CONNECTION_ESTABLISHED':
      return {
        ...message,
        type,
        limits: parseLimits(message.limits),
        token: parseToken(message.session),
        user: parseText(message.userId),
      }
    case 'ROOM_EVENT':
    case 'ROOM_JOINED':
    case 'ROOM_LEFT':
      return { ...message, type, componentId, roomId: `${message.roomId}`, payload }
    case 'ERROR':
      return { type, componentId, payload: parseError(message) }
    case 'STATE_UPDATE':
      return { type, componentId, payload: parseWhole(payload) }
    case 'STATE_DELTA':
      return { type, componentId, payload: parseDelta(payload) }
    case 'COMPONENT_EVENT':
    case 'CALL_DONE':
    case 'STATE_SNAPSHOT':
      return { type, componentId, payload }
    default:
      return undefined
  }
}

/** What a refusal says: in an answer, for one call of several, or alone. */
export function parseError({ code, error, fields }: JsonObject): LiveError {
  return new LiveError(parseText(code) ?? 'INTERNAL', parseText(error) ?? 'no reason', parseFields(fields))
}

function parseFields(fields: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fieldsOf(fields)).map(([name, complaint]) => [name, `${complaint}`]),
  )
}

// What was looked at is passed on as it came: what else is in it does no harm.

function parseWhole(payload: JsonObject): WholeState | undefined {
  return isObject(payload.state) && [payload.version, payload.digest].every(isNumber)
    ? (payload as unknown as WholeState)
    : undefined
}

function parseDelta(payload: JsonObject): Delta | undefined {
  return [payload.base, payload.version, payload.digest].every(isNumber) &&
    [payload.delta, payload.splice, payload.merge].every(isObjectOrAbsent)
    ? (payload as unknown as Delta)
    : undefined
}

function parseLimits(limits: unknown): Limits {
  const known: { -readonly [K in keyof Limits]: number } = { ...DEFAULT_LIMITS }
  for (const name of Object.keys(known) as (keyof Limits)[]) {
    const value = fieldsOf(limits)[name]
    // Only a rate may be 0, which means that there is none.
    if (isNumber(value) && value >= (name === 'rate' ? 0 : 1)) known[name] = value
  }
  return known
}

/** The token in a hello's `session`, or in the answer to `SESSION_RESUME`. */
export function parseToken(session: unknown): string | undefined {
  return parseText(fieldsOf(session).token)
}

/** Whether a value is an object as JSON has it. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What an object holds; nothing, if it is none. */
export function fieldsOf(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

function isObjectOrAbsent(value: unknown): value is JsonObject | undefined {
  return value === undefined || isObject(value)
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}

/** A text, or nothing. */
export function parseText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
