/**
 * A call that waits, as the page has it and as it is written down.
 *
 * What is written down is read by a later page, by another tab, or by somebody who has changed it: so what
 * is read is parsed, and what is no call is not there.
 */

import type { CallOptions } from '../calls.js'
import { LiveError } from '../error.js'
import type { Guess } from '../optimistic.js'
import { utf8Length } from '../outbox.js'
import { type CallBody, isObject, type JsonObject, parseText } from '../protocol.js'
import type { AnyPolicy } from './policy.js'

/**
 * Who made a call: a user, by the server's word for them; `null` is nobody, by its word; undefined when it had
 * not said anything yet.
 */
export type Who = string | null | undefined

/** A call as it is written down. */
export interface Kept {
  /** The name the server knows the call by. */
  readonly id: string
  /** The tab it belongs to. */
  readonly tab: string
  /** The instance it is for, by the client's own name: `Component:componentId`. */
  readonly name: string
  readonly action: string
  /** What it is called with, as JSON. */
  readonly text: string
  readonly user: Who
  /** When it was made, in ms since 1970. */
  readonly at: number
  /** Grows in the order of the calls of a tab. */
  readonly place: number
  /** It is meant for whichever instance has the name; otherwise for the one the tab had. */
  readonly isFree: boolean
  /** The instance it was perhaps sent to. */
  readonly sentTo: string | undefined
  /** Why it was not done, if that is known, as the server would say it. */
  readonly failed: JsonObject | undefined
}

/** A call as the page has it, from when it was made or read until it is settled. */
export interface Entry {
  id: string
  /** Counts the calls of this page; 0 for one that another page made. */
  number: number
  readonly name: string
  body: CallBody
  bytes: number
  readonly policy: AnyPolicy
  user: Who
  readonly at: number
  place: number
  /** It waits while there is no connection, is counted, and may be in conflict afterwards. */
  readonly isQueued: boolean
  /** It is written down. */
  readonly isKept: boolean
  /** It may leave: it is written down, or it is clear that it will not be. */
  isWritten: boolean
  /** It is written down. */
  isSafe: boolean
  /** Another page made it, or one that did not look at the component any more. */
  isLeft: boolean
  /** Another page may have sent it. */
  readonly isInDoubt: boolean
  isFree: boolean
  sentTo: string | undefined
  /** There was no connection while it waited for its answer. */
  hasWaited: boolean
  /** What becomes of it is somebody else's concern from now on. */
  isDismissed: boolean
  /** When it is given up, by the client's clock. */
  due: number
  readonly options: CallOptions
  guess: Guess | undefined
  waiters: { readonly resolve: (result: unknown) => void; readonly reject: (error: unknown) => void }[]
  cancel: (() => void) | undefined
}

/** What a call takes, in bytes. */
export function sizeOf(body: CallBody): number {
  return utf8Length(JSON.stringify(body))
}

/** The name of a component and the name of the instance. */
export function partsOf(name: string): [component: string, componentId: string] {
  const colon = name.indexOf(':')
  return [name.slice(0, colon), name.slice(colon + 1)]
}

/** A call that was written down, as somebody has to do it now. */
export function entryOf(kept: Kept, number = 0): Entry {
  const body: CallBody = { type: 'CALL_ACTION', action: kept.action, payload: JSON.parse(kept.text) }
  const { id, name, user, at, place, isFree, sentTo } = kept
  return {
    ...{ id, number, name, body, user, at, place, isFree, sentTo },
    bytes: sizeOf(body),
    policy: 'queue',
    isQueued: true,
    isKept: true,
    isWritten: true,
    isSafe: true,
    isLeft: true,
    isInDoubt: sentTo !== undefined,
    hasWaited: true,
    isDismissed: false,
    due: 0,
    options: {},
    guess: undefined,
    waiters: [],
    cancel: undefined,
  }
}

/** How it is written down. */
export function keptOf(entry: Entry, tab: string, reason?: LiveError): Kept {
  const { id, name, body, user, at, place, isFree, sentTo } = entry
  const [action, payload] = body.type === 'CALL_ACTION' ? [body.action, body.payload] : ['', null]
  const text = JSON.stringify(payload)
  const failed = reason && { code: reason.code, error: reason.message, fields: reason.fields }
  return { id, tab, name, action, text, user, at, place, isFree, sentTo, failed }
}

const CALL_ID = /^[\w-]{1,80}$/
const NAME = /^[^:]+:/

/** What was written down, if it is a call. Nobody knows who wrote it. */
export function parseKept(value: unknown): Kept | undefined {
  if (!isObject(value)) return undefined
  const { id, tab, name, action, text, user, at, place, isFree, sentTo, failed } = value
  if (typeof id !== 'string' || !CALL_ID.test(id)) return undefined
  if (typeof name !== 'string' || !NAME.test(name)) return undefined
  if (typeof tab !== 'string' || typeof action !== 'string' || typeof text !== 'string') return undefined
  if (!isNumber(at) || !isPlace(place) || !isJson(text)) return undefined
  return {
    ...{ id, tab, name, action, text, place },
    user: user === null ? null : parseText(user),
    // One that is made tomorrow would never grow old.
    at: Math.min(at, Date.now()),
    isFree: isFree === true,
    sentTo: parseText(sentTo),
    failed: isObject(failed) ? failed : undefined,
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

// Why a call will not be sent, or not again.

export function mountedAfresh(): LiveError {
  return new LiveError('DISCONNECTED', 'the call was not sent: the component was mounted afresh')
}

export function inDoubt(): LiveError {
  const why = 'its page was left before it was answered, whether it happened is unknown'
  return new LiveError('DISCONNECTED', `the call was given up: ${why}`)
}

export function tooOld(entry: Pick<Entry, 'sentTo'>): LiveError {
  const fate = entry.sentTo === undefined ? 'it did not happen' : 'whether it happened is unknown'
  return new LiveError('TIMEOUT', `the call was given up: it has waited too long, ${fate}`)
}

export function signedOut(): LiveError {
  return new LiveError('DISCONNECTED', 'the call was given up: the user has signed out')
}

export function otherUser(): LiveError {
  return new LiveError('DISCONNECTED', 'the call was not sent: another user made it, and waits for them')
}

export function takenAway(): LiveError {
  const why = 'another tab has taken it over, or what this site had stored was cleared'
  return new LiveError('DISCONNECTED', `the call was not sent from here: ${why}`)
}
