import { offlineOutbox } from '@fluxstack/client/offline'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import {
  actions,
  browser,
  leave,
  load,
  loaded,
  nothing,
  type OfflinePage,
  type PageOptions,
  records,
  resumed,
  stored,
  wholeState,
} from './offline-page.js'
import { Counter, Profile } from './shapes.js'
import { type Frame, settled, TestTab, world } from './world.js'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A page on which `add` was called for 1, 2 and 3 and never answered, and the next one of its tab. */
async function reloaded(options: PageOptions = {}): Promise<OfflinePage & { asked: Frame[] }> {
  const where = browser()
  const first = await loaded(where)
  for (const by of [1, 2, 3]) first.counter.call.add({ by }).catch(nothing)
  await stored()
  const asked = first.socket().heard()
  leave(first)
  return { ...(await load(where, options)), asked }
}

describe('a call of a named handle', () => {
  test('is kept before it is sent, and until it is answered', async () => {
    const it = await loaded()
    const call = it.counter.call.add({ by: 2 })
    await settled()
    expect(it.socket().heard()).toEqual([])
    await stored()
    const [asked] = it.socket().heard()
    expect(asked).toMatchObject({ action: 'add', payload: { by: 2 } })
    expect(await records(it.factory)).toMatchObject([
      { id: asked?.callId, name: 'Counter:a', action: 'add', text: '{"by":2}' },
    ])
    it.socket().answer(asked, 7)
    expect(await call).toBe(7)
    await stored()
    expect(await records(it.factory)).toEqual([])
  })

  test('is what it was when it was made, and keeps its place among what is not kept', async () => {
    const where = browser()
    const it = await load(where)
    const profile = it.client.live(Profile, { componentId: 'p' })
    profile.subscribe(nothing)
    await settled()
    it.socket().mounted(it.socket().heard()[1], 'live-2', { name: '', saved: 0 })
    profile.write('name', 'A').catch(nothing)
    profile.call.save().catch(nothing)
    profile.write('name', 'B').catch(nothing)
    profile.call.save().catch(nothing)
    await stored()
    const said = it.socket().heard()
    expect(said.map(({ type }) => type)).toEqual([
      'PROPERTY_UPDATE',
      'CALL_ACTION',
      'PROPERTY_UPDATE',
      'CALL_ACTION',
    ])
    const numbers = said.map(({ callId }) => Number(String(callId).split('-')[1]))
    expect(numbers).toEqual([1, 2, 3, 4])
  })

  test('without a name of its handle is an ordinary one', async () => {
    const it = await loaded()
    const other = it.client.live(Counter, { props: { count: 1 } })
    other.subscribe(nothing)
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 1 })
    other.call.increment().catch(nothing)
    await settled()
    expect(it.socket().heard()).toHaveLength(1)
    expect(await records(it.factory)).toEqual([])
  })

  test('does not time out while its page is there', async () => {
    const it = await loaded()
    const outcome = vi.fn()
    it.counter.call.increment().then(outcome, outcome)
    await stored()
    it.socket().heard()
    it.socket().events.closed(1006)
    await it.clock.advance(10 * 60 * 1000)
    expect(outcome).not.toHaveBeenCalled()
    it.page.tell('online')
    it.socket().hello({}, 'token-2')
    await settled()
    it.socket().answer(it.socket().heard()[1], resumed)
    await settled()
    it.socket().answer(it.socket().heard()[0], 6)
    await settled()
    expect(outcome).toHaveBeenCalledWith(6)
  })

  test('is refused when a thousand are kept', async () => {
    const it = await loaded()
    it.socket().events.closed(1006)
    const calls = Array.from({ length: 1001 }, () => it.counter.call.increment())
    const last = calls.pop()
    for (const call of calls) call.catch(nothing)
    await expect(last).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  })

  test('is not sent any more when nobody is subscribed by the time it is kept', async () => {
    const where = browser()
    const it = await load(where)
    const profile = it.client.live(Profile, { componentId: 'p' })
    const leaveProfile = profile.subscribe(nothing)
    await settled()
    it.socket().mounted(it.socket().heard()[1], 'live-2', { name: '', saved: 0 })
    const call = profile.call.save()
    const refused = expect(call).rejects.toMatchObject({ code: 'NOT_MOUNTED' })
    leaveProfile()
    await it.clock.advance(100)
    await stored()
    await refused
    expect(actions(it.socket().heard())).toEqual([])
    expect(await records(where.factory)).toEqual([])
  })

  test('that was refused is forgotten', async () => {
    const it = await loaded()
    const call = it.counter.call.fail({ field: 'x' })
    await stored()
    it.socket().refuse(it.socket().heard()[0], 'INVALID')
    await expect(call).rejects.toMatchObject({ code: 'INVALID' })
    await stored()
    expect(await records(it.factory)).toEqual([])
    expect(it.told()).toEqual([])
  })
})

