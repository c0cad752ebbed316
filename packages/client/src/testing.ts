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

import { createLiveClient, type LiveClient, type LiveClientOptions } from './client.js'
import { digest } from './digest.js'
import type { CreateSocket, PageEvent, SocketEvents, Tab } from './environment.js'
import { type ErrorCode, LiveError } from './error.js'
import {
  CLOSE_LEAVING,
  type ClientMessage,
  DEFAULT_LIMITS,
  type JsonObject,
  type Limits,
} from './protocol.js'
import type { Component, ComponentShape } from './shape.js'

/** A state that may be changed: what an action of the fake server works on. */
export type Draft<C extends ComponentShape> = { -readonly [K in keyof C['state']]: C['state'][K] }

/** What the fake server does when an action is called. Throw a `LiveError` to refuse. */
export type FakeActions<C extends ComponentShape> = {
  readonly [K in keyof C['actions']]?: C['actions'][K] extends (...args: infer A) => infer R
    ? (
        state: Draft<C>,
        args: A extends [infer First] ? First : undefined,
        emit: (event: C['event']) => void,
      ) => R
    : never
}

/** Something a client asked for. */
export interface RecordedCall {
  readonly component: string
  readonly action: string
  readonly args: unknown
}

/** How a fake server is made. */
export interface FakeServerOptions extends Omit<LiveClientOptions, 'createSocket' | 'url'> {
  /** What the server says it allows. */
  readonly limits?: Partial<Limits>
  /** Whether what was mounted outlives the connection. Default true; older servers say no. */
  readonly resume?: boolean
}

/** A scripted server and the client connected to it. */
export interface FakeServer {
  /** The client; give it to the provider, or ask it for handles. */
  readonly client: LiveClient
  /** Every action called so far, in order. */
  readonly calls: readonly RecordedCall[]
  /** Every message received so far, in order. */
  readonly received: readonly (ClientMessage & { readonly requestId?: string })[]
  /** Lets a component be mounted: with this state, or the one made from the props. */
  mounted<C extends ComponentShape>(
    component: Component<C>,
    state: C['state'] | ((props: C['props']) => C['state']),
    actions?: FakeActions<C>,
  ): FakeServer
  /** Changes fields of every mounted instance of a component, as an action of somebody else would. */
  push<C extends ComponentShape>(component: Component<C>, change: Partial<C['state']>): void
  /** Replaces the state of every mounted instance of a component. */
  update<C extends ComponentShape>(component: Component<C>, state: C['state']): void
  /** Announces an event from every mounted instance of a component. */
  event<C extends ComponentShape>(component: Component<C>, event: C['event']): void
  /** Tells every mounted instance of a component that events were dropped. */
  missed<C extends ComponentShape>(component: Component<C>, count: number): void
  /** Answers the next request with an error instead of doing it. */
  refuse(code: ErrorCode, message?: string, fields?: Readonly<Record<string, string>>): FakeServer
  /** Loses the next frames on their way to the client. */
  lose(frames?: number): void
  /** Sends anything at all. */
  send(frame: unknown): void
  /**
   * Breaks the connection, and lets nobody in until {@link FakeServer.reconnect}. What was mounted waits,
   * and may change meanwhile: {@link FakeServer.push} reaches it.
   */
  disconnect(code?: number): void
  /** Lets clients in again, and tells the page so. */
  reconnect(): void
  /**
   * Stops and starts again. Everything is forgotten, so clients mount afresh; with `keep` it was stored,
   * and is rebuilt.
   */
  restart(options?: { readonly keep?: boolean }): void
  /** Waits until nothing is under way any more. In React tests, inside `await act(async () => …)`. */
  settled(): Promise<void>
}

interface Script {
  readonly state: (props: unknown) => JsonObject
  readonly actions: Readonly<Record<string, ((...args: unknown[]) => unknown) | undefined>>
}

interface Instance {
  readonly id: string
  readonly component: string
  state: JsonObject
  version: number
  /** The number of the last event. */
  seq: number
  /** Rebuilt, and nobody was told yet. */
  isRebuilt: boolean
  /** What was pushed, with the version or the number that it led to. */
  readonly pushed: { readonly version?: number; readonly seq?: number; readonly frame: unknown }[]
  /** What calls were answered, by their names. */
  readonly answers: Map<string, JsonObject>
}

