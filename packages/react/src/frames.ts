/**
 * Hears of changes at most once a frame: a list that changes a thousand times a second is drawn sixty times.
 */

interface Frames {
  /** Whether React is told of by a test, which looks at once at what it did. */
  readonly IS_REACT_ACT_ENVIRONMENT?: boolean
  readonly requestAnimationFrame?: (then: () => void) => unknown
}

/** Subscribes like `subscribe`: the first change is heard at once, and what follows before the next frame there. */
export function subscribeFrames(
  subscribe: (listener: () => void) => () => void,
  listener: () => void,
): () => void {
  const page = globalThis as Frames
  let isWaiting = false
  let isMissed = false

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

  return subscribe(() => {
    if (isWaiting) isMissed = true
    else tell()
  })
}
