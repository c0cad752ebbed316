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
import { Heartbeat } from './heartbeat.js'
import { Listeners } from './listeners.js'
import { type Asker, Outbox, utf8Length } from './outbox.js'
import { type ClientMessage, CloseCode, parseFrame, type ServerMessage } from './protocol.js'
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
  | { readonly at: 'open'; readonly socket: Socket; readonly heartbeat: Heartbeat }
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

/** See the top of the file. */
export class Connection {
  /** Hears that the status changed. */
  readonly changed: Listeners<[]> = new Listeners()
  /** Hears the messages that answer no request. */
  readonly pushed: Listeners<[message: ServerMessage]> = new Listeners()
  private readonly outbox: Outbox
  private link: Link = { at: 'idle' }
  /** Counts sockets, so that what an abandoned one still says is not heard. */
  private turn = 0
  private pingedAt = 0
  private unwatch: (() => void) | undefined

  constructor(private readonly options: ConnectionOptions) {
    this.outbox = new Outbox(options.clock, options.queue)
  }

  get status(): ConnectionStatus {
    return this.link.at
  }

  /** Opens the socket, unless that was done before. */
  connect(): void {
    if (this.link.at !== 'idle') return
    this.unwatch = this.options.page.watch((event) => this.onPage(event))
    this.dial(0)
  }

  /** Ends it. What was asked and not answered fails, and nothing can be asked any more. */
  close(): void {
    this.unwatch?.()
    this.go({ at: 'closed' })
  }

  /** Asks the server. Meant for an open connection; before that it waits, and may fail with a loss. */
  ask(message: ClientMessage, timeout: number, asker: Asker): void {
    this.outbox.ask(message, timeout, asker)
  }

  private dial(attempt: number): void {
    const { clock, createSocket, url } = this.options
    this.turn += 1
    const turn = this.turn
    try {
      const socket = createSocket(url(), {
        frame: (text) => turn === this.turn && this.receive(text),
        closed: (code) => turn === this.turn && this.onClosed(code),
      })
      const cancel = clock.after(HELLO_MS, () => this.retry(attempt))
      this.go({ at: 'opening', socket, attempt, since: clock.now(), cancel })
    } catch (cause) {
      console.error('[fluxstack] the socket could not be made, trying again later:', cause)
      this.retry(attempt)
    }
  }

  /** Waits longer the more attempts have failed, then dials again. */
  private retry(attempt: number, atLeast = 0): void {
    this.turn += 1
    const most = Math.min(BACKOFF_CAP_MS, BACKOFF_START_MS * 2 ** attempt)
    const delay = Math.max(atLeast, this.options.random() * most)
    const cancel = this.options.clock.after(delay, () => this.dial(attempt + 1))
    this.go({ at: 'waiting', attempt: attempt + 1, cancel })
  }

  private go(next: Link): void {
    const before = this.link
    this.link = next
    if ('cancel' in before) before.cancel()
    if (before.at === 'open') before.heartbeat.stop()
    if ('socket' in before && !('socket' in next && next.socket === before.socket)) before.socket.close()
    this.options.stats.status(next.at)
    // Handles hear of the loss before their requests fail, so that they know why.
    this.changed.tell()
    if (next.at === 'closed') this.outbox.lose('CLOSED', 'the client was closed')
    else if (before.at === 'open') this.outbox.lose('DISCONNECTED', 'the connection was lost')
  }

  private receive(text: unknown): void {
    const { stats } = this.options
    const messages = parseFrame(text)
    stats.received(typeof text === 'string' ? utf8Length(text) : 0)
    if (this.link.at === 'open') this.link.heartbeat.heard()
    for (const message of messages) this.onMessage(message)
  }

  private onMessage(message: ServerMessage): void {
    const { clock, page, stats } = this.options
    switch (message.type) {
      case 'CONNECTION_ESTABLISHED': {
        if (this.link.at !== 'opening') return
        const { socket } = this.link
        const send = (text: string): void => {
          stats.sent(utf8Length(text))
          socket.send(text)
        }
        const heartbeat = new Heartbeat(
          clock,
          page.visible,
          () => this.ping(),
          () => this.dial(0),
        )
        this.outbox.open(send, message.limits)
        stats.greeted()
        this.go({ at: 'open', socket, heartbeat })
        return
      }
      case 'REPLY':
        this.outbox.answer(message)
        return
      case 'COMPONENT_PONG':
        stats.latency(clock.now() - this.pingedAt)
        return
      case 'STATE_UPDATE':
      case 'STATE_DELTA':
      case 'COMPONENT_EVENT':
      case 'MISSED':
      case 'ERROR':
        this.pushed.tell(message)
        return
      default:
        message satisfies never
    }
  }

  private ping(): void {
    this.pingedAt = this.options.clock.now()
    this.outbox.sendNow({ type: 'COMPONENT_PING' })
  }

  private onClosed(code: number): void {
    const rest = code === CloseCode.flooding ? FLOOD_REST_MS : 0
    this.retry(this.link.at === 'opening' ? this.link.attempt : 0, rest)
  }

  private onPage(event: PageEvent): void {
    const { link } = this
    if (link.at === 'idle' || link.at === 'closed') return
    switch (event) {
      case 'leaving':
        this.turn += 1
        this.go({ at: 'waiting', attempt: 0, cancel: () => undefined })
        return
      case 'restored':
        if (link.at !== 'opening' || this.isOld(link.since)) this.dial(0)
        return
      case 'online':
      case 'visible':
        if (link.at === 'waiting') this.dial(link.attempt)
        else if (link.at === 'opening') this.isOld(link.since) && this.dial(link.attempt)
        else if (link.socket.dead) this.dial(0)
        else if (event === 'visible') link.heartbeat.resume()
        else link.heartbeat.probe()
        return
      case 'hidden':
        if (link.at === 'open') link.heartbeat.pause()
        return
      case 'offline':
        if (link.at === 'open') link.heartbeat.probe()
        return
      default:
        event satisfies never
    }
  }

  private isOld(since: number): boolean {
    return this.options.clock.now() - since > YOUNG_MS
  }
}
