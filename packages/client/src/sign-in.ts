/**
 * Who is signed in, and how the server comes to know.
 *
 * hello ──no credentials───► whoever it names
 *       ──credentials──AUTH──► answered: whoever that names; refused: still whoever the hello named
 *
 * What must stay true: credentials are said before anything else, and what follows does not wait for their
 * answer, because the server makes it wait. They are kept in memory only. Credentials that are refused are
 * told of and not tried again before the next connection.
 */

import type { Connection } from './connection.js'
import type { LiveError } from './error.js'
import { type Credentials, fieldsOf, parseText } from './protocol.js'

type Maybe = Credentials | null | undefined

/** Credentials, or who has them: asked at every connection, and free to say that there are none. */
export type Auth = Credentials | (() => Maybe | Promise<Maybe>)

/** Whoever has to know what came of it. */
export interface SignInEvents {
  /** Somebody else is here, or nobody any more. */
  changed(): void
  /** Credentials were good. `changed`: what this connection had mounted before was somebody else's, and is gone. */
  signedIn(token: string | undefined, changed: boolean): void
  /** The credentials of the page were not. */
  refused(error: LiveError): void
}

/** Who is signed in. */
export interface SignIn {
  readonly getUser: () => string | undefined
  readonly authenticate: (credentials: Credentials) => Promise<string | undefined>
  /** A connection is open: says who is there, then does what is to come after. */
  opened(then: () => void): void
  /** Nobody is here any more. */
  forget(): void
}

/** Nobody yet. */
export function createSignIn(connection: Connection, auth: Auth | undefined, events: SignInEvents): SignIn {
  let user: string | undefined
  /** What the next connection says, if there is nobody to be asked. */
  let said = typeof auth === 'function' ? undefined : auth

  function show(next: string | undefined): void {
    if (user === next) return
    user = next
    events.changed()
  }

  function ask(payload: Credentials, isFirst?: boolean): Promise<void> {
    return new Promise((resolve, reject) =>
      connection.ask(
        { type: 'AUTH', payload },
        {
          answered(result) {
            const { userId, token, changed } = fieldsOf(result)
            show(parseText(userId))
            // On a new connection nothing had been mounted yet.
            events.signedIn(parseText(token), changed === true && !isFirst)
            resolve()
          },
          failed(error) {
            if (isFirst) events.refused(error)
            reject(error)
          },
        },
      ),
    )
  }

  return {
    getUser: () => user,
    async authenticate(credentials) {
      await ask(credentials)
      // The next connection has to say so again.
      said = credentials
      return user
    },
    opened(then) {
      const hello = connection.hello()
      // The connection may be another one by now.
      const isHere = (): boolean => connection.hello() === hello && connection.status() === 'open'
      const say = (credentials?: Maybe): void => {
        if (!isHere()) return
        if (credentials) ask(credentials, true).catch(() => isHere() && show(hello?.user))
        else show(hello?.user)
        then()
      }
      if (typeof auth !== 'function') {
        say(said)
        return
      }
      Promise.resolve()
        .then(auth)
        .then(say, (cause: unknown) => {
          console.error('[fluxstack] no auth:', cause)
          say()
        })
    },
    forget() {
      said = undefined
      show(undefined)
    },
  }
}
