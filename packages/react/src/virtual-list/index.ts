/**
 * A long list of a live component, of which the page holds what is in view. An entry point of its own, on
 * `@tanstack/react-virtual`.
 *
 * Rows are read as they come near (`@fluxstack/client/window`), laid out by the virtualizer, which measures them, and
 * stay where they are while others come and go above them. What must stay true: an element belongs to one row for as
 * long as that is in the list, so it keeps its focus, its size, and what is typed into it.
 */

import type { ComponentShape, LiveError, LiveHandle } from '@fluxstack/client'
import { type ListField, type ListSnapshot, listWindow, type RowOf } from '@fluxstack/client/window'
import { defaultRangeExtractor, type Range, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import {
  type CSSProperties,
  type FocusEvent,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { subscribeFrames } from '../frames.js'
import { useLatest } from '../use-latest.js'
import { anchorOf, forgetSizes, keepInPlace } from './anchor.js'
import { rowAfter } from './keyboard.js'
import { useFocus } from './use-focus.js'

export type { ListField, RowOf } from '@fluxstack/client/window'

/** What `useLiveVirtualList` takes. */
export interface VirtualListOptions<Row> {
  /** What scrolls. */
  readonly getScrollElement: () => Element | null
  /** How large a row is likely to be, in pixels, until it was measured. */
  readonly estimateSize: (index: number) => number
  /** How many rows are rendered before and behind what is in view. Default 5. */
  readonly overscan?: number | undefined
  /** How many rows are read before and behind what is rendered. Default 50. */
  readonly readAhead?: number | undefined
  /** What tells a row apart, such as its id. With it the keyboard follows a row that is moved elsewhere. */
  readonly getItemKey?: ((row: Row) => string | number) | undefined
  /** Whether the list runs from left to right. */
  readonly horizontal?: boolean | undefined
  /** Pixels between two rows. */
  readonly gap?: number | undefined
  /** What it is for whoever does not see it. Default `list`. */
  readonly role?: 'list' | 'listbox' | 'grid' | undefined
}

/** One row that is rendered. */
export interface VirtualRow<Row> {
  readonly index: number
  /** The row's own, wherever it moves: give it to React. */
  readonly key: number
  /** Undefined until it was read. */
  readonly row: Row | undefined
  /** Whether it was replaced, and is being read again. */
  readonly isOld: boolean
  /** For the element: the same object until something in it changes. */
  readonly props: VirtualRowProps
}

/** What the element of a row needs to be measured, placed, reached and announced. */
export interface VirtualRowProps {
  readonly ref: (element: Element | null) => void
  readonly 'data-index': number
  readonly role: 'listitem' | 'option' | 'row'
  readonly 'aria-rowindex'?: number
  readonly 'aria-posinset'?: number
  readonly 'aria-setsize'?: number
  readonly 'aria-busy'?: true
  readonly tabIndex: 0 | -1
  readonly onFocus: () => void
  readonly style: CSSProperties
}

/** What the element around all rows needs; it belongs directly into what scrolls. */
export interface VirtualListProps {
  readonly role: 'list' | 'listbox' | 'grid'
  readonly 'aria-rowcount'?: number
  readonly tabIndex: 0 | -1
  readonly onKeyDown: (event: KeyboardEvent) => void
  readonly onFocus: (event: FocusEvent) => void
  readonly onBlur: (event: FocusEvent) => void
  readonly style: CSSProperties
}

/** What `useLiveVirtualList` gives. */
export interface LiveVirtualList<Row> {
  /** How many rows the list has. */
  readonly length: number
  /** For how many of them there is room in the browser: those in view, and those near it. */
  readonly held: number
  /** The rows to render. */
  readonly rows: readonly VirtualRow<Row>[]
  /** For the element around them. */
  readonly listProps: VirtualListProps
  /** The place of the row that Tab leads to; -1 if none was chosen yet. */
  readonly activeIndex: number
  /** Brings a row into view and gives it the keyboard. */
  readonly focusRow: (index: number) => void
  /** Why rows cannot be read. */
  readonly error: LiveError | undefined
  readonly virtualizer: Virtualizer<Element, Element>
}

const ROLES = { list: 'listitem', listbox: 'option', grid: 'row' } as const

/** Nothing is known on a server. */
const UNKNOWN: ListSnapshot<never> = {
  length: 0,
  from: 0,
  rows: [],
  row: () => undefined,
  isOld: () => false,
  key: () => -1,
  placeOf: () => -1,
  isReady: false,
  keys: [],
  error: undefined,
}

/** What is kept beside the virtualizer. */
interface Kept<Row> {
  virtualizer?: Virtualizer<Element, Element>
  /** Whether the position is to be written to the element. */
  isMoved: boolean
  /** The rows as they were rendered last, by their keys. */
  rows: ReadonlyMap<number, VirtualRow<Row> & { readonly start: number }>
}

/**
 * Shows the part of a list that is in view: of a field marked `#[state(window)]`, of which only that part is read, or
 * of any other list.
 *
 * @example
 * const ledger = useLive(Ledger)
 * const scroll = useRef<HTMLDivElement>(null)
 * const { rows, listProps } = useLiveVirtualList(ledger, 'rows', {
 *   getScrollElement: () => scroll.current,
 *   estimateSize: () => 40,
 *   getItemKey: (entry) => entry.id,
 * })
 * return (
 *   <div ref={scroll} style={{ height: 400, overflow: 'auto' }}>
 *     <ul {...listProps} aria-label="Entries">
 *       {rows.map(({ key, row, props }) => <li key={key} {...props}>{row?.label ?? '…'}</li>)}
 *     </ul>
 *   </div>
 * )
 */
export function useLiveVirtualList<C extends ComponentShape, K extends ListField<C>>(
  live: LiveHandle<C> | { readonly handle: LiveHandle<C> },
  field: K,
  options: VirtualListOptions<RowOf<C['state'][K]>>,
): LiveVirtualList<RowOf<C['state'][K]>> {
  type Row = RowOf<C['state'][K]>
  const { getScrollElement, estimateSize, getItemKey, horizontal = false, gap = 0, role = 'list' } = options
  const { overscan = 5, readAhead = 50 } = options
  const handle = 'handle' in live ? live.handle : live
  const keyOf = useLatest((row: Row) => getItemKey?.(row) ?? row)
  const part = useMemo(
    () => listWindow(handle, field, { overscan: readAhead, getKey: keyOf }),
    [handle, field, readAhead, keyOf],
  )
  const subscribe = useCallback((listener: () => void) => subscribeFrames(part.subscribe, listener), [part])
  const list: ListSnapshot<Row> = useSyncExternalStore(subscribe, part.getSnapshot, () => UNKNOWN)
  const elements = useRef<ReadonlyMap<unknown, Element>>(undefined)
  const focus = useFocus(list, elements, getItemKey)

  // The virtualizer is one object that is changed while rendering, and so is what is kept beside it.
  const [kept] = useState<Kept<Row>>({ isMoved: false, rows: new Map() })
  const anchor = anchorOf(kept.virtualizer)
  const { key, keys, placeOf } = list
  const active = focus.index
  const virtualizer = useVirtualizer<Element, Element>({
    count: list.length,
    getScrollElement,
    estimateSize,
    horizontal,
    overscan,
    gap,
    anchorTo: anchor ? 'end' : 'start',
    // Another function exactly when a place has another row: then everything is laid out anew.
    // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is of these keys
    getItemKey: useCallback((index: number) => key(index), [keys]),
    rangeExtractor: useCallback((range: Range) => withActive(defaultRangeExtractor(range), active), [active]),
  })
  kept.virtualizer = virtualizer
  kept.isMoved = keepInPlace(virtualizer, anchor, placeOf) || kept.isMoved
  elements.current = virtualizer.elementsCache

  useLayoutEffect(() => {
    if (kept.isMoved) virtualizer.scrollToOffset(virtualizer.scrollOffset ?? 0)
    kept.isMoved = false
  })
  useEffect(() => {
    const { range } = virtualizer
    if (range) part.show(range.startIndex, range.endIndex + 1)
    forgetSizes(virtualizer, list.length, placeOf)
  })

  function go(index: number): void {
    virtualizer.scrollToIndex(index, { align: 'auto' })
    focus.go(index)
  }

  const onFocus = useLatest(focus.onFocus)
  const [size, cross, axis] = horizontal
    ? (['width', 'height', 'X'] as const)
    : (['height', 'width', 'Y'] as const)
  const rows = virtualizer.getVirtualItems().map(({ index, start, key: given }) => {
    const key = Number(given)
    const row = index === active ? focus.row : list.row(index)
    const isOld = list.isOld(index)
    const tabIndex = index === active ? (0 as const) : (-1 as const)
    const last = kept.rows.get(key)
    const isSame =
      last?.index === index &&
      last.start === start &&
      last.row === row &&
      last.isOld === isOld &&
      last.props.tabIndex === tabIndex &&
      last.props.role === ROLES[role] &&
      (role === 'grid' || last.props['aria-setsize'] === list.length)
    if (isSame) return last
    const props: VirtualRowProps = {
      ref: virtualizer.measureElement,
      'data-index': index,
      role: ROLES[role],
      ...(role === 'grid'
        ? { 'aria-rowindex': index + 1 }
        : { 'aria-posinset': index + 1, 'aria-setsize': list.length }),
      ...(row === undefined && { 'aria-busy': true as const }),
      tabIndex,
      onFocus: () => onFocus(index),
      style: {
        position: 'absolute',
        top: 0,
        left: 0,
        [cross]: '100%',
        transform: `translate${axis}(${start}px)`,
      },
    }
    return { index, key, start, row, isOld, props }
  })
  kept.rows = new Map(rows.map((row) => [row.key, row]))

  const first = virtualizer.range?.startIndex ?? 0
  const page = (virtualizer.range?.endIndex ?? 0) - first
  return {
    length: list.length,
    held: list.rows.length,
    error: list.error,
    virtualizer,
    activeIndex: active,
    focusRow: go,
    listProps: {
      role,
      ...(role === 'grid' && { 'aria-rowcount': list.length }),
      tabIndex: active < 0 ? 0 : -1,
      onKeyDown(event) {
        const standing = { index: Math.max(active, 0), length: list.length, page, horizontal }
        const next = event.defaultPrevented ? undefined : rowAfter(event, standing)
        if (next === undefined) return
        event.preventDefault()
        go(next)
      },
      onFocus({ target, currentTarget }) {
        if (target === currentTarget && list.length > 0) go(active < 0 ? first : active)
      },
      onBlur: focus.onBlur,
      style: { position: 'relative', [size]: virtualizer.getTotalSize(), [cross]: '100%' },
    },
    rows,
  }
}

/** The row that has the keyboard is in the page, also out of view. */
function withActive(places: number[], active: number): number[] {
  if (active < 0 || places.length === 0 || places.includes(active)) return places
  return active < Number(places[0]) ? [active, ...places] : [...places, active]
}
