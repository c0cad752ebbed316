/**
 * What the connection costs and how it fares, for people and panels.
 *
 * Counting is free of consequences: a picture is made when somebody looks, and those who subscribed are
 * told at most every {@link NOTIFY_MS}, except of a new status, which they hear at once.
 */

import type { Clock } from './environment.js'
import { Listeners } from './listeners.js'
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
}

/** Counts. Written by the connection and the handles, read through the client. */
export class StatsKeeper {
  private readonly listeners = new Listeners<[]>()
  private readonly counts = { reconnects: -1, deltas: 0, resyncs: 0, bytesIn: 0, bytesOut: 0 }
  private at: LiveStats['status'] = 'idle'
  private roundTrip: number | undefined
  private lastDelta: unknown
  private picture: LiveStats | undefined
  private notice: (() => void) | undefined

  constructor(private readonly clock: Clock) {}

  /** The same object until something changes, as `useSyncExternalStore` wants it. */
  readonly get = (): LiveStats => {
    if (this.picture) return this.picture
    const { counts } = this
    this.picture = {
      ...counts,
      status: this.at,
      latency: this.roundTrip,
      reconnects: Math.max(0, counts.reconnects),
      lastDeltaBytes: this.lastDelta === undefined ? 0 : utf8Length(JSON.stringify(this.lastDelta)),
    }
    return this.picture
  }

  readonly subscribe = (listener: () => void): (() => void) => this.listeners.add(listener)

  status(at: LiveStats['status']): void {
    this.at = at
    this.notice?.()
    this.notice = undefined
    this.picture = undefined
    this.listeners.tell()
  }

  greeted(): void {
    this.counts.reconnects += 1
    this.changed()
  }

  latency(ms: number): void {
    this.roundTrip = ms
    this.changed()
  }

  received(bytes: number): void {
    this.counts.bytesIn += bytes
    this.changed()
  }

  sent(bytes: number): void {
    this.counts.bytesOut += bytes
    this.changed()
  }

  delta(delta: unknown): void {
    this.counts.deltas += 1
    this.lastDelta = delta
    this.changed()
  }

  resync(): void {
    this.counts.resyncs += 1
    this.changed()
  }

  private changed(): void {
    if (this.listeners.size === 0) {
      this.picture = undefined
      return
    }
    // While somebody listens the picture stands still between two notices: a store must not change
    // without saying so.
    this.notice ??= this.clock.after(NOTIFY_MS, () => {
      this.notice = undefined
      this.picture = undefined
      this.listeners.tell()
    })
  }
}
