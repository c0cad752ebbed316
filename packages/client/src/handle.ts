/**
 * One component as the application holds it: a view to show, actions to call.
 *
 * idle ──first subscriber──► waiting ──open connection──► mounting ──reply──► mounted
 *   ▲                           ▲                            │ refused           │
 *   │                           │                            ▼                   │
 *   └──grace after the last     └───── connection lost ── failed ◄──lost twice───┘
 *      one left, from anywhere         (every reconnect mounts again)
 *
 * A handle talks to the client through its {@link Port} and knows no socket. It applies a delta only to
 * the version it starts from and only if the digest proves that the result is what the server holds;
 * else it asks for the whole state and keeps showing the last proven one.
 *
 * Messages are read where they arrive, not in a promise's continuation: a mount reply and the first
 * delta may share a frame. A later mount outdates an earlier one by its turn; what an outdated mount
 * brings is unmounted again.
 */

import { advance, type Snapshot, takeSnapshot } from './delta.js'
import { LiveError } from './error.js'
import { Listeners } from './listeners.js'
import type { Asker } from './outbox.js'
import type { ClientMessage, Delta, WholeState } from './protocol.js'
import { parseMounted } from './protocol.js'
import type {
  ActionArgs,
  ActionName,
  ActionResult,
  Calls,
  ComponentShape,
  LiveHandle,
  LiveView,
} from './shape.js'
import { callsOf, type Guest, type Port, payloadOf, WaitingRoom } from './waiting-room.js'

/** Whole states asked for in a row before client and server are declared to disagree. */
const MOST_RESYNCS = 3
/** An instance lost again within this time, in ms, is not mounted again by itself. */
const REMOUNT_REST_MS = 10_000
const MOUNTING = { status: 'mounting', state: undefined, error: undefined } as const

type Phase =
  | { readonly at: 'idle' | 'waiting' | 'mounting' | 'failed' }
  | {
      readonly at: 'mounted'
      readonly instanceId: string /** Whole states asked for in vain. */
      resyncs: number
    }

/** See the top of the file. Made by the client; applications see {@link LiveHandle}. */
export class Handle<C extends ComponentShape> implements LiveHandle<C>, Guest {
  readonly call: Calls<C>
  private phase: Phase = { at: 'idle' }
  private view: LiveView<C> = MOUNTING
  private shown: Snapshot | undefined
  private turn = 0
  /** The instance that calls made while disconnected were meant for. */
  private meantFor: string | undefined
  private remountedAt = Number.NEGATIVE_INFINITY
  private cancelStop: (() => void) | undefined
  private readonly waiting: WaitingRoom
  private readonly views = new Listeners<[view: LiveView<C>, previous: LiveView<C>]>()
  private readonly events = new Listeners<[event: C['event']]>()
  private readonly misses = new Listeners<[count: number]>()

  constructor(
    private readonly port: Port,
    private readonly component: string,
    readonly componentId: string,
    private props: C['props'],
  ) {
    this.waiting = new WaitingRoom(port)
    this.call = callsOf((name, args) => this.act(name, args)) as Calls<C>
  }

  get instanceId(): string | undefined {
    return this.phase.at === 'mounted' ? this.phase.instanceId : undefined
  }

  get fingerprint(): string | undefined {
    return this.shown?.digest.toString(16).padStart(8, '0')
  }

  readonly getState = (): LiveView<C> => this.view

  readonly getInitialState = (): LiveView<C> => MOUNTING

  readonly subscribe = (listener: (view: LiveView<C>, previous: LiveView<C>) => void): (() => void) => {
    const leave = this.views.add(listener)
    this.cancelStop?.()
    this.cancelStop = undefined
    if (this.phase.at === 'idle') this.start()
    return () => {
      leave()
      if (this.views.size === 0) this.cancelStop ??= this.port.clock.after(this.port.grace, () => this.stop())
    }
  }

  readonly callMethod = <K extends ActionName<C>>(
    name: K,
    ...args: ActionArgs<C['actions'][K]>
  ): Promise<ActionResult<C['actions'][K]>> => this.act(name, args) as Promise<ActionResult<C['actions'][K]>>

  readonly write = async (property: string, value: unknown): Promise<void> => {
    await this.ask((componentId) => ({ type: 'PROPERTY_UPDATE', componentId, property, payload: { value } }))
  }

  readonly emit = async (event: C['event']): Promise<void> => {
    await this.ask((componentId) => ({ type: 'COMPONENT_EVENT', componentId, payload: { event } }))
  }

