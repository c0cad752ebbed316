/** Who types: heard now and then while they do, and forgotten when nothing is heard any more. */

import { useCallback, useEffect, useRef, useState } from 'react'

/** How long somebody types who was heard to, in ms. */
const EXPIRES_MS = 3000
/** How often it is said, in ms: often enough that it does not expire in between. */
const SAID_EVERY_MS = 2000

/** The keys of those who type. */
export interface Typists {
  readonly keys: readonly string[]
  readonly heard: (key: string) => void
  /** They said what they typed. */
  readonly done: (key: string) => void
}

export function useTypists(): Typists {
  const [keys, show] = useState<readonly string[]>([])
  const timers = useRef(new Map<string, ReturnType<typeof setTimeout>>())

  const done = useCallback((key: string) => {
    clearTimeout(timers.current.get(key))
    timers.current.delete(key)
    show((keys) => (keys.includes(key) ? keys.filter((other) => other !== key) : keys))
  }, [])

  const heard = useCallback(
    (key: string) => {
      clearTimeout(timers.current.get(key))
      timers.current.set(
        key,
        setTimeout(() => done(key), EXPIRES_MS),
      )
      show((keys) => (keys.includes(key) ? keys : [...keys, key]))
    },
    [done],
  )

  useEffect(() => {
    const { current } = timers
    return () => {
      for (const timer of current.values()) clearTimeout(timer)
    }
  }, [])

  return { keys, heard, done }
}

/** Says that the visitor types, but not at every key. */
export function sayTyping(say: () => Promise<unknown>): () => void {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - last < SAID_EVERY_MS) return
    last = now
    // If it is not heard, nothing is lost.
    say().catch(() => undefined)
  }
}
