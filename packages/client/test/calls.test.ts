import { describe, expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { Counter, Profile, Todos } from './shapes.js'
import { type Frame, settled, type World, type WorldOptions, world } from './world.js'

const nothing = (): void => undefined

/** A world with one counter, live as `live-1` at 5, in a session or not. */
async function counting(options: WorldOptions = {}, hasSession = true) {
  const it: World = world({ newId: () => 'made-up', ...options })
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  const leave = counter.subscribe(nothing)
  it.socket().hello({}, hasSession ? 'token-1' : undefined)
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await settled()
  return { ...it, counter, leave }
}

/** The connection dies and is made again; the instance is asked back, and answered if there is an answer. */
async function cutAndBack(it: World, answer?: unknown): Promise<Frame | undefined> {
  it.socket().events.closed(1006)
  await it.clock.advance(125)
  it.socket().hello({}, 'token-2')
  await settled()
  const [, resume] = it.socket().heard()
  if (answer !== undefined) it.socket().answer(resume, answer)
  return resume
}

const resumed = (count: number) => ({ outcome: 'resumed', version: 0, digest: digest({ count }) })
const rehydrated = (componentId: string) => ({
  outcome: 'rehydrated',
  componentId,
  initialState: { count: 5 },
  version: 0,
  digest: digest({ count: 5 }),
})
const named = (calls: Frame[]) => calls.map(({ callId, acked }) => [callId, acked])

describe('the name of a call', () => {
  test('counts over the whole client, and is carried by whatever changes something', async () => {
    const it = await counting()
    const profile = it.client.live(Profile)
    profile.subscribe(nothing)
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { name: 'Ada', saved: 0 })
    it.counter.call.increment().catch(nothing)
    profile.write('name', 'Grace').catch(nothing)
    it.counter.emit({} as never).catch(nothing)
    it.counter.setProps({ count: 7 })
    await settled()
    const said = it.socket().heard()
    expect(said.map(({ type, callId }) => [type, callId])).toEqual([
      ['CALL_ACTION', 'made-up-1'],
      ['PROPERTY_UPDATE', 'made-up-2'],
      ['COMPONENT_EVENT', 'made-up-3'],
      ['PROPS_UPDATE', 'made-up-4'],
    ])
  })

  test('begins with an origin that the protocol allows', async () => {
    const it = world()
    const counter = it.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    counter.call.increment().catch(nothing)
    await settled()
    expect(it.socket().heard()[0]?.callId).toMatch(/^[A-Za-z0-9_.:]{1,40}-1$/)
  })

  test('does not travel where there is no session', async () => {
    const it = await counting({}, false)
    for (let click = 0; click < 2; click += 1) {
      const call = it.counter.call.increment()
      await settled()
      const [request] = it.socket().heard()
      expect(request).not.toHaveProperty('callId')
      expect(request).not.toHaveProperty('acked')
      it.socket().answer(request)
      await call
    }
  })

  test('says with it what was answered, when that is news to the instance', async () => {
    const it = await counting()
    const todos = it.client.live(Todos)
    todos.subscribe(nothing)
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { items: [], total: 0 })
    const ask = async (): Promise<Frame[]> => {
      it.counter.call.increment().catch(nothing)
      await settled()
      return it.socket().heard()
    }
    const [first] = await ask()
    const [second] = await ask()
    todos.call.clear().catch(nothing)
    await settled()
    const [other] = it.socket().heard()
    expect(named([first, second, other] as Frame[])).toEqual([
      ['made-up-1', undefined],
      ['made-up-2', undefined],
      ['made-up-3', undefined],
    ])
    // The second has its answer, but the first has not.
    it.socket().answer(second)
    expect(named(await ask())).toEqual([['made-up-4', undefined]])
    // Now everything before the fourth has, whoever it was for.
    it.socket().answer(first)
    expect(named(await ask())).toEqual([['made-up-5', 3]])
    expect(named(await ask())).toEqual([['made-up-6', undefined]])
  })
})

