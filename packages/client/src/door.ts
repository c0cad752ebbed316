/**
 * The door for whoever signs in with credentials; what stands in it is `sign-in.ts`, an entry of its own.
 */

import type { Connection } from './connection.js'
import type { LiveError } from './error.js'
import type { Credentials } from './protocol.js'

/** Whoever has to know what came of it. */
export interface SignInEvents {
  /** This is who is here, by the server's word. */
  show(user: string | undefined): void
  /** Credentials were good. `changed`: what this connection had mounted before was somebody else's, and is gone. */
  signedIn(token: string | undefined, changed: boolean): void
  /** The credentials of the page were not. */
  refused(error: LiveError): void
}

/** Signs in. */
export interface SignIn {
  /** Says credentials, now and on every connection from now on. */
  authenticate(credentials: Credentials): Promise<string | undefined>
  /** A connection is open: says who is there, then does what is to come after. */
  opened(then: () => void): void
  /** Nobody is here any more. */
  forget(): void
}

/** A way to sign in: `signIn()` of `@fluxstack/client/sign-in`. */
export type Auth = (connection: Connection, events: SignInEvents) => SignIn
