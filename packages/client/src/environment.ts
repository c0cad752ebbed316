/**
 * What the client needs from the world: time, chance, the page it lives on, a socket.
 *
 * Each is a small interface with the browser's own as the default, so a test can hold the clock and
 * play the page. Nothing else in this package touches a global, and nothing here is touched before it
 * is needed: a client can be made while rendering on a server.
 */

import { SOCKET_CLOSING } from './numbers.js'

/** Time, as the client sees it. */
export interface Clock {
  /** Milliseconds since some moment; never runs backwards. */
  now(): number
  /** Runs `then` after `ms`. Calling what it returns prevents that. */
  after(ms: number, then: () => void): () => void
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, then) {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  },
}

/** What happens to the page around us. `restored` is the return from the back/forward cache. */
export type PageEvent = 'online' | 'offline' | 'visible' | 'hidden' | 'leaving' | 'restored'

/** The page around us. */
export interface Page {
  readonly visible: boolean
  watch(listener: (event: PageEvent) => void): () => void
}

/** The browser's page; outside a browser, a page that is always visible and never changes. */
export const browserPage: Page = {
  get visible() {
    return globalThis.document?.visibilityState !== 'hidden'
  },
  watch(listener) {
    if (!globalThis.document) return () => undefined
    const gone = new AbortController()
    // It has a `signal`, as options have.
    const on = (target: EventTarget, type: string, hear: (event: Event) => void): void =>
      target.addEventListener(type, hear, gone)
    on(window, 'online', () => listener('online'))
    on(window, 'offline', () => listener('offline'))
    on(window, 'pagehide', () => listener('leaving'))
    on(window, 'pageshow', (event) => (event as PageTransitionEvent).persisted && listener('restored'))
    on(document, 'visibilitychange', () => listener(browserPage.visible ? 'visible' : 'hidden'))
    return () => gone.abort()
  },
}

/**
 * What the tab remembers when its page is loaded again. Reading and writing may throw, and locks may be
 * missing: a private window, a full disk, an old browser.
 */
export interface Tab {
  /** What was written, or nothing. */
  read(key: string): string | null | undefined
  /** `null` forgets it. A `text` that cannot be written is not there, and neither is what was there. */
  write(key: string, text: string | null): void
  /** Milliseconds since 1970. */
  now(): number
  /** Takes a lock and brings the way to give it back; nothing if another page has it. */
  lock(name: string): Promise<(() => void) | undefined>
}

/** The browser's tab; outside a browser, one that remembers nothing. */
export const browserTab: Tab = {
  read: (key) => globalThis.sessionStorage?.getItem(key),
  write(key, text) {
    const storage = globalThis.sessionStorage
    storage?.removeItem(key)
    if (text !== null) storage?.setItem(key, text)
  },
  now: () => Date.now(),
  lock: (name) =>
    new Promise((resolve, reject) => {
      // It is held until this promise resolves, and whoever has its `resolve` has the way to give it back.
      const held = (lock: Lock | null): Promise<void> | void =>
        lock ? new Promise<void>(resolve) : resolve(undefined)
      navigator.locks.request(name, { ifAvailable: true }, held).catch(reject)
    }),
}

/** What a socket tells its owner. */
export interface SocketEvents {
  /** A frame came, as the transport had it. */
  frame(text: unknown): void
  /** It is gone, with the close code. Told once. */
  closed(code: number): void
}

/** What leaves: a text, or bytes that begin with one. */
export type Frame = string | Uint8Array<ArrayBuffer>

/** A socket, reduced to what the connection asks of it. */
export interface Socket {
  send(frame: Frame): void
  close(): void
  /** Whether the transport knows that nothing will come any more. */
  readonly dead: boolean
}

/**
 * Makes a socket that is being opened. It may throw; it must not tell anything before it has returned.
 */
export type CreateSocket = (url: string, events: SocketEvents) => Socket

/** A WebSocket as the browser has it. */
export const browserSocket: CreateSocket = (url, events) => {
  const socket = new WebSocket(url)
  socket.onmessage = (message) => events.frame(message.data)
  socket.onclose = (close) => events.closed(close.code)
  return {
    send: (frame) => socket.send(frame),
    close: () => socket.close(),
    get dead() {
      return socket.readyState >= SOCKET_CLOSING
    },
  }
}

/**
 * The address of the server's socket: `url`, or the page's own host at `/api/live/ws`. A path and an
 * `http` address are understood too.
 */
export function socketUrl(url: string | undefined, query: string): string {
  const address = new URL(url ?? '/api/live/ws', globalThis.location?.href)
  address.protocol = address.protocol.replace('http', 'ws')
  address.hash = ''
  address.search += (address.search && '&') + query
  return address.href
}

/** An id nobody can guess: 32 hex digits. `randomUUID` would do, but needs a secure context. */
export function randomId(): string {
  const numbers = crypto.getRandomValues(new Uint32Array(4))
  return Array.from(numbers, (number) => number.toString(16).padStart(8, '0')).join('')
}