describe('a call of an earlier page', () => {
  test('is sent again under its name, in order and before newer ones, and then forgotten', async () => {
    const it = await reloaded()
    const newer = it.counter.call.add({ by: 4 })
    await stored()
    const [, resume] = it.socket().heard()
    expect(resume).toMatchObject({ type: 'COMPONENT_RESUME', componentId: 'live-1' })
    it.socket().say(wholeState)
    it.socket().answer(resume, resumed)
    await stored()
    const again = it.socket().heard()
    expect(actions(again)).toEqual([1, 2, 3, 4].map((by) => ['add', { by }]))
    expect(again.slice(0, 3).map(({ callId }) => callId)).toEqual(it.asked.map(({ callId }) => callId))
    // The newer one has an origin of its own, and says nothing of the older ones' numbers.
    const [origin, number] = String(again[3]?.callId).split('-')
    expect([origin === String(it.asked[0]?.callId).split('-')[0], number]).toEqual([false, '1'])
    expect(again.map(({ acked }) => acked)).toEqual([undefined, undefined, undefined, undefined])
    for (const request of again) it.socket().answer(request)
    await newer
    await stored()
    expect(await records(it.factory)).toEqual([])
    expect(it.told()).toEqual([])
  })

  test('is sent again after being cut off once more, on whatever page', async () => {
    const it = await reloaded()
    const [, resume] = it.socket().heard()
    it.socket().say(wholeState)
    it.socket().answer(resume, resumed)
    await stored()
    expect(actions(it.socket().heard())).toHaveLength(3)
    leave(it)
    const third = await load({ tab: it.tab, factory: it.factory })
    const [, again] = third.socket().heard()
    third.socket().say(wholeState)
    third.socket().answer(again, resumed)
    await stored()
    expect(
      third
        .socket()
        .heard()
        .map(({ callId }) => callId),
    ).toEqual(it.asked.map(({ callId }) => callId))
  })

  test('says nothing of answers, because it has another origin than those that came', async () => {
    const it = await reloaded()
    const [, resume] = it.socket().heard()
    it.socket().say(wholeState)
    it.socket().answer(resume, resumed)
    for (const by of [4, 5]) it.counter.call.add({ by }).catch(nothing)
    await stored()
    const first = it.socket().heard()
    // The newer two are answered, the older three are not, when the connection dies.
    for (const request of first.slice(3)) it.socket().answer(request)
    it.socket().events.closed(1006)
    it.counter.call.add({ by: 6 }).catch(nothing)
    await stored()
    await it.clock.advance(125)
    it.socket().hello({}, 'token-2')
    await settled()
    it.socket().answer(it.socket().heard()[1], resumed)
    await stored()
    const again = it.socket().heard()
    expect(again.map(({ payload }) => payload)).toEqual([1, 2, 3, 6].map((by) => ({ by })))
    expect(again.map(({ acked }) => acked)).toEqual([undefined, undefined, undefined, 2])
  })

  test('is reported when its instance had to be mounted afresh, and never sent to the new one', async () => {
    const it = await reloaded()
    const [, resume] = it.socket().heard()
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    await stored()
    expect(it.told()).toEqual([1, 2, 3].map((by) => ['add', { by }, 'DISCONNECTED']))
    expect(it.conflicts[0]?.call).toEqual({
      id: it.asked[0]?.callId,
      component: 'Counter',
      componentId: 'a',
      action: 'add',
      payload: { by: 1 },
      at: expect.any(Number),
    })
    expect(actions(it.socket().heard())).toEqual([])
    expect(await records(it.factory)).toMatchObject(
      [1, 2, 3].map(() => ({ failed: { code: 'DISCONNECTED' } })),
    )
  })

  test('is reported when the server refuses it', async () => {
    const it = await reloaded()
    const [, resume] = it.socket().heard()
    it.socket().say(wholeState)
    it.socket().answer(resume, resumed)
    await stored()
    for (const request of it.socket().heard()) it.socket().refuse(request, 'CONFLICT')
    await stored()
    expect(it.told()).toEqual([1, 2, 3].map((by) => ['add', { by }, 'CONFLICT']))
    expect(await records(it.factory)).toHaveLength(3)
  })

  test('keeps its instance from being unmounted while nobody has mounted it yet', async () => {
    const where = browser()
    const first = await loaded(where)
    first.counter.call.increment().catch(nothing)
    await stored()
    leave(first)
    const it = world({ tab: where.tab, offline: offlineOutbox({ factory: where.factory }) })
    it.client.connect()
    await stored()
    it.socket().hello({}, 'token-2')
    for (let second = 0; second < 12; second += 1) {
      it.socket().say({ type: 'COMPONENT_PONG' })
      await it.clock.advance(1000)
    }
    expect(
      it
        .socket()
        .heard()
        .map(({ type }) => type),
    ).toEqual(['SESSION_RESUME'])
    it.client.live(Counter, { componentId: 'a', props: { count: 5 } }).subscribe(nothing)
    await settled()
    it.socket().answer(it.socket().heard()[0], resumed)
    await stored()
    expect(actions(it.socket().heard())).toEqual([['increment', {}]])
  })

  test('that is a day old is reported instead of being sent', async () => {
    const where = browser()
    const first = await loaded(where)
    first.counter.call.increment().catch(nothing)
    await stored()
    leave(first)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 24 * 60 * 60 * 1000 + 1 })
    const it = await load(where)
    expect(it.told()).toEqual([['increment', {}, 'TIMEOUT']])
    await stored()
    expect(await records(where.factory)).toMatchObject([{ failed: { code: 'TIMEOUT' } }])
  })

  test('is left alone by other tabs, and by a copy of its own', async () => {
    const where = browser()
    const first = await loaded(where)
    first.counter.call.increment().catch(nothing)
    await stored()
    await first.clock.advance(500)
    for (const tab of [new TestTab(), where.tab.copy()]) {
      const it = await load({ tab, factory: where.factory })
      it.socket().mounted(it.socket().heard()[0], 'live-9', { count: 5 })
      await stored()
      expect(actions(it.socket().heard())).toEqual([])
      expect(it.told()).toEqual([])
    }
    expect(await records(where.factory)).toHaveLength(1)
  })

  test('is given back when the server says that this is a copy of a tab', async () => {
    const where = browser()
    where.tab.canLock = false
    const first = await loaded(where)
    first.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: 'signed' } })
    first.counter.call.increment().catch(nothing)
    await stored()
    await first.clock.advance(500)
    const it = await load({ tab: where.tab.copy(), factory: where.factory })
    // It is in the line already, because a newer call wants to stand behind it.
    it.counter.call.add({ by: 9 }).catch(nothing)
    await stored()
    const [session, resume] = it.socket().heard()
    it.socket().refuse(session, 'SESSION_IN_USE')
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    it.socket().answer(it.socket().heard()[0], {
      outcome: 'rehydrated',
      componentId: 'live-9',
      initialState: { count: 5 },
      version: 0,
      digest: digest({ count: 5 }),
    })
    await stored()
    expect(actions(it.socket().heard())).toEqual([['add', { by: 9 }]])
    expect(it.told()).toEqual([])
    const kept = await records(where.factory)
    expect(kept.map(({ name }) => name)).toEqual(['Counter:a', 'Counter:a'])
    expect(new Set(kept.map(({ tab }) => tab)).size).toBe(2)
  })

  test('is forgotten when the user signs out, without a word to whoever comes next', async () => {
    const it = await reloaded()
    const own = it.counter.call.increment()
    await stored()
    it.client.signOut()
    await expect(own).rejects.toMatchObject({ code: 'DISCONNECTED' })
    await stored()
    expect(it.told()).toEqual([])
    expect(await records(it.factory)).toEqual([])
  })
})

describe('where nothing can be kept', () => {
  test.each([
    ['there is no database', undefined],
    [
      'it is refused',
      {
        open() {
          throw new DOMException('not here', 'SecurityError')
        },
      },
    ],
  ])('because %s, calls are made all the same', async (_why, factory) => {
    const told = vi.spyOn(console, 'warn').mockImplementation(nothing)
    const it = await loaded(browser(), { factory: factory as unknown as IDBFactory })
    const calls = [it.counter.call.increment(), it.counter.call.increment()]
    await stored()
    for (const request of it.socket().heard()) it.socket().answer(request, 6)
    expect(await Promise.all(calls)).toEqual([6, 6])
    expect(told).toHaveBeenCalledTimes(1)
  })

  test('because it never opens, the page waits 2 s for it and no longer', async () => {
    vi.spyOn(console, 'warn').mockImplementation(nothing)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const it = world({ offline: offlineOutbox({ factory: { open: () => ({}) } as unknown as IDBFactory }) })
    it.client.connect()
    await vi.advanceTimersByTimeAsync(1999)
    expect(it.sockets).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    await settled()
    expect(it.sockets).toHaveLength(1)
  })
})
