/**
 * Hands a client down the tree, and shows what it knows: the connection, for status lines and "you are offline"
 * banners, and who is at this end of it. Everything else in this package begins by asking for it here.
 */

import type { ConnectionStatus, LiveClient } from '@fluxstack/client'
import { type ComponentType, createContext, type ReactNode, useContext, useSyncExternalStore } from 'react'

const LiveContext = createContext<LiveClient | undefined>(undefined)

/**
 * Gives the components below it a client.
 *
 * @example
 * const client = createLiveClient()
 * createRoot(root).render(<LiveProvider value={client}><App /></LiveProvider>)
 */
export const LiveProvider: ComponentType<{ readonly value: LiveClient; readonly children?: ReactNode }> =
  // A context is a component, which takes a client among other things.
  LiveContext as unknown as ComponentType<{ readonly value: LiveClient; readonly children?: ReactNode }>

/**
 * The client of the nearest {@link LiveProvider}.
 *
 * @example
 * const client = useLiveClient()
 * useEffect(() => client.connect(), [client])
 */
export function useLiveClient(): LiveClient {
  const client = useContext(LiveContext)
  if (!client) throw new Error('no <LiveProvider value={client}> above')
  return client
}

/** The connection as of this render. */
export interface ConnectionView {
  readonly status: ConnectionStatus
  /** Whether the connection is open. */
  readonly connected: boolean
  /** The server is newer than this page: load it anew at a good moment. */
  readonly outdated: boolean
}

/**
 * Shows the connection. Re-renders when its status changes. What it costs is counted by those who ask for
 * it: `liveStats` of `@fluxstack/client/stats`.
 *
 * @example
 * const { connected } = useConnection()
 * return connected ? null : <strong>reconnecting…</strong>
 */
export function useConnection(): ConnectionView {
  const { subscribeStatus, getStatus, isOutdated } = useLiveClient()
  const status = useSyncExternalStore(subscribeStatus, getStatus, getStatus)
  const outdated = useSyncExternalStore(subscribeStatus, isOutdated, isOutdated)
  return { status, connected: status === 'open', outdated }
}

/**
 * The signed-in user, by the server's word for them; undefined if nobody is. Re-renders when it is another.
 *
 * @example
 * const user = useUser()
 * return user === undefined ? <SignIn /> : <p>Hello {user}</p>
 */
export function useUser(): string | undefined {
  const { subscribeStatus, getUser } = useLiveClient()
  return useSyncExternalStore(subscribeStatus, getUser, getUser)
}
