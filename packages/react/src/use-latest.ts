/**
 * What effects call without being run again for it.
 */

import { useCallback, useEffect, useRef } from 'react'

/** A function that stays the same and does what the last committed one does. */
export function useLatest<A extends readonly unknown[], R>(latest: (...args: A) => R): (...args: A) => R {
  const ref = useRef(latest)
  useEffect(() => {
    ref.current = latest
  })
  return useCallback((...args: A) => ref.current(...args), [])
}
