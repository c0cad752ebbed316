import { describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import { counting, cutAndBack, delta, resumed, update } from './coming-back.js'
import { Bell, Counter } from './shapes.js'
import { settled, TestTab, type World, world } from './world.js'

const nothing = (): void => undefined
const ring = (seq: number) => ({
  type: 'COMPONENT_EVENT',
  componentId: 'live-1',
  payload: { event: { type: 'rang', times: seq }, seq },
})

/** Two handles of one page that were told the same instance, live as `live-1`. */
async function sharing(tab = new TestTab()) {
  const it: World = world({ tab })
  const handles = ['a', 'b'].map((componentId) =>
    it.client.live(Counter, { componentId, props: { count: 5 } }),
  )
  const leave = handles.map((handle) => handle.subscribe(nothing))
  await settled()
  it.socket().hello({}, 'token-1')
  await settled()
  for (const mount of it.socket().heard())
    it.socket().mounted(mount, 'live-1', { count: 5 }, { shared: true, seq: 0 })
  const counts = () => handles.map((handle) => handle.getState().state?.count)
  return { ...it, handles, leave, counts }
}

describe('two handles with the same instance', () => {
  test('both show what happens in it', async () => {
    const it = await sharing()
    expect(it.handles.map(({ instanceId }) => instanceId)).toEqual(['live-1', 'live-1'])
    it.socket().say(delta(0, 6))
    expect(it.counts()).toEqual([6, 6])
    it.socket().say({ ...update(9, 4) })
    expect(it.counts()).toEqual([9, 9])
  })

  test('unmount each for itself, and the other goes on', async () => {
    const it = await sharing()
    it.leave[0]?.()
    await it.clock.advance(100)
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT', componentId: 'live-1' }])
    it.socket().say(delta(0, 6))
    expect(it.counts()).toEqual([undefined, 6])
    it.leave[1]?.()
    await it.clock.advance(100)
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT', componentId: 'live-1' }])
  })

  test('may be told in one frame with the mount of the second, which has it already', async () => {
    const it: World = world()
    const [first, second] = ['a', 'b'].map((componentId) =>
      it.client.live(Counter, { componentId, props: { count: 5 } }),
    )
    first?.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 }, { shared: true })
    second?.subscribe(nothing)
    await settled()
    const [mount] = it.socket().heard()
    const reply = {
      componentId: 'live-1',
      initialState: { count: 6 },
      version: 1,
      digest: digest({ count: 6 }),
    }
    it.socket().say(
      delta(0, 6),
      { type: 'MESSAGE_RESPONSE', success: true, result: reply, requestId: mount?.requestId },
      delta(1, 7),
    )
    expect([first, second].map((handle) => handle?.getState().state?.count)).toEqual([7, 7])
  })

  test('each come back, and what is sent again for one is no news to the other', async () => {
    const it = await sharing()
    const said = await cutAndBack(it)
    expect(said).toMatchObject([
      { type: 'SESSION_RESUME' },
      {
        type: 'COMPONENT_RESUME',
        componentId: 'live-1',
        payload: { name: 'Counter:a', props: { count: 5 } },
      },
      {
        type: 'COMPONENT_RESUME',
        componentId: 'live-1',
        payload: { name: 'Counter:b', props: { count: 5 } },
      },
    ])
    for (const resume of said.slice(1)) {
      it.socket().say(delta(0, 6))
      it.socket().answer(resume, { ...resumed(6, 1), outcome: 'replayed', frames: 1 })
    }
    expect(it.counts()).toEqual([6, 6])
    expect(it.handles.map((handle) => handle.getState().outcome?.kind)).toEqual(['replayed', 'replayed'])
    await settled()
    expect(it.socket().heard()).toEqual([])
  })

  test('count what was missed once, although the server says so to each', async () => {
    const it: World = world()
    const heard: unknown[][] = [[], []]
    for (const told of heard) {
      const bell = it.client.live(Bell)
      bell.on(({ times }) => told.push(times))
      bell.onMissed((missed) => told.push({ missed }))
      bell.subscribe(nothing)
    }
    it.socket().hello({}, 'token-1')
    await settled()
    for (const mount of it.socket().heard())
      it.socket().mounted(mount, 'live-1', { rings: 0 }, { shared: true })
    const [, ...resumes] = await cutAndBack(it)
    for (const resume of resumes) {
      it.socket().say({ type: 'COMPONENT_EVENT', componentId: 'live-1', payload: { missed: 3 } }, ring(4))
      it.socket().answer(resume, {
        outcome: 'replayed',
        frames: 2,
        version: 0,
        digest: digest({ rings: 0 }),
        seq: 4,
      })
    }
    it.socket().say(ring(5))
    expect(heard).toEqual([
      [{ missed: 3 }, 4, 5],
      [{ missed: 3 }, 4, 5],
    ])
  })

  test('never say that all answers came, because they may have come to the other', async () => {
    const it = await sharing()
    const [one, two] = it.handles
    void two?.call.increment()
    const first = one?.call.increment()
    await settled()
    const [, second] = it.socket().heard()
    it.socket().answer(second)
    await first
    void one?.call.increment()
    await settled()
    const [third] = it.socket().heard()
    expect(third).toHaveProperty('callId')
    expect(third).not.toHaveProperty('acked')
  })

  test('are sent away together', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(nothing)
    const it = await sharing()
    it.socket().say({ type: 'ERROR', componentId: 'live-1', error: 'no', code: 'FORBIDDEN', payload: {} })
    expect(it.handles.map((handle) => handle.getState().error?.code)).toEqual(['FORBIDDEN', 'FORBIDDEN'])
    // It is gone, so there is nothing to unmount, and nothing to ask again.
    await it.clock.advance(60_000)
    expect(
      it
        .socket()
        .heard()
        .filter(({ type }) => type !== 'COMPONENT_PING'),
    ).toEqual([])
    expect(error).not.toHaveBeenCalled()
    error.mockRestore()
  })
})

