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
export interface Heartbeat {
  /** Something came. */
  heard(): void
  /** There is reason to doubt: asks at once if the page is `visible`, and nothing any more if it is not. */
  doubt(visible: boolean): void
  stop(): void
}

/** Begins to listen; `ping` asks the server, `dead` is told when it does not answer. */
export function heartbeat(clock: Clock, visible: boolean, ping: () => void, dead: () => void): Heartbeat {
  let cancel: (() => void) | undefined
  let heardAt = clock.now()
  let paused = !visible
  let asked = false

  function alarm(ms: number, then: () => void): void {
    cancel?.()
    cancel = clock.after(ms, then)
  }
  function watch(): void {
    const left = heardAt + IDLE_MS - clock.now()
    if (left > 0 && !paused) alarm(left, watch)
    else probe()
  }
  function judge(ms: number, isFirst: boolean): void {
    const due = clock.now() + ms
    alarm(ms, () => (isFirst && clock.now() - due > LATE_MS ? judge(SECOND_CHANCE_MS, false) : dead()))
  }
  function probe(): void {
    if (paused || asked) return
    asked = true
    judge(ANSWER_MS, true)
    ping()
  }
  function stop(): void {
    cancel?.()
    asked = false
  }

  watch()
  return {
    heard() {
      heardAt = clock.now()
      if (!asked) return
      asked = false
      watch()
    },
    doubt(visible) {
      paused = !visible
      if (paused) stop()
      else probe()
    },
    stop,
  }
}
