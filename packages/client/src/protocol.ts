/**
 * The vocabulary of the wire, version 3, and the parser at the rim.
 *
 * `docs/protocol.md` is the contract; this file is that page in TypeScript. Everything the client sends
 * is a {@link ClientMessage}; everything it understands is a {@link ServerMessage}. {@link parseFrame}
 * takes whatever a socket yields and never throws: what is not a message is not there.
 */

/** The version this client speaks, as announced in the URL. */
export const PROTOCOL_VERSION = '3'
/** What this client understands beyond the minimum, as announced in the URL. */
export const CAPABILITIES = 'delta,batch'

/** An object as JSON has it: own string keys, values not yet looked at. */
export type JsonObject = Record<string, unknown>

// Why the server closed the socket, beside the codes of the WebSocket standard.

/** The peer went silent: it missed two pings. */
export const CLOSE_SILENT = 4408
/** The peer kept sending far beyond its rate. */
export const CLOSE_FLOODING = 4429
/** The peer reads too slowly. */
export const CLOSE_TOO_SLOW = 4430

/** What the client asks. `requestId` is added when the message leaves. */
export type ClientMessage =
  | {
      readonly type: 'COMPONENT_MOUNT'
      readonly componentId: string
      readonly payload: { readonly component: string; readonly props: unknown }
    }
  | { readonly type: 'COMPONENT_UNMOUNT'; readonly componentId: string }
  | {
      readonly type: 'CALL_ACTION'
      readonly componentId: string
      readonly action: string
      readonly payload: unknown
    }
  | {
      readonly type: 'PROPERTY_UPDATE'
      readonly componentId: string
      readonly property: string
      readonly payload: { readonly value: unknown }
    }
  | {
      readonly type: 'PROPS_UPDATE'
      readonly componentId: string
      readonly payload: { readonly props: unknown }
    }
  | {
      readonly type: 'COMPONENT_EVENT'
      readonly componentId: string
      readonly payload: { readonly event: unknown }
    }
  | {
      readonly type: 'STATE_RESYNC'
      readonly componentId: string
      readonly payload: { readonly have: number }
    }
  | { readonly type: 'COMPONENT_PING' }

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
  readonly failure:
    | { readonly code: string; readonly error: string; readonly fields: Record<string, string> }
    | undefined
  readonly result: unknown
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
  | { readonly type: 'CONNECTION_ESTABLISHED'; readonly connectionId: string; readonly limits: Limits }
  | Reply
  | { readonly type: 'STATE_UPDATE'; readonly componentId: string; readonly payload: WholeState | undefined }
  | { readonly type: 'STATE_DELTA'; readonly componentId: string; readonly payload: Delta | undefined }
  | { readonly type: 'COMPONENT_EVENT'; readonly componentId: string; readonly event: unknown }
  | { readonly type: 'MISSED'; readonly componentId: string; readonly missed: number }
  | { readonly type: 'COMPONENT_PONG' }
  | {
      readonly type: 'ERROR'
      readonly componentId: string | undefined
      readonly code: string
      readonly error: string
    }

/**
 * The messages in a frame; none in a frame that holds none. Never throws.
 *
 * @example
 * parseFrame('{"type":"COMPONENT_PONG"}') // [{ type: 'COMPONENT_PONG' }]
 * parseFrame('{{{') // []
 */
export function parseFrame(text: unknown): readonly ServerMessage[] {
  if (typeof text !== 'string') return []
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return []
  }
  const messages: ServerMessage[] = []
  for (const item of Array.isArray(value) ? value : [value]) {
    const message = isObject(item) ? parseMessage(item) : undefined
    if (message) messages.push(message)
  }
  return messages
}

const NO_REASON = 'the server gave no reason'

/** What a mount reply's `result` says, or `undefined` when it says nothing usable. */
export function parseMounted(
  result: unknown,
): { readonly instanceId: string; readonly whole: WholeState } | undefined {
  if (!isObject(result) || typeof result.componentId !== 'string') return undefined
  const whole = parseWhole({ ...result, state: result.initialState })
  return whole && { instanceId: result.componentId, whole }
}

function parseMessage(message: JsonObject): ServerMessage | undefined {
  const { type, componentId } = message
  const payload = isObject(message.payload) ? message.payload : undefined
  switch (type) {
    case 'MESSAGE_RESPONSE':
    case 'ACTION_RESPONSE':
      return parseReply(message)
    case 'COMPONENT_PONG':
      return { type }
    case 'CONNECTION_ESTABLISHED':
      return { type, connectionId: textOr(message.connectionId, ''), limits: parseLimits(message.limits) }
    case 'ERROR':
      // Refusals of malformed frames and of exceeded rates come as this, and yet answer a request.
      if (typeof message.requestId === 'string') return parseReply(message)
      return {
        type,
        componentId: typeof componentId === 'string' ? componentId : undefined,
        code: textOr(message.code, 'INTERNAL'),
        error: textOr(message.error, NO_REASON),
      }
    default:
  }
  if (typeof componentId !== 'string') return undefined
  switch (type) {
    case 'STATE_UPDATE':
      return { type, componentId, payload: parseWhole(payload) }
    case 'STATE_DELTA':
      return { type, componentId, payload: parseDelta(payload) }
    case 'COMPONENT_EVENT':
      if (!payload) return undefined
      return isNumber(payload.missed)
        ? { type: 'MISSED', componentId, missed: payload.missed }
        : { type, componentId, event: payload.event }
    default:
      return undefined
  }
}

function parseReply(message: JsonObject): Reply | undefined {
  const { requestId } = message
  if (typeof requestId !== 'string') return undefined
  const failure =
    message.success === true
      ? undefined
      : {
          code: textOr(message.code, 'INTERNAL'),
          error: textOr(message.error, NO_REASON),
          fields: parseFields(message.fields),
        }
  return { type: 'REPLY', requestId, failure, result: message.result }
}

function parseFields(fields: unknown): Record<string, string> {
  if (!isObject(fields)) return {}
  const complaints = Object.entries(fields).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(complaints)
}

function parseWhole(payload: JsonObject | undefined): WholeState | undefined {
  if (!payload) return undefined
  const { state, version, digest } = payload
  return isObject(state) && isNumber(version) && isNumber(digest) ? { state, version, digest } : undefined
}

function parseDelta(payload: JsonObject | undefined): Delta | undefined {
  if (!payload) return undefined
  const { base, version, digest, delta, splice, merge } = payload
  if (!isNumber(base) || !isNumber(version) || !isNumber(digest)) return undefined
  if (!isObjectOrAbsent(delta) || !isObjectOrAbsent(splice) || !isObjectOrAbsent(merge)) return undefined
  return {
    base,
    version,
    digest,
    ...(delta && { delta }),
    ...(splice && { splice }),
    ...(merge && { merge }),
  }
}

function parseLimits(limits: unknown): Limits {
  const said = isObject(limits) ? limits : {}
  const read = (name: keyof Limits, least: number): number => {
    const value = said[name]
    return isNumber(value) && value >= least ? value : DEFAULT_LIMITS[name]
  }
  return {
    frame: read('frame', 1),
    batch: read('batch', 1),
    calls: read('calls', 1),
    rate: read('rate', 0),
    burst: read('burst', 1),
  }
}

/** Whether a value is an object as JSON has it. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isObjectOrAbsent(value: unknown): value is JsonObject | undefined {
  return value === undefined || isObject(value)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}
