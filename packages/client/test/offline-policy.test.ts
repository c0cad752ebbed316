import { type ComponentPolicy, policy } from '@fluxstack/client/offline'
import { IDBDatabase, IDBObjectStore } from 'fake-indexeddb'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  actions,
  browser,
  comeBack,
  cutOff,
  forge,
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
import { Counter } from './shapes.js'
import { settled } from './world.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A page whose counter is mounted, and which has lost its connection. */
async function away(policies: readonly ComponentPolicy[], options: PageOptions = {}): Promise<OfflinePage> {
  const it = await loaded(browser(), { ...options, policies })
  await lose(it)
  return it
}

const outcomes = (calls: readonly Promise<unknown>[]): Promise<PromiseSettledResult<unknown>[]> =>
  Promise.allSettled(calls)

describe('a call that waits', () => {
  test('is sent in its place, once, when there is a connection again', async () => {
    const it = await away([])
    for (const by of [1, 2, 3]) it.counter.call.add({ by }).catch(nothing)
    it.counter.call.increment().catch(nothing)
    await stored()
    expect(it.outbox.getState().pending).toBe(4)
    const said = await comeBack(it)
    expect(actions(said)).toEqual([...[1, 2, 3].map((by) => ['add', { by }]), ['increment', {}]])
    expect(it.outbox.getState()).toMatchObject({ pending: 4, syncing: true, offline: false })
    for (const request of said) it.socket().answer(request)
    await stored()
    expect(it.outbox.getState()).toMatchObject({ pending: 0, syncing: false })
    expect(await records(it.factory)).toEqual([])
  })

  test('of a handle without a name waits in memory, as long as the others', async () => {
    const it = await loaded()
    const other = it.client.live(Counter, { props: { count: 1 } })
    other.subscribe(nothing)
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 1 })
    await lose(it)
    const outcome = vi.fn()
    other.call.increment().then(outcome, outcome)
    await it.clock.advance(60 * 60 * 1000)
    expect(outcome).not.toHaveBeenCalled()
    expect(await records(it.factory)).toEqual([])
    expect(it.outbox.getState().byComponent).toEqual({ Counter: 1 })
  })

  test('of a page that was never mounted is meant for the first instance there is', async () => {
    const where = browser()
    const first = await cutOff(where)
    first.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    leave(first)
    const second = await cutOff(where)
    second.counter.call.add({ by: 2 }).catch(nothing)
    await stored()
    leave(second)
    const it = await load(where)
    it.counter.call.add({ by: 3 }).catch(nothing)
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    await stored()
    expect(actions(it.socket().heard())).toEqual([1, 2, 3].map((by) => ['add', { by }]))
    expect(it.told()).toEqual([])
  })

  test('outlives its component on the page, and is sent when that is looked at again', async () => {
    const where = browser()
    const it = await cutOff(where)
    const other = it.client.live(Counter, { componentId: 'b', props: { count: 1 } })
    const leaveOther = other.subscribe(nothing)
    const call = other.call.add({ by: 7 })
    await stored()
    leaveOther()
    await it.clock.advance(100)
    await stored()
    expect(it.outbox.getState().pending).toBe(1)
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    other.subscribe(nothing)
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 1 })
    await stored()
    const [asked] = it.socket().heard()
    expect(asked).toMatchObject({ action: 'add', payload: { by: 7 }, componentId: 'live-2' })
    it.socket().answer(asked, 8)
    expect(await call).toBe(8)
  })
})

