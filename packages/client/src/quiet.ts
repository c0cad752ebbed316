/**
 * Nobody looks at a hidden page, so the server is asked to tell it nothing until it is seen again: then it
 * says in one go what has changed. Answers come all the same, with the state that belongs to them.
 */

import type { Connection } from './connection.js'
import type { Clock, Page } from './environment.js'

/** A page that is hidden for less, in ms, is not worth it. */
const PATIENCE_MS = 5000

/** Begins to watch the page. Call what it returns when a connection is open: it knows nothing of earlier ones. */
export function quieten(connection: Connection, clock: Clock, page: Page): () => void {
  let isQuiet = false
  let cancel = (): void => undefined

  function say(on: boolean): void {
    const caps = connection.hello()?.caps
    if (isQuiet === on || !Array.isArray(caps) || !caps.includes('quiet')) return
    isQuiet = on
    connection.ask({ type: 'QUIET', payload: { on } })
  }

  function look(): void {
    cancel()
    if (connection.status() !== 'open') return
    if (page.visible) say(false)
    else cancel = clock.after(PATIENCE_MS, () => connection.status() === 'open' && say(true))
  }

  page.watch(look)
  return () => {
    isQuiet = false
    look()
  }
}
