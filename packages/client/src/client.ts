/**
 * The client: one connection, and the handles that share it.
 *
 * Handles ask through it; what the server pushes is routed by instance id to the handle that mounted
 * it. A push for an id nobody has is late, and dropped. On every new connection the session is presented
 * first, then each handle asks for its instance: in one frame, if the server reads so much at once.
 */

import { callLine } from './calls.js'
import { backoff, type ConnectionStatus, createConnection } from './connection.js'
import type { Auth } from './door.js'
import {
  browserPage,
  browserSocket,
  browserTab,
  type Clock,
  type CreateSocket,
  type Page,
  randomId,
  socketUrl,
  systemClock,
  type Tab,
} from './environment.js'
import { complain, LiveError } from './error.js'
import { createHandle } from './handle.js'
import { INSIDE } from './inside.js'
import { type Instance, unmount } from './instance.js'
import { listeners } from './listeners.js'
import {
  DEFAULT_GRACE_MS,
  DEFAULT_QUEUE,
  DEFAULT_TIMEOUT_MS,
  ORIGIN_LENGTH,
  PROTOCOL_VERSION,
  UNCLAIMED_MS,
} from './numbers.js'
import type { OfflineOutbox } from './offline/outbox.js'
import type { Guest, Port } from './port.js'
import type { InstancePush, InstancePushes } from './protocol.js'
import { createSession } from './session.js'
import type { Component, ComponentShape, LiveHandle, MountOptions, OptionalIfEmpty } from './shape.js'
import { type KeptInstance, tabMemory } from './tab-memory.js'

/** How a client is made. Everything has a sensible value already. */
export interface LiveClientOptions {
  /**
   * Where the server is: an address or a path, or a function that is asked at every attempt, for
   * addresses that change. Default: the page's host, at `/api/live/ws`.
   */
  readonly url?: string | (() => string)
  /**
   * Signs in with credentials: `signIn(…)` of `@fluxstack/client/sign-in`. Without it the user is whoever the
   * server takes the connection for, by a cookie.
   */
  readonly auth?: Auth | undefined
  /**
   * Hears that the server does not take the user for signed in: everywhere signed out (`UNAUTHENTICATED`), or
   * the credentials of `auth` were refused (`AUTH_FAILED`, `AUTH_THROTTLED`). Default: the console.
   */
  readonly onSignedOut?: (reason: LiveError) => void
  /** How long a call may wait for its answer, in ms. Default 30 s. */
  readonly timeout?: number
  /** How many requests may wait to be sent. Default 10,000; one more is rejected with `QUEUE_FULL`. */
  readonly queue?: number
  /** How long an instance outlives its last subscriber, in ms. Default 100. */
  readonly grace?: number
  /** Keeps what is called without a connection: `offlineOutbox()` of `@fluxstack/client/offline`. */
  readonly offline?: OfflineOutbox
  /** Makes the socket; for tests and other transports. */
  readonly createSocket?: CreateSocket
  /** Time; for tests. */
  readonly clock?: Clock
  /** A number in [0, 1); for tests. */
  readonly random?: () => number
  /** The page; for tests. */
  readonly page?: Page
  /** The tab; for tests. */
  readonly tab?: Tab
  /** An id nobody can guess; for tests. */
  readonly newId?: () => string
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
  /** Who is signed in, by the server's word for them. */
  readonly getUser: () => string | undefined
  /**
   * The user is gone: unmounts everything, forgets credentials and what was kept for a reload, and mounts again
   * what is looked at, in a new session. A function given as `auth` is asked again.
   */
  readonly signOut: () => void
  /** What the connection is doing. */
  readonly getStatus: () => ConnectionStatus
  /** Whether the server has something newer than this page: load it anew at a good moment. */
  readonly isOutdated: () => boolean
  /** Hears that what {@link LiveClient.getStatus}, `isOutdated` or `getUser` say has changed. */
  readonly subscribeStatus: (listener: () => void) => () => void
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
  const {
    clock = systemClock,
    random = Math.random,
    page = browserPage,
    tab = browserTab,
    newId = randomId,
    timeout = DEFAULT_TIMEOUT_MS,
    queue = DEFAULT_QUEUE,
    grace = DEFAULT_GRACE_MS,
    offline,
    onSignedOut = complain,
    url,
  } = options
  const where = (): string | undefined => (typeof url === 'function' ? url() : url)
  // One for each load of the page: that is how the server knows a page again whose socket it takes for alive.
  const load = newId()
  const statuses = listeners<[]>()
  const connection = createConnection({
    url: () => socketUrl(where(), `v=${PROTOCOL_VERSION}&caps=delta,batch,resume&client=${load}`),
    createSocket: options.createSocket ?? browserSocket,
    clock,
    random,
    page,
    queue,
    timeout,
    changed() {
      const status = connection.status()
      const wasOpen = isOpen
      isOpen = false
      if (status === 'open') {
        if (signIn) signIn.opened(begun)
        else {
          show(connection.hello()?.user)
          begun()
        }
      }
      if (status === 'closed') tellAll('closed')
      else if (wasOpen) tellAll('lost')
      statuses.tell()
    },
    pushed(message) {
      if ('roomId' in message) for (const guest of guests) guest.room(message)
      else deliver(message)
    },
    signedOut() {
      leave()
      onSignedOut(new LiveError('UNAUTHENTICATED', 'signed out everywhere'))
    },
  })
  let user: string | undefined
  function show(next: string | undefined): void {
    if (user === next) return
    user = next
    statuses.tell()
  }
  const signIn = options.auth?.(connection, {
    show,
    signedIn(token, changed) {
      if (changed) forget(token)
      session.renewed(token)
      tellAll(changed ? 'opened' : 'signedIn')
    },
    refused: (error) => isOpen && onSignedOut(error),
  })
  const session = createSession(connection, clock, (refusal) => {
    // A copy leaves to the original what is the original's.
    if (refusal === 'SESSION_IN_USE') {
      memory.part()
      void offline?.open(memory.id(), client)
    }
    memory.touch()
  })
  const memory = tabMemory({ tab, clock, page, newId }, () => {
    const token = session.token()
    // A tab that never had a connection is the same tab after a reload all the same, for what waits in it.
    if (token === undefined && !offline) return undefined
    const instances: Record<string, KeptInstance> = Object.fromEntries(memory.left)
    for (const guest of guests) {
      const kept = guest.kept()
      if (kept) instances[guest.name] = kept
    }
    return { token, instances }
  })

