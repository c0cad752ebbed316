/** Who looks at this page: the name they chose, and whether they signed in with it. */

import { useUser } from '@fluxstack/react'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { told } from './toasts'

const NAME = 'name'
const SIGNED_IN = 'signed-in'

/** As many as the server takes. */
export const LONGEST_NAME = 24

const listeners = new Set<() => void>()
// So that a visitor who never chooses has a name all the same, and keeps it.
let name = localStorage.getItem(NAME) ?? `Guest-${Math.floor(100 + Math.random() * 900)}`

export function callMe(chosen: string): void {
  name = chosen
  localStorage.setItem(NAME, chosen)
  for (const listener of listeners) listener()
}

/** The name as it was chosen, which is what others see as long as nobody is signed in. */
export function useName(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    () => name,
  )
}

/** Remembers for this tab that the visitor is signed in, so that a reload need not ask again. */
export function rememberSignedIn(is: boolean): void {
  if (is) sessionStorage.setItem(SIGNED_IN, name)
  else sessionStorage.removeItem(SIGNED_IN)
}

/** What the client tells the server at every connection. An application would have a token here. */
export function credentials(): { readonly name: string } | undefined {
  const signedInAs = sessionStorage.getItem(SIGNED_IN)
  return signedInAs === null ? undefined : { name: signedInAs }
}

/** As much of a live component as it takes to say there who one is. */
interface Place {
  readonly status: string
  readonly call: { introduce(args: { name: string }): Promise<string> }
}

/** Says who is here whenever the place is there anew, or the visitor is somebody else. Brings their key. */
export function useIntroduction({ status, call }: Place): string | undefined {
  const name = useName()
  const user = useUser()
  const [key, know] = useState<string>()
  useEffect(() => {
    if (status !== 'live') return undefined
    let isLatest = true
    told(call.introduce({ name: user ?? name }).then((key) => isLatest && know(key)))
    return () => {
      isLatest = false
    }
  }, [status, call, user, name])
  return key
}