  readonly on = (listener: (event: C['event']) => void): (() => void) => this.events.add(listener)

  readonly onMissed = (listener: (count: number) => void): (() => void) => this.misses.add(listener)

  readonly reset = (): void => {
    if (this.phase.at === 'mounted' || this.phase.at === 'failed') this.remount()
  }

  readonly setProps = (props: C['props']): void => {
    const before = JSON.stringify(this.props)
    this.props = props
    if (this.phase.at === 'mounted' && JSON.stringify(props) !== before) this.sendProps(this.phase.instanceId)
  }

  // What the client tells; see Guest.

  opened(): void {
    if (this.phase.at !== 'idle') this.mount()
  }

  lost(): void {
    if (this.phase.at === 'idle') return
    this.forget({ at: 'waiting' })
    this.showStale()
  }

  closed(): void {
    this.fail(new LiveError('CLOSED', 'the client was closed: make another one with createLiveClient'))
  }

  update(whole: WholeState | undefined): void {
    if (this.phase.at !== 'mounted') return
    if (!whole) this.outOfStep()
    else if (this.phase.resyncs > 0 || !this.shown || whole.version > this.shown.version) this.adopt(whole)
  }

  delta(delta: Delta | undefined): void {
    if (this.phase.at !== 'mounted' || this.phase.resyncs > 0 || !this.shown) return
    if (!delta) return this.outOfStep()
    if (delta.version <= this.shown.version) return
    const next = delta.base === this.shown.version ? attempt(this.shown, delta) : undefined
    if (!next) return this.outOfStep()
    this.port.stats.delta(delta)
    this.show(next)
  }

  event(event: unknown): void {
    this.events.tell(event as C['event'])
  }

  missed(count: number): void {
    this.misses.tell(count)
  }

  instanceLost(error: LiveError): void {
    const now = this.port.clock.now()
    if (now - this.remountedAt < REMOUNT_REST_MS) return this.fail(error)
    this.remountedAt = now
    this.forget({ at: 'waiting' })
    this.showStale()
    this.mount()
  }

  // From idle to mounted and back.

  private start(): void {
    this.phase = { at: 'waiting' }
    this.port.join(this)
  }

  private stop(): void {
    this.cancelStop = undefined
    this.leaveInstance()
    this.forget({ at: 'idle' })
    this.port.part(this)
    this.waiting.refuse(
      new LiveError('NOT_MOUNTED', 'nobody is subscribed any more, so the call was not sent'),
    )
    this.meantFor = undefined
    this.shown = undefined
    this.view = MOUNTING
  }

  private mount(): void {
    this.forget({ at: 'mounting' })
    const { turn, props = {} } = this
    const asked = JSON.stringify(props)
    const componentId = `${this.component}:${this.componentId}`
    const message = {
      type: 'COMPONENT_MOUNT',
      componentId,
      payload: { component: this.component, props },
    } as const
    this.port.ask(message, {
      answered: (result) => {
        const mounted = parseMounted(result)
        if (turn !== this.turn) {
          if (mounted) this.port.ask({ type: 'COMPONENT_UNMOUNT', componentId: mounted.instanceId }, NOBODY)
        } else if (mounted) {
          this.mounted(mounted.instanceId, mounted.whole)
          if (JSON.stringify(this.props ?? {}) !== asked) this.sendProps(mounted.instanceId)
        } else {
          this.fail(
            new LiveError(
              'BAD_MESSAGE',
              `the mount reply for ${this.component} cannot be read: client and server speak different versions`,
            ),
          )
        }
      },
      failed: (error) => {
        if (turn === this.turn) this.fail(error)
      },
    })
  }

  private mounted(instanceId: string, whole: WholeState): void {
    this.phase = { at: 'mounted', instanceId, resyncs: 0 }
    this.port.route(instanceId, this)
    const afresh = this.meantFor !== undefined && this.meantFor !== instanceId
    this.meantFor = instanceId
    this.adopt(whole)
    if (afresh) {
      this.waiting.refuse(
        new LiveError(
          'DISCONNECTED',
          'the call was not sent: the connection was lost and the component had to be mounted afresh, so it was meant for a state that is gone. Call again',
        ),
      )
    } else {
      this.waiting.admit(instanceId)
    }
  }

  private remount(): void {
    this.leaveInstance()
    this.forget({ at: 'waiting' })
    this.showStale()
    // Whoever wanted a new instance means the new one.
    this.meantFor = undefined
    if (this.port.isOpen()) this.mount()
  }

