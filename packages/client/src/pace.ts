/**
 * How fast this client may speak: the server's token bucket, seen from here.
 *
 * The network delays messages unevenly, so what left in good order may arrive in a heap. Therefore the
 * client allows itself a little less than the server does; the slack is what keeps a patient client from
 * ever being refused.
 */

/** The part of the server's `burst` used at once. */
const BURST_SHARE = 0.8
/** The part of the server's `rate` used for long. */
const RATE_SHARE = 0.95

/** Leave to speak. */
export interface Pace {
  /** Takes leave for one message. Returns 0, or how many ms to wait before asking again. */
  take(now: number): number
  /** Accounts for a message that could not wait. */
  spend(now: number): void
}

/** A full bucket, as a new connection has it. A `rate` of 0 is no limit. */
export function pace(rate: number, burst: number): Pace {
  /** How long, in ms, a token takes to come back. */
  const each = rate && 1000 / (rate * RATE_SHARE)
  /** How long the bucket may take to be full again, with room for one token. */
  const most = each * Math.max(0, Math.floor(burst * BURST_SHARE) - 1)
  let fullAt = -Infinity

  function spend(now: number): void {
    fullAt = Math.max(fullAt, now) + each
  }

  return {
    take(now) {
      const wait = fullAt - now - most
      // A timer may fire a hair early; a nanosecond is not worth another one.
      if (wait > 1e-6) return Math.ceil(wait)
      spend(now)
      return 0
    },
    spend,
  }
}
