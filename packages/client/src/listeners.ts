/**
 * A set of listeners that cannot hurt each other or their caller.
 *
 * A listener is application code. If it throws, the others still hear, the frame is still read, and the
 * error surfaces as an uncaught one, where error reporting looks for it.
 */
export interface Listeners<A extends readonly unknown[]> {
  /** How many listen. */
  size(): number
  /** Adds a listener; the same function twice counts as two. Returns how to leave. */
  add(listener: (...args: A) => void): () => void
  /** Tells everyone who listens now. */
  tell(...args: A): void
}

/** An empty set of listeners. */
export function listeners<A extends readonly unknown[]>(): Listeners<A> {
  const all = new Set<(...args: A) => void>()
  return {
    size: () => all.size,
    add(listener) {
      const own = (...args: A): void => listener(...args)
      all.add(own)
      return () => all.delete(own)
    },
    tell(...args) {
      for (const listener of [...all]) {
        try {
          listener(...args)
        } catch (error) {
          queueMicrotask(() => {
            throw error
          })
        }
      }
    },
  }
}
