/** A browser with an outbox: pages that are loaded one after the other, and what they keep. */

import type { LiveHandle } from '@fluxstack/client'
import {
  type Conflict,
  type OfflineOptions,
  type OfflineOutbox,
  offlineOutbox,
} from '@fluxstack/client/offline'
import { IDBFactory } from 'fake-indexeddb'
import { digest } from '../src/digest.js'
import { Counter, type CounterShape } from './shapes.js'
import { type Frame, type Locks, settled, TestTab, type World, type WorldOptions, world } from './world.js'

export const nothing = (): void => undefined

/** Waits until the database, which answers in its own time, has said what there is to say. */
export async function stored(rounds = 40): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    await settled()
  }
}

/** What a store of the database holds. */
export function records(factory: IDBFactory, store = 'calls'): Promise<Record<string, unknown>[]> {
  return new Promise((resolve) => {
    const open = factory.open('fluxstack-offline', 1)
    open.onsuccess = () => {
      const all = open.result.transaction(store).objectStore(store).getAll()
      all.onsuccess = () => {
        open.result.close()
        resolve(all.result as Record<string, unknown>[])
      }
    }
  })
}

/** Writes something into the database, behind the outbox's back. */
export function forge(factory: IDBFactory, store: string, values: readonly unknown[]): Promise<void> {
  return new Promise((resolve) => {
    const open = factory.open('fluxstack-offline', 1)
    open.onupgradeneeded = () => {
      open.result.createObjectStore('calls', { keyPath: 'id' })
      open.result.createObjectStore('pictures', { keyPath: 'key' })
      open.result.createObjectStore('users', { keyPath: 'tab' })
    }
    open.onsuccess = () => {
      const transaction = open.result.transaction(store, 'readwrite')
      for (const value of values) transaction.objectStore(store).put(value)
      transaction.oncomplete = () => {
        open.result.close()
        resolve()
      }
    }
  })
}

export interface Browser {
  readonly tab: TestTab
  readonly factory: IDBFactory
}
export const browser = (locks?: Locks): Browser => ({ tab: new TestTab(locks), factory: new IDBFactory() })

/** The locks of a browser as its pages see them. */
export function locksOf(locks: Locks): NonNullable<OfflineOptions['locks']> {
  const query = async (): Promise<LockManagerSnapshot> => ({ held: [...locks].map((name) => ({ name })) })
  return { query }
}

export interface PageOptions extends OfflineOptions {
  readonly client?: WorldOptions
  /** Who the hello says is here. */
  readonly user?: string
  /** The token of the hello; the same as another page's is another session all the same. */
  readonly token?: string
}

export interface OfflinePage extends World {
  readonly outbox: OfflineOutbox
  readonly counter: LiveHandle<CounterShape>
  readonly factory: IDBFactory
  readonly conflicts: Conflict[]
  /** What each conflict was about, and why. */
  told(): unknown[]
}

/** A page with a counter named `a`, which nobody has answered yet, without a connection. */
export async function cutOff(
  { tab, factory }: Browser,
  { client = {}, user, token, ...options }: PageOptions = {},
): Promise<OfflinePage> {
  const conflicts: Conflict[] = []
  const outbox = offlineOutbox({ factory, onConflict: (conflict) => conflicts.push(conflict), ...options })
  const it: World = world({ ...client, tab, offline: outbox })
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  counter.subscribe(nothing)
  await stored()
  const told = (): unknown[] => conflicts.map(({ call, reason }) => [call.action, call.payload, reason.code])
  return { ...it, outbox, counter, factory, conflicts, told }
}

/** The same with a connection. */
export async function load(where: Browser, options: PageOptions = {}): Promise<OfflinePage> {
  const it = await cutOff(where, options)
  it.socket().hello({}, options.token ?? 'token-1', options.user)
  await settled()
  return it
}

/** The same, mounted as `live-1`. */
export async function loaded(where: Browser = browser(), options: PageOptions = {}): Promise<OfflinePage> {
  const it = await load(where, options)
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await stored()
  return it
}

/** The connection is lost, and the next attempts are not answered. */
export async function lose(it: World): Promise<void> {
  it.socket().events.closed(1006)
  await stored()
}

/** The connection is there again, with the instance as it was. Brings what is said next. */
export async function comeBack(it: World, count = 5, user?: string): Promise<Frame[]> {
  const before = it.sockets.length
  it.page.tell('online')
  if (it.sockets.length === before) await it.clock.advance(20_000)
  it.socket().hello({}, 'token-2', user)
  await settled()
  const resume = it
    .socket()
    .heard()
    .find(({ type }) => type === 'COMPONENT_RESUME')
  it.socket().answer(resume, { outcome: 'resumed', version: 0, digest: digest({ count }) })
  await stored()
  return it.socket().heard()
}

/** The page is left, for another one or for good. */
export function leave(it: World): void {
  it.page.tell('hidden')
  it.page.tell('leaving')
}

export const resumed = { outcome: 'resumed', version: 0, digest: digest({ count: 5 }) }
export const wholeState = {
  type: 'STATE_UPDATE',
  componentId: 'live-1',
  payload: { state: { count: 5 }, version: 0, digest: digest({ count: 5 }) },
}

export const actions = (frames: readonly Frame[]): unknown[] =>
  frames.filter(({ type }) => type === 'CALL_ACTION').map(({ action, payload }) => [action, payload])
