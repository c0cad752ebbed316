/**
 * Calls that are put off, so that fewer of them are made.
 *
 * Of a series of calls of the same name the last is made, once it was quiet for `debounce` ms or, at the
 * latest, `throttle` ms after the first; with `throttle` alone the first is made at once. All of the series
 * get the answer of the one that is made.
 */

import type { Clock } from './environment.js'

/** A call that may be made. */
interface Call {
  /** Makes it. */
  readonly make: () => Promise<unknown>
  /** Another one was made instead. */
  readonly drop: () => void
}

interface Series {
  call: Call
  /** When it is made at the latest. */
  readonly due: number
  readonly promise: Promise<unknown>
  readonly go: () => void
  cancel: () => void
}

/** The calls of one handle that are put off. */
export interface Delays {
  /** Makes a call, perhaps later. */
  make(name: string, call: Call, debounce: number, throttle: number): Promise<unknown>
  /** Makes all calls that were put off, oldest first. */
  flush(): void
}

/** Nothing is put off. */
export function createDelays(clock: Clock): Delays {
  const series = new Map<string, Series>()
  const madeAt = new Map<string, number>()

  function begin(name: string, call: Call, due: number): Series {
    let go = (): void => undefined
    const promise = new Promise<unknown>((resolve) => {
      go = () => {
        mine.cancel()
        series.delete(name)
        madeAt.set(name, clock.now())
        resolve(mine.call.make())
      }
    })
    const mine: Series = { call, due, promise, go, cancel: () => undefined }
    series.set(name, mine)
    return mine
  }

  return {
    make(name, call, debounce, throttle) {
      const now = clock.now()
      let mine = series.get(name)
      if (mine) {
        mine.call.drop()
        mine.call = call
        if (debounce === 0) return mine.promise
      } else {
        const rest = (madeAt.get(name) ?? -throttle) + throttle
        mine = begin(name, call, debounce && !throttle ? Infinity : debounce ? now + throttle : rest)
      }
      const wait = Math.min(debounce || Infinity, mine.due - now)
      mine.cancel()
      if (wait <= 0) mine.go()
      else mine.cancel = clock.after(wait, mine.go)
      return mine.promise
    },
    flush() {
      for (const { go } of [...series.values()]) go()
    },
  }
}
