/**
 * What a component shows, hears and misses, written to the console. An entry point of its own, because nobody
 * ships it.
 *
 * Whatever `useLive` or `useLiveSuspense` gives can be looked at, also what a component was handed by another.
 */

import type { ComponentShape, LiveHandle } from '@fluxstack/client'
import { useEffect } from 'react'

/**
 * Writes every change of view, every event, every gap between events and every return to the console, under
 * `name`. Nothing is written where there is nothing to look at, so it may be given what is only there sometimes.
 *
 * @example
 * const counter = useLive(Counter, { props: { count: 5 } })
 * useDebug(import.meta.env.DEV && counter, 'Counter')
 */
export function useDebug<C extends ComponentShape>(
  live: { readonly handle: LiveHandle<C> } | false | undefined,
  name = 'live',
): void {
  const handle = live ? live.handle : undefined
  useEffect(() => {
    if (!handle) return
    const about = `[fluxstack] ${name} ${handle.componentId}`
    const ways = (['subscribe', 'on', 'onMissed', 'onResume'] as const).map((what) =>
      handle[what]((...told: unknown[]) => console.debug(about, what, ...told)),
    )
    return () => {
      for (const leave of ways) leave()
    }
  }, [name, handle])
}
