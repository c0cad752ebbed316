/**
 * One component as the application holds it: a view to show, actions to call.
 *
 * idle ──first subscriber──► waiting ──open connection──► mounting ──reply──► mounted
 *   ▲                           ▲                            │ refused           │
 *   │                           │                            ▼                   │
 *   └──grace after the last     └───── connection lost ── failed ◄──lost twice───┘
 *      one left, from anywhere         (every reconnect mounts again)
 *
 * A handle talks to the client through its {@link Port} and knows no socket. Messages are read where
 * they arrive, not in a promise's continuation: a mount reply and the first delta may share a frame. A
 * later mount outdates an earlier one by its turn; what an outdated mount brings is unmounted again.
 *
 * Every reconnect mounts afresh. When sessions can be resumed, `mounted` will find the id it knew, and
 * the calls that waited will go to the instance they were meant for.
 */

import { callsOf, payloadOf, WaitingCalls } from './calls.js'
import type { Snapshot } from './delta.js'
import { LiveError } from './error.js'
import { Instance, isGone, type Owner, unmount } from './instance.js'
import { Listeners } from './listeners.js'
import type { Guest, Port } from './port.js'
import { type ClientMessage, parseMounted, type WholeState } from './protocol.js'
import type {
  ActionArgs,
  ActionName,
  ActionResult,
  Calls,
  ComponentShape,
  LiveHandle,
  LiveView,
} from './shape.js'

/** An instance lost again within this time, in ms, is not mounted again by itself. */
const REMOUNT_REST_MS = 10_000
const MOUNTING = { status: 'mounting', state: undefined, error: undefined } as const

type Phase =
  | { readonly at: 'idle' | 'waiting' | 'mounting' | 'failed' }
  | { readonly at: 'mounted'; readonly instance: Instance }

/** See the top of the file. Made by the client; applications see {@link LiveHandle}. */
export class Handle<C extends ComponentShape> implements LiveHandle<C>, Guest, Owner {
  readonly call: Calls<C>
  private phase: Phase = { at: 'idle' }
  private view: LiveView<C> = MOUNTING
  private shown: Snapshot | undefined
  private turn = 0
  /** The instance that calls made while disconnected were meant for. */
  private meantFor: string | undefined
  private remountedAt = Number.NEGATIVE_INFINITY
  private cancelStop: (() => void) | undefined
  private readonly waiting: WaitingCalls
  private readonly views = new Listeners<[view: LiveView<C>, previous: LiveView<C>]>()
  private readonly events = new Listeners<[event: C['event']]>()
  private readonly misses = new Listeners<[count: number]>()

  constructor(
    private readonly port: Port,
    private readonly component: string,
    readonly componentId: string,
    private props: C['props'],
  ) {
    this.waiting = new WaitingCalls(port)
    this.call = callsOf((name, args) => this.act(name, args)) as Calls<C>
  }

  get instanceId(): string | undefined {
    return this.phase.at === 'mounted' ? this.phase.instance.id : undefined
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
    if (this.phase.at === 'idle') {
      this.phase = { at: 'waiting' }
      this.port.join(this)
    }
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
    if (this.phase.at === 'mounted' && JSON.stringify(props) !== before)
      this.sendProps(this.phase.instance.id)
  }

  // As the client's guest.

  opened(): void {
    if (this.phase.at !== 'idle') this.mount()
  }

  lost(): void {
    if (this.phase.at === 'idle') return
    this.enter({ at: 'waiting' })
    this.showStale()
  }

  closed(): void {
    this.broken(new LiveError('CLOSED', 'the client was closed: make another one with createLiveClient'))
  }

  // As the instance's owner.

  show(next: Snapshot): void {
    this.shown = next
    // Proven equal to what the server holds; that it has the generated shape is the server's promise.
    this.setView({ status: 'live', state: next.state as C['state'], error: undefined })
  }

  event(event: unknown): void {
    this.events.tell(event as C['event'])
  }

  missed(count: number): void {
    this.misses.tell(count)
  }

  gone(error: LiveError): void {
    const now = this.port.clock.now()
    if (now - this.remountedAt < REMOUNT_REST_MS) {
      this.broken(error)
      return
    }
    this.remountedAt = now
    this.enter({ at: 'waiting' })
    this.showStale()
    this.mount()
  }

