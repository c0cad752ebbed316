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

import { callsOf, payloadOf, waitingCalls } from './calls.js'
import type { Snapshot } from './delta.js'
import { LiveError } from './error.js'
import { createInstance, type Instance, isGone, type Owner, UPDATE_BOTH, unmount } from './instance.js'
import { listeners } from './listeners.js'
import type { Guest, Port } from './port.js'
import { type ClientMessage, parseMounted, type WholeState } from './protocol.js'
import type { Calls, ComponentShape, LiveHandle, LiveView } from './shape.js'

/** An instance lost again within this time, in ms, is not mounted again by itself. */
const REMOUNT_REST_MS = 10_000
const MOUNTING = { status: 'mounting', state: undefined, error: undefined } as const

type Phase =
  | { readonly at: 'idle' | 'waiting' | 'mounting' | 'failed' }
  | { readonly at: 'mounted'; readonly instance: Instance }

/** A handle that is idle. */
export function createHandle<C extends ComponentShape>(
  port: Port,
  component: string,
  componentId: string,
  firstProps: C['props'],
): LiveHandle<C> {
  type View = LiveView<C>
  const waiting = waitingCalls(port)
  const views = listeners<[view: View, previous: View]>()
  const events = listeners<[event: C['event']]>()
  const misses = listeners<[count: number]>()
  let props = firstProps
  let phase: Phase = { at: 'idle' }
  let view: View = MOUNTING
  let shown: Snapshot | undefined
  /** Counts changes of phase, so that an outdated mount is known. */
  let turn = 0
  /** The instance that calls made while disconnected were meant for. */
  let meantFor: string | undefined
  let remountedAt = -REMOUNT_REST_MS
  let cancelStop: (() => void) | undefined

  const guest: Guest = {
    opened() {
      if (phase.at !== 'idle') mount()
    },
    lost() {
      if (phase.at === 'idle') return
      enter({ at: 'waiting' })
      showStale()
    },
    closed() {
      broken(new LiveError('CLOSED', 'the client was closed: make another one with createLiveClient'))
    },
  }

  const owner: Owner = {
    show(next) {
      shown = next
      // Proven equal to what the server holds; that it has the generated shape is the server's promise.
      setView({ status: 'live', state: next.state as C['state'], error: undefined })
    },
    event: (event) => events.tell(event as C['event']),
    missed: misses.tell,
    gone,
    broken,
  }

  function gone(error: LiveError): void {
    const now = port.clock.now()
    if (now - remountedAt < REMOUNT_REST_MS) {
      broken(error)
      return
    }
    remountedAt = now
    enter({ at: 'waiting' })
    showStale()
    mount()
  }

  function broken(error: LiveError): void {
    enter({ at: 'failed' }, true)
    setView({ status: 'failed', state: view.state, error })
    waiting.refuse(error)
  }

  // From idle to mounted and back.

  function stop(): void {
    cancelStop = undefined
    enter({ at: 'idle' }, true)
    port.part(guest)
    waiting.refuse(new LiveError('NOT_MOUNTED', 'the call was not sent: nobody is subscribed any more'))
    meantFor = undefined
    shown = undefined
    view = MOUNTING
  }

  function mount(): void {
    enter({ at: 'mounting' })
    const mine = turn
    const mountProps = props ?? {}
    const asked = JSON.stringify(mountProps)
    const message: ClientMessage = {
      type: 'COMPONENT_MOUNT',
      componentId: `${component}:${componentId}`,
      payload: { component, props: mountProps },
    }
    port.ask(message, {
      answered(result) {
        const reply = parseMounted(result)
        if (mine !== turn) {
          if (reply) unmount(port, reply.instanceId)
        } else if (reply) {
          mounted(reply.instanceId, reply.whole)
          if (JSON.stringify(props ?? {}) !== asked) sendProps(reply.instanceId)
        } else {
          broken(
            new LiveError('BAD_MESSAGE', `the mount reply for ${component} cannot be read: ${UPDATE_BOTH}`),
          )
        }
      },
      failed(error) {
        if (mine === turn) broken(error)
      },
    })
  }

  function mounted(instanceId: string, whole: WholeState): void {
    const instance = createInstance(instanceId, component, port, owner)
    phase = { at: 'mounted', instance }
    const afresh = meantFor !== undefined && meantFor !== instanceId
    meantFor = instanceId
    // First, so that they keep their place before calls made by whoever sees the state now.
    if (afresh) waiting.refuse(mountedAfresh())
    else waiting.admit(instanceId)
    instance.begin(whole, shown?.state)
  }

  function remount(): void {
    enter({ at: 'waiting' }, true)
    showStale()
    // Whoever wanted a new instance means the new one.
    meantFor = undefined
    if (port.isOpen()) mount()
  }

  /** Every change of phase but the last, to mounted, goes through here; `tell` the server if it matters to it. */
  function enter(next: Phase, tell = false): void {
    if (phase.at === 'mounted') phase.instance.leave(tell && port.isOpen())
    turn += 1
    phase = next
  }

  function sendProps(instanceId: string): void {
    const current = (): boolean => phase.at === 'mounted' && phase.instance.id === instanceId
    port.ask(
      { type: 'PROPS_UPDATE', componentId: instanceId, payload: { props } },
      {
        answered(result) {
          if (current() && (result as { remount?: unknown } | null | undefined)?.remount === true) remount()
        },
        // Mounting with them tells the application what is wrong with them.
        failed: () => current() && remount(),
      },
    )
  }

  function showStale(): void {
    const { state } = view
    setView(state ? { status: 'stale', state, error: undefined } : MOUNTING)
  }

  function setView(next: View): void {
    const previous = view
    if (next.status === previous.status && next.state === previous.state && next.error === previous.error)
      return
    view = next
    views.tell(next, previous)
  }

  // What is asked.

  function act(action: string, args: readonly unknown[]): Promise<unknown> {
    const payload = payloadOf(args)
    return ask((instanceId) => ({ type: 'CALL_ACTION', componentId: instanceId, action, payload }))
  }

  function ask(write: (instanceId: string) => ClientMessage): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const post = (instanceId: string): void => {
        const failed = (error: LiveError): void => {
          reject(error)
          if (isGone(error) && phase.at === 'mounted' && phase.instance.id === instanceId) gone(error)
        }
        port.ask(write(instanceId), { answered: resolve, failed })
      }
      if (phase.at === 'mounted') post(phase.instance.id)
      else if (phase.at === 'waiting' || phase.at === 'mounting') waiting.enter(post, reject)
      else reject(view.error ?? notMounted(component))
    })
  }

  return {
    componentId,
    get instanceId() {
      return phase.at === 'mounted' ? phase.instance.id : undefined
    },
    get fingerprint() {
      return shown?.digest.toString(16).padStart(8, '0')
    },
    getState: () => view,
    getInitialState: () => MOUNTING,
    subscribe(listener) {
      const leave = views.add(listener)
      cancelStop?.()
      cancelStop = undefined
      if (phase.at === 'idle') {
        phase = { at: 'waiting' }
        port.join(guest)
      }
      return () => {
        leave()
        if (views.size() === 0) cancelStop ??= port.clock.after(port.grace, stop)
      }
    },
    call: callsOf(act) as Calls<C>,
    // The names and arguments are the caller's, checked by the type; so is what the server answers.
    callMethod: ((name: string, ...args: unknown[]) => act(name, args)) as LiveHandle<C>['callMethod'],
    async write(property, value) {
      await ask((instanceId) => ({
        type: 'PROPERTY_UPDATE',
        componentId: instanceId,
        property,
        payload: { value },
      }))
    },
    async emit(event) {
      await ask((instanceId) => ({ type: 'COMPONENT_EVENT', componentId: instanceId, payload: { event } }))
    },
    on: events.add,
    onMissed: misses.add,
    reset() {
      if (phase.at === 'mounted' || phase.at === 'failed') remount()
    },
    setProps(next) {
      const before = JSON.stringify(props)
      props = next
      if (JSON.stringify(next) === before) return
      if (phase.at === 'mounted') sendProps(phase.instance.id)
      // Perhaps it failed because of the old ones.
      else if (phase.at === 'failed') remount()
    },
  }
}

function mountedAfresh(): LiveError {
  const why =
    'after a lost connection the component was mounted afresh, and the state it was meant for is gone'
  return new LiveError('DISCONNECTED', `the call was not sent: ${why}`)
}

function notMounted(component: string): LiveError {
  return new LiveError('NOT_MOUNTED', `${component} is not mounted: subscribe to the handle before calling`)
}
