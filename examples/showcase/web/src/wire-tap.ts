/**
 * Looks at what comes over the wire, so that the page can show what a change costs.
 *
 * The client counts for the whole connection, where a ticking clock hides everybody else. This keeps the
 * size of the last delta for each instance, and how long the last request took. An application needs
 * nothing of the kind.
 */

import type { CreateSocket } from '@fluxstack/client'

export interface WireTap {
  /** For `createLiveClient`: the browser's socket, with somebody listening. */
  readonly createSocket: CreateSocket
  /** Bytes of the last delta an instance received, as it was sent. */
  readonly deltaBytes: (instanceId: string | undefined) => number | undefined
  /** Milliseconds from the last request to the first answer after it. */
  readonly roundTrip: () => number | undefined
  readonly subscribe: (listener: () => void) => () => void
}

export function wireTap(): WireTap {
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
      const socket = new WebSocket(url)
      sizes = new Map()
      askedAt = undefined
      socket.onmessage = (message) => {
        events.frame(message.data)
        if (typeof message.data === 'string') look(message.data)
      }
      socket.onclose = (close) => events.closed(close.code)
      return {
        send(text) {
          if (text.includes('"requestId"')) askedAt ??= performance.now()
          socket.send(text)
        },
        close: () => socket.close(),
        get dead() {
          return socket.readyState >= WebSocket.CLOSING
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
