import type { ResumeOutcome } from '@fluxstack/client'
import { describe, expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { counting, cutAndBack, delta, resumed, update } from './coming-back.js'
import { Bell, Counter, Todos } from './shapes.js'
import { settled, world } from './world.js'

const nothing = (): void => undefined

describe('a client that comes back', () => {
  test('presents its session and asks for what it had, in one frame and before anything else', async () => {
    const it = await counting()
    it.socket().say(delta(0, 6))
    const bell = it.client.live(Bell)
    it.counter.call.increment().catch(nothing)
    it.socket().events.closed(1006)
    bell.subscribe(nothing)
    await it.clock.advance(125)
    it.socket().hello({}, 'token-2')
    await settled()
    expect(it.socket().frames).toHaveLength(1)
    const [session, resume, mount, ...others] = it.socket().heard()
    expect(session).toEqual({ type: 'SESSION_RESUME', payload: { token: 'token-1' }, requestId: '1' })
    expect(resume).toEqual({
      type: 'COMPONENT_RESUME',
      componentId: 'live-1',
      payload: { component: 'Counter', name: 'Counter:a', have: 1, heard: 0 },
      requestId: '2',
    })
    expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT' })
    expect(others).toEqual([])
  })

  test('is the same page as before, and keeps the newest token', async () => {
    const it = await counting()
    const [first] = await cutAndBack(it)
    it.socket().answer(first, { token: 'token-3', known: true })
    const [second] = await cutAndBack(it, 'token-4')
    expect(second).toMatchObject({ payload: { token: 'token-3' } })
    // An answer that brings none leaves the one there is.
    it.socket().answer(second, {})
    expect((await cutAndBack(it, 'token-5'))[0]).toMatchObject({ payload: { token: 'token-3' } })
    const clients = it.sockets.map(({ url }) => new URL(url).searchParams.get('client'))
    expect(clients[0]).toMatch(/^[A-Za-z0-9_.:-]{1,64}$/)
    expect(new Set(clients).size).toBe(1)
  })

  test('asks again with the token it has when the answer was lost', async () => {
    const it = await counting()
    await cutAndBack(it)
    expect((await cutAndBack(it))[0]).toMatchObject({ payload: { token: 'token-1' } })
  })

  test('keeps to what the server reads at once', async () => {
    const it = await counting()
    const others = Array.from({ length: 5 }, () => it.client.live(Todos))
    for (const other of others) other.subscribe(nothing)
    await settled()
    it.socket()
      .heard()
      .forEach((mount, index) => {
        it.socket().mounted(mount, `live-t${index}`, { items: [], total: 0 })
      })
    const said = await cutAndBack(it, 'token-2', { batch: 3, calls: 4 })
    expect(said.map(({ type }) => type)).toEqual([
      'SESSION_RESUME',
      'COMPONENT_RESUME',
      'COMPONENT_RESUME',
      'COMPONENT_RESUME',
    ])
    expect(it.socket().frames).toHaveLength(2)
    it.socket().answer(said[0], { token: 'token-3', known: true })
    await settled()
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_RESUME' }])
  })

  test('mounts again where the server resumes nothing, and is told so', async () => {
    const it = world()
    const counter = it.client.live(Counter, { props: { count: 5 } })
    const outcomes: ResumeOutcome[] = []
    counter.onResume((outcome) => outcomes.push(outcome))
    counter.subscribe(nothing)
    it.socket().hello()
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    it.socket().events.closed(1006)
    await it.clock.advance(125)
    it.socket().hello()
    await settled()
    const [mount, ...others] = it.socket().heard()
    expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT' })
    expect(others).toEqual([])
    it.socket().mounted(mount, 'live-2', { count: 5 })
    expect(outcomes).toEqual([{ kind: 'reset', reason: 'NOTHING_KEPT' }])
  })
})

describe('an instance that waited', () => {
  test('is resumed: the same state, live again, and never anything but stale in between', async () => {
    const it = await counting()
    const before = it.counter.getState().state
    const [session, resume] = await cutAndBack(it)
    expect(it.counter.getState()).toEqual({ status: 'stale', state: { count: 5 } })
    it.socket().answer(session, { token: 'token-3', known: true })
    it.socket().answer(resume, resumed(5, 0))
    expect(it.counter.getState()).toEqual({
      status: 'live',
      state: { count: 5 },
      outcome: { kind: 'resumed' },
    })
    expect(it.counter.getState().state).toBe(before)
    expect(it.seen).toEqual(['stale 5', 'live 5'])
    expect(it.outcomes).toEqual([{ kind: 'resumed' }])
    expect([it.counter.instanceId, it.counter.generation]).toEqual(['live-1', 1])
  })

  test('is replayed: what was missed is shown before it is live', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().say(delta(0, 6), delta(1, 7))
    it.socket().answer(resume, { ...resumed(7, 2), outcome: 'replayed', frames: 2 })
    expect(it.seen).toEqual(['stale 5', 'stale 6', 'stale 7', 'live 7'])
    expect(it.outcomes).toEqual([{ kind: 'replayed', frames: 2 }])
    it.socket().say(delta(2, 8))
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 8 } })
  })

  test('may be sent as a whole', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().say(update(9, 40))
    it.socket().answer(resume, { ...resumed(9, 40), outcome: 'replayed', frames: 1 })
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 9 } })
  })

  test('is not believed when its digest says that the server holds something else', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, resumed(6, 0))
    await settled()
    const [ask] = it.socket().heard()
    expect(ask).toMatchObject({ type: 'STATE_RESYNC', componentId: 'live-1' })
    expect(it.counter.getState().status).toBe('stale')
    expect(it.outcomes).toEqual([])
    it.socket().say(update(6, 0))
    it.socket().answer(ask)
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 6 } })
    expect(it.outcomes).toEqual([{ kind: 'resumed' }])
  })

  test('that was out of step when the connection died is brought up by what is replayed', async () => {
    const it = await counting()
    it.socket().say(delta(1, 7))
    await settled()
    expect(it.socket().heard()).toMatchObject([{ type: 'STATE_RESYNC' }])
    const [, resume] = await cutAndBack(it)
    it.socket().say(delta(0, 6), delta(1, 7))
    it.socket().answer(resume, { ...resumed(7, 2), outcome: 'replayed', frames: 2 })
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 7 } })
    await settled()
    expect(it.socket().heard()).toEqual([])
  })

  test('that was out of step when the connection died is asked for once more', async () => {
    const it = await counting()
    it.socket().say(delta(3, 9))
    await settled()
    expect(it.socket().heard()).toMatchObject([{ type: 'STATE_RESYNC' }])
    const said = await cutAndBack(it)
    expect(said.map(({ type }) => type)).toEqual(['SESSION_RESUME', 'COMPONENT_RESUME'])
    it.socket().say(update(9, 4))
    it.socket().answer(said[1], { ...resumed(9, 4), outcome: 'replayed', frames: 1 })
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 9 } })
  })

  test('gets the props that are new after it is back', async () => {
    const it = await counting()
    it.socket().events.closed(1006)
    it.counter.setProps({ count: 7 })
    await it.clock.advance(125)
    it.socket().hello({}, 'token-2')
    await settled()
    const [, resume] = it.socket().heard()
    it.socket().answer(resume, resumed(5, 0))
    await settled()
    expect(it.socket().heard()).toMatchObject([
      { type: 'PROPS_UPDATE', componentId: 'live-1', payload: { props: { count: 7 } } },
    ])
  })

  test('that nobody wants any more when the answer comes is unmounted', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.leave()
    await it.clock.advance(100)
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT', componentId: 'live-1' }])
    it.socket().answer(resume, {
      outcome: 'rehydrated',
      componentId: 'live-2',
      initialState: { count: 5 },
      version: 0,
      digest: digest({ count: 5 }),
    })
    await settled()
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT', componentId: 'live-2' }])
    expect(it.counter.getState().status).toBe('mounting')
  })
})

