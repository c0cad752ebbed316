import { describe, expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { counting, cutAndBack, delta, resumed } from './coming-back.js'
import { Bell, Counter, Todos } from './shapes.js'
import { settled, type World, world } from './world.js'

const nothing = (): void => undefined

describe('a session that is refused', () => {
  test.each(['SESSION_EXPIRED', 'SESSION_REFUSED', 'SESSION_IN_USE'])(
    'with %s leaves snapshots, and the session of the hello',
    async (code) => {
      const it = await counting()
      const todos = it.client.live(Todos)
      todos.subscribe(nothing)
      await settled()
      it.socket().mounted(it.socket().heard()[0], 'live-t', { items: [], total: 0 })
      it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: 'signed' } })
      const said = await cutAndBack(it, 'token-hello')
      it.socket().refuse(said[0], code)
      for (const resume of said.slice(1)) it.socket().refuse(resume, 'NOTHING_KEPT')
      await settled()
      const [second, mount] = it.socket().heard()
      expect(second).toMatchObject({ type: 'COMPONENT_RESUME', payload: { snapshot: 'signed' } })
      expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT', payload: { component: 'Todos' } })
      it.socket().mounted(mount, 'live-t2', { items: [], total: 0 })
      expect(todos.getState().outcome).toEqual({ kind: 'reset', reason: code })
      expect((await cutAndBack(it))[0]).toMatchObject({ payload: { token: 'token-hello' } })
    },
  )

  test.each(['BUSY', 'SNAPSHOT_THROTTLED'])('with %s is presented again, later each time', async (code) => {
    const it = await counting()
    const [session] = await cutAndBack(it)
    const waits: number[] = []
    let refused = session
    for (let round = 0; round < 3; round += 1) {
      const [count, since] = [it.sockets.length, it.clock.now()]
      it.socket().refuse(refused, code)
      expect(it.counter.getState()).toMatchObject({ status: 'stale', state: { count: 5 } })
      while (it.sockets.length === count) await it.clock.advance(5)
      waits.push(it.clock.now() - since)
      it.socket().hello({}, 'token-9')
      await settled()
      const said = it.socket().heard()
      expect(said[0]).toMatchObject({ payload: { token: 'token-1' } })
      refused = said[0]
    }
    expect(waits).toEqual([125, 250, 500])
  })
})

test.each(['NOTHING_KEPT', 'SNAPSHOT_EXPIRED', 'SNAPSHOT_UNREADABLE'])(
  'what the server has is no good (%s): what the client was given may be',
  async (code) => {
    const it = await counting()
    it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: 'signed' } })
    const [, resume] = await cutAndBack(it)
    it.socket().refuse(resume, code)
    await settled()
    const [second] = it.socket().heard()
    expect(second).toMatchObject({ type: 'COMPONENT_RESUME', payload: { snapshot: 'signed' } })
    // And if that is no good either, this is why.
    it.socket().refuse(second, 'SNAPSHOT_STALE')
    await settled()
    const [mount] = it.socket().heard()
    expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT' })
    it.socket().mounted(mount, 'live-2', { count: 0 })
    expect(it.outcomes).toEqual([{ kind: 'reset', reason: 'SNAPSHOT_STALE' }])
  },
)

test('a page that stays asks for a newer token, every hour, and keeps it', async () => {
  const it = await counting()
  for (const next of ['token-noon', 'token-night']) {
    // A socket on which something is heard is alive.
    for (let second = 0; second <= 3600; second += 2) {
      it.socket().say({ type: 'COMPONENT_PONG' })
      await it.clock.advance(2000)
    }
    await settled()
    const asked = it
      .socket()
      .heard()
      .filter(({ type }) => type === 'SESSION_RESUME')
    expect(asked).toHaveLength(1)
    it.socket().answer(asked[0], { token: next, known: true })
  }
  const [session] = await cutAndBack(it)
  expect(session).toMatchObject({ payload: { token: 'token-night' } })
})

