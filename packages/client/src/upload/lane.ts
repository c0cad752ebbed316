/**
 * How much of all files together is on its way: one window for a connection, however many files share it.
 *
 * What an action waits for is what was sent before it, so no more is sent than keeps the line full. How much that is
 * shows in how long answers take: the shortest time there was is that of an empty line, and whatever a frame takes
 * longer it has waited behind others. The window grows while that is less than the target, and shrinks while it is
 * more, the more so the further it is off; from the start it doubles until it is. While the page asks for other things,
 * the target is half of what an empty line takes, so that they do not take twice as long. This is the idea of LEDBAT
 * (RFC 6817), in bytes that are answered by an application instead of packets that are by a kernel; and that of BBR, to
 * let the line run empty now and then, so that it is known what that takes.
 *
 * A window is sent as four frames, so that the line is not idle while an answer travels. Frames have whole steps of
 * 16 KiB, but the last one of a file: below that the server counts them as messages.
 */

import { LiveError } from '../error.js'
import type { Asker } from '../outbox.js'
import type { Port } from '../port.js'
import type { Reply, UploadMessage } from '../protocol.js'
import type { ChunkOptions } from './shape.js'

/** The smallest window, and what frames are made of. */
export const STEP: number = 16 << 10
/** The largest window. */
const MOST = 1 << 20
/** The window at first. */
const FIRST = 4 * STEP
/** Frames in a window. */
const FRAMES = 4
/** How much longer than necessary an answer may take, in ms, unless told otherwise. */
const TARGET_MS = 50
/**
 * The same at least, while the page asks for other things: what a busy page and its timers add by themselves is no
 * queue, and a smaller target would leave a fast line idle most of the time.
 */
const LEAST_TARGET_MS = 8
/** How long after a question the page counts as asking, in ms. */
const ASKING_MS = 1000
/** How long, in ms, an empty line is taken to be as it was. */
const BASE_MS = 15_000

/** One that has frames to send. */
export interface Rider {
  /** Sends a frame of up to so many bytes, and says of how many; 0 if none is at hand. */
  offer(most: number): number
}

/** How to hear of an answer, with all that was said. */
export interface Hearer extends Pick<Asker, 'pack'> {
  answered(reply: Reply): void
  failed(error: LiveError, reply: Reply | undefined): void
}

/** The window of one connection. */
export interface Lane {
  configure(options: ChunkOptions): void
  /** Has frames from now on. Returns how to leave. */
  enter(rider: Rider): () => void
  /** Somebody has a frame at hand. */
  wake(): void
  /** How many bytes the next frame should have. */
  frame(): number
  /** How many bytes may be on their way. */
  window(): number
  /** Asks the server; `bytes` of a file are in it. */
  ask(message: UploadMessage, hearer: Hearer, timeout?: number, bytes?: number): void
}

const lanes = new WeakMap<Port, Lane>()

/** The lane of a client. */
export function laneOf(port: Port): Lane {
  const lane = lanes.get(port) ?? createLane(port)
  lanes.set(port, lane)
  return lane
}

function createLane(port: Port): Lane {
  const { clock } = port
  let riders: Rider[] = []
  let limits = { min: STEP, max: MOST, target: TARGET_MS }
  let window = FIRST
  let inFlight = 0
  /** How long answers took, in ms: the fastest since the line was empty, and the last few. */
  let low = Infinity
  let lowSince = -Infinity
  let recent: number[] = []
  /** Nothing was ever too slow on this connection. */
  let isStarting = true
  /** Which connection it is, and how many requests there were on it: of files, and others. */
  let greeted: unknown
  let own = 0
  let others = 0
  let askedAt = -ASKING_MS

  function frame(): number {
    const most = port.hello()?.limits.frame ?? MOST
    // As text it has to fit as well.
    if (most < 2 * STEP) return Math.floor(((most - 1024) * 3) / 4)
    const share = Math.max(STEP, Math.min(window / FRAMES, MOST / FRAMES, most))
    return Math.floor(share / STEP) * STEP
  }

  /** Another connection: another line, perhaps, and nothing is on its way. */
  function renew(hello: unknown): void {
    if (greeted !== undefined) window = clamp(window / 2)
    greeted = hello
    own = others = 0
    lowSince = -Infinity
    isStarting = true
  }

  function clamp(bytes: number): number {
    return Math.max(limits.min, Math.min(limits.max, bytes))
  }

  function measure(took: number, bytes: number, isFull: boolean): void {
    low = Math.min(low, took)
    // Of one window the fastest counts: one that is late alone says nothing.
    recent = [took, ...recent].slice(0, Math.max(1, Math.min(FRAMES, Math.floor(window / frame()))))
    const isAsking = clock.now() - askedAt < ASKING_MS
    const target = isAsking ? Math.max(LEAST_TARGET_MS, Math.min(limits.target, low) / 2) : limits.target
    const off = Math.max(-1, (target - (Math.min(...recent) - low)) / target)
    if (off < 0) {
      isStarting = false
      // By half at most while one window is answered.
      window = clamp(window + (off * bytes) / 2)
    } else if (isFull) {
      window = clamp(window + off * bytes * (isStarting ? 1 : STEP / window))
    }
  }

  function wake(): void {
    for (let idle = 0; idle < riders.length; ) {
      const size = frame()
      if (inFlight > 0 && inFlight + size > window) return
      if (clock.now() - lowSince > BASE_MS) {
        // A line that is never empty seems to be longer and longer.
        if (inFlight > 0) return
        lowSince = clock.now()
        low = Infinity
        recent = []
      }
      const [next] = riders
      if (!next) return
      riders = [...riders.slice(1), next]
      idle = next.offer(size) > 0 ? 0 : idle + 1
    }
  }

  return {
    frame,
    wake,
    window: () => window,
    configure({ min = STEP, max = MOST, target = TARGET_MS }) {
      const most = Math.max(STEP, Math.min(MOST, max))
      limits = { min: Math.max(STEP, Math.min(most, min)), max: most, target: Math.max(1, target) }
      window = clamp(window)
    },
    enter(rider) {
      riders = [...riders, rider]
      return () => {
        riders = riders.filter((other) => other !== rider)
      }
    },
    ask(message, { answered, failed, pack }, timeout, bytes = 0) {
      if (!port.isOpen()) {
        // There it would wait, and leave before the session is back.
        failed(new LiveError('DISCONNECTED', 'the connection was lost'), undefined)
        return
      }
      const hello = port.hello()
      if (hello !== greeted) renew(hello)
      own += 1
      inFlight += bytes
      const place = own
      const at = clock.now()
      const isFull = inFlight + frame() > window
      const settle = (reply: Reply | undefined): void => {
        inFlight -= bytes
        if (!reply || hello !== greeted) return
        // Ids count what has left, so what is more than ours the page has asked.
        const more = Number(reply.requestId) - place
        if (more > others) {
          others = more
          askedAt = clock.now()
        }
        if (bytes > 0) measure(clock.now() - at, bytes, isFull)
      }
      const asker: Asker = {
        answered(_result, _held, reply) {
          settle(reply)
          if (reply) answered(reply)
          wake()
        },
        failed(error, _isSent, reply) {
          settle(reply)
          failed(error, reply)
          wake()
        },
      }
      port.ask(message, pack ? { ...asker, pack } : asker, timeout)
    },
  }
}
