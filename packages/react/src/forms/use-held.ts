/**
 * What is typed belongs to one field of one handle, for as long as the page shows that.
 */

import { useState } from 'react'

/** What `make` made for this handle and field. State, not a memo: React may forget a memo, and what was typed with it. */
export function useHeld<T>(handle: object, field: string, make: () => T): T {
  const makeHeld = () => ({ handle, field, made: make() })
  const [held, hold] = useState(makeHeld)
  if (held.handle === handle && held.field === field) return held.made
  const next = makeHeld()
  hold(next)
  return next.made
}
