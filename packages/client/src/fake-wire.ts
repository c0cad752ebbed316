/**
 * The socket in memory between the fake server and its client.
 *
 * It carries frames in microtasks, in order, or as long as the test says they travel; it loses them, breaks,
 * and lets nobody in, when told to. It knows frames and no components. What must stay true: a frame never
 * overtakes another, and what is left of one socket never reaches the next.
 */

import type { Clock, CreateSocket, Frame, SocketEvents } from './environment.js'

/** The server's end of it. */
export interface FakeWire {
  /** What the client connects with. */
  readonly createSocket: CreateSocket
  /** Says something to the client, if it is there. What is said in one microtask is one frame. */
  say(message: unknown): void
  /** Frames travel for half of so many ms in each direction from now on. */
  latency(ms: number): void
  /** The next frames to the client are lost. */
  lose(frames: number): void
  /** Breaks the connection there is. */
  hangUp(code: number): void
  /** Whether clients are let in. */
  isReachable: boolean
}

/** What the server does about it. */
export interface FakeWireEnd {
  /** A client has connected. */
  opened(): void
  /** It said something: one frame, parsed. */
  heard(frame: unknown): void
}

/** A wire that nobody is at. */
export function fakeWire(clock: Clock, end: FakeWireEnd): FakeWire {
  let socket: SocketEvents | undefined
  let outgoing: unknown[] = []
  let toLose = 0
  let way = 0
  const there = pipe(clock, () => way, queueMicrotask)
  const back = pipe(
    clock,
    () => way,
    (arrive) => arrive(),
  )

  const wire: FakeWire = {
    isReachable: true,
    createSocket(_url, events) {
      let dead = false
      there(() => {
        if (dead) return
        if (!wire.isReachable) {
          dead = true
          events.closed(1006)
          return
        }
        socket = events
        outgoing = []
        end.opened()
      })
      return {
        send: (frame) => there(() => !dead && socket === events && end.heard(read(frame))),
        close() {
          dead = true
          if (socket === events) socket = undefined
        },
        get dead() {
          return dead
        },
      }
    },
    say(message) {
      const [to, queue] = [socket, outgoing]
      queue.push(message)
      if (queue.length > 1) return
      queueMicrotask(() => {
        const frame = queue.splice(0)
        const text = JSON.stringify(frame.length === 1 ? frame[0] : frame)
        back(() => {
          if (!to || to !== socket) return
          if (toLose > 0) toLose -= 1
          else to.frame(text)
        })
      })
    },
    latency(ms) {
      way = ms / 2
    },
    lose(frames) {
      toLose += frames
    },
    hangUp(code) {
      // What was to be lost is lost with the connection.
      toLose = 0
      const gone = socket
      socket = undefined
      gone?.closed(code)
    },
  }
  return wire
}

/** What is in a frame: of a binary one the header, with the bytes that follow it. */
function read(frame: Frame): unknown {
  if (typeof frame === 'string') return JSON.parse(frame)
  const end = 4 + new DataView(frame.buffer, frame.byteOffset).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(frame.subarray(4, end))) as object
  return { ...header, bytes: frame.subarray(end) }
}

/** One direction: what enters first leaves first, whatever the time it takes was meanwhile. */
function pipe(
  clock: Clock,
  way: () => number,
  atOnce: (arrive: () => void) => void,
): (arrive: () => void) => void {
  const inside: (() => void)[] = []
  let last = 0
  const next = (): void => inside.shift()?.()
  return (arrive) => {
    const now = clock.now()
    last = Math.max(now + way(), inside.length > 0 ? last : 0)
    inside.push(arrive)
    if (last > now) clock.after(last - now, next)
    else atOnce(next)
  }
}
