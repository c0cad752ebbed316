/**
 * The calls of one handle, in the order they were made, until each has its answer.
 *
 * waiting ──instance there──► asked ──answer──► settled
 *    ▲                          │
 *    └── socket lost, or told to try again; reset ──► rejected, "whether it happened is unknown"
 *
 * A call has a name that never changes: the client's origin and a number. Where the connection belongs to
 * a session the name travels, and a call whose answer was lost is sent again under it, before newer ones,
 * once its instance is back; the server does it once. Where there is no session nothing is sent twice.
 *
 * A call is written down when it is made: changing an argument afterwards changes nothing, today or when
 * it is sent again. Waiting and asking together take no longer than its timeout.
 */

import { isGone, isPassing, LiveError } from './error.js'
import { MOST_TRIES } from './numbers.js'
import type { Guess } from './optimistic.js'
import { queueFull } from './outbox.js'
import type { Port } from './port.js'
import type { CallBody, CallMessage, JsonObject } from './protocol.js'

/** What names a call for good. */
export interface CallName {
  readonly id: string
  /** Counts the calls of this client; 0 for one that an earlier page made. */
  readonly number: number
}

/** What else is known of a call when it is made. */
export interface CallOptions {
  readonly name?: CallName
  /** How long, in ms, its answer may take. */
  readonly timeout?: number
  /** Why its answer did not come, if it was made before. */
  readonly lost?: LiveError
  /** Hears the answer where it is read, before whatever comes after it. */
  readonly answered?: (result: unknown) => void
  /** How it leaves, if not by itself. */
  readonly ask?: Port['ask'] | undefined
  /** What of it is shown already. */
  readonly guess?: Guess | undefined
}

interface Call extends CallName, Pick<CallOptions, 'answered' | 'ask' | 'guess'> {
  readonly body: string
  readonly due: number
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  tries: number
  /** Why there is no answer, though it was asked. */
  lost?: LiveError
  /** Stops its clock while it waits; undefined while it is asked. */
  cancel?: (() => void) | undefined
}

/** The calls of one handle. */
export interface CallLine {
  /** Makes a call. It leaves when the instance is there, after those that were made before. */
  enter(body: CallBody, options?: CallOptions): Promise<unknown>
  /**
   * The instance is there, with the state that what is in doubt was meant for if `isSame`. Of one that is
   * `shared` another handle may have calls too, so that nothing is known of all answers.
   */
  open(instanceId: string, isSame: boolean, shared?: unknown): void
  /** The instance is away: calls wait. */
  shut(): void
  /**
   * The instance will not be back. What is in doubt is rejected as such, and the rest too if there is an
   * `error`; otherwise it is meant for the next instance.
   */
  renew(error?: LiveError): void
  /** The handle shows this, proven. */
  readonly saw?: ((state: JsonObject) => void) | undefined
}

/** Whose calls they are. */
export interface Caller {
  /** The client's own name of the handle. */
  readonly name: string
  /** Whether a later page will know the name. */
  readonly isKept: boolean
  /** Shows what a call will do, if that is known. */
  guess(body: CallBody): Guess | undefined
  /** Shows what was known before this page, until something is proven; nothing takes it away. */
  picture(state: JsonObject | undefined): void
  /** Hears that the server has no such instance. */
  gone(error: LiveError): void
}

/** Makes the line of a handle. */
export type MakeLine = (port: Port, caller: Caller) => CallLine

/** Nobody calls yet. */
export const callLine: MakeLine = (port, { gone }) => {
  const { clock } = port
  const calls = new Set<Call>()
  /** How many of them were not asked yet, or have to be asked again. */
  let waiting = 0
  let instanceId: string | undefined
  /** Counts instances, so that no call is sent again to one it was not meant for. */
  let life = 0
  /** The instance was told that everything up to this number is answered. */
  let acked: number | undefined
  let isShared: unknown
  let cancelPause: (() => void) | undefined

  function leave(call: Call, componentId: string): void {
    const mine = life
    const body = JSON.parse(call.body) as CallBody
    const isKnown = port.session.isActive()
    // What is asked of a room has no name: joining and leaving twice is like once, and emitting is not.
    const isNamed = isKnown && !('roomId' in body)
    const mayRepeat = isKnown && body.type !== 'ROOM_EMIT'
    waiting -= 1
    call.cancel?.()
    call.cancel = undefined
    const ask = call.ask ?? port.ask
    ask(
      { ...body, componentId, ...(isNamed && nameOf(call)) },
      {
        answered(result, held) {
          calls.delete(call)
          call.guess?.settle(held === true)
          call.answered?.(result)
          call.resolve(result)
        },
        failed(error, isSent) {
          if (!mayRepeat || mine !== life || !again(call, error, isSent)) fail(call, error)
          if (isGone(error) && componentId === instanceId) gone(error)
        },
      },
      call.due - clock.now(),
    )
  }

  function nameOf({ id, number, guess }: Call): Pick<CallMessage, 'callId' | 'acked' | 'optimistic'> {
    // Without a name nobody could say whose effect is there.
    const optimistic = guess && true
    let lowest = 0
    for (const call of calls) {
      lowest = call.number
      // Those of an earlier page stand in front, and have another origin.
      if (lowest > 0) break
    }
    if (isShared || number === 0 || acked === undefined || lowest <= acked + 1)
      return { callId: id, optimistic }
    acked = lowest - 1
    return { callId: id, optimistic, acked }
  }

  /** Lets a call wait once more, if it may be sent again. */
  function again(call: Call, error: LiveError, isSent: boolean): boolean {
    if (error.code === 'DISCONNECTED') {
      // Once in doubt, it stays in doubt.
      if (isSent || !call.lost) call.lost = error
    } else if (isPassing(error) && call.tries < MOST_TRIES) {
      cancelPause ??= port.later(call.tries++, () => {
        cancelPause = undefined
        flush()
      })
    } else if (error.code !== 'REHYDRATION_REQUIRED') {
      return false
    }
    wait(call)
    return true
  }

  function wait(call: Call): void {
    waiting += 1
    call.cancel = clock.after(call.due - clock.now(), () => {
      const why = 'the call was not sent in time'
      fail(call, new LiveError('TIMEOUT', call.lost?.message ?? why))
    })
  }

  function fail(call: Call, error: LiveError): void {
    calls.delete(call)
    if (call.cancel) waiting -= 1
    call.cancel?.()
    call.guess?.settle()
    call.reject(error)
  }

  function flush(): void {
    for (const call of calls) {
      if (!instanceId || cancelPause || waiting === 0) return
      if (call.cancel) leave(call, instanceId)
    }
  }

  return {
    enter: (body, options) =>
      new Promise((resolve, reject) => {
        if (waiting >= port.queue) throw queueFull('the call', port.queue)
        const { name = port.callName(), timeout = port.timeout, ...rest } = options ?? {}
        if (rest.guess) rest.guess.id = name.id
        if (name.number > 0) acked ??= name.number - 1
        const due = clock.now() + timeout
        const call: Call = { ...rest, ...name, body: JSON.stringify(body), due, resolve, reject, tries: 0 }
        calls.add(call)
        wait(call)
        // Nothing can be waiting in front of it, unless it has to wait as well.
        if (instanceId && !cancelPause) leave(call, instanceId)
      }),
    open(id, _isSame, shared) {
      instanceId = id
      isShared = shared
      flush()
    },
    shut() {
      instanceId = undefined
    },
    renew(error) {
      life += 1
      acked = undefined
      for (const call of calls) {
        const why = call.lost ?? error
        if (why && call.cancel) fail(call, why)
      }
    },
  }
}
