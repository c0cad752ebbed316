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
  spend(): void
}

/** A full bucket, as a new connection has it. */
export function pace(rate: number, burst: number, start: number): Pace {
  const perMs = (rate * RATE_SHARE) / 1000
  const most = Math.max(1, Math.floor(burst * BURST_SHARE))
  let tokens = most
  let filledAt = start
  return {
    take(now) {
      if (rate === 0) return 0
      tokens = Math.min(most, tokens + (now - filledAt) * perMs)
      filledAt = now
      // A timer may fire a hair early; a millionth of a token is not worth another one.
      if (tokens < 1 - 1e-6) return Math.ceil((1 - tokens) / perMs)
      tokens -= 1
      return 0
    },
    spend() {
      tokens -= 1
    },
  }
}
