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

import type { Clock, Socket } from './environment.js'
import { type ErrorCode, LiveError } from './error.js'
import { type Pace, pace } from './pace.js'
import type { ClientMessage, Limits, Reply } from './protocol.js'

/** Who asked, and how to tell. Exactly one of the two is called, once. */
export interface Asker {
  /** `held`: what it did will be seen later. `reply`: all that was said. */
  answered(result: unknown, held?: unknown, reply?: Reply): void
  /** `isSent`: what was asked left, whatever became of it then. `reply`: all that was said, if it was. */
  failed(error: LiveError, isSent: boolean, reply?: Reply): void
  /** Makes a frame of its own of the request. It is not paced. */
  pack?(text: string): Uint8Array<ArrayBuffer>
}

interface Request {
  readonly text: string
  readonly what: string
  /** Undefined once settled. */
  asker: Asker | undefined
  isSent: boolean
  readonly cancel: () => void
}

interface Line {
  readonly socket: Socket
  readonly limits: Limits
  readonly pace: Pace
}

/** The way out. */
export interface Outbox {
  /** Asks the server. Without an answer in `timeout` ms, or what is usual, the asker is told so. */
  ask(message: ClientMessage, asker?: Asker, timeout?: number): void
  /** A socket is ready. */
  open(socket: Socket, limits: Limits): void
  /** Asks whether anybody is there: it neither waits nor is answered like a request. */
  ping(): void
  /** An answer came. */
  answer(reply: Reply): void
  /** The socket is gone, and with it every answer. */
  lose(code: 'DISCONNECTED' | 'CLOSED', why: string): void
}

/** An empty outbox without a socket, in which at most `bound` requests may wait, each for `usual` ms. */
export function outbox(clock: Clock, bound: number, usual: number): Outbox {
  const sent = new Map<string, Request>()
  let queue: Request[] = []
  let line: Line | undefined
  let lastId = 0
  let isFlushing = false
  let cancelRetry: (() => void) | undefined

  function flushSoon(): void {
    if (isFlushing) return
    isFlushing = true
    queueMicrotask(() => {
      isFlushing = false
      if (line) flush(line)
    })
  }

  function flush({ limits, pace, socket }: Line): void {
    cancelRetry?.()
    let texts: string[] = []
    let size = 2
    const leave = (): void => {
      if (texts[0]) socket.send(texts[1] ? `[${texts}]` : texts[0])
      texts = []
      size = 2
    }
    for (let request = queue[0]; request && sent.size < limits.calls; request = queue[0]) {
      const id = String(lastId + 1)
      const text = `${request.text},"requestId":"${id}"}`
      const bytes = utf8Length(text)
      if (bytes > limits.frame) {
        queue.shift()
        fail(request, 'TOO_LARGE', `${bytes} bytes are more than ${limits.frame}`)
        continue
      }
      const frame = request.asker?.pack?.(text)
      const wait = !frame && pace.take(clock.now())
      if (wait) {
        cancelRetry = clock.after(wait, flushSoon)
        break
      }
      if (frame || texts.length >= limits.batch || size + bytes + 1 > limits.frame) leave()
      queue.shift()
      lastId += 1
      sent.set(id, request)
      request.isSent = true
      if (frame) socket.send(frame)
      else texts.push(text)
      size += bytes + 1
    }
    leave()
  }

  return {
    ask(message, asker, timeout = usual) {
      const { action, property, type }: { action?: string; property?: string; type: string } = message
      const what = action ?? property ?? type
      if (queue.length >= bound) {
        asker?.failed(queueFull(what, bound), false)
        return
      }
      const request: Request = {
        text: JSON.stringify(message).slice(0, -1),
        what,
        asker,
        isSent: false,
        cancel: clock.after(timeout, () => {
          if (!request.isSent) queue.splice(queue.indexOf(request), 1)
          fail(request, 'TIMEOUT', 'its time has passed')
        }),
      }
      queue.push(request)
      flushSoon()
    },
    open(socket, limits) {
      line = { socket, limits, pace: pace(limits.rate, limits.burst) }
      lastId = 0
      flushSoon()
    },
    ping() {
      line?.pace.spend(clock.now())
      line?.socket.send('{"type":"COMPONENT_PING"}')
    },
    answer(reply) {
      const { requestId, failure, result, held } = reply
      const request = sent.get(requestId)
      if (!request) return
      sent.delete(requestId)
      const asker = settle(request)
      if (failure) asker?.failed(failure, true, reply)
      else asker?.answered(result, held, reply)
      flushSoon()
    },
    lose(code, why) {
      line = undefined
      cancelRetry?.()
      const lost = [...sent.values(), ...queue]
      sent.clear()
      queue = []
      for (const request of lost) fail(request, code, why)
    },
  }
}

/** Why a request may not even wait. */
export function queueFull(what: string, bound: number): LiveError {
  return new LiveError('QUEUE_FULL', `${what} was not sent: ${bound} requests are waiting`)
}

function fail(request: Request, code: ErrorCode, why: string): void {
  const { what, isSent } = request
  const fate = isSent ? 'answered: whether it happened is unknown' : 'sent: it did not happen'
  settle(request)?.failed(new LiveError(code, `${what} was not ${fate}, ${why}`), isSent)
}

function settle(request: Request): Asker | undefined {
  const { asker } = request
  request.asker = undefined
  request.cancel()
  return asker
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length
}
