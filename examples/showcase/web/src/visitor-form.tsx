/** Where the visitor says who they are, and signs in: with a name alone, because this is a demonstration. */

import { LiveError } from '@fluxstack/client'
import { authenticate } from '@fluxstack/client/sign-in'
import { useLiveClient, useUser } from '@fluxstack/react'
import { type FormEvent, useId, useState } from 'react'
import { announce } from './toasts'
import { callMe, LONGEST_NAME, rememberSignedIn, useName } from './visitor'

export function VisitorForm() {
  const client = useLiveClient()
  const user = useUser()
  const name = useName()
  const [typed, type] = useState(name)
  const id = useId()

  function choose(): boolean {
    const chosen = typed.trim()
    type(chosen === '' ? name : chosen)
    if (chosen !== '') callMe(chosen)
    return chosen !== ''
  }

  async function signIn(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (!choose()) return
    try {
      await authenticate(client, { name: typed.trim() })
      rememberSignedIn(true)
    } catch (cause) {
      announce(cause instanceof LiveError ? cause.message : String(cause), 'bad')
    }
  }

  function signOut(): void {
    rememberSignedIn(false)
    client.signOut()
    announce('Signed out. What was mounted was yours, so all of it begins anew.')
  }

  return (
    <form className="visitor" onSubmit={(event) => void signIn(event)}>
      <label htmlFor={id}>Your name</label>
      <input
        id={id}
        type="text"
        value={user ?? typed}
        maxLength={LONGEST_NAME}
        disabled={user !== undefined}
        autoComplete="off"
        aria-describedby={`${id}-about`}
        onChange={(event) => type(event.target.value)}
        onBlur={choose}
        data-testid="visitor-name"
      />
      {user === undefined ? (
        <button key="in" type="submit" data-testid="sign-in">
          Sign in
        </button>
      ) : (
        // Another button, not the same with another type: the click that signs out would submit the form after all.
        <button key="out" type="button" onClick={signOut} data-testid="sign-out">
          Sign out
        </button>
      )}
      <p id={`${id}-about`} className="hint" aria-live="polite" data-testid="visitor-about">
        {user === undefined ? (
          <>
            Signing in proves nothing here: anybody may be anybody. Whoever is <code>admin</code> may do what
            moderators may.
          </>
        ) : (
          <>
            Signed in as <strong>{user}</strong>, until this tab is closed.
          </>
        )}
      </p>
    </form>
  )
}
