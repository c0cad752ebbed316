/**
 * The row that has the keyboard: one of them at a time, the same one wherever edits move it.
 *
 * A row is known by its number in the list, and by its own key if there is one, because a row that was moved to
 * elsewhere has another number. It stays in the page while it has the focus, also out of view.
 */

import type { ListSnapshot } from '@fluxstack/client/window'
import { type FocusEvent, type RefObject, useEffect, useRef, useState } from 'react'

interface Active {
  readonly key: number
  readonly itemKey: unknown
  /** What it was when it was last at hand. */
  readonly row: unknown
  /** Where it was last. */
  readonly index: number
}

/** What `useFocus` gives. */
export interface RowFocus<Row> {
  /** The place of the row that Tab leads to; -1 if none was chosen yet. */
  readonly index: number
  /** That row, also if it is out of view and not at hand any more. */
  readonly row: Row | undefined
  /** Gives a row the keyboard, as soon as it is in the page. */
  readonly go: (index: number) => void
  readonly onFocus: (index: number) => void
  readonly onBlur: (event: FocusEvent) => void
}

/** `elements` are the rows that are in the page, by their numbers. */
export function useFocus<Row>(
  list: ListSnapshot<Row>,
  elements: RefObject<ReadonlyMap<unknown, Element> | undefined>,
  getItemKey: ((row: Row) => unknown) | undefined,
): RowFocus<Row> {
  const [active, setActive] = useState<Active>()
  /** Whether the row has the keyboard, or is to have it. */
  const isHere = useRef(false)
  const found = active ? placeOf(active, list, getItemKey) : undefined
  const index = found ?? (active ? Math.min(active.index, list.length - 1) : -1)
  const key = index < 0 ? undefined : list.key(index)

  const row =
    index < 0
      ? undefined
      : (list.row(index) ?? (active?.key === key ? (active?.row as Row | undefined) : undefined))

  useEffect(() => {
    // It may have gone to where rows are still to be read.
    if (key === undefined || (found === undefined && active?.itemKey !== undefined && !list.isReady)) return
    if (active?.key !== key || active.row !== row || active.index !== index) choose(index)
    const element = elements.current?.get(key)
    if (!isHere.current || !(element instanceof HTMLElement) || element.contains(document.activeElement))
      return
    element.focus({ preventScroll: true })
  })

  function choose(next: number): void {
    const chosen = next === index ? row : list.row(next)
    const itemKey = chosen === undefined ? undefined : getItemKey?.(chosen)
    setActive({ key: list.key(next), itemKey, row: chosen, index: next })
  }

  return {
    index,
    row,
    go(next) {
      isHere.current = true
      choose(next)
    },
    onFocus(next) {
      isHere.current = true
      if (next !== index) choose(next)
    },
    onBlur({ target, relatedTarget }) {
      // What was taken out of the page has not given the keyboard away.
      if (relatedTarget !== null || target.isConnected) isHere.current = false
    },
  }
}

/** Where the row is now, if it is known. */
function placeOf<Row>(
  { key, itemKey }: Active,
  list: ListSnapshot<Row>,
  getItemKey: ((row: Row) => unknown) | undefined,
): number | undefined {
  const place = list.placeOf(key)
  const row = list.row(place)
  const isSame = row === undefined || itemKey === undefined || getItemKey?.(row) === itemKey
  if (place >= 0 && (isSame || list.isOld(place))) return place
  const at =
    itemKey === undefined
      ? -1
      : list.rows.findIndex((row) => row !== undefined && getItemKey?.(row) === itemKey)
  if (at >= 0) return list.from + at
  // Another row has come in its place.
  return place >= 0 && list.isReady ? place : undefined
}
