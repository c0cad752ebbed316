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
  records,
  stored,
} from './offline-page.js'
import { settled } from './world.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A page whose call waited and was refused. */
async function refused(where = browser()): Promise<OfflinePage> {
  const it = await loaded(where)
  await lose(it)
  it.counter.call.add({ by: 1 }).catch(nothing)
  const [request] = await comeBack(it)
  it.socket().refuse(request, 'CONFLICT')
  await stored()
  return it
}

describe('a call that waited and was refused', () => {
  test('is reported, once, and kept until somebody has decided', async () => {
    const it = await refused()
    expect(it.told()).toEqual([['add', { by: 1 }, 'CONFLICT']])
    expect(it.outbox.getState()).toMatchObject({ pending: 0, conflicts: it.conflicts })
    expect(await records(it.factory)).toMatchObject([{ failed: { code: 'CONFLICT' } }])
    it.conflicts[0]?.discard()
    it.conflicts[0]?.retry()
    await stored()
    expect(it.outbox.getState()).toMatchObject({ pending: 0, conflicts: [] })
    expect(await records(it.factory)).toEqual([])
  })

  test('is reported again by the next page, and can be retried there', async () => {
    const where = browser()
    leave(await refused(where))
    const it = await load(where)
    expect(it.told()).toEqual([['add', { by: 1 }, 'CONFLICT']])
    it.socket().refuse(it.socket().heard()[1], 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    it.counter.call.add({ by: 2 }).catch(nothing)
    await stored()
    const [asked] = it.socket().heard()
    it.conflicts[0]?.retry()
    expect(it.outbox.getState()).toMatchObject({ pending: 2, conflicts: [] })
    await stored()
    const [again] = it.socket().heard()
    expect(actions([asked ?? {}, again ?? {}])).toEqual([2, 1].map((by) => ['add', { by }]))
    // A new call, because the old one has its answer.
    expect([asked?.callId, again?.callId].map((id) => String(id).split('-')[1])).toEqual(['1', '2'])
    for (const request of [asked, again]) it.socket().answer(request)
    await stored()
    expect(await records(where.factory)).toEqual([])
  })

  test('says on the next page too what the server complained of', async () => {
    const where = browser()
    const first = await loaded(where)
    await lose(first)
    first.counter.call.fail({ field: 'x' }).catch(nothing)
    const [request] = await comeBack(first)
    first.socket().refuse(request, 'INVALID', { field: 'no such field' })
    await stored()
    leave(first)
    const { conflicts } = await cutOff(where)
    const { code, message, fields } = conflicts[0]?.reason ?? {}
    expect([code, message, fields]).toEqual(['INVALID', 'refused: INVALID', { field: 'no such field' }])
  })

  test('can be retried while there is no connection, and refused again', async () => {
    const it = await refused()
    await lose(it)
    it.conflicts[0]?.retry()
    await stored()
    expect(await records(it.factory)).toHaveLength(1)
    expect(it.outbox.getState()).toMatchObject({ pending: 1, conflicts: [] })
    const [request] = await comeBack(it)
    it.socket().refuse(request, 'CONFLICT')
    await stored()
    expect(it.told()).toHaveLength(2)
  })

  test('is not reported if it did not wait: its promise says so', async () => {
    const it = await loaded()
    const call = it.counter.call.add({ by: 1 })
    await stored()
    it.socket().refuse(it.socket().heard()[0], 'CONFLICT')
    await expect(call).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(it.told()).toEqual([])
  })

  test('is said on the console where nobody listens', async () => {
    const told = vi.spyOn(console, 'warn').mockImplementation(nothing)
    const where = browser()
    leave(await refused(where))
    const { outbox } = await cutOff(where, { onConflict: undefined as never })
    expect(outbox.getState().conflicts).toHaveLength(1)
    expect(String(told.mock.calls[0])).toMatch(/Counter a: add .*refused: CONFLICT.*onConflict/)
  })

  test('is one of a hundred: of more the oldest is forgotten, aloud', async () => {
    const told = vi.spyOn(console, 'warn').mockImplementation(nothing)
    const it = await loaded()
    await lose(it)
    for (let by = 0; by < 101; by += 1) it.counter.call.add({ by }).catch(nothing)
    await stored(400)
    const said = await comeBack(it)
    await stored(400)
    for (const request of [...said, ...it.socket().heard()]) it.socket().refuse(request, 'CONFLICT')
    await stored(400)
    const { conflicts } = it.outbox.getState()
    expect(conflicts).toHaveLength(100)
    expect(conflicts[0]?.call.payload).toEqual({ by: 1 })
    expect(told).toHaveBeenCalledTimes(1)
    expect(await records(it.factory)).toHaveLength(100)
  })
})

describe('a call whose instance was mounted afresh', () => {
  test('is rejected and reported, and can be made again for the new one', async () => {
    const it = await loaded()
    await lose(it)
    const call = it.counter.call.add({ by: 1 })
    const rejected = expect(call).rejects.toMatchObject({ code: 'DISCONNECTED' })
    it.page.tell('online')
    await it.clock.advance(20_000)
    it.socket().hello({}, 'token-2')
    await settled()
    it.socket().refuse(it.socket().heard()[1], 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    await rejected
    await stored()
    expect(it.told()).toEqual([['add', { by: 1 }, 'DISCONNECTED']])
    it.conflicts[0]?.retry()
    await stored()
    expect(it.socket().heard()).toMatchObject([{ componentId: 'live-2', action: 'add' }])
  })
})
