/**
 * What tabs that share a connection say to each other.
 *
 * Every page of the origin can speak on these channels, also one of another version, or one that was given bad
 * code: a word is nothing until it was read here. There are two kinds of channels: the hall, where every tab
 * hears every word, and for each follower's connection a pipe that only it and the leader have open.
 */

import type { Frame } from '../environment.js'

/** The version of these words. Tabs of another one do not hear them. */
export const WORDS_VERSION = 2

/** Characters of a query that are passed on. */
const LONGEST_QUERY = 8 << 10
/** Characters of a frame that are passed on, or bytes. */
const LONGEST_FRAME = 64 << 20

/** Said in the hall. */
export type HallWord =
  /** A connection of this name wants a channel with this query. */
  | readonly ['ask', pipe: string, query: string]
  /** There is no room for that connection. */
  | readonly ['full', pipe: string]
  /** This leader leads from now on, and any other is gone. */
  | readonly ['lead', leader: string]
  /** The server knows no channels: everybody have a socket of their own. */
  | readonly ['plain']

/** Said by a follower in its pipe. */
export type UpWord =
  | readonly ['send', frame: Frame]
  /** So many characters of what was sent were taken. */
  | readonly ['took', length: number]
  | readonly ['end']

/** Said by the leader in a pipe, with its name: an older leader may not have noticed that it is none. */
export type DownWord =
  /** The channel was asked for. */
  | readonly ['open', leader: string]
  | readonly ['frame', leader: string, text: string]
  | readonly ['shut', leader: string, code: number]

type Rule = (part: unknown) => boolean
type Rules = Readonly<Record<string, readonly Rule[]>>

const isName: Rule = (part) => typeof part === 'string' && /^[0-9a-f]{32}$/.test(part)
const isText =
  (most: number): Rule =>
  (part) =>
    typeof part === 'string' && part.length <= most
const isLongText = isText(LONGEST_FRAME)
const isNumber =
  (least: number, most: number): Rule =>
  (part) =>
    Number.isInteger(part) && (part as number) >= least && (part as number) <= most

const isFrame: Rule = (part) =>
  isLongText(part) || (part instanceof Uint8Array && part.length <= LONGEST_FRAME)

const HALL: Rules = { ask: [isName, isText(LONGEST_QUERY)], full: [isName], lead: [isName], plain: [] }
const UP: Rules = { send: [isFrame], took: [isNumber(0, LONGEST_FRAME)], end: [] }
const DOWN: Rules = {
  open: [isName],
  frame: [isName, isLongText],
  shut: [isName, isNumber(1000, 4999)],
}

function reader<Word>(rules: Rules): (said: unknown) => Word | undefined {
  return (said) => {
    if (!Array.isArray(said) || typeof said[0] !== 'string' || !Object.hasOwn(rules, said[0]))
      return undefined
    const parts = rules[said[0]]
    const isGood = parts?.length === said.length - 1 && parts.every((rule, index) => rule(said[index + 1]))
    return isGood ? (said as Word) : undefined
  }
}

/** A word from the hall, if it is one. */
export const readHall: (said: unknown) => HallWord | undefined = reader(HALL)
/** A follower's word, if it is one. */
export const readUp: (said: unknown) => UpWord | undefined = reader(UP)
/** A leader's word, if it is one. */
export const readDown: (said: unknown) => DownWord | undefined = reader(DOWN)
