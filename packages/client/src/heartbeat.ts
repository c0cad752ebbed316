/**
 * Notices that a socket is dead although nobody said so.
 *
 * watching ──silence for IDLE──► asked ──silence for ANSWER──► dead
 *    ▲ any frame ──────────────────┘          paused: the page is hidden, nobody looks
 *
 * IDLE + ANSWER is how long a dead socket can go unnoticed while someone looks at the page: 2.5 s. A
 * hidden page asks nothing, its timers are throttled anyway; it asks at once when it is seen again.
 */

import type { Clock } from './environment.js'

/** Silence, in ms, after which we ask whether anybody is there. */
export const IDLE_MS = 1200
/** How long, in ms, an answer may take. */
export const ANSWER_MS = 1300
/** A deadline that fires this much too late, in ms, finds a page that was busy, not a dead socket. */
const LATE_MS = 200
/** What the frames then get, in ms, to be read before the socket is judged. */
const SECOND_CHANCE_MS = 200

/** One per open socket. */
export class Heartbeat {
  private cancel: (() => void) | undefined
  private asked = false
  private heardAt: number
  private paused: boolean

  constructor(
    private readonly clock: Clock,
    visible: boolean,
    private readonly ping: () => void,
    private readonly dead: () => void,
  ) {
    this.heardAt = clock.now()
    this.paused = !visible
    this.watch()
  }

  /** Something came. */
  heard(): void {
    this.heardAt = this.clock.now()
    if (!this.asked) return
    this.asked = false
    this.watch()
  }

  /** Asks now, because there is reason to doubt. */
  probe(): void {
    if (this.paused || this.asked) return
    this.asked = true
    this.await(ANSWER_MS, LATE_MS)
    this.ping()
  }

  pause(): void {
    this.paused = true
    this.stop()
  }

  resume(): void {
    this.paused = false
    this.probe()
  }

  stop(): void {
    this.cancel?.()
    this.cancel = undefined
    this.asked = false
  }

  private watch(): void {
    this.cancel?.()
    if (this.paused) return
    this.cancel = this.clock.after(Math.max(0, this.heardAt + IDLE_MS - this.clock.now()), () => {
      if (this.clock.now() - this.heardAt >= IDLE_MS) this.probe()
      else this.watch()
    })
  }

  private await(ms: number, tolerance: number): void {
    this.cancel?.()
    const due = this.clock.now() + ms
    this.cancel = this.clock.after(ms, () => {
      if (this.clock.now() - due > tolerance) this.await(SECOND_CHANCE_MS, Number.POSITIVE_INFINITY)
      else this.dead()
    })
  }
}