  const guests = new Set<Guest>()
  const routes = new Map<string, Set<Instance>>()
  let isOutdated = false
  /** The connection is open, and the server was told who is here. */
  let isOpen = false
  function deliver<T extends keyof InstancePushes>({
    type,
    componentId = '',
    payload,
  }: InstancePush<T>): void {
    const instances = routes.get(componentId)
    // One may leave at what it is told.
    for (const instance of [...(instances ?? [])]) instance.hear[type](payload)
    if (!instances && payload instanceof LiveError) complain(payload)
  }

  function begun(): void {
    isOpen = true
    session.opened()
    if (memory.left.size > 0) {
      clock.after(UNCLAIMED_MS, () => {
        if (!isOpen) return
        // Nobody came back for it, unless there is something left to be done in it.
        for (const [name, { id }] of memory.left) {
          if (offline?.has(name)) continue
          memory.left.delete(name)
          unmount(port, id)
        }
        memory.touch()
      })
    }
    tellAll('opened')
  }

  function tellAll(what: 'opened' | 'lost' | 'closed' | 'forget' | 'signedIn' | 'flush'): void {
    // One may send another away.
    for (const guest of [...guests]) if (guests.has(guest)) guest[what]()
  }

  let isBegun = false
  function connect(): void {
    if (isBegun) return
    isBegun = true
    // Before anybody closes the socket for that.
    page.watch((event) => /hidden|leaving/.test(event) && tellAll('flush'))
    // The server, however its address changes.
    memory.open(`fluxstack ${where() ?? ''}`.replace(/\?.*/, ''), (token) => {
      session.set(token)
      if (offline) void offline.open(memory.id(), client).then(connection.connect)
      else connection.connect()
    })
  }

  const origin = load.slice(0, ORIGIN_LENGTH)
  let number = 0
  const port: Port = {
    ...connection,
    ...memory,
    clock,
    page,
    signIn,
    outdated() {
      isOutdated = true
      statuses.tell()
    },
    session,
    line: offline?.line ?? callLine,
    timeout,
    grace,
    queue,
    callName() {
      number += 1
      return { id: `${origin}-${number}`, number }
    },
    isOpen: () => isOpen,
    getUser: () => user,
    later: (tries, then) => clock.after(backoff(random, tries), then),
    join(guest) {
      guests.add(guest)
      connect()
      if (isOpen) guest.opened()
      if (connection.status() === 'closed') guest.closed()
    },
    part: (guest) => guests.delete(guest),
    routes,
  }

  // Handles that were given a name are found again by it, as long as somebody holds them.
  const named = new Map<string, WeakRef<object>>()
  function live<C extends ComponentShape>(
    component: Component<C>,
    ...[mount]: OptionalIfEmpty<MountOptions<C>>
  ): LiveHandle<C> {
    const given = mount?.componentId
    const id = given ?? newId()
    const name = `${component.name}:${id}`
    // The name names the component, and a component has one shape.
    let handle = named.get(name)?.deref() as LiveHandle<C> | undefined
    if (!handle) {
      const isKept = given !== undefined && mount?.persistState !== false
      const identity = { component, name, isKept }
      handle = createHandle<C>(port, identity, id, mount?.props)
      for (const [other, held] of named) if (!held.deref()) named.delete(other)
      if (given !== undefined) named.set(name, new WeakRef(handle))
    }
    if (mount) handle.configure(mount)
    return handle
  }

  function forget(token?: string): void {
    tellAll('forget')
    memory.forget()
    offline?.forget()
    session.set(token)
  }

  function leave(): void {
    forget()
    signIn?.forget()
    show(undefined)
  }

  const client: LiveClient & { readonly [INSIDE]: Port } = {
    [INSIDE]: port,
    live,
    connect,
    close: connection.close,
    getUser: port.getUser,
    signOut() {
      leave()
      // What is unmounted leaves first.
      queueMicrotask(connection.renew)
    },
    getStatus: connection.status,
    isOutdated: () => isOutdated,
    subscribeStatus: statuses.add,
  }
  return client
}
