/** The page's one connection, and with `?one` in the address one socket for all tabs. */

import { createLiveClient, type LiveClient } from '@fluxstack/client'
import { oneConnection } from '@fluxstack/client/one-connection'
import { signIn } from '@fluxstack/client/sign-in'
import { liveStats } from '@fluxstack/client/stats'
import { useSyncExternalStore } from 'react'
import { outbox } from './outbox'
import { credentials } from './visitor'
import { wireTap } from './wire-tap'

const shared = new URLSearchParams(location.search).has('one') ? oneConnection() : undefined

export const tap = wireTap(shared?.createSocket)

export const stats = liveStats({ createSocket: tap.createSocket })

export const client: LiveClient = createLiveClient({
  createSocket: stats.createSocket,
  auth: signIn(credentials),
  offline: outbox,
  ...(shared && { page: shared.page }),
})

/** Where the connection is, in the page's words. */
export type Phase = 'connecting' | 'live' | 'reconnecting' | 'closed'

function phase(): Phase {
  const status = client.getStatus()
  if (status === 'open') return 'live'
  if (status === 'closed') return 'closed'
  return stats.get().bytesIn > 0 ? 'reconnecting' : 'connecting'
}

/** Re-renders when the phase changes, and for nothing else. */
export function usePhase(): Phase {
  return useSyncExternalStore(client.subscribeStatus, phase)
}
