/**
 * A server that an application's tests script, for everything that uses a client.
 *
 * It speaks the real protocol through a socket in memory, so the real connection, handle and hook run:
 * what a test sees here is what a user sees. It answers in microtasks, never after a time; `settled()`
 * waits until everybody has said what there was to say. Like the real one it keeps what was mounted while
 * the client is away, sends what was missed, and does a call that is sent twice once.
 *
 * @example
 * const server = fakeServer().mounted(Counter, { count: 3, step: 1 }, {
 *   increment: (state) => { state.count += state.step },
 * })
 * render(<LiveProvider value={server.client}><ClickCounter /></LiveProvider>)
 * await userEvent.click(await screen.findByRole('button', { name: '3' }))
 * await screen.findByRole('button', { name: '4' })
 * act(() => server.disconnect())
 * expect(screen.getByRole('button')).toBeDisabled()
 */

import { createLiveClient, type LiveClient } from './client.js'
import { digest } from './digest.js'
import { type PageEvent, systemClock, type Tab } from './environment.js'
import { LiveError } from './error.js'
import { copy, differing, type Instance, made, newInstance, type Script } from './fake-instance.js'
import { fakeOptimistic } from './fake-optimistic.js'
import { fakeQuiet } from './fake-quiet.js'
import { fakeRooms } from './fake-rooms.js'
import type { FakeServer, FakeServerOptions, RecordedCall } from './fake-server.js'
import { fakeUploads } from './fake-upload.js'
import { fakeWindows } from './fake-window.js'
import { fakeWire } from './fake-wire.js'
import { listeners } from './listeners.js'
import { CLOSE_LEAVING, CLOSE_SIGNED_OUT } from './numbers.js'
import {
  type CallMessage,
  type ClientMessage,
  type Credentials,
  DEFAULT_LIMITS,
  type JsonObject,
  type UploadMessage,
} from './protocol.js'
import { signIn } from './sign-in.js'

export { type FakeClock, fakeClock } from './fake-clock.js'
export type {
  Draft,
  FakeActions,
  FakeInstance,
  FakeMountOptions,
  FakeServer,
  FakeServerOptions,
  FakeState,
  RecordedCall,
} from './fake-server.js'
export type { FakeFile, FakeUploads } from './fake-upload.js'
export {
  type Absence,
  componentState,
  simulateDisconnect,
  type WaitOptions,
  waitForUpdate,
} from './testing-wait.js'

type Position = Extract<ClientMessage, { type: 'COMPONENT_RESUME' }>['payload'] & {
  readonly doubt?: readonly string[] | undefined
}
type Asked = ClientMessage & { readonly requestId?: string; readonly bytes?: Uint8Array }
type Request = Exclude<Asked, { type: 'COMPONENT_PING' }>
/** What is understood of the wire beyond what every client says. */
type Quiet = { readonly type: 'QUIET'; readonly payload: { readonly on: boolean } }
/** What a server can that says all of this. */
const CAPS = ['optimistic', 'quiet', 'upload', 'window']

/** More rounds of microtasks than any exchange takes: mount, call, delta, reply and a resync. */
const ROUNDS = 60

/**
 * Makes a server with nothing mountable yet, and its client.
 *
 * @example
 * const server = fakeServer().mounted(Counter, ({ count }) => ({ count }))
 * const counter = server.client.live(Counter, { props: { count: 5 } })
 * counter.subscribe(() => undefined)
 * await server.settled()
 * counter.getState().state // { count: 5 }
 */
