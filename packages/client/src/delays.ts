/**
 * Calls that are put off, so that fewer of them are made.
 *
 * Of a series of calls of one action the last is made, once it was quiet for `debounce` ms or, at the latest,
 * `throttle` ms after the first; with `throttle` alone the first is made at once. All of the series get the
 * answer of the one that is made. What is not put off lets everything go first that is, so that the order stays.
 */

import type { Clock } from './environment.js'
import type { Inside } from './inside.js'
import type { Guess } from './optimistic.js'
import type { CallBody } from './protocol.js'

interface Series {
  body: CallBody
  guess: Guess | undefined
  /** When it is made at the latest. */
  readonly due: number
  answer: Promise<unknown>
  go: () => void
  cancel?: () => void
}

/** The calls of one handle that are put off. */
export interface Delays {
  /** Makes a call now, after those that were put off. */
  readonly call: Inside['call']
  /** Makes a call, perhaps later. `name` is that of its series. */
  make(body: CallBody, name: string, debounce: number, throttle: number): Promise<unknown>
  /** Makes all calls that were put off, oldest first. */
  flush(): void
}

/** Nothing is put off. */
export function createDelays(clock: Clock, inside: Pick<Inside, 'call' | 'guess'>): Delays {
  const all = new Map<string, Series>()
  const madeAt = new Map<string, number>()

  function begin(name: string, due: number): Series {
    // What is missing follows: when it is made, its answer and its guess.
    const mine = { due } as Series
    mine.answer = new Promise((resolve) => {
      mine.go = () => {
        mine.cancel?.()
        all.delete(name)
        madeAt.set(name, clock.now())
        resolve(inside.call(mine.body, { guess: mine.guess }))
      }
    })
    all.set(name, mine)
    return mine
  }

  function flush(): void {
    for (const { go } of [...all.values()]) go()
  }

  const delays: Delays = {
    flush,
    call(body, options) {
      flush()
      return inside.call(body, options)
    },
    make(body, name, debounce, throttle) {
      if (!debounce && !throttle) return delays.call(body)
      // It is written down now: changing an argument afterwards changes nothing.
      const written = JSON.parse(JSON.stringify(body)) as CallBody
      const now = clock.now()
      const last = (madeAt.get(name) ?? -throttle) + throttle
      const mine = all.get(name) ?? begin(name, debounce ? now + (throttle || Infinity) : last)
      mine.cancel?.()
      mine.guess?.settle(undefined, true)
      mine.body = written
      mine.guess = inside.guess(written)
      const wait = Math.min(debounce || Infinity, mine.due - now)
      if (wait > 0) mine.cancel = clock.after(wait, mine.go)
      else mine.go()
      return mine.answer
    },
  }
  return delays
}
