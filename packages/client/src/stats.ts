/**
 * What the connection costs and how it fares, for people and panels.
 *
 * An entry point of its own, because most pages show none of it: it stands between the client and its socket,
 * and counts what goes by. A picture is made when somebody looks, and those who subscribed are told at most
 * every {@link NOTIFY_MS}.
 */

import { browserSocket, type Clock, type CreateSocket, systemClock } from './environment.js'
import { listeners } from './listeners.js'
import { utf8Length } from './outbox.js'
import { parseFrame } from './protocol.js'

/** How often subscribers hear of new numbers, in ms. */
const NOTIFY_MS = 200
/** A request for a whole state, as it leaves. */
const RESYNC = /"type":"STATE_RESYNC"/g
const PING = '{"type":"COMPONENT_PING"}'

/** A picture of the connection. Replaced, never changed. */
export interface LiveStats {
  /** Round trip of the last ping in ms; undefined before the first. */
  readonly latency: number | undefined
  /** Times the connection was restored. */
  readonly reconnects: number
  /** Deltas received. */
  readonly deltas: number
  /** Times an instance was out of step and asked for its whole state. */
  readonly resyncs: number
  /** Size of the last delta as JSON, in bytes. */
  readonly lastDeltaBytes: number
  /** Bytes of text received. */
  readonly bytesIn: number
  /** Bytes of text sent, and of files. */
  readonly bytesOut: number
}

/** Counts, and shows what was counted. Every function may be passed around. */
export interface StatsKeeper {
  /** For `createLiveClient`. */
  readonly createSocket: CreateSocket
  /** The same object until something changes, as `useSyncExternalStore` wants it. */
  readonly get: () => LiveStats
  readonly subscribe: (listener: () => void) => () => void
}

/**
 * Everything at zero, for one client.
 *
 * @example
 * const stats = liveStats()
 * const client = createLiveClient({ createSocket: stats.createSocket })
 * stats.get().bytesIn // 0
 */
export function liveStats(
  options: { readonly createSocket?: CreateSocket; readonly clock?: Clock } = {},
): StatsKeeper {
  const { createSocket = browserSocket, clock = systemClock } = options
  const heard = listeners<[]>()
  const counts = { greetings: 0, deltas: 0, resyncs: 0, bytesIn: 0, bytesOut: 0 }
  let latency: number | undefined
  let pingedAt = 0
  let lastDelta: unknown
  let picture: LiveStats | undefined
  let isNoticeDue = false

  function changed(): void {
    // While somebody listens the picture stands still between two notices: a store must not change
    // without saying so.
    if (heard.size() === 0) {
      picture = undefined
      return
    }
    if (isNoticeDue) return
    isNoticeDue = true
    clock.after(NOTIFY_MS, () => {
      isNoticeDue = false
      picture = undefined
      heard.tell()
    })
  }

  function read(text: unknown): void {
    counts.bytesIn += utf8Length(`${text}`)
    for (const message of parseFrame(text)) {
      if (message.type === 'CONNECTION_ESTABLISHED') counts.greetings += 1
      if (message.type === 'COMPONENT_PONG') latency = clock.now() - pingedAt
      if (message.type !== 'STATE_DELTA') continue
      counts.deltas += 1
      lastDelta = message.payload
    }
    changed()
  }

  return {
    createSocket(url, events) {
      const socket = createSocket(url, {
        frame(text) {
          read(text)
          events.frame(text)
        },
        closed: events.closed,
      })
      return {
        send(frame) {
          if (typeof frame === 'string') {
            counts.bytesOut += utf8Length(frame)
            counts.resyncs += frame.match(RESYNC)?.length ?? 0
          } else counts.bytesOut += frame.length
          if (frame === PING) pingedAt = clock.now()
          changed()
          socket.send(frame)
        },
        close: () => socket.close(),
        get dead() {
          return socket.dead
        },
      }
    },
    get() {
      const { greetings, ...rest } = counts
      picture ??= {
        ...rest,
        latency,
        reconnects: Math.max(0, greetings - 1),
        lastDeltaBytes: lastDelta === undefined ? 0 : utf8Length(JSON.stringify(lastDelta)),
      }
      return picture
    },
    subscribe: heard.add,
  }
}
