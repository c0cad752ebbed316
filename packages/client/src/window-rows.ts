/**
 * Rows of a long list that are at hand, and what edits make of their places.
 *
 * Nothing here asks anybody anything: an edit says where rows went and came, and everything that knows places is moved
 * with it. What must stay true: a row stands where the list has it, or is marked as old, or is not there.
 */

import { LONGEST } from './protocol-list.js'

/** One edit by its places: where, how many rows went, how many came instead. What is said after it counts on it. */
export type Edit = readonly [index: number, removed: number, inserted: number]

/** Rows of one stretch of the list. Never changed: edits make another one. */
export interface Held<Row> {
  /** The place of the first. */
  readonly from: number
  readonly rows: readonly (Row | undefined)[]
  /** Which of them are as the list has them now. What is not is missing, or old. */
  readonly fresh: readonly boolean[]
}

/** Nothing is at hand. */
export const NOTHING: Held<never> = { from: 0, rows: [], fresh: [] }

/** Where what stood at `place` stands after the edit. What went away counts as what came in its place. */
export function shifted(place: number, [index, removed, inserted]: Edit): number {
  if (place >= index + removed) return place + inserted - removed
  return place < index ? place : index + Math.min(place - index, inserted)
}

/** Whether the row at this place is at hand, and as the list has it. */
export function isFresh({ from, fresh }: Held<unknown>, place: number): boolean {
  return fresh[place - from] ?? false
}

/** The same rows after the edit. Those that were replaced stay, as old ones, where others came in their place. */
export function spliced<Row>(held: Held<Row>, edit: Edit): Held<Row> {
  const [index, removed, inserted] = edit
  const { from, rows, fresh } = held
  const end = from + rows.length
  if (rows.length === 0 || index >= end) return held
  const next = shifted(from, edit)
  if (index + removed <= from) return next === from ? held : { from: next, rows, fresh }
  const kept = index + Math.min(removed, inserted)
  const before = Math.max(index - from, 0)
  const after = Math.max(index + removed - from, 0)
  const between: (Row | undefined)[] = []
  for (let place = Math.max(index, next); place < index + inserted; place += 1) {
    between.push(place < kept ? rows[place - from] : undefined)
  }
  return {
    from: next,
    rows: [...rows.slice(0, before), ...between, ...rows.slice(after)],
    fresh: [...fresh.slice(0, before), ...between.map(() => false), ...fresh.slice(after)],
  }
}

/** What is at hand of the places from `from` to before `to`; of what was `read` just now rather than of what was held. */
export function stretch<Row>(
  from: number,
  to: number,
  held: Held<Row>,
  read: Held<Row> = NOTHING as Held<Row>,
): Held<Row> {
  if (read.rows.length === 0 && held.from === from && held.rows.length === to - from) return held
  const rows: (Row | undefined)[] = []
  const fresh: boolean[] = []
  for (let place = from; place < to; place += 1) {
    const isRead = isFresh(read, place)
    rows.push(isRead ? read.rows[place - read.from] : held.rows[place - held.from])
    fresh.push(isRead || isFresh(held, place))
  }
  return { from, rows, fresh }
}

/**
 * The edits that lead from one array to another, told by what is the same at both ends: none if all is, two if one row
 * was moved, and one otherwise.
 */
export function difference(
  before: readonly unknown[],
  after: readonly unknown[],
  isSame: (before: unknown, after: unknown) => boolean = Object.is,
): readonly Edit[] {
  const least = Math.min(before.length, after.length)
  let head = 0
  while (head < least && isSame(before[head], after[head])) head += 1
  let tail = 0
  const [end, last] = [before.length - 1, after.length - 1]
  while (tail < least - head && isSame(before[end - tail], after[last - tail])) tail += 1
  const [removed, inserted] = [before.length - head - tail, after.length - head - tail]
  if (removed + inserted === 0) return []
  const [from, to] = [head, end - tail]
  /** Whether a row went from here to there, and all between made room. */
  const isMove = (source: number, target: number): boolean => {
    const rest = after.slice(from, to + 1)
    const others = before.slice(from, to + 1)
    others.splice(target - from, 0, ...others.splice(source - from, 1))
    return rest.every((row, at) => isSame(others[at], row))
  }
  const move =
    removed === inserted &&
    removed > 1 &&
    [[from, to] as const, [to, from] as const].find((way) => isMove(...way))
  if (!move) return [[head, removed, inserted]]
  const [source, target] = move
  return [[source, 1, 0] as const, [target, 0, 1] as const]
}

/** Whether the edits are possible, and lead from a list so long to one so long. */
export function leads(edits: readonly Edit[], before: number, after: number): boolean {
  let length = before
  for (const [index, removed, inserted] of edits) {
    if (index + removed > length) return false
    length += inserted - removed
    if (length > LONGEST) return false
  }
  return length === after
}

/** Tells rows apart, also those that are not at hand: a number for each place, which goes with the row. */
export interface Keys {
  /** The number of the row at each place. */
  readonly all: Uint32Array
  /** The next one that no row ever had. */
  readonly next: number
}

/** Numbers for a list of which nothing is known. */
export function newKeys(length: number, next = 0): Keys {
  return { all: Uint32Array.from({ length }, (_, place) => next + place), next: next + length }
}

/** The numbers after the edits. A row that was replaced passes its number on. */
export function moveKeys(keys: Keys, edits: readonly Edit[]): Keys {
  let { all, next } = keys
  for (const [index, removed, inserted] of edits) {
    if (removed === inserted) continue
    const kept = index + Math.min(removed, inserted)
    const moved = new Uint32Array(all.length + inserted - removed)
    moved.set(all.subarray(0, kept))
    for (let place = kept; place < index + inserted; place += 1) {
      moved[place] = next
      next += 1
    }
    moved.set(all.subarray(index + removed), index + inserted)
    all = moved
  }
  return all === keys.all ? keys : { all, next }
}
