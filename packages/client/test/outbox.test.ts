import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pace } from '../src/pace.js'
import { Counter, Todos } from './shapes.js'
import { settled, type World, type WorldOptions, world } from './world.js'

const nothing = (): void => undefined

/** A world with one live counter in it. */
async function counting(limits: Record<string, unknown> = {}, options: WorldOptions = {}) {
  const it: World = world(options)
  const counter = it.client.live(Counter, { props: { count: 0 } })
  counter.subscribe(nothing)
  it.socket().hello(limits)
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 0 })
  await settled()
  const frames = (): unknown[] =>
    it
      .socket()
      .frames.slice(1)
      .map((text) => JSON.parse(text))
  return { ...it, counter, frames }
}

describe('requests made in one microtask', () => {
  test('leave as one frame', async () => {
    const { counter, frames } = await counting()
    for (let click = 0; click < 3; click += 1) counter.call.increment().catch(nothing)
    await settled()
    expect(frames()).toHaveLength(1)
    expect(frames()[0]).toHaveLength(3)
  })

  test('leave as one object if there is only one', async () => {
    const { counter, frames } = await counting()
    counter.call.increment().catch(nothing)
    await settled()
    expect(frames()).toEqual([
      { type: 'CALL_ACTION', componentId: 'live-1', action: 'increment', payload: {}, requestId: '2' },
    ])
  })

  test('leave as several frames where the server reads no more in one', async () => {
    const { counter, frames } = await counting({ batch: 4 })
    for (let click = 0; click < 10; click += 1) counter.call.increment().catch(nothing)
    await settled()
    expect(frames().map((frame) => (frame as unknown[]).length)).toEqual([4, 4, 2])
  })

  test('never make a frame larger than the server reads', async () => {
    const { counter, socket } = await counting({ frame: 300 })
    for (let click = 0; click < 20; click += 1) counter.call.increment().catch(nothing)
    await settled()
    const sizes = socket().frames.map((text) => new TextEncoder().encode(text).length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(300)
    expect(Math.max(...sizes)).toBeGreaterThan(200)
  })

  test('are written down when they are made', async () => {
    const { counter, frames } = await counting()
    const args = { by: 1 }
    counter.call.add(args).catch(nothing)
    args.by = 9
    await settled()
    expect(frames()).toMatchObject([{ payload: { by: 1 } }])
  })
})

test('one request larger than a frame is refused here, and says so', async () => {
  const { client, socket } = await counting({ frame: 300 })
  const todos = client.live(Todos)
  todos.subscribe(nothing)
  await settled()
  socket().mounted(socket().heard().at(-1), 'live-2', { items: [], total: 0 })
  // 100 characters, 300 bytes.
  await expect(todos.call.push({ text: '€'.repeat(100) })).rejects.toMatchObject({ code: 'TOO_LARGE' })
})

describe('a client that is faster than the server allows', () => {
  test('keeps no more requests unanswered than `calls`, and loses none', async () => {
    const { counter, socket, client } = await counting({ calls: 5 })
    const calls = Array.from({ length: 23 }, () => counter.call.increment())
    let most = 0
    for (let round = 0; round < 30; round += 1) {
      await settled()
      const asked = socket().heard()
      most = Math.max(most, asked.length)
      for (const request of asked) socket().answer(request)
    }
    await Promise.all(calls)
    expect(most).toBe(5)
    expect(client.getStatus()).toBe('open')
  })

  test('spreads what exceeds the burst over time', async () => {
    const { clock, counter, socket } = await counting({ rate: 100, burst: 10 })
    for (let click = 0; click < 50; click += 1) counter.call.increment().catch(nothing)
    await settled()
    expect(socket().heard().length).toBeLessThan(10)
    await clock.advance(100)
    const after = socket().heard().length
    expect(after).toBeGreaterThanOrEqual(9)
    expect(after).toBeLessThanOrEqual(10)
    for (let second = 0; second < 10; second += 1) {
      await clock.advance(100)
      socket().say({ type: 'COMPONENT_PONG' })
    }
    expect(
      socket()
        .heard()
        .filter((message) => message.requestId === '51'),
    ).toHaveLength(1)
  })

  test('paces nothing where the server says 0', async () => {
    const { counter, socket } = await counting({ rate: 0, burst: 1, calls: 10_000 })
    for (let click = 0; click < 2000; click += 1) counter.call.increment().catch(nothing)
    await settled()
    expect(socket().heard()).toHaveLength(2000)
  })

  test('is never refused, however unevenly the network delays it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 10, max: 1000 }),
        fc.array(fc.record({ pause: fc.nat(300), late: fc.double({ min: 0, max: 1, noNaN: true }) }), {
          maxLength: 300,
        }),
        (rate, burst, wishes) => {
          const ours = pace(rate, burst)
          // The slack of a fifth of the burst is worth this much unevenness.
          const worst = (burst * 0.2 * 1000) / rate - 1000 / rate
          let now = 0
          let arrival = 0
          let [tokens, filled] = [burst, 0]
          for (const { pause, late } of wishes) {
            now += pause
            for (let wait = ours.take(now); wait > 0; wait = ours.take(now)) now += wait
            arrival = Math.max(arrival, now + late * Math.max(0, worst))
            tokens = Math.min(burst, tokens + ((arrival - filled) * rate) / 1000) - 1
            filled = arrival
            expect(tokens).toBeGreaterThanOrEqual(-1e-6)
          }
        },
      ),
    )
  })

  test('is told when too much waits', async () => {
    const { counter } = await counting({ calls: 1 }, { queue: 10 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, () => Promise.race([counter.call.increment(), settled().then(settled)])),
    )
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(2)
    expect(refused[0]?.reason).toMatchObject({ code: 'QUEUE_FULL' })
  })
})

describe('a call without an answer', () => {
  test('is told after 30 s that its outcome is unknown', async () => {
    const { clock, counter, socket } = await counting()
    const call = counter.call.increment()
    const told = expect(call).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('unknown'),
    })
    for (let second = 0; second < 30; second += 1) {
      socket().say({ type: 'COMPONENT_PONG' })
      await clock.advance(1000)
    }
    await told
  })

  test('is told when the socket dies that its outcome is unknown', async () => {
    const { counter, socket } = await counting()
    const call = counter.call.increment()
    await settled()
    socket().events.closed(1006)
    await expect(call).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('unknown'),
    })
  })

  test('is told when the socket dies that it did not happen, if it was not sent', async () => {
    const { counter, socket } = await counting({ calls: 1 })
    counter.call.increment().catch(nothing)
    const second = counter.call.increment()
    await settled()
    socket().events.closed(1006)
    await expect(second).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('did not happen'),
    })
  })
})

test('request ids begin at 1 on every connection', async () => {
  const { clock, socket } = await counting()
  socket().events.closed(1006)
  await clock.advance(125)
  socket().hello()
  await settled()
  expect(socket().heard()).toMatchObject([{ type: 'COMPONENT_MOUNT', requestId: '1' }])
})

test('an answer in an ERROR frame answers the request it names', async () => {
  const { counter, socket } = await counting()
  const call = counter.call.increment()
  await settled()
  const [request] = socket().heard()
  socket().say({
    type: 'ERROR',
    success: false,
    requestId: request?.requestId,
    code: 'RATE_LIMITED',
    error: 'too fast',
  })
  await expect(call).rejects.toMatchObject({ code: 'RATE_LIMITED', message: 'too fast' })
})
