/**
 * The one socket to the server, kept alive.
 *
 * idle ──connect──► opening ──hello──► open ──lost──► waiting ──timer──► opening
 *                      └──────failed, or no hello in time──────┘
 *   every state ──close──► closed, for good
 *
 * Knows frames and time, not components. Waiting grows with full jitter and is reset by the server's
 * first frame, not by the socket being open: a server that accepts and then drops everyone must not be
 * hammered. A socket found dead by the heartbeat, and a page that is seen again, do not wait at all.
 *
 * A page that is left closes its socket itself: a page with an open socket may not be kept for the back
 * button, and where it is kept, the browser closes the socket anyway.
 */

import type { Clock, CreateSocket, Page, PageEvent, Socket } from './environment.js'
import { type Heartbeat, heartbeat } from './heartbeat.js'
import {
  BACKOFF_CAP_MS,
  BACKOFF_START_MS,
  CLOSE_FLOODING,
  CLOSE_LEAVING,
  CLOSE_SIGNED_OUT,
  CLOSE_TAKEN_OVER,
  FLOOD_REST_MS,
  HELLO_MS,
  LEAVING_REST_MS,
  LEAVING_SPREAD_MS,
  YOUNG_MS,
} from './numbers.js'
import { type Outbox, outbox } from './outbox.js'
import { type Push, parseFrame, type ServerMessage } from './protocol.js'

/** What the connection is doing. */
export type ConnectionStatus = Link['at']

type Link =
  | (None & { readonly at: 'idle' | 'closed' })
  | (Omit<None, 'socket' | 'cancel'> & {
      readonly at: 'opening'
      readonly socket: Socket
      readonly attempt: number
      readonly since: number
      readonly cancel: () => void
    })
  | {
      readonly at: 'open'
      readonly socket: Socket
      readonly pulse: Heartbeat
      readonly cancel: () => void
    }
  | (Omit<None, 'cancel'> & {
      readonly at: 'waiting'
      readonly attempt: number
      readonly cancel?: () => void
    })

/** What there may be to let go of. */
interface None {
  readonly socket?: undefined
  readonly cancel?: undefined
}

/** What the connection lives on. */
export interface ConnectionOptions {
  readonly url: () => string
  readonly createSocket: CreateSocket
  readonly clock: Clock
  readonly random: () => number
  readonly page: Page
  /** Requests that may wait to be sent. */
  readonly queue: number
  /** How long, in ms, an answer may take. */
  readonly timeout: number
  /** Hears that the status changed. */
  readonly changed: () => void
  /** Hears the messages that answer no request. */
  readonly pushed: (message: Push) => void
  /** Hears that the server has sent the user away. */
  readonly signedOut: () => void
}

/** What the server says first. */
export type Hello = Extract<ServerMessage, { readonly type: 'CONNECTION_ESTABLISHED' }>

/** The one socket. */
export interface Connection {
  readonly status: () => ConnectionStatus
  /** The last hello. */
  readonly hello: () => Hello | undefined
  /** Opens the socket, unless that was done before. */
  readonly connect: () => void
  /** Lets go of the socket and makes another one, the later the more `tries` there were. */
  readonly retry: (tries: number) => void
  /** Lets go of the socket and makes another one. */
  readonly renew: () => void
  /** Ends it. What was asked and not answered fails, and nothing can be asked any more. */
  readonly close: () => void
  /** Asks the server. Meant for an open connection; before that it waits, and may fail with a loss. */
  readonly ask: Outbox['ask']
}

/** How long, in ms, to wait after so many tries: a random part of what doubles each time. */
export function backoff(random: () => number, tries: number): number {
  return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_START_MS * 2 ** tries)
}

