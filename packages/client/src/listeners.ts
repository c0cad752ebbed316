/**
 * A set of listeners that cannot hurt each other or their caller.
 *
 * A listener is application code. If it throws, the others still hear, the frame is still read, and the
 * error surfaces as an uncaught one, where error reporting looks for it.
 */
export class Listeners<A extends readonly unknown[]> {
  private readonly all = new Set<(...args: A) => void>()

  get size(): number {
    return this.all.size
  }

  /** Adds a listener; the same function twice counts as two. Returns how to leave. */
  add(listener: (...args: A) => void): () => void {
    const own = (...args: A): void => listener(...args)
    this.all.add(own)
    return () => {
      this.all.delete(own)
    }
  }

  /** Tells everyone who listens now. */
  tell(...args: A): void {
    for (const listener of [...this.all]) {
      try {
        listener(...args)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
