/**
 * What the connection costs and how it fares, for people and panels.
 *
 * Counting is free of consequences: a picture is made when somebody looks, and those who subscribed are
 * told at most every {@link NOTIFY_MS}, except of a new status and of a newer server, which they hear at
 * once.
 */

import type { Clock } from './environment.js'
import { listeners } from './listeners.js'
import { utf8Length } from './outbox.js'

/** How often subscribers hear of new numbers, in ms. */
const NOTIFY_MS = 200

/** A picture of the connection. Replaced, never changed. */
export interface LiveStats {
  /** What the connection is doing. */
  readonly status: 'idle' | 'opening' | 'open' | 'waiting' | 'closed'
  /** Round trip of the last ping in ms; undefined before the first. */
  readonly latency: number | undefined
  /** Times the connection was restored. */
  readonly reconnects: number
  /** Deltas applied. */
  readonly deltas: number
  /** Times an instance was out of step and asked for its whole state. */
  readonly resyncs: number
  /** Size of the last delta as JSON, in bytes. */
  readonly lastDeltaBytes: number
  /** Bytes of text received. */
  readonly bytesIn: number
  /** Bytes of text sent. */
  readonly bytesOut: number
  /** The server has a newer version of a component than this page: load it anew at a good moment. */
  readonly outdated: boolean
}

/** What is counted, where it happens. */
export interface Counts extends Omit<{ -readonly [K in keyof LiveStats]: LiveStats[K] }, 'lastDeltaBytes'> {
  lastDelta: unknown
}

/** Counts. Written by the connection and the instances, read through the client. */
export interface StatsKeeper {
  readonly counts: Counts
  /** The same object until something changes, as `useSyncExternalStore` wants it. */
  readonly get: () => LiveStats
  readonly subscribe: (listener: () => void) => () => void
  /** Numbers have changed. */
  changed(): void
  /** Something has changed that is to be known at once. */
  notify(): void
}

/** Everything at zero. */
export function statsKeeper(clock: Clock): StatsKeeper {
  const heard = listeners<[]>()
  const counts: Counts = {
    status: 'idle',
    latency: undefined,
    reconnects: 0,
    deltas: 0,
    resyncs: 0,
    lastDelta: undefined,
    bytesIn: 0,
    bytesOut: 0,
    outdated: false,
  }
  let picture: LiveStats | undefined
  let cancelNotice: (() => void) | undefined

  function notify(): void {
    cancelNotice?.()
    cancelNotice = picture = undefined
    heard.tell()
  }

  return {
    counts,
    get() {
      const { lastDelta, ...rest } = counts
      picture ??= { ...rest, lastDeltaBytes: lastDelta ? utf8Length(JSON.stringify(lastDelta)) : 0 }
      return picture
    },
    subscribe: heard.add,
    changed() {
      // While somebody listens the picture stands still between two notices: a store must not change
      // without saying so.
      if (heard.size() === 0) picture = undefined
      else cancelNotice ??= clock.after(NOTIFY_MS, notify)
    },
    notify,
  }
}
