/**
 * One mounted instance, kept in step with the server.
 *
 * in step ──gap, bad digest, unreadable──► asking ──whole state──► in step
 *                                            └──in vain, MOST_RESYNCS times──► broken
 *
 * A delta is applied only to the version it starts from, and shown only if its digest proves that the
 * result is what the server holds. Anything else asks for the whole state; until that comes, deltas are
 * ignored and the last proven state stays on show.
 */

import { advance, type Snapshot, takeSnapshot } from './delta.js'
import { complain, isDenied, isGone, isPassing, LiveError } from './error.js'
import { type Ears, hear } from './hear.js'
import { MOST_RESYNCS } from './numbers.js'
import type { Port } from './port.js'
import {
  type InstancePushes,
  type JsonObject,
  parseText,
  type Standing,
  type WholeState,
} from './protocol.js'

/** Who mounted it. */
export interface Owner extends Ears {
  /**
   * There is something new to show, proven, which has the effects of these calls. Returns the same, perhaps made
   * of pieces that are shown already.
   */
  show(snapshot: Snapshot, done: readonly unknown[]): Snapshot
  /** The server says that the instance is gone. */
  gone(error: LiveError): void
  /** It cannot be kept in step. */
  broken(error: LiveError): void
}

/** What of an instance outlives its page. */
export interface Kept {
  readonly id: string
  /** The number of the last event that was told. */
  heard: number
  /** Its state, signed by the server. */
  snapshot?: string | undefined
  /** Others have it too, in other sessions or in this one. */
  readonly shared?: unknown
}

/** What the client and the handle tell an instance. */
export interface Instance extends Kept {
  /** The first whole state. What equals `before` keeps its identity. */
  begin(whole: WholeState, before: JsonObject | undefined): void
  /** The connection is another one. What was asked on the last one is forgotten; says what is there. */
  position(): { readonly have: number; readonly heard: number; readonly fresh?: true | undefined }
  /** Whether it is in step with what the server says it holds; if not, asks for the whole state. */
  prove(holds: Pick<Standing, 'version' | 'digest' | 'seq'>): boolean
  /** Whether the whole state was asked for, and what comes before it is of no use. */
  isOutOfStep(): boolean
  /** Nobody wants it any more; the server is told if `tell`. */
  leave(tell: boolean): void
  /** What the server may say to it, by type. */
  readonly hear: { readonly [T in keyof InstancePushes]: (payload: InstancePushes[T]) => void }
}

/** What to do when the two sides cannot agree. */
export const UPDATE_BOTH = 'update client and server'

/** An instance the server has. From here on its messages come to it. */
export function createInstance(kept: Kept, component: string, port: Port, owner: Owner): Instance {
  const { id } = kept
  const mates = port.routes.get(id) ?? new Set()
  let shown: Snapshot | undefined
  /** The calls whose effects the next state has. */
  let done: unknown[] = []
  /** Whole states asked for in a row; 0 when in step. */
  let resyncs = 0
  let left = false

  /** Shows what is made, if it can be: a state may nest deeper than a stack. Otherwise asks for the whole. */
  function adopt(make: () => Snapshot | undefined): void {
    let next: Snapshot | undefined
    try {
      next = make()
    } catch {}
    if (next) {
      resyncs = 0
      shown = owner.show(next, done.splice(0))
    } else {
      resync()
    }
  }

  function begin(whole: WholeState, before: JsonObject | undefined): void {
    adopt(() => {
      const next = takeSnapshot(whole.state, whole.version, before)
      return next.digest === whole.digest ? next : undefined
    })
  }

  function resync(): void {
    if (resyncs < MOST_RESYNCS) {
      resyncs += 1
      askForAll(resyncs, 0)
    } else {
      owner.broken(new LiveError('OUT_OF_STEP', `${component} stays out of step: ${UPDATE_BOTH}`))
    }
  }

  function askForAll(asked: number, tries: number): void {
    const inVain = (): boolean => !left && resyncs === asked && port.isOpen()
    port.ask(
      { type: 'STATE_RESYNC', componentId: id, payload: { have: shown?.version ?? 0 } },
      {
        // The whole state comes before its reply; if it did not, it is not coming.
        answered: () => inVain() && resync(),
        failed(error) {
          if (!inVain()) return
          if (isGone(error)) owner.gone(error)
          else if (isPassing(error)) port.later(tries, () => inVain() && askForAll(asked, tries + 1))
          else resync()
        },
      },
    )
  }

  const instance: Instance = {
    ...kept,
    begin,
    isOutOfStep: () => resyncs > 0,
    position() {
      resyncs = 0
      return { have: shown?.version ?? 0, heard: instance.heard, fresh: shown ? undefined : true }
    },
    prove({ version, digest, seq }) {
      if (typeof seq === 'number') {
        if (seq > instance.heard) owner.missed(seq - instance.heard)
        // Or it was rebuilt, and the answer that said so was lost: its events count on from there.
        instance.heard = seq
      }
      if (resyncs > 0) return false
      if (shown && shown.version === version && shown.digest === digest) return true
      resync()
      return false
    },
    leave(tell) {
      left = true
      mates.delete(instance)
      if (mates.size === 0) port.routes.delete(id)
      if (tell) unmount(port, id)
    },
    hear: {
      STATE_UPDATE(whole) {
        if (!whole) resync()
        else if (resyncs > 0 || !shown || whole.version > shown.version) begin(whole, shown?.state)
      },
      STATE_DELTA(delta) {
        if (resyncs > 0 || !shown || (delta && delta.version <= shown.version)) return
        const from = shown
        adopt(() => (delta?.base === from.version ? advance(from, delta) : undefined))
      },
      COMPONENT_EVENT(payload) {
        // What is sent again for one handle reaches all that have the instance. Numbers tell what was missed.
        if (payload.missed && mates.size > 1) return
        instance.heard = hear(payload, instance.heard, owner)
        port.touch()
      },
      CALL_DONE({ callIds }) {
        done = done.concat(callIds)
      },
      STATE_SNAPSHOT(payload) {
        instance.snapshot = parseText(payload.snapshot)
        port.touch()
      },
      ERROR(error) {
        if (isGone(error)) owner.gone(error)
        else if (isDenied(error)) owner.broken(error)
        else complain(error, component)
      },
    },
  }
  port.routes.set(id, mates.add(instance))
  return instance
}

/** Tells the server that an instance is not wanted. */
export function unmount(port: Port, componentId: string): void {
  port.ask({ type: 'COMPONENT_UNMOUNT', componentId })
}
