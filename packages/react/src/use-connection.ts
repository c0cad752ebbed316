/**
 * The connection, for status lines and "you are offline" banners.
 */

import type { ConnectionStatus, LiveStats } from '@fluxstack/client'
import { useMemo, useSyncExternalStore } from 'react'
import { useLiveClient } from './provider.js'

/** The connection as of this render. */
export interface ConnectionView {
  readonly status: ConnectionStatus
  /** Whether the connection is open. */
  readonly connected: boolean
  /** Round trip of the last ping, in ms. */
  readonly latency: number | undefined
  /** The server is newer than this page: load it anew at a good moment. */
  readonly outdated: boolean
  /** Everything that is counted. */
  readonly stats: LiveStats
}

/**
 * Shows the connection. Re-renders at once when its status changes, and a few times a second while
 * numbers do: put it into a small component.
 *
 * @example
 * const { connected, latency } = useConnection()
 * return connected ? <small>{latency} ms</small> : <strong>reconnecting…</strong>
 */
export function useConnection(): ConnectionView {
  const client = useLiveClient()
  const stats = useSyncExternalStore(client.subscribeStats, client.getStats, client.getStats)
  return useMemo(() => {
    const { status, latency, outdated } = stats
    return { status, connected: status === 'open', latency, outdated, stats }
  }, [stats])
}
