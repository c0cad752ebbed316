/**
 * Keeps the keyboard in a list whose rows go: it moves to the row that comes in the place of the one it was in, to the
 * last one if there is none, and out of an empty list to where the next file is chosen.
 *
 * It is the row that has it then and not one of its buttons: who presses twice shall not do to one file what was meant
 * for another.
 */

import { type FocusEvent, type RefObject, useLayoutEffect, useRef } from 'react'

/** For the element with the list, which can have the focus itself. `leave` moves it elsewhere, if it can. */
export function useKeptFocus(
  list: RefObject<HTMLElement | null>,
  leave: () => boolean,
): { readonly onFocus: (event: FocusEvent) => void; readonly onBlur: () => void } {
  /** What has the keyboard, and the place of its row; undefined if it is elsewhere. */
  const kept = useRef<{ readonly element: Element; row: Element | null; index: number }>(undefined)

  useLayoutEffect(() => {
    const { current } = kept
    const rows = Array.from(list.current?.querySelectorAll('li') ?? [])
    if (!current) return
    if (current.element.isConnected) {
      current.index = rows.indexOf(current.row as HTMLLIElement)
      return
    }
    kept.current = undefined
    // Somebody else has moved it already.
    if (document.activeElement && document.activeElement !== document.body) return
    const row = rows.find((row) => row === current.row) ?? rows[Math.min(current.index, rows.length - 1)]
    if (row) row.focus()
    else if (!leave()) list.current?.focus()
  })

  return {
    onFocus({ target }) {
      const row = target.closest('li')
      const rows = Array.from(list.current?.querySelectorAll('li') ?? [])
      kept.current = row ? { element: target, row, index: rows.indexOf(row) } : undefined
    },
    // Not heard of what React takes out of the page: that has not given the keyboard away.
    onBlur() {
      kept.current = undefined
    },
  }
}
