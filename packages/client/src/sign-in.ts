/**
 * Signing in with credentials that the page has: a token, a password, whatever the server's application takes.
 *
 * hello ──no credentials───► whoever it names
 *       ──credentials──AUTH──► answered: whoever that names; refused: still whoever the hello named
 *
 * An entry point of its own: a page whose server knows it by a cookie has nothing to say. What must stay true:
 * credentials are said before anything else, and what follows does not wait for their answer, because the server
 * makes it wait. They are kept in memory only. Credentials that are refused are told of and not tried again
 * before the next connection.
 */

import type { LiveClient } from './client.js'
import type { Auth, SignIn } from './door.js'
import { LiveError } from './error.js'
import { portOf } from './inside.js'
import { type Credentials, fieldsOf, parseText } from './protocol.js'

type Maybe = Credentials | null | undefined

/**
 * Credentials for `createLiveClient`, or who has them: asked at every connection, and free to say that there are
 * none. Without either, nobody is signed in before {@link authenticate}.
 *
 * @example
 * const client = createLiveClient({ auth: signIn(async () => ({ token: await freshToken() })) })
 */
export function signIn(given?: Credentials | (() => Maybe | Promise<Maybe>)): Auth {
  return (connection, { show, signedIn, refused }): SignIn => {
    /** What the next connection says, if there is nobody to be asked. */
    let said = typeof given === 'function' ? undefined : given

    function ask(payload: Credentials, isFirst?: boolean): Promise<string | undefined> {
      return new Promise((resolve, reject) =>
        connection.ask(
          { type: 'AUTH', payload },
          {
            answered(result) {
              const { userId, token, changed } = fieldsOf(result)
              const user = parseText(userId)
              show(user)
              // On a new connection nothing had been mounted yet.
              signedIn(parseText(token), changed === true && !isFirst)
              resolve(user)
            },
            failed(error) {
              if (isFirst) refused(error)
              reject(error)
            },
          },
        ),
      )
    }

    return {
      async authenticate(credentials) {
        const user = await ask(credentials)
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
        if (typeof given !== 'function') {
          say(said)
          return
        }
        Promise.resolve()
          .then(given)
          .then(say, (cause: unknown) => {
            console.error('[fluxstack] no auth:', cause)
            say()
          })
      },
      forget() {
        said = undefined
      },
    }
  }
}

/**
 * Signs somebody in, and says who it is; empty credentials sign out. What is mounted stays if it was nobody's,
 * and is mounted afresh if it was somebody else's. Rejects with `AUTH_FAILED` or `AUTH_THROTTLED` if the
 * server does not take them, and then nothing has changed; with `AUTH_FAILED`, too, if the client was made
 * without `auth`.
 *
 * @example
 * const client = createLiveClient({ auth: signIn() })
 * const user = await authenticate(client, { token })
 */
export async function authenticate(
  client: LiveClient,
  credentials: Credentials,
): Promise<string | undefined> {
  const { signIn: mine } = portOf(client)
  if (!mine)
    throw new LiveError('AUTH_FAILED', 'give the client `auth: signIn()` to sign in with credentials')
  client.connect()
  return mine.authenticate(credentials)
}
