/**
 * No more renders than the screen shows frames.
 *
 * The first change is heard at once, and what follows before the next frame is heard there, together. What the
 * user does is heard at once always: an input must show a letter before the next one is typed. A page that is
 * hidden has no frames and hears everything at once: it may have a title to keep.
 */

import type { ComponentShape, LiveHandle } from '@fluxstack/client'

interface Frames {
  /** Whether React is told of by a test, which looks at once at what it did. */
  readonly IS_REACT_ACT_ENVIRONMENT?: boolean
  readonly requestAnimationFrame?: (then: () => void) => unknown
  readonly document?: { readonly hidden: boolean }
}

/** How to subscribe to a handle. */
export function perFrame<C extends ComponentShape>(
  handle: LiveHandle<C>,
): (listener: () => void) => () => void {
  return (listener) => {
    const page = globalThis as Frames
    let isWaiting = false
    let isMissed = false
    let { pending } = handle

    function tell(): void {
      isMissed = false
      listener()
      if (isWaiting || page.IS_REACT_ACT_ENVIRONMENT || !page.requestAnimationFrame) return
      isWaiting = true
      page.requestAnimationFrame(() => {
        isWaiting = false
        if (isMissed) tell()
      })
    }

    return handle.subscribe((view, previous) => {
      const isOwn = handle.pending > pending
      pending = handle.pending
      isMissed = isWaiting && !page.document?.hidden && !isOwn && view.status === previous.status
      if (!isMissed) tell()
    })
  }
}
