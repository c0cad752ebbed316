/**
 * Looks at what comes over the wire, so that the page can show what a change costs.
 *
 * The client counts for the whole connection, where a ticking clock hides everybody else. This keeps the
 * size of the last delta for each instance, and how long the last request took. An application needs
 * nothing of the kind.
 */

import type { CreateSocket } from '@fluxstack/client'

export interface WireTap {
  /** For `createLiveClient`: a socket with somebody listening. */
  readonly createSocket: CreateSocket
  /** Bytes of the last delta an instance received, as it was sent. */
  readonly deltaBytes: (instanceId: string | undefined) => number | undefined
  /** Milliseconds from the last request to the first answer after it. */
  readonly roundTrip: () => number | undefined
  readonly subscribe: (listener: () => void) => () => void
}

/** A socket of the browser's. */
const plain: CreateSocket = (url, events) => {
  const socket = new WebSocket(url)
  socket.onmessage = (message) => events.frame(message.data)
  socket.onclose = (close) => events.closed(close.code)
  return {
    send: (text) => socket.send(text),
    close: () => socket.close(),
    get dead() {
      return socket.readyState >= WebSocket.CLOSING
    },
  }
}

export function wireTap(open: CreateSocket = plain): WireTap {
  const listeners = new Set<() => void>()
  let sizes = new Map<string, number>()
  let askedAt: number | undefined
  let took: number | undefined

  function look(text: string): void {
    if (askedAt !== undefined && text.includes('_RESPONSE"')) {
      took = performance.now() - askedAt
      askedAt = undefined
    }
    if (!text.includes('"STATE_DELTA"')) return
    const frame: unknown = JSON.parse(text)
    for (const message of Array.isArray(frame) ? frame : [frame]) {
      const { type, componentId } = message as { type?: unknown; componentId?: unknown }
      if (type !== 'STATE_DELTA' || typeof componentId !== 'string') continue
      sizes.set(componentId, new TextEncoder().encode(JSON.stringify(message)).length)
    }
    for (const listener of listeners) listener()
  }

  return {
    createSocket(url, events) {
      sizes = new Map()
      askedAt = undefined
      const socket = open(url, {
        frame(text) {
          events.frame(text)
          if (typeof text === 'string') look(text)
        },
        closed: events.closed,
      })
      return {
        send(frame) {
          if (typeof frame === 'string' && frame.includes('"requestId"')) askedAt ??= performance.now()
          socket.send(frame)
        },
        close: () => socket.close(),
        get dead() {
          return socket.dead
        },
      }
    },
    deltaBytes: (instanceId) => (instanceId === undefined ? undefined : sizes.get(instanceId)),
    roundTrip: () => took,
    subscribe(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