type Asked = ClientMessage & { readonly requestId?: string }
type Request = Exclude<Asked, { type: 'COMPONENT_PING' }>

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
  const refusals: LiveError[] = []
  const pageListeners = new Set<(event: PageEvent) => void>()
  const instances = new Map<string, Instance>()
  /** The instances that belong to the connection there is. */
  let attached = new Set<Instance>()
  /** Whether the server still knows the session. */
  let isKnown = false
  let socket: SocketEvents | undefined
  let outgoing: unknown[] = []
  let reachable = true
  let toLose = 0
  let ids = 0

  const createSocket: CreateSocket = (_url, events) => {
    let dead = false
    const current = (): boolean => !dead && socket === events
    queueMicrotask(() => {
      if (dead) return
      if (!reachable) {
        dead = true
        events.closed(1006)
        return
      }
      socket = events
      attached = new Set()
      if (options.resume === false) instances.clear()
      outgoing = []
      ids += 1
      const limits = { ...DEFAULT_LIMITS, instances: 1000, ...options.limits }
      say({
        type: 'CONNECTION_ESTABLISHED',
        connectionId: `conn-${ids}`,
        authenticated: false,
        protocol: { version: 3, max: 3 },
        limits,
        ...(options.resume !== false && { session: { token: `token-${ids}`, grace: 60_000 } }),
      })
    })
    return {
      send(text) {
        queueMicrotask(() => {
          if (!current()) return
          const frame = JSON.parse(text) as Asked | Asked[]
          for (const message of Array.isArray(frame) ? frame : [frame]) hear(message)
        })
      },
      close() {
        dead = true
        if (socket === events) socket = undefined
      },
      get dead() {
        return dead
      },
    }
  }

  function say(message: unknown): void {
    // Each socket has its own, so that what is left of one does not reach the next.
    const [to, queue] = [socket, outgoing]
    queue.push(message)
    if (queue.length > 1) return
    queueMicrotask(() => {
      const frame = queue.splice(0)
      if (!to || to !== socket) return
      if (toLose > 0) toLose -= 1
      else to.frame(JSON.stringify(frame.length === 1 ? frame[0] : frame))
    })
  }

  function hear(message: Asked): void {
    received.push(message)
    if (message.type === 'COMPONENT_PING') {
      say({ type: 'COMPONENT_PONG' })
      return
    }
    const { requestId, type: originalType } = message
    const componentId = 'componentId' in message ? message.componentId : undefined
    const callId = 'callId' in message ? message.callId : undefined
    const answers = attachedAs(componentId)?.answers
    const answer = (callId !== undefined && answers?.get(callId)) || outcome(message)
    if (callId !== undefined) answers?.set(callId, answer)
    const type = originalType === 'CALL_ACTION' ? 'ACTION_RESPONSE' : 'MESSAGE_RESPONSE'
    say({ type, originalType, componentId, ...answer, requestId })
  }

  function outcome(message: Request): JsonObject {
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

  function perform(message: Request): unknown {
    switch (message.type) {
      case 'SESSION_RESUME': {
        ids += 1
        const known = isKnown
        isKnown = true
        return { token: `token-${ids}`, known }
      }
      case 'COMPONENT_MOUNT':
        return mount(message.payload.component, message.payload.props)
      case 'COMPONENT_RESUME':
        return resume(message.componentId, message.payload)
      case 'COMPONENT_UNMOUNT':
        instances.delete(message.componentId)
        return undefined
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
        return change(instance, { [message.property]: message.payload.value })
      case 'PROPS_UPDATE':
        return { remount: true }
      case 'COMPONENT_EVENT':
        return undefined
      case 'STATE_RESYNC':
        return whole(instance)
      default:
        return message satisfies never
    }
  }

  function mount(component: string, props: unknown): unknown {
    const script = scripts.get(component)
    if (!script)
      throw new LiveError(
        'COMPONENT_NOT_FOUND',
        `no component ${component}: script it with fakeServer().mounted(${component}, state)`,
      )
    ids += 1
    const instance: Instance = {
      id: `live-${ids}`,
      component,
      state: copy(script.state(props)),
      version: 0,
      seq: 0,
      isRebuilt: false,
      pushed: [],
      answers: new Map(),
    }
    isKnown = true
    instances.set(instance.id, instance)
    attached.add(instance)
    return made(instance)
  }

  function made({ id, state, version }: Instance): JsonObject {
    return { componentId: id, initialState: state, version, digest: digest(state) }
  }

  function resume(id: string, position: { have: number; heard: number; fresh?: true | undefined }): unknown {
    const instance = instances.get(id)
    if (!instance) throw new LiveError('NOTHING_KEPT', 'there is no such instance and no snapshot of it')
    attached.add(instance)
    if (instance.isRebuilt) {
      instance.isRebuilt = false
      return { ...made(instance), outcome: 'rehydrated' }
    }
    const missed = instance.pushed.filter(({ version = 0, seq = 0 }) =>
      seq > 0 ? seq > position.heard : !position.fresh && version > position.have,
    )
    if (position.fresh) whole(instance)
    for (const { frame } of missed) say(frame)
    const frames = missed.length
    const { version, state } = instance
    return { outcome: frames > 0 ? 'replayed' : 'resumed', frames, version, digest: digest(state) }
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
    const draft = copy(instance.state)
    const events: unknown[] = []
    const result = body(draft, args, (event: unknown) => events.push(event))
    change(instance, draft)
    for (const event of events) emit(instance, event)
    return result
  }

  function change(instance: Instance, fields: JsonObject): void {
    const differs = (name: string): boolean =>
      JSON.stringify(fields[name]) !== JSON.stringify(instance.state[name])
    const delta = copy(
      Object.fromEntries(
        Object.keys(fields)
          .filter(differs)
          .map((name) => [name, fields[name]]),
      ),
    )
    if (Object.keys(delta).length === 0) return
    instance.state = { ...instance.state, ...delta }
    const base = instance.version
    instance.version += 1
    const { id: componentId, version } = instance
    const payload = { base, version, digest: digest(instance.state), delta }
    push(instance, { type: 'STATE_DELTA', componentId, payload }, { version })
  }

  function whole({ id, state, version }: Instance): void {
    say({ type: 'STATE_UPDATE', componentId: id, payload: { state, version, digest: digest(state) } })
  }

  function each(component: { readonly name: string }, what: (instance: Instance) => void): void {
    for (const instance of instances.values()) if (instance.component === component.name) what(instance)
  }

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

  const server: FakeServer = {
    client: createLiveClient({ page, tab, ...options, url: 'ws://fake.invalid/api/live/ws', createSocket }),
    calls,
    received,
    mounted(component, state, actions = {}) {
      const make = (typeof state === 'function' ? state : () => state) as Script['state']
      scripts.set(component.name, { state: make, actions: actions as Script['actions'] })
      return server
    },
    push: (component, fields) => each(component, (instance) => change(instance, fields as JsonObject)),
    update: (component, state) =>
      each(component, (instance) => {
        instance.state = copy(state as JsonObject)
        instance.version += 1
        // Whoever is away finds that nothing leads to this version, and asks for all of it.
        if (attached.has(instance)) whole(instance)
      }),
    event: (component, event) => each(component, (instance) => emit(instance, event)),
    missed: (component, missed) =>
      each(component, (instance) => {
        instance.seq += missed
        say({ type: 'COMPONENT_EVENT', componentId: instance.id, payload: { missed } })
      }),
    refuse(code, message = `refused with ${code}`, fields = {}) {
      refusals.push(new LiveError(code, message, fields))
      return server
    },
    lose(frames = 1) {
      toLose += frames
    },
    send: say,
    disconnect(code = 1006) {
      reachable = false
      // What was to be lost is lost with the connection.
      toLose = 0
      const gone = socket
      socket = undefined
      gone?.closed(code)
    },
    reconnect() {
      reachable = true
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

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