describe('a call whose answer was lost', () => {
  test('is sent again under its name, in its place before newer ones, and answered', async () => {
    const it = await counting()
    const order: string[] = []
    const args = { by: 2 }
    const first = it.counter.call.add(args).then(() => order.push('first'))
    const second = it.counter.call.increment().then(() => order.push('second'))
    await settled()
    expect(named(it.socket().heard())).toEqual([
      ['made-up-1', undefined],
      ['made-up-2', undefined],
    ])
    args.by = 99
    it.socket().events.closed(1006)
    const third = it.counter.call.add({ by: 7 }).then(() => order.push('third'))
    await it.clock.advance(125)
    it.socket().hello({}, 'token-2')
    await settled()
    const [, resume, ...early] = it.socket().heard()
    expect(early).toEqual([])
    it.socket().answer(resume, resumed(5))
    await settled()
    const again = it.socket().heard()
    expect(again).toMatchObject([
      { callId: 'made-up-1', action: 'add', payload: { by: 2 }, componentId: 'live-1' },
      { callId: 'made-up-2', action: 'increment' },
      { callId: 'made-up-3', action: 'add', payload: { by: 7 } },
    ])
    for (const request of again) it.socket().answer(request)
    await Promise.all([first, second, third])
    expect(order).toEqual(['first', 'second', 'third'])
  })

  test('follows its instance to another id', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    await settled()
    await cutAndBack(it, rehydrated('live-7'))
    await settled()
    const [again] = it.socket().heard()
    expect(again).toMatchObject({ callId: 'made-up-1', componentId: 'live-7' })
    it.socket().answer(again, 6)
    await expect(call).resolves.toBe(6)
  })

  test('is sent as often as it takes', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    await settled()
    for (let round = 0; round < 5; round += 1) {
      await cutAndBack(it, resumed(5))
      await settled()
      expect(named(it.socket().heard())).toEqual([['made-up-1', undefined]])
    }
    it.socket().answer({ requestId: '3' }, 6)
    await expect(call).resolves.toBe(6)
  })

  test('may turn out to be refused', async () => {
    const it = await counting()
    const call = it.counter.call.fail({ field: 'step' })
    await settled()
    await cutAndBack(it, resumed(5))
    await settled()
    it.socket().refuse(it.socket().heard()[0], 'CALL_FORGOTTEN')
    await expect(call).rejects.toMatchObject({ code: 'CALL_FORGOTTEN' })
  })

  test('is told after a reset that whether it happened is unknown, unlike one that was not sent', async () => {
    const it = await counting()
    const sent = it.counter.call.increment()
    await settled()
    it.socket().events.closed(1006)
    const unsent = it.counter.call.increment()
    await it.clock.advance(125)
    it.socket().hello({}, 'token-2')
    await settled()
    it.socket().refuse(it.socket().heard()[1], 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    await expect(sent).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('whether it happened is unknown'),
    })
    await expect(unsent).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('not sent'),
    })
    await settled()
    expect(it.socket().heard()).toEqual([])
    it.counter.call.increment().catch(nothing)
    await settled()
    expect(named(it.socket().heard())).toEqual([['made-up-3', undefined]])
  })

  test('stays in doubt even if it did not leave the second time', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    await settled()
    const first = await cutAndBack(it)
    it.socket().answer(first, resumed(5))
    // Not even a microtask passes before this connection is gone, too, so it did not leave.
    const { frames } = it.socket()
    const resume = await cutAndBack(it)
    expect(frames).toHaveLength(1)
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    await expect(call).rejects.toMatchObject({ message: expect.stringContaining('unknown') })
  })

  test('is never sent to an instance it was not meant for', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    await settled()
    it.socket().heard()
    it.counter.reset()
    await settled()
    const [unmount, mount] = it.socket().heard()
    expect([unmount?.type, mount?.type]).toEqual(['COMPONENT_UNMOUNT', 'COMPONENT_MOUNT'])
    it.socket().mounted(mount, 'live-2', { count: 5 })
    it.socket().events.closed(1006)
    await expect(call).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('unknown'),
    })
  })

  test('waits no longer than its time, and is not sent after it', async () => {
    const it = await counting({ timeout: 5000 })
    const call = it.counter.call.increment()
    const told = expect(call).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('unknown'),
    })
    await settled()
    it.socket().heard()
    it.socket().events.closed(1006)
    await it.clock.advance(5000)
    await told
    it.socket().hello({}, 'token-2')
    await settled()
    it.socket().answer(it.socket().heard()[1], resumed(5))
    await settled()
    expect(it.socket().heard()).toEqual([])
  })

  test('has one time for waiting and for being answered', async () => {
    const it = await counting({ timeout: 5000 })
    it.socket().events.closed(1006)
    const call = it.counter.call.increment()
    const told = expect(call).rejects.toMatchObject({ code: 'TIMEOUT' })
    await it.clock.advance(4000)
    it.socket().hello({}, 'token-2')
    await settled()
    it.socket().answer(it.socket().heard()[1], resumed(5))
    await settled()
    expect(it.socket().heard()).toMatchObject([{ callId: 'made-up-1' }])
    await it.clock.advance(1000)
    await told
  })

  test('is rejected when the client is closed for good', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    await settled()
    it.socket().events.closed(1006)
    it.client.close()
    await expect(call).rejects.toMatchObject({ code: 'DISCONNECTED' })
    await expect(it.counter.call.increment()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('a call that was not done, because there was too much to do', () => {
  test.each(['BUSY', 'RATE_LIMITED', 'TOO_MANY_CALLS'])(
    'is sent again by itself after %s, and holds up those after it',
    async (code) => {
      const it = await counting()
      const first = it.counter.call.increment()
      await settled()
      it.socket().refuse(it.socket().heard()[0], code)
      const second = it.counter.call.add({ by: 1 })
      await settled()
      expect(it.socket().heard()).toEqual([])
      await it.clock.advance(125)
      const again = it.socket().heard()
      expect(named(again)).toEqual([
        ['made-up-1', undefined],
        ['made-up-2', undefined],
      ])
      for (const request of again) it.socket().answer(request)
      await Promise.all([first, second])
    },
  )

  test('is refused after a few times', async () => {
    const it = await counting()
    const call = it.counter.call.increment()
    const refused = expect(call).rejects.toMatchObject({ code: 'BUSY' })
    let times = 0
    for (let round = 0; round < 20; round += 1) {
      for (const request of it.socket().heard()) {
        times += 1
        it.socket().refuse(request, 'BUSY')
      }
      await it.clock.advance(1000)
      it.socket().say({ type: 'COMPONENT_PONG' })
    }
    await refused
    expect(times).toBe(7)
  })

  test('is refused at once where it has no name', async () => {
    const it = await counting({}, false)
    const call = it.counter.call.increment()
    await settled()
    it.socket().refuse(it.socket().heard()[0], 'BUSY')
    await expect(call).rejects.toMatchObject({ code: 'BUSY' })
  })
})

test('a write in doubt is sent again too', async () => {
  const it = world()
  const profile = it.client.live(Profile)
  profile.subscribe(nothing)
  it.socket().hello({}, 'token-1')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { name: 'Ada', saved: 0 })
  const write = profile.write('name', 'Grace')
  await settled()
  const [first] = it.socket().heard()
  await cutAndBack(it, {
    outcome: 'resumed',
    version: 0,
    digest: digest({ name: 'Ada', saved: 0 }),
  })
  await settled()
  const [again] = it.socket().heard()
  expect(again).toEqual({ ...first, requestId: again?.requestId })
  it.socket().answer(again)
  await write
})

test('props in doubt are sent again, and mounted with if they cannot be taken in place', async () => {
  const it = await counting()
  it.counter.setProps({ count: 8 })
  await settled()
  await cutAndBack(it, rehydrated('live-2'))
  await settled()
  const [again, ...others] = it.socket().heard()
  expect(again).toMatchObject({ type: 'PROPS_UPDATE', callId: 'made-up-1', payload: { props: { count: 8 } } })
  expect(others).toEqual([])
  it.socket().answer(again, { remount: true })
  await settled()
  expect(it.socket().heard()).toMatchObject([
    { type: 'COMPONENT_UNMOUNT', componentId: 'live-2' },
    { type: 'COMPONENT_MOUNT', payload: { props: { count: 8 } } },
  ])
})
