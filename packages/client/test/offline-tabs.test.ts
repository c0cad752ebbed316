import { describe, expect, test, vi } from 'vitest'
import {
  actions,
  type Browser,
  browser,
  comeBack,
  leave,
  loaded,
  locksOf,
  lose,
  nothing,
  type OfflinePage,
  type PageOptions,
  records,
  stored,
} from './offline-page.js'
import { type Locks, settled, TestTab } from './world.js'

const MINUTE = 60_000

/** Moves on while the server answers pings. */
async function pass(it: OfflinePage, ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 1000) {
    if (gone % MINUTE === 0) await stored()
    it.socket().say({ type: 'COMPONENT_PONG' })
    await it.clock.advance(1000)
  }
  await stored()
}

interface Tabs {
  readonly locks: Locks
  readonly where: Browser
  open(options?: PageOptions): Promise<OfflinePage>
}

/** A browser with a tab whose page has called twice without a connection, and perhaps once with one. */
async function tabs({
  isSent = false,
  ...options
}: PageOptions & { isSent?: boolean } = {}): Promise<Tabs & { closed: OfflinePage }> {
  const locks: Locks = new Set()
  const where = browser(locks)
  const open = (more: PageOptions = {}): Promise<OfflinePage> =>
    loaded({ tab: new TestTab(locks), factory: where.factory }, { locks: locksOf(locks), ...more })
  const closed = await loaded(where, { locks: locksOf(locks), ...options })
  if (isSent) closed.counter.call.increment().catch(nothing)
  await stored()
  await lose(closed)
  for (const by of [1, 2]) closed.counter.call.add({ by }).catch(nothing)
  await stored()
  return { locks, where, closed, open }
}

describe('the calls of a tab that was closed', () => {
  test('are sent by another after two minutes at most, in order and once', async () => {
    const { closed, open, where } = await tabs()
    leave(closed)
    const it = await open()
    await pass(it, MINUTE)
    expect(it.outbox.getState().pending).toBe(0)
    await pass(it, MINUTE)
    const said = it
      .socket()
      .heard()
      .filter(({ type }) => type === 'CALL_ACTION')
    expect(actions(said)).toEqual([1, 2].map((by) => ['add', { by }]))
    for (const request of said) it.socket().answer(request)
    await stored()
    expect(await records(where.factory)).toEqual([])
    expect(it.told()).toEqual([])
  })

  test('are left alone while it is there', async () => {
    const { open, where } = await tabs()
    const it = await open()
    await pass(it, 3 * MINUTE)
    expect(actions(it.socket().heard())).toEqual([])
    expect(await records(where.factory)).toHaveLength(2)
  })

  test('are left alone if it was only between two pages', async () => {
    const { closed, open, where, locks } = await tabs()
    leave(closed)
    const it = await open()
    await pass(it, MINUTE)
    const next = await loaded(where, { locks: locksOf(locks) })
    await pass(it, 2 * MINUTE)
    expect(actions(it.socket().heard())).toEqual([])
    expect(next.outbox.getState().pending).toBe(2)
  })

  test('are reported instead if they were perhaps sent', async () => {
    const { closed, open } = await tabs({ isSent: true })
    leave(closed)
    const it = await open()
    await pass(it, 2 * MINUTE)
    expect(actions(it.socket().heard())).toEqual([1, 2].map((by) => ['add', { by }]))
    expect(it.told()).toEqual([['increment', {}, 'DISCONNECTED']])
    expect(it.conflicts[0]?.reason.message).toContain('unknown')
  })

  test('are not sent by another user', async () => {
    const { closed, open, where } = await tabs({ user: 'ada' })
    leave(closed)
    const it = await open({ user: 'bea' })
    await pass(it, 3 * MINUTE)
    expect(actions(it.socket().heard())).toEqual([])
    expect(await records(where.factory)).toHaveLength(2)
  })

  test('are not taken over by one that does not want to', async () => {
    const { closed, open } = await tabs()
    leave(closed)
    const it = await open({ adoptAfter: false })
    await pass(it, 3 * MINUTE)
    expect(actions(it.socket().heard())).toEqual([])
  })

  test('are not looked for by a client that was closed, which hears nothing of its page either', async () => {
    const { closed, where, locks } = await tabs()
    leave(closed)
    const query = vi.fn(locksOf(locks).query)
    const page = new EventTarget()
    const remove = vi.spyOn(page, 'removeEventListener')
    vi.stubGlobal('document', page)
    const it = await loaded({ tab: new TestTab(locks), factory: where.factory }, { locks: { query } })
    await pass(it, MINUTE)
    expect(query).toHaveBeenCalledTimes(1)
    it.client.close()
    vi.unstubAllGlobals()
    await it.clock.advance(3 * MINUTE)
    await stored()
    expect(query).toHaveBeenCalledTimes(1)
    expect(remove).toHaveBeenCalledWith('visibilitychange', expect.any(Function))
  })

  test('are left alone by one that is closed while it looks', async () => {
    const { closed, where, locks } = await tabs()
    leave(closed)
    let look = nothing
    const query = (): Promise<LockManagerSnapshot> =>
      new Promise((resolve) => {
        look = () => resolve({})
      })
    const it = await loaded({ tab: new TestTab(locks), factory: where.factory }, { locks: { query } })
    await pass(it, MINUTE)
    look()
    await pass(it, MINUTE)
    it.client.close()
    look()
    await stored()
    expect(new Set((await records(where.factory)).map(({ tab }) => tab)).size).toBe(1)
    expect(await records(where.factory)).toMatchObject([{ isFree: false }, { isFree: false }])
    expect(it.told()).toEqual([])
  })

  test('are looked for without taking the lock, which a page that is just loaded needs', async () => {
    const { closed, where, locks } = await tabs()
    leave(closed)
    const taken: string[] = []
    const request = async (name: string): Promise<void> => {
      taken.push(name)
    }
    const spied = { ...locksOf(locks), request } as unknown as NonNullable<PageOptions['locks']>
    const it = await loaded({ tab: new TestTab(locks), factory: where.factory }, { locks: spied })
    await pass(it, 2 * MINUTE)
    expect(actions(it.socket().heard())).toEqual([1, 2].map((by) => ['add', { by }]))
    expect(taken).toEqual([])
  })

  test('are not sent by its page, should that come out of the back/forward cache after all', async () => {
    const { closed, open } = await tabs()
    const own = closed.counter.call.add({ by: 3 })
    const refused = expect(own).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('another tab'),
    })
    await stored()
    leave(closed)
    const it = await open()
    await pass(it, 2 * MINUTE)
    expect(actions(it.socket().heard())).toEqual([1, 2, 3].map((by) => ['add', { by }]))
    closed.page.tell('restored')
    await settled()
    expect(actions(await comeBack(closed))).toEqual([])
    await refused
    expect(closed.outbox.getState().pending).toBe(0)
  })
})