describe('a server that says: later', () => {
  test.each(['SERVER_OUTDATED', 'BUSY', 'SNAPSHOT_THROTTLED'])(
    'with %s is asked again, and what was shown stays on show',
    async (code) => {
      const it = await counting()
      const [, resume] = await cutAndBack(it)
      it.socket().refuse(resume, code)
      await settled()
      expect(it.socket().heard()).toEqual([])
      expect(it.counter.getState()).toMatchObject({ status: 'stale', state: { count: 5 } })
      await it.clock.advance(125)
      const [again] = it.socket().heard()
      expect(again).toMatchObject({ type: 'COMPONENT_RESUME' })
      it.socket().answer(again, resumed(5, 0))
      expect(it.outcomes).toEqual([{ kind: 'resumed' }])
      // The next time it is patient from the beginning.
      const [, next] = await cutAndBack(it)
      it.socket().refuse(next, code)
      await it.clock.advance(125)
      expect(it.socket().heard()).toHaveLength(1)
    },
  )

  test('because the instance went to rest while it was asked for is asked again', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().refuse(resume, 'REHYDRATION_REQUIRED')
    await it.clock.advance(125)
    const [again] = it.socket().heard()
    expect(again).toMatchObject({ type: 'COMPONENT_RESUME', payload: { have: 0 } })
    it.socket().answer(again, {
      outcome: 'rehydrated',
      componentId: 'live-1',
      initialState: { count: 5 },
      version: 1,
      digest: digest({ count: 5 }),
    })
    expect(it.outcomes).toEqual([{ kind: 'rehydrated', version: 1 }])
  })

  test('when mounting is asked again too', async () => {
    const it = world()
    const counter = it.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    for (const wait of [125, 250]) {
      await settled()
      it.socket().refuse(it.socket().heard()[0], 'SERVER_OUTDATED')
      expect(counter.getState().status).toBe('mounting')
      await it.clock.advance(wait)
    }
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    expect(counter.getState()).toEqual({ status: 'live', state: { count: 5 } })
  })

  test('to a question for the whole state is asked again', async () => {
    const it = await counting()
    it.socket().say(delta(3, 9))
    await settled()
    it.socket().refuse(it.socket().heard()[0], 'RATE_LIMITED')
    await it.clock.advance(125)
    expect(it.socket().heard()).toMatchObject([{ type: 'STATE_RESYNC' }])
  })
})

describe('versions', () => {
  test('of a component travel when it is not the first', async () => {
    const it = world()
    const Cart = { ...Counter, schema: 3 }
    const cart = it.client.live(Cart, { componentId: 'a', props: { count: 1 } })
    cart.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    const [mount] = it.socket().heard()
    expect(mount).toMatchObject({ payload: { schema: 3 } })
    it.socket().mounted(mount, 'live-1', { count: 1 })
    expect((await cutAndBack(it))[1]).toMatchObject({ payload: { schema: 3 } })
  })

  test('that are newer on the server are told, so that the page can be loaded anew', async () => {
    const it = await counting()
    let told = 0
    it.client.subscribeStatus(() => {
      told += 1
    })
    const [, resume] = await cutAndBack(it)
    told = 0
    expect(it.client.isOutdated()).toBe(false)
    it.socket().answer(resume, { ...resumed(5, 0), outdated: true })
    expect([it.client.isOutdated(), told]).toEqual([true, 1])
    expect(it.counter.getState().status).toBe('live')
  })

  test('too old for the server are a failure that says so', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().refuse(resume, 'CLIENT_OUTDATED')
    expect(it.counter.getState()).toMatchObject({
      status: 'failed',
      state: { count: 5 },
      error: { code: 'CLIENT_OUTDATED' },
    })
    expect(it.client.isOutdated()).toBe(true)
  })
})

describe('events', () => {
  async function ringing() {
    const it: World = world()
    const bell = it.client.live(Bell)
    const heard: unknown[] = []
    bell.on(({ times }) => heard.push(times))
    bell.onMissed((missed) => heard.push({ missed }))
    bell.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { rings: 0 })
    const event = (seq: number) => ({
      type: 'COMPONENT_EVENT',
      componentId: 'live-1',
      payload: { event: { type: 'rang', times: seq }, seq },
    })
    const missed = (count: number) => ({
      type: 'COMPONENT_EVENT',
      componentId: 'live-1',
      payload: { missed: count },
    })
    return { ...it, heard, event, missed }
  }

  test('that were heard already are not told again', async () => {
    const it = await ringing()
    it.socket().say(it.event(1), it.event(2))
    const [, resume] = await cutAndBack(it)
    expect(resume).toMatchObject({ payload: { heard: 2 } })
    it.socket().say(it.event(2), it.event(3))
    expect(it.heard).toEqual([1, 2, 3])
  })

  test('that never came are counted, whether the server says so or not', async () => {
    const it = await ringing()
    it.socket().say(it.event(1), it.missed(3), it.event(5), it.event(9))
    expect(it.heard).toEqual([1, { missed: 3 }, 5, { missed: 3 }, 9])
    expect((await cutAndBack(it))[1]).toMatchObject({ payload: { heard: 9 } })
  })

  test.each([
    ['where it was', 2, [1, 2, 3]],
    ['before that, and has others for the same numbers', 1, [1, 2, 2, 3]],
    ['one later, which was missed', 3, [1, 2, { missed: 1 }]],
    ['later, and what is between was missed', 5, [1, 2, { missed: 3 }]],
  ])('of an instance that was rebuilt go on %s', async (_where, seq, told) => {
    const it = await ringing()
    it.socket().say(it.event(1), it.event(2))
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, {
      outcome: 'rehydrated',
      componentId: 'live-1',
      initialState: { rings: 2 },
      version: 2,
      digest: digest({ rings: 2 }),
      seq,
    })
    it.socket().say(it.event(2), it.event(3))
    expect(it.heard).toEqual(told)
  })
})
