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
import { LiveError } from './error.js'
import type { Port } from './port.js'
import type { Delta, JsonObject, WholeState } from './protocol.js'

/** Whole states asked for in a row before client and server are declared to disagree. */
const MOST_RESYNCS = 3

/** Who mounted it. */
export interface Owner {
  /** There is something new to show, proven. */
  show(snapshot: Snapshot): void
  /** The component announced something. */
  event(event: unknown): void
  /** Events were dropped. */
  missed(count: number): void
  /** The server says that the instance is gone. */
  gone(error: LiveError): void
  /** It cannot be kept in step. */
  broken(error: LiveError): void
}

/** See the top of the file. */
export class Instance {
  private shown: Snapshot | undefined
  /** Whole states asked for in a row; 0 when in step. */
  private resyncs = 0
  private left = false

  constructor(
    readonly id: string,
    private readonly component: string,
    private readonly port: Port,
    private readonly owner: Owner,
  ) {
    port.route(id, this)
  }

  /** The first whole state. What equals `before` keeps its identity. */
  begin(whole: WholeState, before: JsonObject | undefined): void {
    this.adopt(whole, before)
  }

  /** Nobody wants it any more; the server is told if `tell`. */
  leave(tell: boolean): void {
    if (this.left) return
    this.left = true
    this.port.route(this.id, undefined)
    if (tell) unmount(this.port, this.id)
  }

  /** A whole state came; `undefined` if it could not be read. */
  update(whole: WholeState | undefined): void {
    if (!whole) this.resync()
    else if (this.resyncs > 0 || !this.shown || whole.version > this.shown.version)
      this.adopt(whole, this.shown?.state)
  }

  /** A change came; `undefined` if it could not be read. */
  delta(delta: Delta | undefined): void {
    const { shown } = this
    if (this.resyncs > 0 || !shown || (delta && delta.version <= shown.version)) return
    const next = delta?.base === shown.version ? attempt(() => advance(shown, delta)) : undefined
    if (!next) {
      this.resync()
      return
    }
    this.port.stats.delta(delta)
    this.show(next)
  }

  event(event: unknown): void {
    this.owner.event(event)
  }

  missed(count: number): void {
    this.owner.missed(count)
  }

  /** An error that concerns this instance: it is gone, or its author should know. */
  failed(error: LiveError): void {
    if (isGone(error)) this.owner.gone(error)
    else console.error(`[fluxstack] ${this.component}:`, error.code, error.message)
  }

  private adopt(whole: WholeState, before: JsonObject | undefined): void {
    const next = attempt(() => takeSnapshot(whole.state, whole.version, before))
    if (next?.digest !== whole.digest) {
      this.resync()
      return
    }
    this.resyncs = 0
    this.show(next)
  }

  private show(next: Snapshot): void {
    this.shown = next
    this.owner.show(next)
  }

  private resync(): void {
    if (this.resyncs >= MOST_RESYNCS) {
      const what = `the state of ${this.component} does not match its digest, ${MOST_RESYNCS} times in a row`
      this.owner.broken(
        new LiveError('OUT_OF_STEP', `${what}: client and server disagree about the protocol, update both`),
      )
      return
    }
    this.resyncs += 1
    this.port.stats.resync()
    const asked = this.resyncs
    const inVain = (): boolean => !this.left && this.resyncs === asked
    const have = this.shown?.version ?? 0
    this.port.ask(
      { type: 'STATE_RESYNC', componentId: this.id, payload: { have } },
      {
        // The whole state comes before its reply; if it did not, it is not coming.
        answered: () => inVain() && this.resync(),
        failed: (error) => {
          if (!inVain()) return
          if (isGone(error)) this.owner.gone(error)
          else this.resync()
        },
      },
    )
  }
}

/** Whether an error says that there is no instance to talk to any more. */
export function isGone(error: LiveError): boolean {
  return error.code === 'INSTANCE_LOST' || error.code === 'REHYDRATION_REQUIRED'
}

/** Tells the server that an instance is not wanted. */
export function unmount(port: Port, componentId: string): void {
  port.ask({ type: 'COMPONENT_UNMOUNT', componentId }, { answered: () => undefined, failed: () => undefined })
}

/** What `make` makes, or nothing if it fails: a state may nest deeper than a stack. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
