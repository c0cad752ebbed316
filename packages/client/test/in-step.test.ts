import { describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import { Counter } from './shapes.js'
import { settled, world } from './world.js'

const nothing = (): void => undefined

/** A world with one counter, live as `live-1` at 5. */
async function counting() {
  const it = world()
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  const leave = counter.subscribe(nothing)
  it.socket().hello()
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  const delta = (base: number, version: number, count: number, sum = digest({ count })): void =>
    it.socket().say({
      type: 'STATE_DELTA',
      componentId: 'live-1',
      payload: { base, version, digest: sum, delta: { count } },
    })
  return { ...it, counter, leave, delta }
}

describe('a handle out of step', () => {
  const asksForAll = { type: 'STATE_RESYNC', componentId: 'live-1' }

  test('asks for the whole state after a gap, once, and ignores deltas until it comes', async () => {
    const { counter, delta, socket } = await counting()
    delta(1, 2, 7)
    delta(2, 3, 8)
    await settled()
    const [ask, ...others] = socket().heard()
    expect(ask).toMatchObject({ ...asksForAll, payload: { have: 0 } })
    expect(others).toEqual([])
    expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 5 } })
    socket().say({
      type: 'STATE_UPDATE',
      componentId: 'live-1',
      payload: { state: { count: 8 }, version: 3, digest: digest({ count: 8 }) },
    })
    socket().answer(ask)
    expect(counter.getState().state).toEqual({ count: 8 })
    delta(3, 4, 9)
    expect(counter.getState().state).toEqual({ count: 9 })
    await settled()
    expect(socket().heard()).toEqual([])
  })

  test('asks when the digest says that the server holds something else, and shows nothing of it', async () => {
    const { counter, delta, socket } = await counting()
    delta(0, 1, 6, 1)
    await settled()
    expect(socket().heard()).toMatchObject([{ ...asksForAll, payload: { have: 0 } }])
    expect(counter.getState().state).toEqual({ count: 5 })
  })

  test('ignores what is old', async () => {
    const { counter, delta, socket } = await counting()
    delta(0, 1, 6)
    delta(0, 1, 6)
    socket().say({
      type: 'STATE_UPDATE',
      componentId: 'live-1',
      payload: { state: { count: 0 }, version: 0, digest: digest({ count: 0 }) },
    })
    await settled()
    expect(socket().heard()).toEqual([])
    expect(counter.getState().state).toEqual({ count: 6 })
  })

  test('asks again when the answer does not help, and gives up after three times', async () => {
    const { counter, delta, socket } = await counting()
    delta(0, 1, 6, 1)
    for (let round = 0; round < 3; round += 1) {
      await settled()
      const [ask] = socket().heard()
      expect(ask).toMatchObject(asksForAll)
      socket().say({
        type: 'STATE_UPDATE',
        componentId: 'live-1',
        payload: { state: { count: 6 }, version: 1, digest: 2 },
      })
      socket().answer(ask)
    }
    await settled()
    expect(counter.getState()).toMatchObject({
      status: 'failed',
      state: { count: 5 },
      error: { code: 'OUT_OF_STEP' },
    })
    expect(socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT' }])
    counter.reset()
    await settled()
    expect(socket().heard()).toMatchObject([{ type: 'COMPONENT_MOUNT' }])
  })

  test('asks again when the answer brought no state', async () => {
    const { delta, socket } = await counting()
    delta(1, 2, 7)
    await settled()
    socket().answer(socket().heard()[0])
    await settled()
    expect(socket().heard()).toMatchObject([asksForAll])
  })
})

describe('a lost instance', () => {
  const lost = {
    type: 'ERROR',
    success: false,
    componentId: 'live-1',
    code: 'INSTANCE_LOST',
    error: 'it is gone',
    payload: {},
  }

  test('is mounted again, with its old state on show meanwhile', async () => {
    const { counter, socket } = await counting()
    socket().say(lost)
    await settled()
    expect(counter.getState()).toMatchObject({ status: 'stale', state: { count: 5 } })
    const [mount] = socket().heard()
    socket().mounted(mount, 'live-2', { count: 5 })
    expect(counter.getState().status).toBe('live')
    expect(counter.instanceId).toBe('live-2')
  })

  test('is not mounted again and again', async () => {
    const { clock, counter, socket } = await counting()
    socket().say(lost)
    await settled()
    socket().mounted(socket().heard()[0], 'live-2', { count: 5 })
    await clock.advance(100)
    socket().say({ ...lost, componentId: 'live-2' })
    expect(counter.getState()).toMatchObject({
      status: 'failed',
      state: { count: 5 },
      error: { code: 'INSTANCE_LOST' },
    })
    await settled()
    expect(
      socket()
        .heard()
        .filter(({ type }) => type === 'COMPONENT_MOUNT'),
    ).toEqual([])
  })

  test('is noticed by a call too', async () => {
    const { counter, socket } = await counting()
    const call = counter.call.increment()
    await settled()
    socket().refuse(socket().heard()[0], 'REHYDRATION_REQUIRED')
    await expect(call).rejects.toMatchObject({ code: 'REHYDRATION_REQUIRED' })
    expect(socket().heard()).toMatchObject([{ type: 'COMPONENT_MOUNT' }])
  })

  test('is not confused with one that only has something to say', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(nothing)
    const { counter, socket } = await counting()
    socket().say({ ...lost, code: 'INTERNAL' })
    expect(counter.getState().status).toBe('live')
    expect(complaint).toHaveBeenCalled()
    complaint.mockRestore()
  })
})
