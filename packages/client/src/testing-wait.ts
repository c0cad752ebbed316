/**
 * What tests wait for, what they look at, and how they lose a connection: on top of the fake server.
 *
 * A wait that is in vain says what was there instead, how long it was waited for, and why it was not enough.
 */

import { type Clock, systemClock } from './environment.js'
import type { FakeServer, FakeState } from './fake-server.js'
import type { Component, ComponentShape, LiveHandle, LiveView } from './shape.js'

/** How long a test waits, in ms, unless told otherwise. */
const DEFAULT_WAIT_MS = 1000
/** How long, in ms, a client may take to come back. */
const MOST_BACK_MS = 30_000
/** How much of a state a complaint shows. */
const MOST_SHOWN = 400

/** How it is waited. */
export interface WaitOptions {
  /** How long, in ms. Default 1000. */
  readonly timeout?: number
  /** Whose ms. Default the machine's; of a server, its own. */
  readonly clock?: Clock
}

/**
 * Waits for the next view of a handle; with a `predicate`, for one that satisfies it, which may be shown
 * already. Subscribes while it waits, so that a handle nobody shows is mounted.
 *
 * @example
 * const counter = server.client.live(Counter, { props: { count: 0 } })
 * await waitForUpdate(counter, (view) => view.status === 'live')
 * const next = waitForUpdate(counter)
 * server.push(Counter, { count: 7 })
 * expect((await next).state).toEqual({ count: 7 })
 */
export function waitForUpdate<C extends ComponentShape>(
  handle: LiveHandle<C>,
  predicate?: (view: LiveView<C>) => boolean,
  options?: WaitOptions,
): Promise<LiveView<C>>
/**
 * Waits until the server has heard or said something more; with a `predicate`, until that is satisfied, which
 * may be so already.
 *
 * @example
 * await waitForUpdate(server, ({ calls }) => calls.length === 2)
 */
export function waitForUpdate(
  server: FakeServer,
  predicate?: (server: FakeServer) => boolean,
  options?: WaitOptions,
): Promise<FakeServer>
export function waitForUpdate<C extends ComponentShape>(
  target: LiveHandle<C> | FakeServer,
  predicate?: ((view: LiveView<C>) => boolean) | ((server: FakeServer) => boolean),
  { timeout = DEFAULT_WAIT_MS, clock }: WaitOptions = {},
): Promise<LiveView<C> | FakeServer> {
  if ('client' in target) {
    return wait(target.watch, () => target, sketchServer, predicate as (server: FakeServer) => boolean, {
      timeout,
      clock: clock ?? target.clock,
    })
  }
  const what = predicate as ((view: LiveView<C>) => boolean) | undefined
  return wait(target.subscribe, target.getState, sketchView, what, { timeout, clock: clock ?? systemClock })
}

function wait<T>(
  watch: (listener: () => void) => () => void,
  read: () => T,
  sketch: (seen: T) => string,
  predicate: ((seen: T) => boolean) | undefined,
  { timeout, clock }: Required<WaitOptions>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let changes = 0
    const end = (settle: () => void): void => {
      leave()
      cancel()
      settle()
    }
    const look = (): void => {
      try {
        const seen = read()
        if (predicate ? predicate(seen) : changes > 0) end(() => resolve(seen))
      } catch (error) {
        end(() => reject(error))
      }
    }
    const leave = watch(() => {
      changes += 1
      look()
    })
    const cancel = clock.after(timeout, () => {
      const times =
        changes === 0 ? 'nothing changed' : `it changed ${changes === 1 ? 'once' : `${changes} times`}`
      const why = predicate ? `${times}, and the predicate is not satisfied` : times
      end(() => reject(new Error(`waited ${timeout} ms in vain: ${why}. There is ${sketch(read())}`)))
    })
    if (predicate) look()
  })
}

function sketchView({ status, state, error }: LiveView<ComponentShape>): string {
  const shown = state === undefined ? 'no state' : cut(JSON.stringify(state))
  return `${status}, with ${error ? `${error.code} (${error.message}) and ` : ''}${shown}`
}

function sketchServer({ calls, received, client }: FakeServer): string {
  const last = received.at(-1)?.type ?? 'nothing'
  const made = cut(JSON.stringify(calls.map(({ component, action }) => `${component}.${action}`)))
  return `a connection that is ${client.getStatus()}; the client said ${last} last, and called ${made}`
}

function cut(text: string): string {
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text
}

/**
 * The state that the server itself has for a handle, also while that is stale, or guesses; undefined if it
 * has none.
 *
 * @example
 * expect(componentState(server, counter)).toEqual({ count: 7 })
 */
export function componentState<C extends ComponentShape>(
  server: FakeServer,
  handle: LiveHandle<C>,
): FakeState<C> | undefined
/**
 * The states of all mounted instances of a component, in the order of mounting.
 *
 * @example
 * expect(componentState(server, Counter)).toEqual([{ count: 7 }])
 */
export function componentState<C extends ComponentShape>(
  server: FakeServer,
  component: Component<C>,
): readonly FakeState<C>[]
export function componentState<C extends ComponentShape>(
  server: FakeServer,
  of: LiveHandle<C> | Component<C>,
): FakeState<C> | readonly FakeState<C>[] | undefined {
  // Which states those are is what `mounted` was typed by.
  const all = server.instances()
  if (!('getState' in of)) {
    return all.filter(({ component }) => component === of.name).map(({ state }) => state as FakeState<C>)
  }
  const { componentId, instanceId } = of
  const its =
    all.find(({ id }) => id === instanceId) ??
    // One that is away has no instance at this moment, but its name.
    all.find(({ names }) => names.some((name) => name.slice(name.indexOf(':') + 1) === componentId))
  return its?.state as FakeState<C> | undefined
}

/** How long a connection is gone. */
export type Absence =
  | { readonly for: number }
  | { readonly until: Promise<unknown> | (() => unknown | Promise<unknown>) }

/**
 * Breaks the connection, lets nobody in for so many ms of the server's clock, or until something is done, and
 * resolves when the client is back.
 *
 * @example
 * await simulateDisconnect(server, { for: 5_000 })
 * await simulateDisconnect(server, { until: () => server.push(Counter, { count: 9 }) })
 */
export async function simulateDisconnect(server: FakeServer, absence: Absence): Promise<void> {
  server.disconnect()
  try {
    if ('for' in absence) await new Promise<void>((then) => server.clock.after(absence.for, then))
    else await (typeof absence.until === 'function' ? absence.until() : absence.until)
  } finally {
    server.reconnect()
  }
  const { subscribeStatus, getStatus } = server.client
  const isThere = (status: string): boolean => ['open', 'idle', 'closed'].includes(status)
  await wait(subscribeStatus, getStatus, (status) => `a connection that is ${status}`, isThere, {
    timeout: MOST_BACK_MS,
    clock: server.clock,
  })
  await server.settled()
}
