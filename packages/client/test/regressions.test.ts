/**
 * What went wrong elsewhere and must not go wrong here: bugs of other live systems, each played as far as
 * it can be without a browser. The numbers are those of the list they were collected in.
 */

import { afterEach, describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import { Counter, Profile } from './shapes.js'
import { type Frame, settled, TestTab, type World, type WorldOptions, world } from './world.js'

const nothing = (): void => undefined

afterEach(() => {
  vi.unstubAllGlobals()
})

/** A page with one counter, live as `live-1` at 5, in a session. */
async function counting(options: WorldOptions = {}) {
  const it: World = world(options)
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  counter.subscribe(nothing)
  await settled()
  it.socket().hello({}, 'token-1')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  return { ...it, counter }
}

const resumed = (count: number, version = 0) => ({
  outcome: 'resumed',
  version,
  digest: digest({ count }),
})
const delta = (base: number, count: number) => ({
  type: 'STATE_DELTA',
  componentId: 'live-1',
  payload: { base, version: base + 1, digest: digest({ count }), delta: { count } },
})

/** Says hello on the newest socket, and gives what the client asks for. */
async function greet(it: World, token = 'token-2'): Promise<Frame[]> {
  it.socket().hello({}, token)
  await settled()
  return it.socket().heard()
}

/** The answers of a server that has kept everything. */
async function takeBack(it: World, count = 5, version = 0): Promise<void> {
  const [session, resume] = await greet(it)
  it.socket().answer(session, { token: 'token-3', known: true })
  it.socket().answer(resume, resumed(count, version))
  await settled()
}

describe('1: a page in the back/forward cache, whose socket the browser closed', () => {
  test('is resumed when it is shown again, however often', async () => {
    const it = await counting()
    for (let round = 0; round < 3; round += 1) {
      it.page.tell('hidden')
      it.page.tell('leaving')
      expect(it.socket().closed).toBe(true)
      const before = it.sockets.length
      await it.clock.advance(3_600_000)
      expect(it.sockets).toHaveLength(before)
      it.page.tell('restored')
      it.page.tell('visible')
      expect(it.sockets).toHaveLength(before + 1)
      await takeBack(it)
      expect(it.counter.getState()).toMatchObject({ status: 'live', outcome: { kind: 'resumed' } })
    }
  })
})

describe('2: a phone that slept, with a socket that is open and dead', () => {
  test('is found out within 1.3 s of being looked at, and resumed', async () => {
    const it = await counting()
    it.page.tell('hidden')
    await it.clock.freeze(3_600_000)
    const call = it.counter.call.increment()
    it.page.tell('visible')
    await it.clock.advance(1300)
    expect(it.sockets).toHaveLength(2)
    expect(it.counter.getState()).toMatchObject({ status: 'stale', state: { count: 5 } })
    await takeBack(it)
    expect(it.counter.getState().status).toBe('live')
    it.socket().answer(it.socket().heard()[0], 6)
    await expect(call).resolves.toBe(6)
  })
})

describe('3: a page that is looked at while a long wait is pending', () => {
  test.each(['visible', 'online', 'restored'] as const)('does not wait any longer: %s', async (event) => {
    const it = await counting({ random: () => 0.999 })
    it.page.tell('hidden')
    for (let failure = 0; failure < 8; failure += 1) {
      const count = it.sockets.length
      it.socket().events.closed(1006)
      if (failure < 7) while (it.sockets.length === count) await it.clock.advance(100)
    }
    const count = it.sockets.length
    await it.clock.advance(5000)
    expect(it.sockets).toHaveLength(count)
    it.page.tell(event)
    expect(it.sockets).toHaveLength(count + 1)
    await takeBack(it)
    expect(it.counter.getState().status).toBe('live')
  })
})

describe('4: a new socket that comes before the server has seen the old one close', () => {
  test('takes over, as the same page, and the old one disturbs nobody', async () => {
    const it = await counting()
    await it.clock.advance(2500)
    const [old] = it.sockets
    expect(it.sockets).toHaveLength(2)
    const [session, resume] = await greet(it)
    it.socket().answer(session, { token: 'token-3', known: true })
    old?.events.closed(4409)
    old?.say(delta(0, 99))
    it.socket().answer(resume, resumed(5))
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 5 } })
    expect(it.sockets).toHaveLength(2)
  })
})

