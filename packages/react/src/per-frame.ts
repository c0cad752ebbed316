/**
 * No more renders than the screen shows frames.
 *
 * The first change is heard at once, and what follows before the next frame is heard there, together. What the
 * user does is heard at once always: an input must show a letter before the next one is typed. A page that is
 * hidden has no frames, so it renders again when it is seen.
 */

import type { ComponentShape, LiveHandle } from '@fluxstack/client'

/** Subscribes like the handle does. Tests that declare themselves to React hear everything at once. */
export function subscribePerFrame<C extends ComponentShape>(
  handle: LiveHandle<C>,
  listener: () => void,
): () => void {
  let frame = 0
  let isMissed = false
  let { pending } = handle

  function tell(): void {
    isMissed = false
    listener()
    const { IS_REACT_ACT_ENVIRONMENT: isTest, requestAnimationFrame } = globalThis as {
      IS_REACT_ACT_ENVIRONMENT?: boolean
      requestAnimationFrame?: (then: () => void) => number
    }
    if (!isTest && requestAnimationFrame) frame ||= requestAnimationFrame(next)
  }

  function next(): void {
    frame = 0
    if (isMissed) tell()
  }

  const leave = handle.subscribe((view, previous) => {
    const isOwn = handle.pending > pending
    pending = handle.pending
    if (frame && !isOwn && view.status === previous.status) isMissed = true
    else tell()
  })
  return () => {
    leave()
    if (frame) cancelAnimationFrame(frame)
  }
}
