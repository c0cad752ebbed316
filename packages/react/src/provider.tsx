/**
 * Hands a client down the tree. Everything else in this package begins by asking for it here.
 */

import type { LiveClient } from '@fluxstack/client'
import { createContext, type ReactNode, useContext } from 'react'

const LiveContext = createContext<LiveClient | undefined>(undefined)

/**
 * Gives the components below it a client.
 *
 * @example
 * const client = createLiveClient()
 * createRoot(root).render(<LiveProvider value={client}><App /></LiveProvider>)
 */
export function LiveProvider(props: {
  readonly value: LiveClient
  readonly children?: ReactNode
}): ReactNode {
  return <LiveContext value={props.value}>{props.children}</LiveContext>
}

/**
 * The client of the nearest {@link LiveProvider}.
 *
 * @example
 * const client = useLiveClient()
 * useEffect(() => client.connect(), [client])
 */
export function useLiveClient(): LiveClient {
  const client = useContext(LiveContext)
  if (!client)
    throw new Error('there is no client here: put <LiveProvider value={client}> above this component')
  return client
}
