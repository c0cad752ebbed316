/**
 * A writable field of a component that a store has a say in.
 *
 * at rest ──the store says something else──► writing ──taken──► at rest
 *   ▲                                          │ refused: the store was heard, the server has won
 *   └──────────────────────────────────────────┘ never arrived: as if nothing had been said
 *
 * It remembers what of the store the instance has heard, accepted or not. What the store has to say is what
 * differs from that, so nothing is said twice, and a value that came from the server is no news to it. A new
 * instance has heard what the store begins with: a store that nobody has touched has no opinion, and one
 * that somebody has is written. One write is under way at a time; of what the store wanted meanwhile only
 * the last is written. While the instance is away nothing is written at all: the store is the memory.
 *
 * A write that an updater caused, in answer to a write, is a round. After so many rounds within a second the
 * field is left alone until somebody else changes the store.
 */

import type { LiveError } from '@fluxstack/client'
import type { AnyHandle } from './recorder.js'
import { asJson, same } from './same.js'
import type { LiveConflict } from './shapes.js'

/** Rounds within {@link ROUNDS_MS} after which updater and binding are taken to chase each other. */
const MOST_ROUNDS = 10
const ROUNDS_MS = 1000

/** What an updater changed in the store, if that is what changed it. */
export interface Cause {
  readonly keys: readonly string[]
  /** Whether the updater saw the answer to a write, so that a write because of it would be another round. */
  readonly isAnswer: boolean
}

/** Who asks for the field. */
export interface FieldOwner {
  readonly name: string
  readonly handle: AnyHandle & { write(field: never, value: never): Promise<void> }
  /** Whether anybody binds it at the moment. */
  readonly isHeld: () => boolean
  readonly select: (global: unknown) => unknown
  /** What the store began with. */
  readonly initial: () => unknown
  readonly disagreed: (conflict: Omit<LiveConflict, 'component' | 'at'>) => void
  /** A write was answered, and the server has something else. */
  readonly lost: () => void
}

/** A field, as its bond uses it. */
export interface BoundField {
  readonly name: string
  /** What the store wants it to be, as JSON. */
  value(): unknown
  isWriting(): boolean
  /** Whether what the store wants has not been answered yet. */
  isOnItsWay(): boolean
  /** The store may have changed, because of an updater if there is a `cause`. Nothing is written yet. */
  look(global: unknown, cause: Cause | undefined): void
  /** Writes, if there is something to say and nothing under way. */
  consider(): void
  /** The component's view may have changed. Says whether the server has changed the field by itself. */
  meet(): boolean
  /** The updaters have seen what {@link BoundField.meet} found. If the store has not taken it, it has lost. */
  judge(): void
}

/** A field that nobody has said anything about. */
export function createField(owner: FieldOwner): BoundField {
  const { name, handle } = owner
  /** What the selector gave last; no value that anybody else has. */
  let raw: unknown = owner
  let value: unknown
  let cause: Cause | undefined
  /** What the instance has heard of the store, and which instance that is. */
  let heard: unknown
  let generation = -1
  /** What the server had when both were last looked at; none of an instance that was never looked at. */
  let known: { readonly server: unknown } | undefined
  let isWriting = false
  let rounds = 0
  let since = 0

  function server(): unknown {
    return (handle.getState().state as Readonly<Record<string, unknown>> | undefined)?.[name]
  }

  function freshen(): void {
    if (generation === handle.generation) return
    generation = handle.generation
    heard = asJson(owner.select(owner.initial()))
    known = undefined
  }

  /** What both have the store need not say, also if it changes before anybody is asked. */
  function agree(): void {
    freshen()
    if (!isWriting && value !== undefined && same(value, server())) heard = value
  }

  /** Store to server, if there is something to say and somebody to hear it. */
  function consider(): void {
    if (isWriting || !owner.isHeld() || handle.getState().status !== 'live') return
    agree()
    const theirs = server()
    const before = known
    known = { server: theirs }
    if (value === undefined || same(value, heard)) return
    if (isChased()) {
      stop(theirs)
    } else {
      if (before && !same(before.server, theirs)) disagree('both', theirs)
      void write()
    }
  }

  async function write(): Promise<void> {
    const mine = value
    isWriting = true
    let error: LiveError | undefined
    try {
      await handle.write(name as never, mine as never)
    } catch (thrown) {
      error = thrown as LiveError
    }
    isWriting = false
    // What failed because nobody was there was not heard, and is said again to whoever is there next.
    const isAnswered = !error || (error.code !== 'DISCONNECTED' && handle.getState().status === 'live')
    if (isAnswered) heard = mine
    if (!owner.isHeld()) return
    const theirs = server()
    const isLast = same(value, mine)
    const hasLost = isAnswered && !same(theirs, mine)
    known &&= { server: theirs }
    if (hasLost && isLast) disagree(error ? 'refused' : 'changed', theirs, error)
    consider()
    if (hasLost) owner.lost()
  }

  function isChased(): boolean {
    const now = Date.now()
    if (!cause?.isAnswer || now - since > ROUNDS_MS) {
      rounds = 0
      since = now
    }
    if (cause?.isAnswer) rounds += 1
    return rounds > MOST_ROUNDS
  }

  function stop(theirs: unknown): void {
    heard = value
    const keys = cause?.keys.map((key) => `"${key}"`).join(', ')
    console.error(
      `[fluxstack] the field "${name}" and ${keys} in the store keep changing each other: an updater answered ` +
        `each of ${MOST_ROUNDS} writes within a second with another value. The field is left alone until something ` +
        'else changes the store. Let the updater give back what the component has, or do not bind the field.',
    )
    disagree('loop', theirs)
  }

  function disagree(reason: LiveConflict['reason'], theirs: unknown, error?: LiveError): void {
    const plain = error && { code: error.code, message: error.message, fields: error.fields }
    const winner = reason === 'both' ? 'store' : 'server'
    owner.disagreed({ field: name, reason, winner, global: value, server: theirs, error: plain })
  }

  return {
    name,
    value: () => value,
    isWriting: () => isWriting,
    isOnItsWay() {
      if (value === undefined || !owner.isHeld()) return false
      freshen()
      return isWriting || !same(value, heard)
    },
    look(global, why) {
      const picked = owner.select(global)
      if (!Object.is(picked, raw)) {
        raw = picked
        const next = asJson(picked)
        if (!same(next, value)) {
          value = next
          cause = why
        }
      }
      agree()
    },
    consider,
    meet() {
      const before = known
      const isIdle = !isWriting
      consider()
      return isIdle && !isWriting && before !== undefined && !same(before.server, server())
    },
    judge() {
      if (isWriting || value === undefined || handle.getState().status !== 'live') return
      const theirs = server()
      if (!same(value, theirs) && same(value, heard)) disagree('changed', theirs)
    },
  }
}