describe('latest', () => {
  const latest = [policy(Counter, { add: 'latest' })]

  test('sends the newest, at the end, and gives its outcome to all', async () => {
    const it = await away(latest)
    const calls = [
      it.counter.call.add({ by: 1 }),
      it.counter.call.increment(),
      it.counter.call.add({ by: 2 }),
    ]
    await stored()
    expect(await records(it.factory)).toHaveLength(2)
    const said = await comeBack(it)
    expect(actions(said)).toEqual([
      ['increment', {}],
      ['add', { by: 2 }],
    ])
    it.socket().answer(said[0])
    it.socket().answer(said[1], 8)
    expect(await Promise.all(calls)).toEqual([8, undefined, 8])
  })

  test('never replaces what was sent', async () => {
    const it = await loaded(browser(), { policies: latest })
    it.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    it.socket().heard()
    await lose(it)
    it.counter.call.add({ by: 2 }).catch(nothing)
    it.counter.call.add({ by: 3 }).catch(nothing)
    expect(actions(await comeBack(it))).toEqual([
      ['add', { by: 1 }],
      ['add', { by: 3 }],
    ])
  })

  test('replaces what an earlier page left', async () => {
    const where = browser()
    const first = await loaded(where, { policies: latest })
    await lose(first)
    first.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    leave(first)
    const it = await cutOff(where, { policies: latest })
    it.counter.call.add({ by: 2 }).catch(nothing)
    await stored()
    expect(await records(where.factory)).toMatchObject([{ text: '{"by":2}' }])
    expect(it.outbox.getState().pending).toBe(1)
  })

  test('tells all when the newest is refused', async () => {
    const it = await away(latest)
    const calls = [it.counter.call.add({ by: 1 }), it.counter.call.add({ by: 2 })]
    const said = await comeBack(it)
    it.socket().refuse(said[0], 'INVALID')
    expect(await outcomes(calls)).toMatchObject([
      { reason: { code: 'INVALID' } },
      { reason: { code: 'INVALID' } },
    ])
    await stored()
    expect(it.told()).toEqual([['add', { by: 2 }, 'INVALID']])
  })
})

describe('merge', () => {
  const merging = (merge = (a: { by: number }, b: { by: number }) => ({ by: a.by + b.by })) => [
    policy(Counter, { add: { merge } }),
  ]

  test('makes one call of two that wait next to each other, and answers both', async () => {
    const it = await away(merging())
    const calls = [1, 2, 3].map((by) => it.counter.call.add({ by }))
    await stored()
    expect(await records(it.factory)).toMatchObject([{ text: '{"by":6}' }])
    expect(it.outbox.getState().pending).toBe(1)
    const said = await comeBack(it)
    expect(actions(said)).toEqual([['add', { by: 6 }]])
    it.socket().answer(said[0], 11)
    expect(await Promise.all(calls)).toEqual([11, 11, 11])
  })

  test('does not reach over another call', async () => {
    const it = await away(merging())
    it.counter.call.add({ by: 1 }).catch(nothing)
    it.counter.call.increment().catch(nothing)
    it.counter.call.add({ by: 2 }).catch(nothing)
    expect(actions(await comeBack(it))).toEqual([
      ['add', { by: 1 }],
      ['increment', {}],
      ['add', { by: 2 }],
    ])
  })

  test('never touches what was sent', async () => {
    const it = await loaded(browser(), { policies: merging() })
    it.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    const [asked] = it.socket().heard()
    await lose(it)
    it.counter.call.add({ by: 2 }).catch(nothing)
    const said = await comeBack(it)
    expect(actions(said)).toEqual([1, 2].map((by) => ['add', { by }]))
    expect(said[0]?.callId).toBe(asked?.callId)
  })

  test('keeps both where the author says so, or fails', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(nothing)
    const it = await away(
      merging((_, b) => {
        if (b.by === 3) throw new Error('no')
        return undefined as unknown as { by: number }
      }),
    )
    for (const by of [1, 2, 3]) it.counter.call.add({ by }).catch(nothing)
    expect(actions(await comeBack(it))).toEqual([1, 2, 3].map((by) => ['add', { by }]))
    expect(told).toHaveBeenCalledTimes(1)
  })

  test('shows each of the two until the one is answered', async () => {
    const it = await loaded(browser(), { policies: merging() })
    it.counter.configure({
      optimistic: { add: (state, { by }) => ({ count: state.count + by }) },
    })
    await lose(it)
    const seen: (number | undefined)[] = []
    it.counter.subscribe(({ state }) => seen.push(state?.count))
    for (const by of [1, 2]) it.counter.call.add({ by }).catch(nothing)
    await stored()
    expect(seen).toEqual([6, 8])
    const said = await comeBack(it)
    expect(it.counter.getState().state?.count).toBe(8)
    const [request] = said
    it.socket().refuse(request, 'INVALID')
    await stored()
    expect(it.counter.getState().state?.count).toBe(5)
    expect(it.counter.pending).toBe(0)
  })
})

