/**
 * The connection, for status lines and "you are offline" banners, and who is at this end of it.
 */

import type { ConnectionStatus } from '@fluxstack/client'
import { useSyncExternalStore } from 'react'
import { useLiveClient } from './provider.js'

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
