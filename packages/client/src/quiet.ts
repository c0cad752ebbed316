/**
 * Nobody looks at a hidden page, so the server may be asked to tell it nothing until it is seen again: then it
 * says in one go what has changed. Answers come all the same, with the state that belongs to them.
 *
 * An entry point of its own, because it is not for every page: one that shows a notification, or counts in its
 * title what nobody has read yet, has something to do when nobody looks.
 */

import type { LiveClient } from './client.js'
import { isPassing, type LiveError } from './error.js'
import { portOf } from './inside.js'

/** A page that is hidden for less, in ms, is not worth it. */
const PATIENCE_MS = 5000

/** How a page is made quiet. */
export interface QuietOptions {
  /** How long, in ms, it has to be hidden first. Default 5 s. */
  readonly after?: number
}

/**
 * Tells the server when nobody looks at the page, so that it sends what has changed when somebody does. Returns
 * how to stop. Servers that do not know of it go on as ever.
 *
 * @example
 * const client = createLiveClient()
 * quietWhenHidden(client)
 */
export function quietWhenHidden(client: LiveClient, { after = PATIENCE_MS }: QuietOptions = {}): () => void {
  const port = portOf(client)
  const { page } = port
  /** Which connection was asked to be quiet: the next one knows nothing of it. */
  let quiet: unknown
  let cancel = (): void => undefined

  function say(on: boolean): void {
    const hello = port.hello()
    if (!port.isOpen() || (quiet === hello) === on) return
    if (!Array.isArray(hello?.caps) || !hello.caps.includes('quiet')) return
    quiet = on ? hello : undefined
    const asker = {
      answered: () => undefined,
      failed(error: LiveError) {
        if (!isPassing(error) || port.hello() !== hello) return
        // Nobody may be left in silence because the server had much to do.
        quiet = on ? undefined : hello
        cancel = port.later(0, look)
      },
    }
    port.ask({ type: 'QUIET', payload: { on } }, asker)
  }

  function look(): void {
    cancel()
    if (page.visible) say(false)
    else cancel = port.clock.after(after, () => say(!page.visible))
  }

  const ways = [page.watch(look), client.subscribeStatus(look)]
  look()
  return () => {
    cancel()
    say(false)
    for (const leave of ways) leave()
  }
}