export function fakeServer(options: FakeServerOptions = {}): FakeServer {
  const scripts = new Map<string, Script>()
  const calls: RecordedCall[] = []
  const received: Asked[] = []
  const sent: JsonObject[] = []
  const watchers = listeners<[]>()
  const refusals: LiveError[] = []
  const pageListeners = new Set<(event: PageEvent) => void>()
  const instances = new Map<string, Instance>()
  /** The instances that belong to the connection there is. */
  let attached = new Set<Instance>()
  /** Whether the server still knows the session. */
  let isKnown = false
  let user: string | undefined
  let ids = 0
  const { caps = CAPS, clock = systemClock } = options

  const wire = fakeWire(clock, {
    opened() {
      attached = new Set()
      quiet.renew()
      uploads.renew()
      if (options.resume === false) instances.clear()
      ids += 1
      user = options.user
      const limits = { ...DEFAULT_LIMITS, instances: 1000, ...options.limits }
      say({
        type: 'CONNECTION_ESTABLISHED',
        connectionId: `conn-${ids}`,
        authenticated: user !== undefined,
        userId: user,
        protocol: { version: 3, max: 3 },
        limits,
        caps,
        ...(options.resume !== false && { session: { token: `token-${ids}`, grace: 60_000 } }),
      })
    },
    heard(frame) {
      for (const message of Array.isArray(frame) ? frame : [frame]) hear(message as Asked)
      watchers.tell()
    },
  })
  const quiet = fakeQuiet((message) => {
    sent.push(message as JsonObject)
    wire.say(message)
    watchers.tell()
  })
  const { say } = quiet
  const turns = fakeOptimistic<Instance>(
    say,
    (component) => scripts.get(component)?.paced ?? new Set(),
    caps.includes('optimistic'),
  )

  function hear(message: Asked): void {
    received.push(message)
    if (message.type === 'COMPONENT_PING') {
      say({ type: 'COMPONENT_PONG' })
      return
    }
    const { requestId, type: originalType } = message
    const componentId = 'componentId' in message ? message.componentId : undefined
    const types: Record<string, string> = { CALL_ACTION: 'ACTION_RESPONSE', AUTH: 'AUTH_RESPONSE' }
    const type = types[originalType] ?? 'MESSAGE_RESPONSE'
    const answer =
      'uploadId' in message ? uploads.hear(message, attachedAs(componentId)) : remembered(message)
    if (requestId !== undefined) say({ type, originalType, componentId, ...answer, requestId })
    for (const then of afterwards.splice(0)) then()
  }

  /** The answer, which is the one that was given before to the same call. */
  function remembered(message: Exclude<Request, UploadMessage>): JsonObject {
    const callId = 'callId' in message ? message.callId : undefined
    if (callId === undefined || !('componentId' in message)) return outcome(message)
    const answers = attachedAs(message.componentId)?.answers
    const answer = answers?.get(callId) ?? turns.during(message, () => outcome(message))
    answers?.set(callId, answer)
    return answer
  }

  /** Each component does all of its calls or none, if `atomic`. */
  function batch(calls: readonly CallMessage[], atomic: boolean): unknown {
    const before = new Map<Instance, JsonObject>()
    if (atomic) {
      for (const { componentId } of calls) bring(attachedAs(componentId))
      untold = before
    }
    const results = calls.map((call) => remembered({ ...call, type: 'CALL_ACTION' } as CallMessage))
    untold = undefined
    if (!atomic) return { results }
    const isBad = (componentId: string): boolean =>
      calls.some((call, index) => call.componentId === componentId && results[index]?.success === false)
    for (const [instance, state] of before) {
      const after = instance.state
      instance.state = state
      if (isBad(instance.id)) turns.undo(instance)
      else change(instance, after)
    }
    const undone = { success: false, error: 'another call of the batch failed', code: 'ROLLED_BACK' }
    for (const [index, call] of calls.entries()) {
      if (!isBad(call.componentId) || !results[index]?.success) continue
      results[index] = undone
      if (call.callId !== undefined) attachedAs(call.componentId)?.answers.set(call.callId, undone)
    }
    return { results }
  }

  /** What was before an atomic batch, of which nothing is told until it is known whether it is done. */
  let untold: Map<Instance, JsonObject> | undefined

  /** What follows the answer that is being made. */
  const afterwards: (() => void)[] = []

  function outcome(message: Exclude<Request, UploadMessage>): JsonObject {
    try {
      const refusal = refusals.shift()
      if (refusal) throw refusal
      return { success: true, result: perform(message) }
    } catch (thrown) {
      if (!(thrown instanceof LiveError)) throw thrown
      const { code, message: error, fields } = thrown
      return { success: false, error, code, fields }
    }
  }

  function attachedAs(componentId: string | undefined): Instance | undefined {
    const instance = instances.get(componentId ?? '')
    return instance && attached.has(instance) ? instance : undefined
  }

  function perform(
    message: Exclude<Request, UploadMessage> | (Quiet & { readonly componentId?: undefined }),
  ): unknown {
    switch (message.type) {
      case 'QUIET':
        quiet.set(message.payload.on)
        return undefined
      case 'SESSION_RESUME': {
        ids += 1
        const known = isKnown
        isKnown = true
        return { token: `token-${ids}`, known }
      }
      case 'COMPONENT_MOUNT':
        return mount(message.componentId, message.payload.component, message.payload.props)
      case 'COMPONENT_RESUME':
        return resume(message.componentId, message.payload)
      case 'COMPONENT_UNMOUNT':
        unmount(message.componentId)
        return undefined
      case 'CALL_BATCH':
        return batch(message.payload.calls as CallMessage[], message.payload.atomic === true)
      case 'AUTH':
        return authenticate(message.payload)
      default:
    }
    const instance = attachedAs(message.componentId)
    if (!instance)
      throw new LiveError('REHYDRATION_REQUIRED', 'this connection has no such instance; mount it again')
    switch (message.type) {
      case 'CALL_ACTION':
        return act(instance, message.action, message.payload)
      case 'PROPERTY_UPDATE':
        if (!Object.hasOwn(instance.state, message.property)) {
          throw new LiveError(
            'NOT_WRITABLE',
            `${instance.component} has no writable field ${message.property}`,
          )
        }
        return turn(instance, { [message.property]: message.payload.value })
      case 'PROPS_UPDATE':
        return { remount: true }
      case 'COMPONENT_EVENT':
        return undefined
      case 'STATE_RESYNC':
        return whole(instance)
      case 'LIST_READ':
        return windows.read(instance, message)
      case 'ROOM_JOIN':
        return rooms.join(instance, message.roomId, message.payload)
      case 'ROOM_LEAVE':
        return rooms.leave(instance, message.roomId)
      case 'ROOM_EMIT':
        return rooms.emit(instance.component, message.roomId, message.payload.event, {
          by: instance,
          isHeardByAll: message.payload.self === true,
        })
      default:
        return message satisfies never
    }
  }

  function mount(name: string, component: string, props: unknown): unknown {
    const script = scripts.get(component)
    if (!script)
      throw new LiveError(
        'COMPONENT_NOT_FOUND',
        `no component ${component}: script it with fakeServer().mounted(${component}, state)`,
      )
    const key = script.shared?.(props)
    const shared = [...instances.values()].find(
      (other) => key !== undefined && other.key === key && other.component === component,
    )
    if (shared) {
      shared.mounts += 1
      shared.names.push(name)
      attached.add(shared)
      return made(shared, windows.shown(shared))
    }
    ids += 1
    const instance = newInstance(`live-${ids}`, component, key, name, script.state(props))
    isKnown = true
    instances.set(instance.id, instance)
    attached.add(instance)
    return made(instance, windows.shown(instance))
  }

  function unmount(id: string): void {
    const instance = instances.get(id)
    if (!instance) return
    instance.mounts -= 1
    if (instance.mounts > 0) return
    instances.delete(id)
    rooms.forget(instance)
  }

  function authenticate({ token = '' }: Credentials): unknown {
    const next = options.users?.[token]
    if (token !== '' && next === undefined) throw new LiveError('AUTH_FAILED', 'the credentials are not good')
    const changed = user !== undefined && user !== next
    user = next
    ids += 1
    if (changed) for (const instance of attached) instances.delete(instance.id)
    return { userId: user, token: `token-${ids}`, changed }
  }

  function resume(id: string, position: Position): unknown {
    const instance = instances.get(id)
    if (!instance) throw new LiveError('NOTHING_KEPT', 'there is no such instance and no snapshot of it')
    attached.add(instance)
    afterwards.push(() => rooms.back(instance, position.rooms ?? {}))
    const settled = turns.settle(instance, position.doubt)
    bring(instance)
    if (instance.isRebuilt) {
      instance.isRebuilt = false
      windows.rebuilt(instance)
      return { ...made(instance, windows.shown(instance)), ...settled, outcome: 'rehydrated' }
    }
    const missed = instance.pushed.filter(({ version = 0, seq = 0 }) =>
      seq > 0 ? seq > position.heard : !position.fresh && version > position.have,
    )
    if (position.fresh) whole(instance)
    for (const { frame } of missed) say(frame)
    const frames = missed.length
    const { version, seq } = instance
    const outcome = frames > 0 ? 'replayed' : 'resumed'
    return { outcome, frames, version, digest: digest(windows.shown(instance)), seq, ...settled }
  }

  /** Sends something to whoever shows the instance, or keeps it for when somebody does again. */
  function push(instance: Instance, frame: unknown, reached: { version?: number; seq?: number }): void {
    instance.pushed.push({ ...reached, frame })
    if (attached.has(instance)) say(frame)
  }

  function emit(instance: Instance, event: unknown): void {
    instance.seq += 1
    const { id: componentId, seq } = instance
    push(instance, { type: 'COMPONENT_EVENT', componentId, payload: { event, seq } }, { seq })
  }

  function act(instance: Instance, action: string, args: unknown): unknown {
    calls.push({ component: instance.component, action, args })
    const body = scripts.get(instance.component)?.actions[action]
    if (!body)
      throw new LiveError(
        'NOT_CALLABLE',
        `${instance.component} has no action ${action}: give it to mounted() as third argument`,
      )
    const draft = copy(turns.draft(instance))
    const events: unknown[] = []
    const result = body(draft, args, (event: unknown) => events.push(event))
    turn(instance, draft)
    for (const event of events) emit(instance, event)
    return result
  }

  /** A call leads to these fields. */
  function turn(instance: Instance, fields: JsonObject): void {
    tell(instance, turns.changed(instance, differing(fields, turns.draft(instance))), false)
  }

  function change(instance: Instance, fields: JsonObject): void {
    tell(instance, differing(fields, instance.state), false)
  }

  /** Tells what was held back. */
  function bring(instance: Instance | undefined): void {
    if (instance) tell(instance, { ...instance.heldBack }, true)
  }

  function tell(instance: Instance, changes: JsonObject, isAll: boolean): void {
    if (Object.keys(changes).length === 0) return
    const delta = copy(changes)
    for (const name of Object.keys(delta)) delete instance.heldBack[name]
    if (untold && !untold.has(instance)) untold.set(instance, instance.state)
    instance.state = { ...instance.state, ...delta }
    if (untold) return
    const base = instance.version
    instance.version += 1
    const { id: componentId, version } = instance
    const state = windows.shown(instance)
    const payload = { base, version, digest: digest(state), delta: windows.shown(instance, delta) }
    turns.announce(instance, isAll)
    push(instance, { type: 'STATE_DELTA', componentId, payload }, { version })
  }

  function whole(instance: Instance): void {
    const { id, version } = instance
    const state = windows.shown(instance)
    say({ type: 'STATE_UPDATE', componentId: id, payload: { state, version, digest: digest(state) } })
  }

  function each(component: { readonly name: string }, what: (instance: Instance) => void): void {
    for (const instance of instances.values()) if (instance.component === component.name) what(instance)
  }

  const windows = fakeWindows<Instance>((component) => scripts.get(component)?.windowed ?? new Set())
  const uploads = fakeUploads(change)
  const rooms = fakeRooms<Instance>(say, (instance) => attached.has(instance))

  const tellPage = (event: PageEvent): void => {
    for (const listener of [...pageListeners]) listener(event)
  }
  const page = {
    visible: true,
    watch(listener: (event: PageEvent) => void) {
      pageListeners.add(listener)
      return () => {
        pageListeners.delete(listener)
      }
    },
  }

  const kept = new Map<string, string>()
  const tab: Tab = {
    read: (key) => kept.get(key) ?? null,
    write: (key, text) => (text === null ? kept.delete(key) : kept.set(key, text)),
    now: () => Date.now(),
    lock: async () => () => undefined,
  }

  const load = (): LiveClient =>
    createLiveClient({
      page,
      tab,
      auth: signIn(),
      ...options,
      url: 'ws://fake.invalid/api/live/ws',
      createSocket: wire.createSocket,
    })
  let client = load()

  const server: FakeServer = {
    get client() {
      return client
    },
    reload() {
      tellPage('leaving')
      pageListeners.clear()
      client = load()
      return client
    },
    calls,
    received,
    sent,
    clock,
    uploads,
    watch: watchers.add,
    instances: () =>
      [...instances.values()].map(({ id, component, names, state, heldBack }) => ({
        id,
        component,
        names,
        state: copy({ ...state, ...heldBack }),
      })),
    mounted(component, state, actions = {}, how = {}) {
      const make = (typeof state === 'function' ? state : () => state) as Script['state']
      const shared = how.shared as Script['shared']
      const [paced, windowed] = [new Set<string>(how.paced), new Set<string>(how.windowed)]
      const script = { state: make, actions: actions as Script['actions'], shared, paced, windowed }
      scripts.set(component.name, script)
      return server
    },
    push: (component, fields) => each(component, (instance) => change(instance, fields as JsonObject)),
    update: (component, state) =>
      each(component, (instance) => {
        instance.state = copy(state as JsonObject)
        instance.heldBack = {}
        instance.version += 1
        // Whoever is away finds that nothing leads to this version, and asks for all of it.
        if (attached.has(instance)) whole(instance)
      }),
    release: (component) => each(component, bring),
    event: (component, event) => each(component, (instance) => emit(instance, event)),
    missed: (component, missed) =>
      each(component, (instance) => {
        instance.seq += missed
        say({ type: 'COMPONENT_EVENT', componentId: instance.id, payload: { missed } })
      }),
    emit: (component, room, event) => void rooms.emit(component.name, room, event, { isHeardByAll: true }),
    emitAll(component, event) {
      each(component, (instance) => rooms.admit(instance, '*'))
      rooms.emit(component.name, '*', event, { isHeardByAll: true })
    },
    take: (component, room) => each(component, (instance) => rooms.take(instance, room)),
    put: (component, room) => each(component, (instance) => rooms.put(instance, room)),
    deny: (component, code = 'FORBIDDEN') =>
      each(component, (instance) => {
        instances.delete(instance.id)
        rooms.forget(instance)
        say({ type: 'ERROR', componentId: instance.id, error: 'you may not have this any more', code })
      }),
    signOut() {
      isKnown = false
      instances.clear()
      wire.hangUp(CLOSE_SIGNED_OUT)
    },
    refuse(code, message = `refused with ${code}`, fields = {}) {
      refusals.push(new LiveError(code, message, fields))
      return server
    },
    lose: (frames = 1) => wire.lose(frames),
    latency: wire.latency,
    send: say,
    disconnect(code = 1006) {
      wire.isReachable = false
      wire.hangUp(code)
    },
    reconnect() {
      wire.isReachable = true
      tellPage('online')
    },
    restart({ keep = false } = {}) {
      server.disconnect(CLOSE_LEAVING)
      isKnown = false
      if (!keep) instances.clear()
      for (const instance of instances.values()) {
        instance.isRebuilt = true
        instance.pushed.length = 0
      }
      server.reconnect()
    },
    async settled() {
      for (let round = 0; round < ROUNDS; round += 1) await undefined
    },
  }
  return server
}
