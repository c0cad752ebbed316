import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  actions,
  browser,
  comeBack,
  cutOff,
  leave,
  load,
  loaded,
  lose,
  nothing,
  type OfflinePage,
  type PageOptions,
  records,
  stored,
} from './offline-page.js'
import { settled } from './world.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A page of Ada's that has lost its connection, and two calls she made then. */
async function adaAway(
  options: PageOptions = {},
): Promise<OfflinePage & { where: ReturnType<typeof browser> }> {
  const where = browser()
  const it = await loaded(where, { ...options, user: 'ada' })
  await lose(it)
  for (const by of [1, 2]) it.counter.call.add({ by }).catch(nothing)
  await stored()
  return { ...it, where }
}

describe('what a user has called', () => {
  test('carries who it was, and is sent as that user on a later page', async () => {
    const first = await adaAway()
    expect(await records(first.factory)).toMatchObject([{ user: 'ada' }, { user: 'ada' }])
    leave(first)
    const it = await cutOff(first.where)
    expect(it.outbox.getState().pending).toBe(2)
    expect(actions(await comeBack(it, 5, 'ada'))).toEqual([1, 2].map((by) => ['add', { by }]))
  })

  test('is never sent as another, who comes with the page, and is gone then', async () => {
    const first = await adaAway()
    leave(first)
    const it = await load(first.where, { user: 'bea' })
    it.socket().answer(it.socket().heard()[1], { outcome: 'resumed', version: 0, digest: 0 })
    await stored()
    expect(actions(it.socket().heard())).toEqual([])
    expect(it.outbox.getState()).toMatchObject({ pending: 0, conflicts: [] })
    expect(await records(first.factory)).toEqual([])
    expect(it.told()).toEqual([])
  })

  test('is never sent as another who signs in on the same page', async () => {
    const it = await adaAway()
    const waiting = it.counter.call.add({ by: 3 })
    const refused = expect(waiting).rejects.toMatchObject({ code: 'DISCONNECTED' })
    expect(actions(await comeBack(it, 5, 'bea'))).toEqual([])
    await refused
    expect(await records(it.factory)).toEqual([])
  })

  test('waits while nobody is signed in any more, and for nobody else', async () => {
    const first = await adaAway()
    leave(first)
    const it = await load(first.where, {})
    const [, resume] = it.socket().heard()
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    await stored()
    expect(actions(it.socket().heard())).toEqual([])
    expect(it.outbox.getState().pending).toBe(0)
    expect(await records(first.factory)).toHaveLength(2)
    expect(it.told()).toEqual([])
    // Ada is back. Her instance is not, so she has to decide.
    await lose(it)
    await comeBack(it, 5, 'ada')
    await stored()
    expect(it.told()).toEqual([1, 2].map((by) => ['add', { by }, 'DISCONNECTED']))
  })

  test('before anybody was known to be here is of whoever turns out to be', async () => {
    const where = browser()
    const it = await cutOff(where)
    it.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    it.socket().hello({}, 'token-1', 'ada')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    await stored()
    expect(actions(it.socket().heard())).toEqual([['add', { by: 1 }]])
    expect(await records(where.factory)).toMatchObject([{ user: 'ada' }])
  })

  test('is forgotten at sign-out, wherever in the browser it is, and told to nobody', async () => {
    const first = await adaAway()
    leave(first)
    const other = await loaded({ ...browser(), factory: first.factory }, { user: 'ada' })
    expect(await records(first.factory)).toHaveLength(2)
    other.client.signOut()
    await stored()
    expect(await records(first.factory)).toEqual([])
    expect(await records(first.factory, 'users')).toHaveLength(1)
    expect(await records(first.factory, 'pictures')).toEqual([])
    expect(other.told()).toEqual([])
  })

  test('and what is undecided is forgotten at sign-out too', async () => {
    const it = await adaAway({ maxAge: 60_000 })
    await it.clock.advance(60_000)
    await stored()
    expect(it.outbox.getState().conflicts).toHaveLength(2)
    it.client.signOut()
    await stored()
    expect(it.outbox.getState().conflicts).toEqual([])
    expect(await records(it.factory)).toEqual([])
  })
})
