/** Counts the rows that one change rendered, so that the list can say it. */

export interface Census {
  /** A row was rendered. */
  readonly count: () => void
  /** React is done with all of them. What they were rendered for was a change of the list, or was not. */
  readonly done: (wasChange: boolean) => void
  /** How many rows the last change rendered. */
  readonly last: () => number
  readonly subscribe: (listener: () => void) => () => void
}

export function census(): Census {
  const listeners = new Set<() => void>()
  let counting = 0
  let last = 0
  return {
    count() {
      counting += 1
    },
    done(wasChange) {
      if (wasChange) last = counting
      counting = 0
      for (const listener of listeners) listener()
    },
    last: () => last,
    subscribe(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
