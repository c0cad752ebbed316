/**
 * What waits to be sent, and what was sent and waits for its answer.
 *
 * request ──► queue ──(open, paced, room for one more)──► sent ──answer──► settled
 *
 * Requests made in one microtask leave as one frame. Nothing is refused for being fast: what exceeds
 * the server's limits waits here, up to a bound. Ids are "1", "2", … in the order of leaving, afresh for
 * each socket. A request is written down as text when it is made, so that changing an argument
 * afterwards changes nothing.
 *
 * A request that timed out after it was sent keeps its place among the unanswered, because the server
 * counts it until it has answered.
 */

import type { Clock } from './environment.js'
import { LiveError } from './error.js'
import { Pace } from './pace.js'
import type { ClientMessage, Limits, Reply } from './protocol.js'

/** Who asked, and how to tell. Exactly one of the two is called, once. */
export interface Asker {
  answered(result: unknown): void
  failed(error: LiveError): void
}

interface Request {
  readonly text: string
  readonly what: string
  /** Undefined once settled. */
  asker: Asker | undefined
  readonly cancelTimeout: () => void
}

interface Line {
  readonly send: (text: string) => void
  readonly limits: Limits
  readonly pace: Pace
}

export class Outbox {
  private queue: Request[] = []
  private readonly sent = new Map<string, Request>()
  private line: Line | undefined
  private lastId = 0
  private flushing = false
  private cancelRetry: (() => void) | undefined

  constructor(
    private readonly clock: Clock,
    private readonly bound: number,
  ) {}

  /** How many requests wait to be sent. */
  get waiting(): number {
    return this.queue.length
  }

  /** Asks the server. Without an answer in `timeout` ms the asker is told so. */
  ask(message: ClientMessage, timeout: number, asker: Asker): void {
    const what = describe(message)
    if (this.queue.length >= this.bound) {
      asker.failed(
        new LiveError(
          'QUEUE_FULL',
          `${what} was not sent: ${this.bound} requests are waiting already. Slow down, or raise \`queue\` in createLiveClient`,
        ),
      )
      return
    }
    const request: Request = {
      text: JSON.stringify(message).slice(0, -1),
      what,
      asker,
      cancelTimeout: this.clock.after(timeout, () => this.timedOut(request, timeout)),
    }
    this.queue.push(request)
    this.flushSoon()
  }

  /** A socket is ready. */
  open(send: (text: string) => void, limits: Limits): void {
    this.line = { send, limits, pace: new Pace(limits.rate, limits.burst, this.clock.now()) }
    this.lastId = 0
    this.flushSoon()
  }

  /** Sends something that neither waits nor is answered: a ping. */
  sendNow(message: ClientMessage): void {
    this.line?.pace.spend()
    this.line?.send(JSON.stringify(message))
  }

  /** An answer came. */
  answer(reply: Reply): void {
    const request = this.sent.get(reply.requestId)
    if (!request) return
    this.sent.delete(reply.requestId)
    const { failure } = reply
    const asker = settle(request)
    if (failure) asker?.failed(new LiveError(failure.code, failure.error, failure.fields))
    else asker?.answered(reply.result)
    if (this.queue.length > 0) this.flushSoon()
  }

  /** The socket is gone, and with it every answer. */
  lose(code: 'DISCONNECTED' | 'CLOSED', why: string): void {
    this.line = undefined
    this.cancelRetry?.()
    const [sent, queue] = [[...this.sent.values()], this.queue]
    this.sent.clear()
    this.queue = []
    for (const request of sent) {
      const message = `${why} before ${request.what} was answered: whether it happened is unknown`
      settle(request)?.failed(new LiveError(code, message))
    }
    for (const request of queue) {
      settle(request)?.failed(
        new LiveError(code, `${why} before ${request.what} was sent: it did not happen`),
      )
    }
  }

  private flushSoon(): void {
    if (this.flushing || !this.line) return
    this.flushing = true
    queueMicrotask(() => {
      this.flushing = false
      this.flush()
    })
  }

  private flush(): void {
    const line = this.line
    if (!line) return
    this.cancelRetry?.()
    let texts: string[] = []
    let size = 2
    const leave = (): void => {
      if (texts.length > 0) line.send(texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(',')}]`)
      texts = []
      size = 2
    }
    while (this.queue.length > 0 && this.sent.size < line.limits.calls) {
      const [request] = this.queue as [Request]
      const id = String(this.lastId + 1)
      const text = `${request.text},"requestId":"${id}"}`
      const bytes = utf8Length(text)
      if (bytes > line.limits.frame) {
        this.queue.shift()
        settle(request)?.failed(
          new LiveError(
            'TOO_LARGE',
            `${request.what} was not sent: it takes ${bytes} bytes and the server reads at most ${line.limits.frame}`,
          ),
        )
        continue
      }
      const wait = line.pace.take(this.clock.now())
      if (wait > 0) {
        this.cancelRetry = this.clock.after(wait, () => this.flush())
        break
      }
      if (texts.length >= line.limits.batch || size + bytes + 1 > line.limits.frame) leave()
      this.queue.shift()
      this.lastId += 1
      this.sent.set(id, request)
      texts.push(text)
      size += bytes + 1
    }
    leave()
  }

  private timedOut(request: Request, timeout: number): void {
    const place = this.queue.indexOf(request)
    if (place >= 0) this.queue.splice(place, 1)
    const outcome = place >= 0 ? 'was not sent' : 'was not answered, whether it happened is unknown'
    settle(request)?.failed(new LiveError('TIMEOUT', `${request.what} ${outcome}: ${timeout} ms have passed`))
  }
}

function settle(request: Request): Asker | undefined {
  const { asker } = request
  request.asker = undefined
  request.cancelTimeout()
  return asker
}

function describe(message: ClientMessage): string {
  switch (message.type) {
    case 'CALL_ACTION':
      return `the call of ${message.action}`
    case 'PROPERTY_UPDATE':
      return `the write to ${message.property}`
    case 'COMPONENT_MOUNT':
      return `the mount of ${message.payload.component}`
    case 'COMPONENT_UNMOUNT':
    case 'PROPS_UPDATE':
    case 'COMPONENT_EVENT':
    case 'STATE_RESYNC':
    case 'COMPONENT_PING':
      return message.type
    default:
      return message satisfies never
  }
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // A surrogate pair is two units and four bytes, so each half counts one more, like U+0080…U+07FF.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}
