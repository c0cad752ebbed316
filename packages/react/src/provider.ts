/**
 * Hands a client down the tree. Everything else in this package begins by asking for it here.
 */

import type { LiveClient } from '@fluxstack/client'
import { type ComponentType, createContext, type ReactNode, useContext } from 'react'

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
