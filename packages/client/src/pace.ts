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

export class Pace {
  private tokens: number
  private filledAt: number
  private readonly perMs: number
  private readonly most: number

  constructor(rate: number, burst: number, now: number) {
    this.perMs = rate === 0 ? Number.POSITIVE_INFINITY : (rate * RATE_SHARE) / 1000
    this.most = Math.max(1, Math.floor(burst * BURST_SHARE))
    this.tokens = this.most
    this.filledAt = now
  }

  /** Takes leave for one message. Returns 0, or how many ms to wait before asking again. */
  take(now: number): number {
    if (this.perMs === Number.POSITIVE_INFINITY) return 0
    this.tokens = Math.min(this.most, this.tokens + (now - this.filledAt) * this.perMs)
    this.filledAt = now
    // A timer may fire a hair early; a millionth of a token is not worth another one.
    if (this.tokens < 1 - 1e-6) return Math.max(1, Math.ceil((1 - this.tokens) / this.perMs))
    this.tokens -= 1
    return 0
  }

  /** Accounts for a message that could not wait. */
  spend(): void {
    this.tokens -= 1
  }
}
