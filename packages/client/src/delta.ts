/**
 * State pictures and the step from one to the next.
 *
 * A {@link Snapshot} is a state with its version, its digest and what is needed to compute the next
 * digest without visiting what did not change. {@link advance} makes the next one or refuses; it never
 * changes what it was given, so a refused delta costs nothing and a React tree can hold on to old rows.
 *
 * What must stay true: unchanged fields and rows keep their identity; a key named `__proto__` is a key
 * like any other; whatever cannot be applied is refused with `undefined`, never half applied.
 */

import { arrayDigest, entriesSum, entryTerm, finishObject, ownValue, signed } from './digest.js'
import { SAFE_ARGUMENTS } from './numbers.js'
import { type Delta, isObject, type JsonObject } from './protocol.js'

/** What one field adds to the digest, and the smaller pieces that is made of once they were needed. */
interface Part {
  readonly term: number
  /** Digests of a list's items, from the first splice on. */
  readonly items?: readonly number[]
  /** Sum of a map's entry terms, from the first merge on. */
  readonly sum?: number
}

/** A whole state at a version. Immutable. */
export interface Snapshot {
  readonly state: JsonObject
  readonly version: number
  readonly digest: number
  readonly parts: ReadonlyMap<string, Part>
}

/**
 * A whole state, as it came. Rows and fields equal to those of `previous` keep the identity they had
 * there, so a resync does not re-render what did not change.
 */
export function takeSnapshot(state: JsonObject, version: number, previous?: JsonObject): Snapshot {
  const shown = share(previous, state) as JsonObject
  const parts = new Map<string, Part>()
  for (const field of Object.keys(shown)) parts.set(field, wholePart(field, shown[field]))
  return { state: shown, version, digest: total(parts), parts }
}

/**
 * The snapshot after `delta`, or `undefined` when the delta does not fit the state or its digest says
 * that the server holds something else. The caller has compared the versions already.
 *
 * @example
 * advance(takeSnapshot({ count: 5 }, 0), { base: 0, version: 1, digest, delta: { count: 7 } })
 */
export function advance(from: Snapshot, delta: Delta): Snapshot | undefined {
  let { state } = from
  const parts = new Map(from.parts)

  for (const [changes, change] of [
    [delta.delta, replaced],
    [delta.splice, spliced],
    [delta.merge, merged],
  ] as const) {
    if (!changes) continue
    const before = state
    // Spreading makes a field its own property, `__proto__` too; assigning to one that is there is safe.
    state = { ...before, ...changes }
    for (const field of Object.keys(changes)) {
      const next = change(ownValue(before, field), changes[field], field, parts.get(field))
      if (!next) return undefined
      const [value, part] = next
      state[field] = value
      parts.set(field, part)
    }
  }

  const sum = total(parts)
  return sum === delta.digest ? { state, version: delta.version, digest: sum, parts } : undefined
}

type Changed = readonly [value: unknown, part: Part]

/** How one field changes: from what it was, by what was said; `undefined` if that does not fit. */
type Change = (before: unknown, said: unknown, field: string, part: Part | undefined) => Changed | undefined

const replaced: Change = (before, said, field) => {
  const value = share(before, said)
  return [value, wholePart(field, value)]
}

const spliced: Change = (list, edits, field, part) => {
  if (!Array.isArray(list) || !Array.isArray(edits)) return undefined
  let value: unknown[] = [...list]
  let items: number[] = [...(part?.items ?? list.map(signed))]
  for (const edit of edits) {
    if (!Array.isArray(edit)) return undefined
    const [index, removed, ...inserted] = edit as unknown[]
    if (!isCount(index) || !isCount(removed) || index + removed > value.length) return undefined
    value = replaceRange(value, index, removed, inserted)
    items = replaceRange(items, index, removed, inserted.map(signed))
  }
  return [value, { term: entryTerm(field, arrayDigest(items, Number)), items }]
}

function replaceRange<T>(list: T[], index: number, removed: number, inserted: T[]): T[] {
  if (inserted.length > SAFE_ARGUMENTS)
    return list.slice(0, index).concat(inserted, list.slice(index + removed))
  list.splice(index, removed, ...inserted)
  return list
}

const merged: Change = (map, edit, field, part) => {
  if (!isObject(map) || !Array.isArray(edit)) return undefined
  const [set, removed = []] = edit as unknown[]
  if (!isObject(set) || !Array.isArray(removed)) return undefined
  let sum = part?.sum ?? entriesSum(map)
  const value: JsonObject = { ...map, ...set }
  const take = (from: JsonObject, key: string): void => {
    if (Object.hasOwn(from, key)) sum = (sum - entryTerm(key, signed(from[key]))) | 0
  }
  for (const key of Object.keys(set)) {
    const item = share(ownValue(map, key), set[key])
    take(map, key)
    value[key] = item
    sum = (sum + entryTerm(key, signed(item))) | 0
  }
  for (const key of removed) {
    if (typeof key !== 'string') return undefined
    take(value, key)
    delete value[key]
  }
  return [value, { term: entryTerm(field, finishObject(sum, Object.keys(value).length)), sum }]
}

function wholePart(field: string, value: unknown): Part {
  return { term: entryTerm(field, signed(value)) }
}

function total(parts: ReadonlyMap<string, Part>): number {
  let sum = 0
  for (const part of parts.values()) sum = (sum + part.term) | 0
  return finishObject(sum, parts.size) >>> 0
}

/** `next`, but made of the pieces of `previous` wherever the two are equal. */
export function share(previous: unknown, next: unknown): unknown {
  if (previous === next) return previous
  if (Array.isArray(previous) && Array.isArray(next)) {
    let same = previous.length === next.length
    const copy = next.map((item, index) => {
      const kept = share(previous[index], item)
      same &&= kept === previous[index]
      return kept
    })
    return same ? previous : copy
  }
  if (!isObject(previous) || !isObject(next)) return next
  const keys = Object.keys(next)
  let same = Object.keys(previous).length === keys.length
  const copy = { ...next }
  for (const key of keys) {
    const before = ownValue(previous, key)
    const kept = share(before, next[key])
    same &&= kept === before && Object.hasOwn(previous, key)
    copy[key] = kept
  }
  return same ? previous : copy
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
