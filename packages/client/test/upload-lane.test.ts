/** The window against lines of any width and length: what it makes of them, and how long an action waits. */

import { expect, test } from 'vitest'
import type { Asker } from '../src/outbox.js'
import type { Port } from '../src/port.js'
import type { UploadMessage } from '../src/protocol.js'
import { fakeClock } from '../src/testing.js'
import { type Lane, laneOf } from '../src/upload/lane.js'

const KIB = 1024
const MIB = KIB * KIB

interface Line {
  readonly lane: Lane
  /** Bytes that arrived. */
  arrived: number
  /** Bytes a millisecond, and how long an answer takes on an empty line. */
  width: number
  trip: number
  /** Something that is no file is asked. Returns how long the answer took. */
  act(): Promise<number>
  run(ms: number): Promise<void>
}

/** A line that carries one frame after the other. */
function line(width: number, trip: number): Line {
  const clock = fakeClock()
  const hello = { limits: { frame: MIB } }
  let freeAt = 0
  let ids = 0
  const carry = (bytes: number, then: (id: string) => void): void => {
    ids += 1
    const id = String(ids)
    freeAt = Math.max(freeAt, clock.now()) + bytes / made.width
    clock.after(freeAt - clock.now() + made.trip, () => then(id))
  }
  const port = {
    clock,
    hello: () => hello,
    isOpen: () => true,
    ask(message: UploadMessage & { readonly size: number }, asker: Asker) {
      carry(message.size, (requestId) => {
        made.arrived += message.size
        asker.answered(undefined, undefined, { type: 'REPLY', requestId, failure: undefined })
      })
    },
  } as unknown as Port
  const lane = laneOf(port)
  const made: Line = {
    lane,
    arrived: 0,
    width,
    trip,
    async act() {
      const at = clock.now()
      let took: number | undefined
      carry(100, () => {
        took = clock.now() - at
      })
      while (took === undefined) await clock.advance(1)
      return took
    },
    async run(ms) {
      lane.wake()
      await clock.advance(ms)
    },
  }
  lane.enter({
    offer(size) {
      const hearer = { answered: () => undefined, failed: () => undefined }
      lane.ask({ type: 'FILE_UPLOAD_CHUNK', size } as unknown as UploadMessage, hearer, undefined, size)
      return size
    },
  })
  return made
}

for (const [what, width, trip] of [
  ['a slow line', 125, 60],
  ['a line at home', 2_500, 30],
  ['a fast line', 12_500, 20],
  ['a long line', 5_000, 120],
] as const) {
  test(`${what} is full`, async () => {
    const one = line(width, trip)
    await one.run(5_000)
    const before = one.arrived
    await one.run(10_000)
    const full = Math.min(width, MIB / (trip + 1)) * 10_000
    expect((one.arrived - before) / full).toBeGreaterThan(0.85)
  })
}

test('a line that nothing slows down has the whole window', async () => {
  const one = line(1e9, 1)
  await one.run(1_000)
  expect(one.lane.window()).toBe(MIB)
  expect(one.lane.frame()).toBe(256 * KIB)
})

test('on a line that is slow a few small frames are on their way', async () => {
  const one = line(20, 100)
  await one.run(60_000)
  expect(one.lane.window()).toBeLessThanOrEqual(48 * KIB)
  expect(one.lane.frame()).toBe(16 * KIB)
})

test('who asks for something while files are sent waits for little more than the target at first, and then for little', async () => {
  for (const [width, trip] of [
    [2_500, 30],
    [12_500, 20],
  ] as const) {
    const one = line(width, trip)
    await one.run(20_000)
    expect(await one.act()).toBeLessThanOrEqual(trip + 2 * 50)
    const waits: number[] = []
    for (let time = 0; time < 60; time += 1) {
      waits.push(await one.act())
      await one.run(100)
    }
    const late = waits.slice(20).sort((a, b) => a - b)
    expect(late[Math.floor(late.length / 2)]).toBeLessThanOrEqual(2 * trip)
  }
})

test('a line that becomes narrow is not filled up for long', async () => {
  const one = line(12_500, 20)
  await one.run(10_000)
  one.width = 500
  await one.run(10_000)
  expect(await one.act()).toBeLessThanOrEqual(20 + 3 * 50 + (16 * KIB) / 500)
  one.width = 12_500
  await one.run(10_000)
  const before = one.arrived
  await one.run(5_000)
  expect((one.arrived - before) / (12_500 * 5_000)).toBeGreaterThan(0.7)
})

test('what is configured are bounds within the bounds', () => {
  const { lane } = line(1, 1)
  lane.configure({ min: 1, max: 1e9 })
  expect(lane.window()).toBeGreaterThanOrEqual(16 * KIB)
  lane.configure({ max: 20 * KIB })
  expect(lane.window()).toBe(20 * KIB)
  lane.configure({ min: 512 * KIB })
  expect(lane.window()).toBe(512 * KIB)
})
