/**
 * What the wire says of lists that are read in part, and its parser: nothing of it is believed before.
 */

import { isObject } from './protocol.js'
import type { Windowed } from './shape.js'

/** The longest list that is followed: what is said to be longer is a mistake, or an attack. */
export const LONGEST = 10_000_000

/** What the state says of a list. Undefined if it is not a list, or makes no sense. */
export function parseWindowed(said: unknown): Windowed<unknown> | undefined {
  if (!isObject(said)) return undefined
  const { length, rev, edits } = said
  const isRight =
    isCount(length) && length <= LONGEST && isCount(rev) && Array.isArray(edits) && edits.every(isEdit)
  // Every part was looked at.
  return isRight ? (said as unknown as Windowed<unknown>) : undefined
}

/** The answer to a read. Undefined if it is none. */
export function parseRows(
  result: unknown,
): { readonly from: number; readonly rev: number; readonly rows: readonly unknown[] } | undefined {
  if (!isObject(result)) return undefined
  const { from, rev, rows } = result
  return isCount(from) && isCount(rev) && Array.isArray(rows) ? { from, rev, rows } : undefined
}

function isEdit(edit: unknown): boolean {
  return Array.isArray(edit) && edit.length === 4 && edit.every(isCount)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
