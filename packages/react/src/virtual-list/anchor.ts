/**
 * What keeps the rows in view where they are, while others come and go above them.
 *
 * The virtualizer does so itself when the length of a list changes, or one of its ends. Where it has no reason to look
 * (a row moved from below to above), the position is put right here, before the rows are laid out.
 */

import type { Virtualizer } from '@tanstack/react-virtual'

/** Whatever is virtual. */
export type AnyVirtualizer = Virtualizer<Element, Element>

/** The row at the upper edge of the view. */
export interface Anchor {
  readonly key: number
  readonly start: number
  readonly index: number
  readonly length: number
}

/** The row that is to stay where it is; none at the very start, where one wants to see what comes. */
export function anchorOf(virtualizer: AnyVirtualizer | undefined): Anchor | undefined {
  const offset = virtualizer?.scrollOffset ?? 0
  if (!virtualizer || offset <= 0) return undefined
  const item = virtualizer.getVirtualItemForOffset(offset)
  if (!item) return undefined
  const { key, start, index } = item
  return { key: Number(key), start, index, length: virtualizer.options.count }
}

/**
 * Moves the position to where the row is now. Answers whether it is to be written to the element: rows are laid out
 * for the position that will be, so nothing is seen to jump.
 */
export function keepInPlace(
  virtualizer: AnyVirtualizer,
  anchor: Anchor | undefined,
  placeOf: (key: number) => number,
): boolean {
  // What changes the length the virtualizer sees to.
  if (!anchor || anchor.length !== virtualizer.options.count || virtualizer.scrollOffset === null)
    return false
  const place = placeOf(anchor.key)
  if (place < 0 || place === anchor.index) return false
  virtualizer.getTotalSize()
  const moved = (virtualizer.measurementsCache[place]?.start ?? anchor.start) - anchor.start
  // Where the ends changed as well, it is done already.
  const isDone = virtualizer.getVirtualItemForOffset(virtualizer.scrollOffset)?.key === anchor.key
  if (moved === 0 || isDone) return false
  virtualizer.scrollOffset += moved
  return true
}

/** Forgets the sizes of rows that are gone, when they are more than those that are there. */
export function forgetSizes(
  { itemSizeCache }: AnyVirtualizer,
  length: number,
  placeOf: (key: number) => number,
): void {
  if (itemSizeCache.size <= 2 * length + 1_000) return
  for (const key of [...itemSizeCache.keys()]) if (placeOf(Number(key)) < 0) itemSizeCache.delete(key)
}