describe('fail and drop', () => {
  const strict = [policy(Counter, { add: 'fail', increment: 'drop' })]

  test('reject at once without a connection, each with a code of its own', async () => {
    const it = await away(strict)
    await expect(it.counter.call.add({ by: 1 })).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('the connection is not open'),
    })
    await expect(it.counter.call.increment()).rejects.toMatchObject({ code: 'DROPPED' })
    expect(it.outbox.getState().pending).toBe(0)
    expect(actions(await comeBack(it))).toEqual([])
    expect(await records(it.factory)).toEqual([])
    expect(it.told()).toEqual([])
  })

  test('are ordinary calls with one, and are not written down', async () => {
    const it = await loaded(browser(), { policies: strict })
    const call = it.counter.call.add({ by: 1 })
    await settled()
    const [asked] = it.socket().heard()
    expect(await records(it.factory)).toEqual([])
    it.socket().answer(asked, 6)
    expect(await call).toBe(6)
  })

  test('reject when the connection is lost before they could leave', async () => {
    const it = await load(browser(), { policies: strict })
    const calls = outcomes([it.counter.call.add({ by: 1 }), it.counter.call.increment()])
    await settled()
    await lose(it)
    expect(await calls).toMatchObject([{ reason: { code: 'DISCONNECTED' } }, { reason: { code: 'DROPPED' } }])
  })
})

describe('the bounds', () => {
  test('count calls, and refuse the newest', async () => {
    const it = await away([], { maxCalls: 3 })
    const calls = [1, 2, 3, 4].map((by) => it.counter.call.add({ by }))
    await expect(calls[3]).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    const said = await comeBack(it)
    expect(actions(said)).toEqual([1, 2, 3].map((by) => ['add', { by }]))
    for (const request of said) it.socket().answer(request)
    await Promise.all(calls.slice(0, 3))
    it.counter.call.add({ by: 5 }).catch(nothing)
    await stored()
    expect(actions(it.socket().heard())).toEqual([['add', { by: 5 }]])
  })

  test('count bytes, and give back those of what is replaced', async () => {
    const it = await away([policy(Counter, { fail: 'latest' })], { maxBytes: 300 })
    it.counter.call.fail({ field: 'x'.repeat(200) }).catch(nothing)
    await expect(it.counter.call.add({ by: 10 ** 20 })).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    it.counter.call.fail({ field: 'y' }).catch(nothing)
    it.counter.call.add({ by: 1 }).catch(nothing)
    expect(actions(await comeBack(it))).toEqual([
      ['fail', { field: 'y' }],
      ['add', { by: 1 }],
    ])
  })

  test('count what merging makes', async () => {
    const merge = (a: { field: string }, b: { field: string }) => ({ field: a.field + b.field })
    const it = await away([policy(Counter, { fail: { merge } })], { maxBytes: 300 })
    it.counter.call.fail({ field: 'x'.repeat(150) }).catch(nothing)
    await expect(it.counter.call.fail({ field: 'y'.repeat(150) })).rejects.toMatchObject({
      code: 'QUEUE_FULL',
    })
    expect(actions(await comeBack(it))).toEqual([['fail', { field: 'x'.repeat(150) }]])
  })

  test('count what earlier pages left', async () => {
    const where = browser()
    const first = await loaded(where)
    await lose(first)
    for (const by of [1, 2]) first.counter.call.add({ by }).catch(nothing)
    await stored()
    leave(first)
    const it = await cutOff(where, { maxCalls: 3 })
    const calls = [3, 4].map((by) => it.counter.call.add({ by }))
    await expect(calls[1]).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  })

  test('keep calls of no more pages under way than the server remembers', async () => {
    const where = browser()
    const first = await loaded(where)
    await lose(first)
    leave(first)
    for (let load = 0; load < 12; load += 1) {
      const page = await cutOff(where)
      page.counter.call.add({ by: load }).catch(nothing)
      await stored()
      leave(page)
    }
    const it = await load(where)
    it.socket().answer(it.socket().heard()[1], {
      outcome: 'resumed',
      version: 0,
      digest: Number.parseInt(first.counter.fingerprint ?? '', 16),
    })
    await stored()
    let said = it
      .socket()
      .heard()
      .filter(({ type }) => type === 'CALL_ACTION')
    expect(actions(said)).toEqual(Array.from({ length: 8 }, (_, by) => ['add', { by }]))
    it.socket().answer(said[0])
    await stored()
    said = it
      .socket()
      .heard()
      .filter(({ type }) => type === 'CALL_ACTION')
    expect(actions(said)).toEqual([['add', { by: 8 }]])
  }, 20_000)

  test('let a call wait for so long and no longer, and report it', async () => {
    const it = await away([], { maxAge: 60_000 })
    const call = it.counter.call.add({ by: 1 })
    const refused = expect(call).rejects.toMatchObject({ code: 'TIMEOUT' })
    await it.clock.advance(60_000)
    await refused
    await stored()
    expect(it.told()).toEqual([['add', { by: 1 }, 'TIMEOUT']])
    expect(actions(await comeBack(it))).toEqual([])
  })
})

