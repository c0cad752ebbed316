/**
 * The socket that the leader of several tabs has, and the channels on it.
 *
 * closed ──a channel is wanted──► dialed ──greeting──► up ──the socket closes, or is silent──► closed
 *                                    └──another hello: this server knows no channels──► plain
 *
 * It is dialed as soon as there is a leader, and again when somebody wants a channel; how long to wait
 * between two attempts is the business of those who want them. Nobody here sends pings: each connection
 * does, and one that finds its socket dead wants another channel. Then the server is asked, and if it says
 * nothing at all the socket is dead for everybody.
 */

import type { Clock, CreateSocket, Frame, Socket } from '../environment.js'
import { utf8Length } from '../outbox.js'

/** A socket that says nothing for so long, in ms, is given up. Less than a client gives to a hello. */
const GREETING_MS = 8000
/** How long an answer to the question whether there is anybody may take, in ms. */
const ANSWER_MS = 1300
/** A deadline that rings this much too late, in ms, finds a page that was busy, and is put off by as much. */
const LATE_MS = 200
/** Channels before the server has said how many there may be. */
const MOST_AT_FIRST = 32
/** A close without a reason, as browsers tell it. */
export const CLOSE_ABNORMAL = 1006
const CLOSE_TOO_LARGE = 1009

/** Whose channel it is. */
export interface Rider {
  frame(text: string): void
  /** The channel is gone. Told once, and nothing after it. */
  closed(code: number): void
  /** The server does not carry so many. */
  full(): void
}

/** A channel that was asked for. */
export interface Ride {
  send(frame: Frame): void
  close(): void
}

/** A socket with channels. */
export interface SharedSocket {
  /** Dials, unless that was done before. */
  dial(): void
  /** A channel with this query; nothing if there are too many. Nothing is told before it returns. */
  open(query: string, rider: Rider): Ride | undefined
  /** Lets go of the socket. Nobody hears of it. */
  close(): void
  /** Whether the transport knows that nothing will come any more. */
  readonly dead: boolean
}

/** A socket that is closed. `plain` hears that the server knows no channels. */
export function sharedSocket(
  { url, createSocket, clock }: { url: string; createSocket: CreateSocket; clock: Clock },
  plain: () => void,
): SharedSocket {
  let riders = new Map<number, { readonly rider: Rider; readonly query: string }>()
  let socket: Socket | undefined
  let isUp = false
  let most = MOST_AT_FIRST
  let longest = Number.POSITIVE_INFINITY
  /** Never used twice on a socket; here not even on two. */
  let last = 0
  let cancel: (() => void) | undefined

  function dial(): void {
    if (socket) return
    isUp = false
    try {
      const made: Socket = createSocket(url, {
        frame: (text) => socket === made && onFrame(`${text}`),
        closed: (code) => socket === made && lose(code),
      })
      socket = made
      expect(GREETING_MS)
    } catch (cause) {
      console.error('[fluxstack] no socket:', cause)
      // As from a socket that was made and failed.
      expect(0)
    }
  }

  /** Without a frame within `ms`, the socket is dead. */
  function expect(ms: number, isFirst = true): void {
    const due = clock.now() + ms
    cancel?.()
    cancel = clock.after(ms, () => {
      if (isFirst && clock.now() - due > LATE_MS) expect(LATE_MS, false)
      else lose(CLOSE_ABNORMAL)
    })
  }

  function letGo(): void {
    const before = socket
    socket = undefined
    isUp = false
    cancel?.()
    cancel = undefined
    before?.close()
  }

  function lose(code: number): void {
    const lost = riders
    riders = new Map()
    letGo()
    for (const { rider } of lost.values()) rider.closed(code)
  }

  function onFrame(text: string): void {
    cancel?.()
    cancel = undefined
    const [, digits, sign] = /^(\d{1,10})([ -])/.exec(text) ?? []
    if (isUp && digits && sign) {
      deliver(Number(digits), sign === '-', text.slice(digits.length + 1))
    } else if (digits === '0' && sign === ' ') {
      greet(text.slice(2))
    } else if (!isUp) {
      letGo()
      plain()
    }
  }

  function greet(text: string): void {
    const said = readGreeting(text)
    most = said.channels
    longest = said.frame
    isUp = true
    let room = most
    for (const [id, { query, rider }] of riders) {
      if (room-- > 0) {
        socket?.send(`${id}+${query}`)
      } else {
        riders.delete(id)
        rider.full()
      }
    }
  }

  function deliver(id: number, isClosed: boolean, rest: string): void {
    // What is still said on a channel that was let go of is nobody's.
    const rider = riders.get(id)?.rider
    if (!isClosed) rider?.frame(rest)
    else if (riders.delete(id)) rider?.closed(Number(rest) || CLOSE_ABNORMAL)
  }

  return {
    dial,
    open(query, rider) {
      if (riders.size >= most) return undefined
      dial()
      last += 1
      const id = last
      riders.set(id, { rider, query })
      if (isUp) {
        socket?.send(`${id}+${query}`)
        // Whoever wants another channel may have found that the socket is dead.
        socket?.send('0 ')
        if (!cancel) expect(ANSWER_MS)
      }
      return {
        send(frame) {
          if (!riders.has(id)) return
          if (typeof frame !== 'string') {
            const framed = new Uint8Array(4 + frame.length)
            new DataView(framed.buffer).setUint32(0, id, true)
            framed.set(frame, 4)
            socket?.send(framed)
            // The server would close the socket for it, and everybody's channel.
          } else if (frame.length * 3 > longest && utf8Length(frame) > longest) {
            deliver(id, true, `${CLOSE_TOO_LARGE}`)
            socket?.send(`${id}-`)
          } else {
            socket?.send(`${id} ${frame}`)
          }
        },
        close() {
          if (riders.delete(id) && isUp) socket?.send(`${id}-`)
        },
      }
    },
    close() {
      riders = new Map()
      letGo()
    },
    get dead() {
      return socket?.dead ?? false
    },
  }
}

/** What the server says of the socket. What it does not say is as it was. */
function readGreeting(text: string): { channels: number; frame: number } {
  const said = parse(text)
  const number = (value: unknown, otherwise: number): number =>
    typeof value === 'number' && value > 0 ? value : otherwise
  return {
    channels: number(said?.channels, MOST_AT_FIRST),
    frame: number(said?.frame, Number.POSITIVE_INFINITY),
  }
}

function parse(text: string): { readonly channels?: unknown; readonly frame?: unknown } | null {
  try {
    return JSON.parse(text) as ReturnType<typeof parse>
  } catch {
    // Then it has said nothing.
    return null
  }
}
