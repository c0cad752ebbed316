/**
 * Time that stands still until a test moves it.
 */

import type { Clock } from './environment.js'

/** A clock in the hand of a test. */
export interface FakeClock extends Clock {
  /** Moves on, ringing what is due on the way, with time for everybody to say what there is to say after each. */
  advance(ms: number): Promise<void>
  /** How many alarms are set. */
  readonly pending: number
}

/** More rounds of microtasks than what follows an alarm takes. */
const ROUNDS = 60

/**
 * A clock that shows 0.
 *
 * @example
 * const clock = fakeClock()
 * const server = fakeServer({ clock }).mounted(Counter, { count: 0 })
 * server.latency(200)
 * server.client.live(Counter, { props: { count: 0 } }).subscribe(() => undefined)
 * await clock.advance(400) // the connection, then the mount
 */
export function fakeClock(): FakeClock {
  let time = 0
  let alarms: { readonly at: number; readonly then: () => void }[] = []

  async function rest(): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) await undefined
  }

  return {
    now: () => time,
    after(ms, then) {
      // Whole ms, like a browser's: what is added up of fractions may never be what it should be.
      const alarm = { at: time + Math.ceil(ms), then }
      alarms.push(alarm)
      return () => {
        alarms = alarms.filter((other) => other !== alarm)
      }
    },
    async advance(ms) {
      const end = time + ms
      for (;;) {
        await rest()
        const due = alarms.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (!due) break
        time = Math.max(time, due.at)
        alarms = alarms.filter((other) => other !== due)
        due.then()
      }
      time = end
      await rest()
    },
    get pending() {
      return alarms.length
    },
  }
}
