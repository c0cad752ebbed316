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
import { type Listeners, listeners } from './listeners.js'
import { type Outbox, outbox, utf8Length } from './outbox.js'
import { CLOSE_FLOODING, type Limits, parseFrame, type ServerMessage } from './protocol.js'
import type { StatsKeeper } from './stats.js'

/** The first wait after a loss is a random part of this, in ms; each next may be twice as long. */
export const BACKOFF_START_MS = 250
/** No wait is longer than this, in ms. */
export const BACKOFF_CAP_MS = 15_000
/** A server that told us off for flooding is left alone for at least this long, in ms. */
const FLOOD_REST_MS = 2000
/** A socket that brought no hello after this long, in ms, is given up. */
const HELLO_MS = 10_000
/** An attempt older than this, in ms, is not trusted any more when the network or the page comes back. */
const YOUNG_MS = 2000

/** What the connection is doing. */
export type ConnectionStatus = Link['at']

type Link =
  | { readonly at: 'idle' }
  | {
      readonly at: 'opening'
      readonly socket: Socket
      readonly attempt: number
      readonly since: number
      readonly cancel: () => void
    }
  | { readonly at: 'open'; readonly socket: Socket; readonly pulse: Heartbeat }
  | { readonly at: 'waiting'; readonly attempt: number; readonly cancel: () => void }
  | { readonly at: 'closed' }

/** What the connection lives on. */
export interface ConnectionOptions {
  readonly url: () => string
  readonly createSocket: CreateSocket
  readonly clock: Clock
  readonly random: () => number
  readonly page: Page
  /** Requests that may wait to be sent. */
  readonly queue: number
  readonly stats: StatsKeeper
}

/** The one socket. */
export interface Connection {
  /** Hears that the status changed. */
  readonly changed: Listeners<[]>
  /** Hears the messages that answer no request. */
  readonly pushed: Listeners<[message: ServerMessage]>
  readonly status: () => ConnectionStatus
  /** Opens the socket, unless that was done before. */
  readonly connect: () => void
  /** Ends it. What was asked and not answered fails, and nothing can be asked any more. */
  readonly close: () => void
  /** Asks the server. Meant for an open connection; before that it waits, and may fail with a loss. */
  readonly ask: Outbox['ask']
}

/** A connection that is idle. */
export function createConnection(options: ConnectionOptions): Connection {
  const { clock, page, stats } = options
  const out = outbox(clock, options.queue)
  const changed = listeners<[]>()
  const pushed = listeners<[message: ServerMessage]>()
  let link: Link = { at: 'idle' }
  /** Counts sockets, so that what an abandoned one still says is not heard. */
  let turn = 0
  let pingedAt = 0
  let unwatch = (): void => undefined

  function dial(attempt: number): void {
    turn += 1
    const mine = turn
    try {
      const socket = options.createSocket(options.url(), {
        frame: (text) => mine === turn && receive(text),
        closed: (code) => mine === turn && onClosed(code),
      })
      const cancel = clock.after(HELLO_MS, () => retry(attempt))
      go({ at: 'opening', socket, attempt, since: clock.now(), cancel })
    } catch (cause) {
      console.error('[fluxstack] cannot make a socket, will try again:', cause)
      retry(attempt)
    }
  }

  /** Waits longer the more attempts have failed, then dials again. */
  function retry(attempt: number, atLeast = 0): void {
    turn += 1
    const most = Math.min(BACKOFF_CAP_MS, BACKOFF_START_MS * 2 ** attempt)
    const delay = Math.max(atLeast, options.random() * most)
    const cancel = clock.after(delay, () => dial(attempt + 1))
    go({ at: 'waiting', attempt: attempt + 1, cancel })
  }

  function go(next: Link): void {
    const before = link
    link = next
    if ('cancel' in before) before.cancel()
    if ('pulse' in before) before.pulse.stop()
    if ('socket' in before && !('socket' in next && next.socket === before.socket)) before.socket.close()
    stats.status(next.at)
    // Handles hear of the loss before their requests fail, so that they know why.
    changed.tell()
    if (next.at === 'closed') out.lose('CLOSED', 'the client was closed')
    else if (before.at === 'open') out.lose('DISCONNECTED', 'the connection was lost')
  }

  function receive(text: unknown): void {
    stats.count('bytesIn', typeof text === 'string' ? utf8Length(text) : 0)
    if (link.at === 'open') link.pulse.heard()
    for (const message of parseFrame(text)) onMessage(message)
  }

  function onMessage(message: ServerMessage): void {
    if (message.type === 'CONNECTION_ESTABLISHED') {
      if (link.at === 'opening') greet(link.socket, message.limits)
    } else if (message.type === 'REPLY') {
      out.answer(message)
    } else if (message.type === 'COMPONENT_PONG') {
      stats.latency(clock.now() - pingedAt)
    } else {
      pushed.tell(message)
    }
  }

  function greet(socket: Socket, limits: Limits): void {
    const send = (text: string): void => {
      stats.count('bytesOut', utf8Length(text))
      socket.send(text)
    }
    const ping = (): void => {
      pingedAt = clock.now()
      out.sendNow({ type: 'COMPONENT_PING' })
    }
    out.open(send, limits)
    stats.count('greetings')
    go({ at: 'open', socket, pulse: heartbeat(clock, page.visible, ping, () => dial(0)) })
  }

  function onClosed(code: number): void {
    retry(link.at === 'opening' ? link.attempt : 0, code === CLOSE_FLOODING ? FLOOD_REST_MS : 0)
  }

  function onPage(event: PageEvent): void {
    switch (event) {
      case 'leaving':
        turn += 1
        go({ at: 'waiting', attempt: 0, cancel: () => undefined })
        return
      case 'restored':
        if (link.at !== 'opening' || isOld(link.since)) dial(0)
        return
      case 'online':
      case 'visible':
        if (link.at === 'waiting' || (link.at === 'opening' && isOld(link.since))) dial(link.attempt)
        else if (link.at !== 'open') return
        else if (link.socket.dead) dial(0)
        else if (event === 'visible') link.pulse.resume()
        else link.pulse.probe()
        return
      case 'hidden':
        if (link.at === 'open') link.pulse.pause()
        return
      case 'offline':
        if (link.at === 'open') link.pulse.probe()
        return
      default:
        event satisfies never
    }
  }

  function isOld(since: number): boolean {
    return clock.now() - since > YOUNG_MS
  }

  return {
    changed,
    pushed,
    status: () => link.at,
    connect() {
      if (link.at !== 'idle') return
      unwatch = page.watch(onPage)
      dial(0)
    },
    close() {
      turn += 1
      unwatch()
      go({ at: 'closed' })
    },
    ask: out.ask,
  }
}
