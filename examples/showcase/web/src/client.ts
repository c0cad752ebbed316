/** The page's one connection. */

import { createLiveClient, type LiveClient } from '@fluxstack/client'
import { useSyncExternalStore } from 'react'
import { wireTap } from './wire-tap'

export const tap = wireTap()

export const client: LiveClient = createLiveClient({ createSocket: tap.createSocket })

/** Where the connection is, in the page's words. */
export type Phase = 'connecting' | 'live' | 'reconnecting' | 'closed'

function phase(): Phase {
  const status = client.getStatus()
  if (status === 'open') return 'live'
  if (status === 'closed') return 'closed'
  return client.getStats().bytesIn > 0 ? 'reconnecting' : 'connecting'
}

/** Re-renders when the phase changes, and for nothing else. */
export function usePhase(): Phase {
  return useSyncExternalStore(client.subscribeStatus, phase)
}