  broken(error: LiveError): void {
    this.enter({ at: 'failed' }, true)
    this.setView({ status: 'failed', state: this.view.state, error })
    this.waiting.refuse(error)
  }

  // From idle to mounted and back.

  private stop(): void {
    this.cancelStop = undefined
    this.enter({ at: 'idle' }, true)
    this.port.part(this)
    this.waiting.refuse(
      new LiveError('NOT_MOUNTED', 'nobody is subscribed any more, so the call was not sent'),
    )
    this.meantFor = undefined
    this.shown = undefined
    this.view = MOUNTING
  }

  private mount(): void {
    this.enter({ at: 'mounting' })
    const { turn, component, props = {} } = this
    const asked = JSON.stringify(props)
    const message: ClientMessage = {
      type: 'COMPONENT_MOUNT',
      componentId: `${component}:${this.componentId}`,
      payload: { component, props },
    }
    this.port.ask(message, {
      answered: (result) => {
        const mounted = parseMounted(result)
        if (turn !== this.turn) {
          if (mounted) unmount(this.port, mounted.instanceId)
        } else if (mounted) {
          this.mounted(mounted.instanceId, mounted.whole)
          if (JSON.stringify(this.props ?? {}) !== asked) this.sendProps(mounted.instanceId)
        } else {
          const what = `the mount reply for ${component} cannot be read`
          this.broken(
            new LiveError('BAD_MESSAGE', `${what}: client and server speak different versions, update both`),
          )
        }
      },
      failed: (error) => {
        if (turn === this.turn) this.broken(error)
      },
    })
  }

  private mounted(instanceId: string, whole: WholeState): void {
    const instance = new Instance(instanceId, this.component, this.port, this)
    this.phase = { at: 'mounted', instance }
    const afresh = this.meantFor !== undefined && this.meantFor !== instanceId
    this.meantFor = instanceId
    // First, so that they keep their place before calls made by whoever sees the state now.
    if (afresh) this.waiting.refuse(mountedAfresh())
    else this.waiting.admit(instanceId)
    instance.begin(whole, this.shown?.state)
  }

  private remount(): void {
    this.enter({ at: 'waiting' }, true)
    this.showStale()
    // Whoever wanted a new instance means the new one.
    this.meantFor = undefined
    if (this.port.isOpen()) this.mount()
  }

  /** Every change of phase but the last, to mounted, goes through here; `tell` the server if it matters to it. */
  private enter(next: Phase, tell = false): void {
    if (this.phase.at === 'mounted') this.phase.instance.leave(tell && this.port.isOpen())
    this.turn += 1
    this.phase = next
  }

  private sendProps(componentId: string): void {
    const current = (): boolean => this.instanceId === componentId
    this.port.ask(
      { type: 'PROPS_UPDATE', componentId, payload: { props: this.props } },
      {
        answered: (result) => {
          if (current() && (result as { remount?: unknown } | null | undefined)?.remount === true)
            this.remount()
        },
        // Mounting with them tells the application what is wrong with them.
        failed: () => current() && this.remount(),
      },
    )
  }

  private showStale(): void {
    const { state } = this.view
    this.setView(state ? { status: 'stale', state, error: undefined } : MOUNTING)
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
          if (isGone(error) && this.instanceId === instanceId) this.gone(error)
        }
        this.port.ask(write(instanceId), { answered: resolve, failed })
      }
      const { phase } = this
      if (phase.at === 'mounted') post(phase.instance.id)
      else if (phase.at === 'waiting' || phase.at === 'mounting') this.waiting.enter(post, reject)
      else reject(this.view.error ?? notMounted(this.component))
    })
  }
}

function mountedAfresh(): LiveError {
  const why =
    'the connection was lost and the component had to be mounted afresh, so it was meant for a state that is gone'
  return new LiveError('DISCONNECTED', `the call was not sent: ${why}. Call again`)
}

function notMounted(component: string): LiveError {
  return new LiveError('NOT_MOUNTED', `${component} is not mounted: subscribe to the handle before calling`)
}
