/**
 * What a page that was rendered on a server begins with.
 *
 * The server mounts what it renders with a client of its own, renders, and writes the states into the page, which
 * shows them until its own instances have theirs. They are another page's instances: what was rendered is a picture.
 */

import type { LiveClient } from '@fluxstack/client'
import { entriesOf, type LiveStates } from './entries.js'

/**
 * The states of everything that was preloaded or rendered with this client. Plain JSON; in a `<script>`, `<` has to be
 * written as `\u003c`.
 *
 * @example
 * const client = createLiveClient({ url: 'ws://localhost:3000/api/live/ws' })
 * await preload(client, Counter, { props: { count: 5 } })
 * const html = renderToString(<LiveProvider value={client}><App /></LiveProvider>)
 * const states = JSON.stringify(dehydrate(client)).replaceAll('<', '\\u003c')
 * client.close()
 */
export function dehydrate(client: LiveClient): LiveStates {
  return entriesOf(client).states()
}

/**
 * Gives a client the states its page was rendered with. Each is shown as `stale` until the component has one of its
 * own, and forgotten then.
 *
 * @example
 * const client = createLiveClient()
 * hydrate(client, JSON.parse(document.getElementById('states')?.textContent ?? '{}'))
 * hydrateRoot(root, <LiveProvider value={client}><App /></LiveProvider>)
 */
export function hydrate(client: LiveClient, states: LiveStates): void {
  entriesOf(client).seed(states)
}