describe('5: a tab that was duplicated, and its storage with it', () => {
  test('does not steal from the original', async () => {
    const it = await counting()
    await it.clock.advance(500)
    const copy = world({ tab: it.tab.copy() })
    copy.client.live(Counter, { componentId: 'a', props: { count: 5 } }).subscribe(nothing)
    await settled()
    const said = await greet(copy, 'token-copy')
    expect(said.map(({ type }) => type)).toEqual(['COMPONENT_MOUNT'])
    expect(it.counter.getState().status).toBe('live')
  })
})

describe('6: what a connection is made with', () => {
  test('is made anew for each attempt, not once for the page', async () => {
    let ticket = 'early'
    const it = world({ url: () => `ws://test.invalid/?ticket=${ticket}` })
    it.client.connect()
    it.socket().hello()
    ticket = 'renewed'
    it.socket().events.closed(1006)
    await it.clock.advance(125)
    expect(it.sockets.map(({ url }) => new URL(url).searchParams.get('ticket'))).toEqual(['early', 'renewed'])
  })
})

describe('8: a change between the first picture and the subscription', () => {
  test('is in what a page gets that showed nothing yet', async () => {
    const first = await counting({ tab: new TestTab() })
    first.page.tell('leaving')
    const it = world({ tab: first.tab })
    const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
    counter.subscribe(nothing)
    await settled()
    const [, resume] = await greet(it)
    // The server says that nothing happened, and never says what the state is.
    it.socket().answer(resume, resumed(6, 1))
    await settled()
    const [ask] = it.socket().heard()
    it.socket().say({
      type: 'STATE_UPDATE',
      componentId: 'live-1',
      payload: { state: { count: 6 }, version: 1, digest: digest({ count: 6 }) },
    })
    it.socket().answer(ask)
    expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 6 } })
  })
})

describe('9: an older answer after a newer one', () => {
  test('does not bring back an older state', async () => {
    const it = await counting()
    it.socket().say(delta(0, 6), delta(1, 7))
    it.socket().say(delta(0, 6))
    it.socket().say({
      type: 'STATE_UPDATE',
      componentId: 'live-1',
      payload: { state: { count: 5 }, version: 0, digest: digest({ count: 5 }) },
    })
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 7 } })
    await settled()
    expect(it.socket().heard()).toEqual([])
  })

  test('nor does what is replayed twice', async () => {
    const it = await counting()
    it.socket().events.closed(1006)
    await it.clock.advance(125)
    const [, resume] = await greet(it)
    it.socket().say(delta(0, 6), delta(1, 7), delta(0, 6))
    it.socket().answer(resume, { ...resumed(7, 2), outcome: 'replayed', frames: 3 })
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 7 } })
  })
})

describe('10: a state that expired on the server', () => {
  test('is not shown as if it were live, and the application is told', async () => {
    const it = await counting()
    const outcomes: unknown[] = []
    it.counter.onResume((outcome) => outcomes.push([outcome, it.counter.getState().state]))
    const call = it.counter.call.increment()
    await settled()
    it.socket().events.closed(1006)
    await it.clock.advance(125)
    const [, resume] = await greet(it)
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    expect(it.counter.getState().status).toBe('stale')
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 0 })
    expect(outcomes).toEqual([[{ kind: 'reset', reason: 'NOTHING_KEPT' }, { count: 0 }]])
    await expect(call).rejects.toMatchObject({ code: 'DISCONNECTED' })
  })
})

describe('11: a return after everything kept has run out', () => {
  test('does not look alive until it is: calls wait, and are refused rather than swallowed', async () => {
    const it = await counting()
    it.page.tell('hidden')
    it.socket().events.closed(1006)
    await it.clock.advance(3_600_000)
    it.page.tell('visible')
    const click = it.counter.call.increment()
    const [session, resume] = await greet(it)
    expect(it.counter.getState()).toMatchObject({ status: 'stale', state: { count: 5 } })
    it.socket().refuse(session, 'SESSION_EXPIRED')
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    const said = it.socket().heard()
    expect(said.map(({ type }) => type)).toEqual(['COMPONENT_MOUNT'])
    it.socket().mounted(said[0], 'live-2', { count: 5 })
    await expect(click).rejects.toMatchObject({ code: 'DISCONNECTED' })
    expect(it.counter.getState()).toMatchObject({
      status: 'live',
      outcome: { kind: 'reset', reason: 'SESSION_EXPIRED' },
    })
    const again = it.counter.call.increment()
    await settled()
    it.socket().answer(it.socket().heard()[0], 6)
    await expect(again).resolves.toBe(6)
  })
})

