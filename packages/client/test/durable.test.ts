import { type AbandonedCall, type DurableOptions, indexedDbCalls } from '@fluxstack/client/durable'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import { Counter, Profile } from './shapes.js'
import { type Frame, settled, TestTab, type World, world } from './world.js'

const nothing = (): void => undefined

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Waits until the database, which answers in its own time, has said what there is to say. */
async function stored(): Promise<void> {
  for (let round = 0; round < 30; round += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    await settled()
  }
}

/** What the database holds. */
function records(factory: IDBFactory): Promise<Record<string, unknown>[]> {
  return new Promise((resolve) => {
    const open = factory.open('fluxstack', 1)
    open.onsuccess = () => {
      const all = open.result.transaction('calls').objectStore('calls').getAll()
      all.onsuccess = () => {
        open.result.close()
        resolve(all.result as Record<string, unknown>[])
      }
    }
  })
}

interface Browser {
  readonly tab: TestTab
  readonly factory: IDBFactory
}
const browser = (): Browser => ({ tab: new TestTab(), factory: new IDBFactory() })

/** A page with a counter named `a`, asked for but not answered. */
async function load({ tab, factory }: Browser, options: DurableOptions = {}) {
  const abandoned: [AbandonedCall, string][] = []
  const durable = indexedDbCalls({
    factory,
    onAbandoned: (call, reason) => abandoned.push([call, reason.code]),
    ...options,
  })
  const it: World = world({ tab, durable })
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  counter.subscribe(nothing)
  await stored()
  it.socket().hello({}, 'token-1')
  await settled()
  return { ...it, counter, abandoned, factory }
}

/** The same, mounted as `live-1`. */
async function loaded(where = browser(), options: DurableOptions = {}) {
  const it = await load(where, options)
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  return it
}

function leave(it: World): void {
  it.page.tell('hidden')
  it.page.tell('leaving')
}

const resumed = { outcome: 'resumed', version: 0, digest: digest({ count: 5 }) }
const wholeState = {
  type: 'STATE_UPDATE',
  componentId: 'live-1',
  payload: { state: { count: 5 }, version: 0, digest: digest({ count: 5 }) },
}
const actions = (frames: readonly Frame[]) =>
  frames.filter(({ type }) => type === 'CALL_ACTION').map(({ action, payload }) => [action, payload])

/** A page on which `add` was called for 1, 2 and 3 and never answered, and the next one of its tab. */
async function reloaded(options: DurableOptions = {}) {
  const where = browser()
  const first = await loaded(where)
  for (const by of [1, 2, 3]) first.counter.call.add({ by }).catch(nothing)
  await stored()
  const asked = first.socket().heard()
  leave(first)
  return { ...(await load(where, options)), asked }
}

describe('a durable call', () => {
  test('is kept before it is sent, and until it is answered', async () => {
    const it = await loaded()
    const call = it.counter.call.add({ by: 2 })
    await settled()
    expect(it.socket().heard()).toEqual([])
    await stored()
    const [asked] = it.socket().heard()
    expect(asked).toMatchObject({ action: 'add', payload: { by: 2 } })
    expect(await records(it.factory)).toMatchObject([
      { id: asked?.callId, name: 'Counter:a', body: { action: 'add', payload: { by: 2 } } },
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
    expect(it.abandoned).toEqual([])
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
    expect(it.abandoned).toEqual([])
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
    await settled()
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
    expect(it.abandoned).toMatchObject(
      [1, 2, 3].map((by) => [{ action: 'add', payload: { by } }, 'DISCONNECTED']),
    )
    expect(it.abandoned[0]?.[0]).toEqual({
      id: it.asked[0]?.callId,
      component: 'Counter',
      componentId: 'a',
      action: 'add',
      payload: { by: 1 },
      at: expect.any(Number),
    })
    expect(actions(it.socket().heard())).toEqual([])
    expect(await records(it.factory)).toEqual([])
  })

  test('is reported when the server refuses it', async () => {
    const it = await reloaded()
    const [, resume] = it.socket().heard()
    it.socket().say(wholeState)
    it.socket().answer(resume, resumed)
    await stored()
    for (const request of it.socket().heard()) it.socket().refuse(request, 'CONFLICT')
    await stored()
    expect(it.abandoned.map(([, code]) => code)).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT'])
    expect(await records(it.factory)).toEqual([])
  })

  test('keeps its instance from being unmounted while nobody has mounted it yet', async () => {
    const where = browser()
    const first = await loaded(where)
    first.counter.call.increment().catch(nothing)
    await stored()
    leave(first)
    const it = world({ tab: where.tab, durable: indexedDbCalls({ factory: where.factory }) })
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
    const it = await load({ tab: new TestTab(), factory: where.factory })
    expect(it.abandoned).toMatchObject([[{ action: 'increment' }, 'TIMEOUT']])
    await stored()
    expect(await records(where.factory)).toEqual([])
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
      expect(it.abandoned).toEqual([])
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
    expect(it.abandoned).toEqual([])
    const kept = await records(where.factory)
    expect(kept.map(({ name }) => name)).toEqual(['Counter:a', 'Counter:a'])
    expect(new Set(kept.map(({ tab }) => tab)).size).toBe(2)
  })

  test('is reported and forgotten when the user signs out', async () => {
    const it = await reloaded()
    const own = it.counter.call.increment()
    await stored()
    it.client.signOut()
    await expect(own).rejects.toMatchObject({ code: 'DISCONNECTED' })
    await stored()
    expect(it.abandoned).toHaveLength(3)
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
    const told = vi.spyOn(console, 'debug').mockImplementation(nothing)
    const it = await loaded(browser(), { factory: factory as unknown as IDBFactory })
    const calls = [it.counter.call.increment(), it.counter.call.increment()]
    await stored()
    for (const request of it.socket().heard()) it.socket().answer(request, 6)
    expect(await Promise.all(calls)).toEqual([6, 6])
    expect(told).toHaveBeenCalledTimes(1)
  })

  test('because it never opens, the page waits 2 s for it and no longer', async () => {
    vi.spyOn(console, 'debug').mockImplementation(nothing)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const it = world({ durable: indexedDbCalls({ factory: { open: () => ({}) } as unknown as IDBFactory }) })
    it.client.connect()
    await vi.advanceTimersByTimeAsync(1999)
    expect(it.sockets).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    await settled()
    expect(it.sockets).toHaveLength(1)
  })
})