describe('an instance that was gone', () => {
  const rehydrated = (count: number, version: number, componentId: string) => ({
    outcome: 'rehydrated',
    componentId,
    initialState: { count },
    version,
    digest: digest({ count }),
  })

  test('is rehydrated from the store, perhaps under another id', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, rehydrated(4, 8, 'live-9'))
    expect(it.counter.getState()).toEqual({
      status: 'live',
      state: { count: 4 },
      outcome: { kind: 'rehydrated', version: 8 },
    })
    expect([it.counter.instanceId, it.counter.generation]).toEqual(['live-9', 1])
    expect(it.seen).toEqual(['stale 5', 'live 4'])
    it.socket().say({ ...delta(8, 3), componentId: 'live-9' })
    expect(it.counter.getState().state).toEqual({ count: 3 })
  })

  test('is rebuilt from the newest snapshot the client was given, where the server has nothing', async () => {
    const it = await counting()
    for (const version of [3, 4]) {
      it.socket().say({
        type: 'STATE_SNAPSHOT',
        componentId: 'live-1',
        payload: { version, snapshot: `signed-${version}` },
      })
    }
    const [, resume] = await cutAndBack(it)
    expect(resume?.payload).not.toHaveProperty('snapshot')
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    const [second] = it.socket().heard()
    expect(second).toMatchObject({
      type: 'COMPONENT_RESUME',
      componentId: 'live-1',
      payload: { have: 0, heard: 0, snapshot: 'signed-4' },
    })
    expect(it.counter.getState().status).toBe('stale')
    it.socket().answer(second, rehydrated(5, 4, 'live-1'))
    expect(it.outcomes).toEqual([{ kind: 'rehydrated', version: 4 }])
    // And kept for the next time, until there is a newer one.
    const [, third] = await cutAndBack(it)
    it.socket().refuse(third, 'NOTHING_KEPT')
    await settled()
    expect(it.socket().heard()).toMatchObject([{ payload: { snapshot: 'signed-4' } }])
  })

  test('is reset where nothing is left of it, and the reason is told with the new state', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    const [mount] = it.socket().heard()
    expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT', payload: { props: { count: 5 } } })
    expect(it.counter.getState()).toMatchObject({ status: 'stale', state: { count: 5 } })
    expect(it.outcomes).toEqual([])
    it.socket().mounted(mount, 'live-2', { count: 1 })
    expect(it.counter.getState()).toEqual({
      status: 'live',
      state: { count: 1 },
      outcome: { kind: 'reset', reason: 'NOTHING_KEPT' },
    })
    expect(it.outcomes).toEqual([{ kind: 'reset', reason: 'NOTHING_KEPT' }])
    expect(it.seen).toEqual(['stale 5', 'live 1'])
    expect(it.counter.generation).toBe(2)
  })

  test.each(['SNAPSHOT_CORRUPT', 'SNAPSHOT_FOREIGN', 'SNAPSHOT_EXPIRED', 'SNAPSHOT_STALE', 'NOTHING_KEPT'])(
    'is reset when its snapshot is refused with %s',
    async (code) => {
      const it = await counting()
      it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: 'signed' } })
      const [, resume] = await cutAndBack(it)
      it.socket().refuse(resume, 'NOTHING_KEPT')
      await settled()
      it.socket().refuse(it.socket().heard()[0], code)
      await settled()
      it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
      expect(it.outcomes).toEqual([{ kind: 'reset', reason: code }])
    },
  )

  test('is reset when the answer cannot be read', async () => {
    const it = await counting()
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, { outcome: 'teleported' })
    await settled()
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_MOUNT' }])
  })

  test('is asked back when a call finds it missing', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    await settled()
    it.socket().refuse(it.socket().heard()[0], 'REHYDRATION_REQUIRED')
    await settled()
    expect(it.counter.getState().status).toBe('stale')
    const [resume] = it.socket().heard()
    expect(resume).toMatchObject({ type: 'COMPONENT_RESUME' })
    it.socket().answer(resume, rehydrated(5, 0, 'live-2'))
    await settled()
    const [again] = it.socket().heard()
    expect(again).toMatchObject({ type: 'CALL_ACTION', componentId: 'live-2' })
    it.socket().answer(again, 6)
    await expect(call).resolves.toBe(6)
  })

  test('is not asked back when it could not be saved', async () => {
    const it = await counting()
    it.socket().say({ type: 'ERROR', componentId: 'live-1', code: 'INSTANCE_LOST', error: 'it is gone' })
    await settled()
    const [mount] = it.socket().heard()
    expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT' })
    it.socket().mounted(mount, 'live-2', { count: 5 })
    expect(it.outcomes).toEqual([{ kind: 'reset', reason: 'INSTANCE_LOST' }])
  })
})
