/**
 * Says where a pointer is, as often as makes sense: once a frame, and not before the last time was answered.
 *
 * What a slow connection has no time for is left out, so that nothing queues up and the last place is always
 * said.
 */

import type { Calls } from '@fluxstack/client'
import type { Cursor, CursorsShape } from './live.gen'

export interface Pointing {
  /** The pointer is there now. */
  readonly to: (place: Cursor) => void
  /** The pointer is elsewhere. */
  readonly away: () => void
}

export function pointing(call: Calls<CursorsShape>): Pointing {
  let wanted: Cursor | 'away' | undefined
  let isWaiting = false
  let isDue = false

  function say(): void {
    isDue = false
    if (wanted === undefined) return
    const place = wanted
    wanted = undefined
    isWaiting = true
    const answered = (): void => {
      isWaiting = false
      next()
    }
    const said = place === 'away' ? call.lift() : call.point(place)
    // Whatever became of it, there will be another place to say.
    said.then(answered, answered)
  }

  function next(place = wanted): void {
    wanted = place
    if (wanted === undefined || isWaiting || isDue) return
    isDue = true
    requestAnimationFrame(say)
  }

  return { to: next, away: () => next('away') }
}