describe('12: a connection that dies again while the client comes back', () => {
  test('is survived as often as it happens', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    await settled()
    for (let round = 0; round < 4; round += 1) {
      it.socket().events.closed(1006)
      await it.clock.advance(125)
      const [session, resume] = await greet(it)
      expect([session?.type, resume?.type]).toEqual(['SESSION_RESUME', 'COMPONENT_RESUME'])
      // Each time it gets one step further.
      if (round > 0) it.socket().answer(session, { token: `token-${round}`, known: true })
      if (round > 1) it.socket().answer(resume, resumed(5))
      await settled()
    }
    it.socket().answer(it.socket().heard()[0], 6)
    await expect(call).resolves.toBe(6)
  })

  test('or comes back faster than the server can have stored anything', async () => {
    const it = await counting()
    it.socket().events.closed(1006)
    await it.clock.advance(125)
    const [session, resume] = await greet(it)
    it.socket().answer(session, { token: 'token-3', known: true })
    it.socket().refuse(resume, 'BUSY')
    await it.clock.advance(125)
    it.socket().answer(it.socket().heard()[0], resumed(5))
    expect(it.counter.getState()).toMatchObject({ status: 'live', outcome: { kind: 'resumed' } })
  })
})

describe('13: thousands of changes for a hidden page', () => {
  test('are taken one by one, and nothing piles up', async () => {
    const it = await counting()
    it.page.tell('hidden')
    const alarms = it.clock.pending()
    for (let version = 0; version < 10_000; version += 1) it.socket().say(delta(version, version))
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 9999 } })
    expect(it.clock.pending() - alarms).toBeLessThan(5)
    await settled()
    expect(it.socket().heard()).toEqual([])
  })
})

describe('14: a page that is loaded in a hidden tab', () => {
  test('connects, mounts and is called without ever drawing a frame', async () => {
    vi.stubGlobal('requestAnimationFrame', () => {
      throw new Error('nothing is drawn here')
    })
    const it = world()
    it.page.visible = false
    const counter = it.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    const call = counter.call.increment()
    await settled()
    it.socket().say(delta(0, 6))
    it.socket().answer(it.socket().heard()[0], 6)
    await expect(call).resolves.toBe(6)
    expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 6 } })
  })
})

describe('15: a snapshot that the server cannot use any more', () => {
  test('ends in a fresh mount with a reason, not in an error page', async () => {
    const it = await counting()
    it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: 'by an old key' } })
    it.socket().events.closed(1001)
    await it.clock.advance(300)
    const [, resume] = await greet(it)
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    it.socket().refuse(it.socket().heard()[0], 'SNAPSHOT_UNREADABLE')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    expect(it.counter.getState()).toMatchObject({
      status: 'live',
      error: undefined,
      outcome: { kind: 'reset', reason: 'SNAPSHOT_UNREADABLE' },
    })
  })
})

describe('16: text that comes back without the form around it', () => {
  test('cannot happen: what is written and what shows it are one state', async () => {
    const it = world()
    const profile = it.client.live(Profile, { componentId: 'p' })
    profile.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { name: 'Ada', saved: 0 })
    it.socket().events.closed(1006)
    const write = profile.write('name', 'Grace')
    await it.clock.advance(125)
    const [, resume] = await greet(it)
    it.socket().answer(resume, {
      outcome: 'rehydrated',
      componentId: 'live-1',
      initialState: { name: 'Ada', saved: 3 },
      version: 4,
      digest: digest({ name: 'Ada', saved: 3 }),
    })
    await settled()
    const [again] = it.socket().heard()
    expect(again).toMatchObject({ type: 'PROPERTY_UPDATE', payload: { value: 'Grace' } })
    it.socket().answer(again)
    await write
    expect(profile.getState().state).toEqual({ name: 'Ada', saved: 3 })
  })
})