/** A connection that is idle. */
export function createConnection(options: ConnectionOptions): Connection {
  const { clock, page } = options
  const out = outbox(clock, options.queue, options.timeout)
  let link: Link = { at: 'idle' }
  let hello: Hello | undefined
  /** How often another page took the session over, or the user was signed out. */
  let sentAway = 0
  let unwatch: (() => void) | undefined

  function dial(attempt: number): void {
    try {
      // What an abandoned one still says is not heard.
      const socket: Socket = options.createSocket(options.url(), {
        frame: (text) => link.socket === socket && receive(text),
        closed: (code) => link.socket === socket && onClosed(code),
      })
      go({
        at: 'opening',
        socket,
        attempt,
        since: clock.now(),
        cancel: clock.after(HELLO_MS, () => retry(attempt)),
      })
    } catch (cause) {
      console.error('[fluxstack] no socket:', cause)
      retry(attempt)
    }
  }

  /** Waits longer the more attempts have failed, then dials again. */
  function retry(attempt: number, delay = backoff(options.random, attempt)): void {
    go({ at: 'waiting', attempt: attempt + 1, cancel: clock.after(delay, () => dial(attempt + 1)) })
  }

  /** Waits until the page is seen again. */
  function rest(): void {
    go({ at: 'waiting', attempt: 0 })
  }

  function go(next: Link): void {
    const before = link
    link = next
    before.cancel?.()
    if (before.socket !== next.socket) before.socket?.close()
    // Handles hear of the loss before their requests fail, so that they know why.
    options.changed()
    if (next.at === 'closed') out.lose('CLOSED', 'the client was closed')
    else if (before.at === 'open') out.lose('DISCONNECTED', 'the connection was lost')
  }

  function receive(text: unknown): void {
    if (link.at === 'open') link.pulse.heard()
    for (const message of parseFrame(text)) {
      if (message.type === 'CONNECTION_ESTABLISHED') {
        if (link.at === 'opening') greet(link.socket, message)
      } else if (message.type === 'REPLY') {
        out.answer(message)
      } else if (message.type !== 'COMPONENT_PONG') {
        options.pushed(message)
      }
    }
  }

  function greet(socket: Socket, said: Hello): void {
    out.open(socket, said.limits)
    const pulse = heartbeat(clock, page.visible, out.ping, () => dial(0))
    hello = said
    go({ at: 'open', socket, pulse, cancel: pulse.stop })
  }

  function onClosed(code: number): void {
    const attempt = link.at === 'opening' ? link.attempt : 0
    if (code === CLOSE_FLOODING) {
      retry(attempt, FLOOD_REST_MS + backoff(options.random, attempt))
    } else if (code === CLOSE_LEAVING) {
      retry(attempt, LEAVING_REST_MS + options.random() * LEAVING_SPREAD_MS)
    } else if (code === CLOSE_SIGNED_OUT) {
      options.signedOut()
      // Credentials that are sent away again and again must not become a flood.
      retry(sentAway++)
    } else if (code !== CLOSE_TAKEN_OVER) {
      retry(attempt)
    } else if (page.visible) {
      // Another page has the session. Who is looked at asks for it again, with patience.
      retry(sentAway++)
    } else {
      rest()
    }
  }

  function onPage(event: PageEvent): void {
    const isBack = event !== 'hidden' && event !== 'offline'
    if (event === 'leaving') {
      rest()
    } else if (link.at === 'open') {
      if (event === 'restored' || (isBack && link.socket.dead)) dial(0)
      else link.pulse.doubt(page.visible)
    } else if (
      isBack &&
      (link.at === 'waiting' || (link.at === 'opening' && clock.now() - link.since > YOUNG_MS))
    ) {
      dial(link.attempt)
    }
  }

  return {
    status: () => link.at,
    hello: () => hello,
    retry,
    renew() {
      if (link.at !== 'idle' && link.at !== 'closed') dial(0)
    },
    connect() {
      if (link.at !== 'idle') return
      unwatch = page.watch(onPage)
      dial(0)
    },
    close() {
      unwatch?.()
      go({ at: 'closed' })
    },
    ask: out.ask,
  }
}
