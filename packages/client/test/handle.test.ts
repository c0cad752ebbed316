import { describe, expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { Bell, Counter } from './shapes.js'
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

describe('a handle', () => {
  test('is the same for the same component and name, and its own without a name', () => {
    const { client } = world()
    const props = { count: 1 }
    expect(client.live(Counter, { componentId: 'a', props })).toBe(
      client.live(Counter, { componentId: 'a', props }),
    )
    expect(client.live(Counter, { componentId: 'a', props })).not.toBe(
      client.live(Counter, { componentId: 'b', props }),
    )
    expect(client.live(Bell, { componentId: 'a' })).not.toBe(
      client.live(Counter, { componentId: 'a', props }),
    )
    const [one, two] = [client.live(Counter, { props }), client.live(Counter, { props })]
    expect(one).not.toBe(two)
    expect(one.componentId).not.toBe(two.componentId)
    expect(one.componentId.length).toBeGreaterThanOrEqual(32)
  })

  test('touches nothing before somebody subscribes', async () => {
    const { client, sockets } = world()
    const counter = client.live(Counter, { props: { count: 1 } })
    await settled()
    expect(sockets).toHaveLength(0)
    expect(counter.getState()).toEqual({ status: 'mounting', state: undefined, error: undefined })
    expect([counter.instanceId, counter.fingerprint]).toEqual([undefined, undefined])
    await expect(counter.call.increment()).rejects.toMatchObject({ code: 'NOT_MOUNTED' })
  })

  test('mounts once for many subscribers and unmounts after the last, with a grace', async () => {
    const { clock, counter, leave, socket } = await counting()
    const other = counter.subscribe(nothing)
    leave()
    await clock.advance(1000)
    expect(socket().heard()).toEqual([])
    other()
    await clock.advance(99)
    expect(socket().heard()).toEqual([])
    await clock.advance(1)
    expect(socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT', componentId: 'live-1' }])
    expect(counter.getState().status).toBe('mounting')
  })

  test('costs one mount when its only subscriber leaves and comes back, as in strict mode', async () => {
    const { client, clock, socket } = world()
    const counter = client.live(Counter, { props: { count: 1 } })
    counter.subscribe(nothing)()
    counter.subscribe(nothing)
    socket().hello()
    await clock.advance(1000)
    expect(
      socket()
        .heard()
        .map(({ type }) => type),
    ).toEqual(['COMPONENT_MOUNT'])
  })

  test('unmounts what an outdated mount brings', async () => {
    const { client, clock, socket } = world()
    const counter = client.live(Counter, { props: { count: 1 } })
    const leave = counter.subscribe(nothing)
    socket().hello()
    await settled()
    const [mount] = socket().heard()
    leave()
    await clock.advance(100)
    socket().mounted(mount, 'live-1', { count: 1 })
    await settled()
    expect(socket().heard()).toMatchObject([{ type: 'COMPONENT_UNMOUNT', componentId: 'live-1' }])
    expect(counter.getState().status).toBe('mounting')
  })

  test('shows its digest and its ids', async () => {
    const { counter } = await counting()
    expect(counter.fingerprint).toBe(digest({ count: 5 }).toString(16).padStart(8, '0'))
    expect(counter.instanceId).toBe('live-1')
    expect(counter.componentId).toBe('a')
  })

  test('tells what is shown and what was shown', async () => {
    const { counter, delta } = await counting()
    const seen: unknown[] = []
    counter.subscribe((view, previous) => seen.push([previous.state?.count, view.state?.count]))
    delta(0, 1, 6)
    expect(seen).toEqual([[5, 6]])
  })

  test('tells nobody when nothing new is shown', async () => {
    const { client, socket } = world()
    const counter = client.live(Counter, { props: { count: 5 } })
    const seen: unknown[] = []
    counter.subscribe((view) => seen.push(view.status))
    socket().hello()
    await settled()
    socket().events.closed(1006)
    expect(seen).toEqual([])
  })

  test('gives out actions that stay the same, and none for what engines look up', async () => {
    const { counter } = await counting()
    expect(counter.call.increment).toBe(counter.call.increment)
    expect((counter.call as { then?: unknown }).then).toBeUndefined()
    expect(JSON.stringify(counter.call)).toBe('{}')
    await expect(Promise.resolve(counter.call)).resolves.toBe(counter.call)
  })

  test('takes a click event for no argument', async () => {
    const { counter, socket } = await counting()
    const onClick = counter.call.increment as unknown as (event: unknown) => Promise<void>
    onClick({ nativeEvent: {}, target: globalThis }).catch(nothing)
    await settled()
    expect(socket().heard()).toMatchObject([{ action: 'increment', payload: {} }])
  })

  test('goes on when a listener throws, and lets the error surface', async () => {
    const { counter, delta } = await counting()
    const surfaced: unknown[] = []
    const catcher = (error: unknown): unknown => surfaced.push(error)
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', catcher)
    counter.subscribe(() => {
      throw new Error('mine')
    })
    delta(0, 1, 6)
    expect(counter.getState().state).toEqual({ count: 6 })
    await new Promise((resolve) => setImmediate(resolve))
    for (const listener of before) process.on('uncaughtException', listener)
    expect(surfaced).toMatchObject([{ message: 'mine' }])
  })

  test('hears events and misses', async () => {
    const { client, socket } = await counting()
    const bell = client.live(Bell)
    bell.subscribe(nothing)
    await settled()
    socket().mounted(socket().heard()[0], 'live-2', { rings: 0 })
    const heard: unknown[] = []
    const leave = bell.on((event) => heard.push(event))
    bell.onMissed((count) => heard.push(count))
    socket().say({
      type: 'COMPONENT_EVENT',
      componentId: 'live-2',
      payload: { event: { type: 'rang', times: 1 } },
    })
    socket().say({ type: 'COMPONENT_EVENT', componentId: 'live-2', payload: { missed: 4 } })
    leave()
    socket().say({
      type: 'COMPONENT_EVENT',
      componentId: 'live-2',
      payload: { event: { type: 'rang', times: 2 } },
    })
    expect(heard).toEqual([{ type: 'rang', times: 1 }, 4])
  })
})

describe('calls around a mount', () => {
  test('wait for the first mount and go in order', async () => {
    const { client, socket } = world()
    const counter = client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    counter.call.increment().catch(nothing)
    socket().hello()
    await settled()
    const [mount] = socket().heard()
    counter.call.add({ by: 2 }).catch(nothing)
    socket().mounted(mount, 'live-1', { count: 5 })
    await settled()
    expect(
      socket()
        .heard()
        .map(({ action }) => action),
    ).toEqual(['increment', 'add'])
  })

  test('made while disconnected wait, and are told if the state they were meant for is gone', async () => {
    const { clock, counter, socket } = await counting()
    socket().events.closed(1006)
    expect(counter.getState()).toMatchObject({ status: 'stale', state: { count: 5 } })
    const call = counter.call.increment()
    await clock.advance(125)
    socket().hello()
    await settled()
    socket().mounted(socket().heard()[0], 'live-2', { count: 5 })
    await expect(call).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('not sent'),
    })
    expect(counter.getState().status).toBe('live')
    expect(socket().heard()).toEqual([])
  })

  test('made while disconnected are sent if the instance is still the same', async () => {
    const { clock, counter, socket } = await counting()
    socket().events.closed(1006)
    counter.call.increment().catch(nothing)
    await clock.advance(125)
    socket().hello()
    await settled()
    socket().mounted(socket().heard()[0], 'live-1', { count: 5 })
    await settled()
    expect(socket().heard()).toMatchObject([{ type: 'CALL_ACTION', componentId: 'live-1' }])
  })

  test('are told when the mount takes too long', async () => {
    const { client, clock } = world({ timeout: 5000 })
    const counter = client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    const told = expect(counter.call.increment()).rejects.toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(5000)
    await told
  })
})

