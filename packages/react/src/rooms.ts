/**
 * A room, as a component of the page uses it. An entry point of its own, like that of the client.
 *
 * Whoever uses a room holds it, and the last one to let go leaves it: a moment later, because strict mode
 * lets go and takes hold again at once.
 */

import type { ComponentShape, LiveError, LiveHandle } from '@fluxstack/client'
import { type Room, room } from '@fluxstack/client/rooms'
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { useLatest } from './use-latest.js'

/** What `useRoom` takes. */
export interface RoomOptions<E> {
  /** Whether to join while this is shown. Default true; `false` for rooms the component takes its clients into. */
  readonly join?: boolean | undefined
  /** How many of the events before joining are wanted. */
  readonly history?: number | undefined
  /** Hears the events. */
  readonly onEvent?: (event: E) => void
  /** Hears how many events were missed; `undefined` if nobody can say. */
  readonly onMissed?: (count: number | undefined) => void
}

/** What `useRoom` gives. */
export interface LiveRoom<E> {
  /** Whether the instance is in the room. */
  readonly joined: boolean
  /** What was said before it was joined, as much as was asked for and is kept, oldest first. */
  readonly history: readonly E[]
  /** Why it could not be joined, if it could not. */
  readonly error: LiveError | undefined
  /** Tells everybody in the room. */
  readonly emit: Room<E>['emit']
  readonly room: Room<E>
}

interface Came {
  readonly room: object
  readonly events: readonly unknown[]
  readonly error: LiveError | undefined
}

/** How many hold each room. */
const holders = new WeakMap<object, number>()

/**
 * Joins a room of a live component while this is shown. Re-renders when it is joined or left, not with its
 * events: those are for `onEvent`.
 *
 * @example
 * const chat = useLive(Chat)
 * const [lines, add] = useReducer((all: Line[], line: Line) => [...all, line], [])
 * const lobby = useRoom(chat.handle, 'lobby', { history: 20, onEvent: add })
 * return <button disabled={!lobby.joined} onClick={() => lobby.emit({ type: 'wave' })}>wave</button>
 */
export function useRoom<C extends ComponentShape>(
  handle: LiveHandle<C>,
  name: string,
  options: RoomOptions<C['event']> = {},
): LiveRoom<C['event']> {
  const { join = true, history, onEvent, onMissed } = options
  const here = room(handle, name)
  const joined = useSyncExternalStore(
    here.subscribe,
    () => here.joined,
    () => false,
  )
  const [came, setCame] = useState<Came>()
  const hear = useLatest((event: C['event']) => onEvent?.(event))
  const miss = useLatest((count: number | undefined) => onMissed?.(count))
  const enter = useLatest(() => here.join({ history }))

  useEffect(() => {
    const ways = [here.on(hear), here.onMissed(miss)]
    return () => {
      for (const leave of ways) leave()
    }
  }, [here, hear, miss])

  useEffect(() => {
    if (!join) return undefined
    let isHeld = true
    // A room is of something mounted, and effects of children run first.
    const leave = handle.subscribe(() => undefined)
    holders.set(here, (holders.get(here) ?? 0) + 1)
    enter().then(
      ({ events }) => isHeld && events.length > 0 && setCame({ room: here, events, error: undefined }),
      (error: LiveError) => isHeld && setCame({ room: here, events: [], error }),
    )
    return () => {
      isHeld = false
      queueMicrotask(() => {
        const others = (holders.get(here) ?? 1) - 1
        holders.set(here, others)
        if (others === 0) void here.leave()
        leave()
      })
    }
  }, [handle, here, join, enter])

  return useMemo(() => {
    const mine = came?.room === here ? came : undefined
    return {
      joined,
      history: mine?.events ?? [],
      error: joined ? undefined : mine?.error,
      emit: here.emit,
      room: here,
    }
  }, [here, joined, came])
}
