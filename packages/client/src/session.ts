/**
 * What the server keeps for this tab over as many sockets as it takes, seen from here: a token.
 *
 * hello with a token ──had none──► keep it
 *                    ──had one───► present it ──answered──► keep the newer one
 *                                             ──refused───► keep the hello's: nothing is kept for us
 *                                             ──busy──────► another socket, a little later
 *
 * What must stay true: the token is presented before anything else is asked, travels in a message and
 * never in an address, and one that was not refused is not given up.
 */

import type { Connection } from './connection.js'
import type { Clock } from './environment.js'
import { type ErrorCode, isPassing, type LiveError } from './error.js'
import { RENEW_MS } from './numbers.js'
import { parseToken } from './protocol.js'

/** What outlives the connection. */
export interface Session {
  /** Whether the open connection belongs to a session, so that it can be taken up again. */
  isActive(): boolean
  /** Why the server did not take it up when this connection was made. */
  refusal(): ErrorCode | undefined
  /** What to present when coming back. */
  token(): string | undefined
}

/** The client's side of it. */
export interface SessionKeeper extends Session {
  /** A connection is open: presents the token, if there is one. */
  opened(): void
  /** Takes the token an earlier page had, or another user's session has; or forgets the one there is. */
  set(token: string | undefined): void
  /** The session that the connection has now has a newer token. */
  renewed(token: string | undefined): void
}

/** A session without a token. `changed` hears of each new one, and of a refusal. */
export function createSession(
  connection: Connection,
  clock: Clock,
  changed: (refusal?: ErrorCode) => void,
): SessionKeeper {
  let token: string | undefined
  /** The token of the session that the connection has: ours, or still the hello's. */
  let given: string | undefined
  let refusal: ErrorCode | undefined
  /** Times in a row that the server had no time for us. */
  let tries = 0
  let cancelRenewal: (() => void) | undefined

  function keep(next: string | undefined): void {
    token = given = next ?? token
    tries = 0
    changed(refusal)
    cancelRenewal?.()
    cancelRenewal = clock.after(RENEW_MS, renew)
  }

  function renew(): void {
    // On a connection that is lost meanwhile the token is presented again anyway.
    if (connection.status() === 'open') present(() => keep(undefined))
  }

  function present(failed: (error: LiveError) => void): void {
    connection.ask(
      { type: 'SESSION_RESUME', payload: { token: token ?? '' } },
      {
        answered: (result) => keep(parseToken(result)),
        failed,
      },
    )
  }

  return {
    isActive: () => given !== undefined,
    refusal: () => refusal,
    token: () => token,
    set(next) {
      token = next
    },
    renewed(next) {
      if (next === undefined) return
      // Ours was presented and not answered yet: it may still be refused.
      if (token === given) keep(next)
      else given = next
    },
    opened() {
      given = connection.hello()?.token
      refusal = undefined
      if (!given) return
      if (!token) {
        keep(given)
      } else {
        present((error) => {
          const { code } = error
          if (isPassing(error) || code === 'TIMEOUT') {
            connection.retry(tries++)
          } else if (connection.status() === 'open') {
            refusal = code
            keep(given)
          }
        })
      }
    },
  }
}
