/**
 * The client: one connection, and the handles that share it.
 *
 * Handles ask through it; what the server pushes is routed by instance id to the handle that mounted
 * it. A push for an id nobody has is late, and dropped.
 */

import { type ConnectionStatus, createConnection } from './connection.js'
import {
  browserPage,
  browserSocket,
  type Clock,
  type CreateSocket,
  type Page,
  randomId,
  socketUrl,
  systemClock,
} from './environment.js'
import { LiveError } from './error.js'
import { createHandle } from './handle.js'
import type { Instance } from './instance.js'
import type { Guest, Port } from './port.js'
import { CAPABILITIES, PROTOCOL_VERSION, type ServerMessage } from './protocol.js'
import type { Component, ComponentShape, LiveHandle, MountOptions, OptionalIfEmpty } from './shape.js'
import { type LiveStats, statsKeeper } from './stats.js'

/** Requests that may wait to be sent, unless told otherwise. */
export const DEFAULT_QUEUE = 10_000
/** How long an answer may take, in ms, unless told otherwise. */
export const DEFAULT_TIMEOUT_MS = 30_000
/** How long an instance outlives its last subscriber, in ms, unless told otherwise. */
export const DEFAULT_GRACE_MS = 100

/** How a client is made. Everything has a sensible value already. */
export interface LiveClientOptions {
  /** Where the server is: an address or a path. Default: the page's host, at `/api/live/ws`. */
  readonly url?: string
  /** How long a call may wait for its answer, in ms. Default 30 s. */
  readonly timeout?: number
  /** How many requests may wait to be sent. Default 10,000; one more is rejected with `QUEUE_FULL`. */
  readonly queue?: number
  /** How long an instance outlives its last subscriber, in ms. Default 100. */
  readonly grace?: number
  /** Makes the socket; for tests and other transports. */
  readonly createSocket?: CreateSocket
  /** Time; for tests. */
  readonly clock?: Clock
  /** A number in [0, 1); for tests. */
  readonly random?: () => number
  /** The page; for tests. */
  readonly page?: Page
}

/** One connection to one server. An application has one of these. Every function may be passed around. */
export interface LiveClient {
  /**
   * A handle on a component. The same component and `componentId` give the same handle; without a
   * `componentId` each is its own. Nothing is mounted until somebody subscribes.
   *
   * @example
   * const counter = client.live(Counter, { props: { count: 5 } })
   * const leave = counter.subscribe((view) => render(view.state?.count))
   * await counter.call.add({ by: 2 })
   */
  readonly live: <C extends ComponentShape>(
    component: Component<C>,
    ...options: OptionalIfEmpty<MountOptions<C>>
  ) => LiveHandle<C>
  /** Opens the connection now instead of with the first mount. */
  readonly connect: () => void
  /** Closes the connection for good. */
  readonly close: () => void
  /** What the connection is doing. */
  readonly getStatus: () => ConnectionStatus
  /** Hears that {@link LiveClient.getStatus} changed. */
  readonly subscribeStatus: (listener: () => void) => () => void
  /** What the connection costs and how it fares. The same object until something changes. */
  readonly getStats: () => LiveStats
  /** Hears of new stats, a few times a second at most. */
  readonly subscribeStats: (listener: () => void) => () => void
}

/**
 * Makes a client. It connects when the first component is mounted, so it may be made anywhere, also
 * while rendering on a server.
 *
 * @example
 * const client = createLiveClient()
 * const other = createLiveClient({ url: 'wss://live.example.org/api/live/ws' })
 */
export function createLiveClient(options: LiveClientOptions = {}): LiveClient {
  const clock = options.clock ?? systemClock
  const stats = statsKeeper(clock)
  const timeout = options.timeout ?? DEFAULT_TIMEOUT_MS
  const queue = options.queue ?? DEFAULT_QUEUE
  const query = { v: PROTOCOL_VERSION, caps: CAPABILITIES, client: randomId() }
  const connection = createConnection({
    url: () => socketUrl(options.url, query),
    createSocket: options.createSocket ?? browserSocket,
    clock,
    random: options.random ?? Math.random,
    page: options.page ?? browserPage,
    queue,
    stats,
  })

  const guests = new Set<Guest>()
  const routes = new Map<string, Instance>()
  let wasOpen = false
  connection.changed.add(() => {
    const status = connection.status()
    const tell = status === 'open' ? 'opened' : status === 'closed' ? 'closed' : wasOpen ? 'lost' : undefined
    wasOpen = status === 'open'
    if (tell) for (const guest of [...guests]) guest[tell]()
  })
  connection.pushed.add((message) => deliver(message, routes))

  const port: Port = {
    clock,
    stats,
    timeout,
    grace: options.grace ?? DEFAULT_GRACE_MS,
    queue,
    isOpen: () => connection.status() === 'open',
    ask: (message, asker) => connection.ask(message, timeout, asker),
    join(guest) {
      guests.add(guest)
      connection.connect()
      if (connection.status() === 'open') guest.opened()
      if (connection.status() === 'closed') guest.closed()
    },
    part: (guest) => guests.delete(guest),
    route(instanceId, instance) {
      if (instance) routes.set(instanceId, instance)
      else routes.delete(instanceId)
    },
  }

  // Handles that were given a name are found again by it, as long as somebody holds them.
  const named = new Map<string, WeakRef<object>>()
  const forgotten = new FinalizationRegistry((key: string) => {
    if (!named.get(key)?.deref()) named.delete(key)
  })
  function live<C extends ComponentShape>(
    component: Component<C>,
    ...[mount]: OptionalIfEmpty<MountOptions<C>>
  ): LiveHandle<C> {
    const { name } = component
    const id = mount?.componentId
    if (id === undefined) return createHandle<C>(port, name, randomId(), mount?.props)
    const key = `${name}:${id}`
    const known = named.get(key)?.deref()
    // The key names the component, and a component has one shape.
    if (known) return known as LiveHandle<C>
    const handle = createHandle<C>(port, name, id, mount?.props)
    named.set(key, new WeakRef(handle))
    forgotten.register(handle, key)
    return handle
  }

  return {
    live,
    connect: connection.connect,
    close: connection.close,
    getStatus: connection.status,
    subscribeStatus: connection.changed.add,
    getStats: stats.get,
    subscribeStats: stats.subscribe,
  }
}

function deliver(message: ServerMessage, routes: ReadonlyMap<string, Instance>): void {
  const instance =
    'componentId' in message && message.componentId ? routes.get(message.componentId) : undefined
  switch (message.type) {
    case 'STATE_UPDATE':
      instance?.update(message.payload)
      return
    case 'STATE_DELTA':
      instance?.delta(message.payload)
      return
    case 'COMPONENT_EVENT':
      instance?.event(message.event)
      return
    case 'MISSED':
      instance?.missed(message.missed)
      return
    case 'ERROR':
      if (instance) instance.failed(new LiveError(message.code, message.error))
      else console.error('[fluxstack]', message.code, message.error)
      return
    case 'CONNECTION_ESTABLISHED':
    case 'REPLY':
    case 'COMPONENT_PONG':
      // The connection keeps these to itself.
      return
    default:
      message satisfies never
  }
}