describe('a refused mount', () => {
  test('is shown, refuses the calls that waited, and is tried again after a reconnect', async () => {
    const { client, clock, socket } = world()
    const counter = client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    socket().hello()
    await settled()
    const call = counter.call.increment()
    socket().refuse(socket().heard()[0], 'FORBIDDEN')
    await expect(call).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(counter.getState()).toMatchObject({
      status: 'failed',
      state: undefined,
      error: { code: 'FORBIDDEN' },
    })
    await expect(counter.call.increment()).rejects.toMatchObject({ code: 'FORBIDDEN' })
    socket().events.closed(1006)
    await clock.advance(125)
    socket().hello()
    await settled()
    socket().mounted(socket().heard()[0], 'live-1', { count: 5 })
    expect(counter.getState().status).toBe('live')
  })

  test('is tried again with new props', async () => {
    const { client, socket } = world()
    const counter = client.live(Counter, { props: { count: -1 } })
    counter.subscribe(nothing)
    socket().hello()
    await settled()
    socket().refuse(socket().heard()[0], 'INVALID', { count: 'must not be negative' })
    counter.setProps({ count: 1 })
    await settled()
    expect(socket().heard()).toMatchObject([{ type: 'COMPONENT_MOUNT', payload: { props: { count: 1 } } }])
  })

  test('that cannot be read says so', async () => {
    const { client, socket } = world()
    const counter = client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    socket().hello()
    await settled()
    socket().answer(socket().heard()[0], { componentId: 7 })
    expect(counter.getState()).toMatchObject({ status: 'failed', error: { code: 'BAD_MESSAGE' } })
  })
})

describe('new props', () => {
  test('go to the server only if they are new', async () => {
    const { counter, socket } = await counting()
    counter.setProps({ count: 5 })
    await settled()
    expect(socket().heard()).toEqual([])
    counter.setProps({ count: 6 })
    await settled()
    const [update] = socket().heard()
    expect(update).toMatchObject({ type: 'PROPS_UPDATE', payload: { props: { count: 6 } } })
    socket().answer(update, { remount: false })
    await settled()
    expect(socket().heard()).toEqual([])
  })

  test('that changed while mounting follow the mount', async () => {
    const { client, socket } = world()
    const counter = client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    socket().hello()
    await settled()
    const [mount] = socket().heard()
    counter.setProps({ count: 6 })
    socket().mounted(mount, 'live-1', { count: 5 })
    await settled()
    expect(socket().heard()).toMatchObject([{ type: 'PROPS_UPDATE', payload: { props: { count: 6 } } }])
  })
})
