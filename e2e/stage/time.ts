/** How soon something is, as the page sees it: with what the product takes, and not what the machine adds. */

import type { Page } from 'playwright-core'

/** How often something is tried that took too long. */
const TRIES = 3

/**
 * How long something takes, in ms, when nothing is in its way: the least of a few tries, of which there is a second only if
 * the first took as long as `within`. A machine that is busy can make any one of them longer, and none shorter; what
 * the product itself waits for it waits for each time.
 */
export async function least(within: number, take: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < TRIES && least >= within; tries += 1) least = Math.min(least, await take())
  return least
}

/**
 * Looks at the clock of the page. What it brings says how many ms later the connection had that status, and the
 * first counter with it; by the same clock, so that nobody who asks late makes it longer.
 */
export async function timeUntil(page: Page, status: 'live' | 'reconnecting'): Promise<() => Promise<number>> {
  const took = await page.evaluateHandle((wanted) => {
    const began = performance.now()
    const ofCounter = wanted === 'live' ? 'live' : 'stale'
    const isThere = (): boolean =>
      document.querySelector<HTMLElement>('[data-testid=status]')?.dataset.status === wanted &&
      document.querySelector<HTMLElement>('[data-testid=counter]')?.dataset.status === ofCounter
    const took = new Promise<number>((resolve) => {
      const watch = new MutationObserver(() => {
        if (!isThere()) return
        watch.disconnect()
        resolve(performance.now() - began)
      })
      watch.observe(document.body, { attributes: true, subtree: true, attributeFilter: ['data-status'] })
    })
    // Not waited for, as a promise by itself would be.
    return { took }
  }, status)
  return () => took.evaluate(({ took }) => took)
}