  private fail(error: LiveError): void {
    this.forget({ at: 'failed' })
    this.setView({ status: 'failed', state: this.view.state, error })
    this.waiting.refuse(error)
  }

  private leaveInstance(): void {
    if (this.phase.at !== 'mounted') return
    this.port.ask({ type: 'COMPONENT_UNMOUNT', componentId: this.phase.instanceId }, NOBODY)
  }

  private forget(next: Phase): void {
    if (this.phase.at === 'mounted') this.port.route(this.phase.instanceId, undefined)
    this.turn += 1
    this.phase = next
  }

  private sendProps(instanceId: string): void {
    const current = (): boolean => this.instanceId === instanceId
    const message = { type: 'PROPS_UPDATE', componentId: instanceId, payload: { props: this.props } } as const
    this.port.ask(message, {
      answered: (result) => {
        if (current() && (result as { remount?: unknown } | null | undefined)?.remount === true)
          this.remount()
      },
      // Mounting with them tells the application what is wrong with them.
      failed: () => current() && this.remount(),
    })
  }

  // What is shown.

  private adopt(whole: WholeState): void {
    if (this.phase.at !== 'mounted') return
    const next = attempt(this.shown, whole)
    if (!next) return this.outOfStep()
    this.phase.resyncs = 0
    this.show(next)
  }

  private outOfStep(): void {
    const { phase, port } = this
    if (phase.at !== 'mounted') return
    if (phase.resyncs >= MOST_RESYNCS) {
      this.leaveInstance()
      return this.fail(
        new LiveError(
          'OUT_OF_STEP',
          `the state of ${this.component} does not match its digest, ${MOST_RESYNCS} times in a row: client and server disagree about the protocol, update both`,
        ),
      )
    }
    phase.resyncs += 1
    port.stats.resync()
    const asked = phase.resyncs
    const stillOut = (): boolean => this.phase === phase && phase.resyncs === asked
    const message = {
      type: 'STATE_RESYNC',
      componentId: phase.instanceId,
      payload: { have: this.shown?.version ?? 0 },
    } as const
    port.ask(message, {
      answered: () => stillOut() && this.outOfStep(),
      failed: (error) => {
        if (!stillOut()) return
        if (isGone(error)) this.instanceLost(error)
        else this.outOfStep()
      },
    })
  }

  private show(next: Snapshot): void {
    this.shown = next
    // The state was proven equal to the server's; that it has the generated shape is the server's promise.
    this.setView({ status: 'live', state: next.state as C['state'], error: undefined })
  }

  private showStale(): void {
    const { state } = this.view
    if (state) this.setView({ status: 'stale', state, error: undefined })
    else this.setView(MOUNTING)
  }

  private setView(view: LiveView<C>): void {
    const previous = this.view
    if (view.status === previous.status && view.state === previous.state && view.error === previous.error)
      return
    this.view = view
    this.views.tell(view, previous)
  }

  // What is asked.

  private act(action: string, args: readonly unknown[]): Promise<unknown> {
    const payload = payloadOf(args)
    return this.ask((componentId) => ({ type: 'CALL_ACTION', componentId, action, payload }))
  }

  private ask(write: (instanceId: string) => ClientMessage): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const post = (instanceId: string): void => {
        const failed = (error: LiveError): void => {
          reject(error)
          if (isGone(error) && this.instanceId === instanceId) this.instanceLost(error)
        }
        this.port.ask(write(instanceId), { answered: resolve, failed })
      }
      const { phase } = this
      if (phase.at === 'mounted') post(phase.instanceId)
      else if (phase.at === 'waiting' || phase.at === 'mounting') this.waiting.enter(post, reject)
      else if (this.view.error) reject(this.view.error)
      else
        reject(
          new LiveError(
            'NOT_MOUNTED',
            `${this.component} is not mounted: subscribe to the handle before calling`,
          ),
        )
    })
  }
}

const NOBODY: Asker = { answered: () => undefined, failed: () => undefined }

function isGone(error: LiveError): boolean {
  return error.code === 'INSTANCE_LOST' || error.code === 'REHYDRATION_REQUIRED'
}

/** The snapshot after a message, or `undefined` if it does not prove itself: also if it nests too deep to be read. */
function attempt(shown: Snapshot | undefined, message: WholeState | Delta): Snapshot | undefined {
  try {
    if ('base' in message) return shown && advance(shown, message)
    const next = takeSnapshot(message.state, message.version, shown?.state)
    return next.digest === message.digest ? next : undefined
  } catch {
    return undefined
  }
}
