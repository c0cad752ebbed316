import { describe, expect, test } from 'vitest'
import { liveStats } from '../src/stats.js'
import { counting, cutAndBack, delta, resumed, update } from './coming-back.js'
import { settled, TestClock, type TestSocket } from './world.js'

/** A counter whose socket is counted. */
async function counted() {
  const clock = new TestClock()
  let stats: ReturnType<typeof liveStats> | undefined
  const it = await counting({
    clock,
    wrapSocket: (createSocket) => {
      stats = liveStats({ createSocket, clock })
      return stats.createSocket
    },
  })
  if (!stats) throw new Error('nothing counts')
  return { ...it, clock, stats }
}

const bytes = (socket: TestSocket): number => socket.frames.join('').length

describe('stats', () => {
  test('count what goes by', async () => {
    const it = await counted()
    expect(it.stats.get()).toMatchObject({ deltas: 0, resyncs: 0, reconnects: 0, latency: undefined })
    it.socket().say(delta(0, 6))
    const seen = it.stats.get()
    expect(seen).toMatchObject({ deltas: 1, lastDeltaBytes: JSON.stringify(delta(0, 6).payload).length })
    it.socket().say(delta(3, 9))
    await settled()
    it.socket().say(update(9, 4))
    expect(it.stats.get()).toMatchObject({ deltas: 2, resyncs: 1, bytesOut: bytes(it.socket()) })
    expect(it.stats.get().bytesIn).toBeGreaterThan(seen.bytesIn)
    expect(it.stats.get()).toBe(it.stats.get())
  })

  test('know how long a ping took, and how often the connection was restored', async () => {
    const it = await counted()
    await it.clock.advance(1200)
    await it.clock.advance(40)
    it.socket().say({ type: 'COMPONENT_PONG' })
    expect(it.stats.get().latency).toBe(40)
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, resumed(5, 0))
    expect(it.stats.get().reconnects).toBe(1)
  })

  test('tell of themselves a few times a second, and stand still between', async () => {
    const it = await counted()
    let told = 0
    const leave = it.stats.subscribe(() => {
      told += 1
    })
    const before = it.stats.get()
    for (let count = 0; count < 10; count += 1) it.socket().say(delta(count, 6 + count))
    expect([it.stats.get() === before, told]).toEqual([true, 0])
    await it.clock.advance(200)
    expect([it.stats.get().deltas, told]).toEqual([10, 1])
    leave()
    it.socket().say(delta(10, 16))
    expect([it.stats.get().deltas, told]).toEqual([11, 1])
  })
})
