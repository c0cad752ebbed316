/**
 * Who is signed in.
 */

import { useSyncExternalStore } from 'react'
import { useLiveClient } from './provider.js'

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