describe('a shared instance', () => {
  test('is heard from the event it was at, without a gap', async () => {
    const it: World = world()
    const bell = it.client.live(Bell)
    const heard: unknown[] = []
    bell.on(({ times }) => heard.push(times))
    bell.onMissed((missed) => heard.push({ missed }))
    bell.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { rings: 7 }, { shared: true, seq: 7 })
    it.socket().say(ring(8))
    expect(heard).toEqual([8])
    const [, resume] = await cutAndBack(it)
    expect(resume).toMatchObject({ payload: { heard: 8 } })
  })

  test('may be rebuilt under another id, from where it goes on', async () => {
    const it = await sharing()
    const [, one, two] = await cutAndBack(it)
    const call = it.handles[1]?.call.add({ by: 1 })
    for (const resume of [one, two]) {
      it.socket().answer(resume, {
        outcome: 'rehydrated',
        componentId: 'live-9',
        initialState: { count: 5 },
        version: 3,
        digest: digest({ count: 5 }),
        seq: 0,
        shared: true,
      })
    }
    await settled()
    const [asked] = it.socket().heard()
    expect(asked).toMatchObject({ type: 'CALL_ACTION', componentId: 'live-9' })
    it.socket().say({ ...delta(3, 6), componentId: 'live-9' })
    it.socket().answer(asked, 6)
    expect(await call).toBe(6)
    expect(it.counts()).toEqual([6, 6])
    // The next time it is asked back as shared again.
    expect((await cutAndBack(it))[1]).toMatchObject({
      componentId: 'live-9',
      payload: { props: { count: 5 } },
    })
  })

  test('is not unmounted once more for a handle that let go of it while it came back', async () => {
    const it = await sharing()
    const [, one] = await cutAndBack(it)
    it.leave[0]?.()
    await it.clock.advance(100)
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT', componentId: 'live-1' }])
    it.socket().answer(one, {
      outcome: 'rehydrated',
      componentId: 'live-1',
      initialState: { count: 5 },
      version: 3,
      digest: digest({ count: 5 }),
      shared: true,
    })
    await settled()
    expect(it.socket().heard()).toEqual([])
  })

  test('is asked back with its props after a reload', async () => {
    const first = await sharing()
    first.page.tell('leaving')
    const it = world({ tab: first.tab })
    it.client.live(Counter, { componentId: 'a', props: { count: 5 } }).subscribe(nothing)
    await settled()
    it.socket().hello({}, 'token-2')
    await settled()
    expect(it.socket().heard()).toMatchObject([
      { type: 'SESSION_RESUME' },
      { type: 'COMPONENT_RESUME', componentId: 'live-1', payload: { fresh: true, props: { count: 5 } } },
    ])
    // The other one's mount is given back, if nobody claims it.
    await it.clock.advance(1000)
    it.socket().say({ type: 'COMPONENT_PONG' })
    for (let second = 0; second < 10; second += 1) {
      await it.clock.advance(1000)
      it.socket().say({ type: 'COMPONENT_PONG' })
    }
    const left = it
      .socket()
      .heard()
      .filter(({ type }) => type === 'COMPONENT_UNMOUNT')
    expect(left).toMatchObject([{ componentId: 'live-1' }])
  })
})

test('a private instance sends no props when it is asked back', async () => {
  const [, resume] = await cutAndBack(await counting())
  expect(resume?.payload).not.toHaveProperty('props')
})
