/**
 * The 32-bit number by which client and server notice that they hold different states.
 *
 * Defined in `docs/protocol.md`, "Digest"; `crates/protocol` computes the same. It finds accidents, not
 * attackers. An object's digest is a sum over its entries, so one entry's term can be taken out and put
 * back without visiting the others: `delta.ts` lives on that.
 */

import type { JsonObject } from './protocol.js'

/** The odd multiplier that spreads keys and array items over the 32 bits. */
const SPREAD: number = 0x9e3779b1
const NULL = 0x6e756c6c
const FALSE = 0x66616c73
const TRUE = 0x74727565
const NUMBER = 0x6e756d30
const STRING = 0x73747230
const ARRAY = 0x61727230
const OBJECT = 0x6f626a30
const FNV_PRIME = 0x01000193

const bits = new DataView(new ArrayBuffer(8))

/** The final step of MurmurHash3: every input bit reaches every output bit. Returns a signed number. */
export function mix(value: number): number {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/**
 * The digest of a JSON value, between 0 and 2³² − 1.
 *
 * @example
 * digest({ count: 5 }) === digest({ count: 5 }) // true, whatever the order of keys
 */
export function digest(value: unknown): number {
  return signed(value) >>> 0
}

/** One entry's term in the digest of an object, given the digest of its value. */
export function entryTerm(key: string, valueDigest: number): number {
  return mix((Math.imul(textDigest(key), SPREAD) + valueDigest) | 0)
}

/** The digest of an object whose entry terms add up to `sum`. */
export function finishObject(sum: number, count: number): number {
  return mix(sum ^ count ^ OBJECT)
}

/** The digest as it is computed, which is the same number with a sign. */
export function signed(value: unknown): number {
  if (typeof value === 'string') return textDigest(value)
  if (typeof value === 'number') return numberDigest(value)
  if (typeof value === 'boolean') return value ? TRUE : FALSE
  if (Array.isArray(value)) return arrayDigest(value, signed)
  // JSON has nothing else; what a program made itself travels as null.
  if (typeof value !== 'object' || value === null) return NULL
  return finishObject(entriesSum(value as JsonObject), Object.keys(value).length)
}

function textDigest(text: string): number {
  let h = STRING
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), FNV_PRIME)
  return mix(h ^ text.length)
}

function numberDigest(value: number): number {
  if (value === 0) return mix(NUMBER)
  bits.setFloat64(0, value)
  return mix((mix(bits.getInt32(0) ^ NUMBER) + bits.getInt32(4)) | 0)
}

/** The digest of an array, given how to get the digest of an item. */
export function arrayDigest<T>(items: readonly T[], of: (item: T) => number): number {
  let fold = ARRAY
  for (const item of items) fold = (Math.imul(fold, SPREAD) + of(item)) | 0
  return mix(fold ^ items.length)
}

/** What the terms of an object's entries add up to. */
export function entriesSum(object: JsonObject): number {
  let sum = 0
  for (const key of Object.keys(object)) sum = (sum + entryTerm(key, signed(object[key]))) | 0
  return sum
}

/** Reads an own property; an inherited one, such as `__proto__`, is not there. */
export function ownValue(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