describe('what is in the database', () => {
  const good = {
    ...{ id: 'abc-1', tab: '', name: 'Counter:a', action: 'add', text: '{"by":1}' },
    ...{ user: null, at: 1, place: 1, isFree: true },
  }

  test('is not trusted: what is no call is removed, and the rest is done', async () => {
    const where = browser()
    const first = await loaded(where)
    await lose(first)
    first.counter.call.add({ by: 2 }).catch(nothing)
    await stored()
    const [own] = await records(where.factory)
    leave(first)
    const tab = own?.tab
    const at = Date.now()
    await forge(where.factory, 'calls', [
      { id: 7 },
      { id: 'no-name', tab, at, place: 1, action: 'add', text: '{}' },
      { ...good, id: 'a b', tab, at },
      { ...good, id: 'no-json', tab, at, text: '{' },
      { ...good, id: 'no-colon', tab, at, name: 'Counter' },
      { ...good, id: 'no-time', tab, at: Number.NaN },
      { ...good, id: 'no-place-1', tab, at, place: 1e300 },
      { ...good, id: 'no-place-2', tab, at, place: 0.5 },
      { ...good, id: 'no-tab', tab: { toString: 'x' }, at },
      { ...good, id: 'proto-1', tab, at, text: '{"__proto__":{"by":3},"by":4}', place: 99 },
      { ...good, id: 'future-1', tab, at: Number.MAX_SAFE_INTEGER, place: 100 },
    ])
    const it = await load(where)
    it.socket().answer(it.socket().heard()[1], {
      outcome: 'resumed',
      version: 0,
      digest: Number.parseInt(first.counter.fingerprint ?? '', 16),
    })
    await stored()
    const said = it
      .socket()
      .heard()
      .filter(({ type }) => type === 'CALL_ACTION')
    expect(said.map(({ callId }) => callId)).toEqual([own?.id, 'proto-1', 'future-1'])
    expect(await records(where.factory)).toHaveLength(3)
    expect(({} as { by?: number }).by).toBeUndefined()
  })

  test('may be full: the call is made all the same, and the state says what that means', async () => {
    const told = vi.spyOn(console, 'warn').mockImplementation(nothing)
    const it = await away([])
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError')
    })
    it.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    expect(it.outbox.getState()).toMatchObject({ pending: 1, memoryOnly: true })
    expect(told).toHaveBeenCalledTimes(1)
    expect(String(told.mock.calls[0]?.[0])).toContain('in memory only')
    expect(actions(await comeBack(it))).toEqual([['add', { by: 1 }]])
    put.mockRestore()
    it.counter.call.add({ by: 2 }).catch(nothing)
    await stored()
    expect(it.outbox.getState().memoryOnly).toBe(false)
  })

  test('may hang: a call that waits for it waits 5 s and no longer', async () => {
    const told = vi.spyOn(console, 'warn').mockImplementation(nothing)
    const it = await away([])
    it.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const silent = { objectStore: () => new Proxy({}, { get: () => () => ({}) }) }
    const hang = vi
      .spyOn(IDBDatabase.prototype, 'transaction')
      .mockImplementation(() => silent as unknown as IDBTransaction)
    expect(actions(await comeBack(it))).toEqual([])
    await vi.advanceTimersByTimeAsync(4999)
    await stored()
    expect(actions(it.socket().heard())).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await stored()
    expect(actions(it.socket().heard())).toEqual([['add', { by: 1 }]])
    expect(it.outbox.getState().memoryOnly).toBe(true)
    expect(told).toHaveBeenCalledTimes(1)
    it.counter.call.add({ by: 2 }).catch(nothing)
    await vi.advanceTimersByTimeAsync(500)
    await stored()
    expect(actions(it.socket().heard())).toEqual([['add', { by: 2 }]])
    hang.mockRestore()
    vi.useRealTimers()
  })
})
