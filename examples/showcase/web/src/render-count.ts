/** How often a component was rendered: what this page wants to show about itself. */

import { useRef } from 'react'

/** Counts the calls. Not pure, on purpose: it counts renders, not states. */
export function useRenderCount(): number {
  const count = useRef(0)
  count.current += 1
  return count.current
}
