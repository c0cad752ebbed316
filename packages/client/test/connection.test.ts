import { describe, expect, test, vi } from 'vitest'
import { Counter } from './shapes.js'
import { settled, world } from './world.js'

const nothing = (): void => undefined

describe('waiting for a server that is away', () => {
  test('doubles the most it waits from 250 ms up to 15 s', async () => {
    const { client, clock, sockets, socket } = world({ random: () => 0.999_999 })
    client.connect()
    const waits: number[] = []
    for (let attempt = 0; attempt < 9; attempt += 1) {
      const count = sockets.length
      const since = clock.now()
      socket().events.closed(1006)
      while (sockets.length === count) await clock.advance(10)
      waits.push(clock.now() - since)
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
  })

  test('waits a random part of that, down to nothing', async () => {
    for (const [chance, wait] of [
      [0, 0],
      [0.1, 25],
      [0.5, 125],
    ] as const) {
      const { client, clock, sockets, socket } = world({ random: () => chance })
      client.connect()
      socket().events.closed(1006)
      await clock.advance(Math.max(0, wait - 1))
      expect(sockets.length).toBe(wait === 0 ? 2 : 1)
      await clock.advance(1)
      expect(sockets.length).toBe(2)
    }
  })

  test('starts over after the first frame, not after being let in', async () => {
    const { client, clock, sockets, socket } = world()
    client.connect()
    const untilNext = async (): Promise<number> => {
      const [count, since] = [sockets.length, clock.now()]
      socket().events.closed(1006)
      while (sockets.length === count) await clock.advance(5)
      return clock.now() - since
    }
    // Let in without a word, and dropped: a failure like any other.
    expect([await untilNext(), await untilNext(), await untilNext()]).toEqual([125, 250, 500])
    socket().hello()
    expect(client.getStatus()).toBe('open')
    expect(await untilNext()).toBe(125)
  })

  test('gives up a socket that brings no hello', async () => {
    const { client, clock, socket, sockets } = world()
    client.connect()
    await clock.advance(9_999)
    expect(socket().closed).toBe(false)
    await clock.advance(1)
    expect(sockets[0]?.closed).toBe(true)
    await clock.advance(125)
    expect(sockets).toHaveLength(2)
  })

  test('leaves a server alone that said we were flooding it', async () => {
    const { client, clock, sockets, socket } = world({ random: () => 0 })
    client.connect()
    socket().hello()
    socket().events.closed(4429)
    await clock.advance(1999)
    expect(sockets).toHaveLength(1)
    await clock.advance(1)
    expect(sockets).toHaveLength(2)
  })

  test('comes back soon to a server that said goodbye, and not all at once', async () => {
    for (const [chance, wait] of [
      [0, 100],
      [0.5, 300],
      [0.999_999, 500],
    ] as const) {
      const { client, clock, sockets, socket } = world({ random: () => chance })
      client.connect()
      socket().hello()
      socket().events.closed(1001)
      expect(client.getStatus()).toBe('waiting')
      await clock.advance(wait - 1)
      expect(sockets).toHaveLength(1)
      await clock.advance(1)
      expect(sockets).toHaveLength(2)
    }
  })

  test('asks where the server is each time', async () => {
    let asked = 0
    const { client, clock, sockets, socket } = world({
      url: () => {
        asked += 1
        return `ws://test.invalid/?ticket=${asked}`
      },
    })
    client.connect()
    const first = asked
    socket().events.closed(1006)
    await clock.advance(125)
    const tickets = sockets.map(({ url }) => Number(new URL(url).searchParams.get('ticket')))
    expect(tickets).toEqual([first, first + 1])
    expect(new URL(socket().url).searchParams.get('v')).toBe('3')
  })

  test('survives a socket that cannot be made', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(nothing)
    const { client } = world({
      createSocket: () => {
        throw new Error('refused by policy')
      },
    })
    client.connect()
    expect(client.getStatus()).toBe('waiting')
    expect(complaint).toHaveBeenCalled()
    complaint.mockRestore()
  })

  test('announces itself in the address', () => {
    const { client, socket } = world()
    client.connect()
    const url = new URL(socket().url)
    expect(url.searchParams.get('v')).toBe('3')
    expect(url.searchParams.get('caps')).toBe('delta,batch,resume')
    expect(url.searchParams.get('client')).toMatch(/^[A-Za-z0-9_.:-]{1,64}$/)
  })
})

describe('the heartbeat', () => {
  test('asks after 1.2 s of silence, once', async () => {
    const { client, clock, socket } = world()
    client.connect()
    socket().hello()
    await clock.advance(1199)
    expect(socket().heard()).toEqual([])
    await clock.advance(1)
    expect(socket().heard()).toEqual([{ type: 'COMPONENT_PING' }])
    await clock.advance(40)
    socket().say({ type: 'COMPONENT_PONG' })
    await clock.advance(1199)
    expect(socket().heard()).toEqual([])
  })

  test('notices a dead socket in under 3 s and reconnects at once', async () => {
    const { client, clock, sockets, socket } = world()
    client.connect()
    socket().hello()
    await clock.advance(2499)
    expect(sockets).toHaveLength(1)
    await clock.advance(1)
    expect(sockets).toHaveLength(2)
    expect(sockets[0]?.closed).toBe(true)
    socket().hello()
    expect(client.getStatus()).toBe('open')
  })

  test('takes any frame as a sign of life', async () => {
    const { client, clock, sockets, socket } = world()
    client.connect()
    socket().hello()
    for (let second = 0; second < 20; second += 1) {
      await clock.advance(1000)
      socket().say({ type: 'SOMETHING_NEW' })
    }
    expect(sockets).toHaveLength(1)
    expect(socket().heard()).toEqual([])
  })

  test('does not mistake a busy page for a dead socket', async () => {
    const { client, clock, sockets, socket } = world()
    client.connect()
    socket().hello()
    await clock.advance(1200)
    // The page is busy for 5 s: the deadline rings before the answer, which is here already, is read.
    await clock.freeze(5000)
    socket().say({ type: 'COMPONENT_PONG' })
    await clock.advance(1000)
    expect(sockets).toHaveLength(1)
  })

  test('is silent while the page is hidden, and asks when it is seen again', async () => {
    const { client, clock, page, sockets, socket } = world()
    client.connect()
    socket().hello()
    page.tell('hidden')
    await clock.advance(60_000)
    expect(socket().heard()).toEqual([])
    page.tell('visible')
    expect(socket().heard()).toEqual([{ type: 'COMPONENT_PING' }])
    await clock.advance(1300)
    expect(sockets).toHaveLength(2)
  })
})

describe('the page', () => {
  test('closes the socket when it is left and is live again at once when it is restored', async () => {
    const { client, clock, page, sockets, socket } = world()
    client.connect()
    socket().hello()
    page.tell('leaving')
    expect(socket().closed).toBe(true)
    await clock.advance(60_000)
    expect(sockets).toHaveLength(1)
    page.tell('restored')
    expect(sockets).toHaveLength(2)
    page.tell('visible')
    expect(sockets).toHaveLength(2)
    socket().hello()
    expect(client.getStatus()).toBe('open')
  })

  test('does not trust a socket that was open when the page was kept without a word', async () => {
    const { client, page, sockets, socket } = world()
    client.connect()
    socket().hello()
    page.tell('restored')
    expect(sockets).toHaveLength(2)
  })

  test('stops waiting when it is seen again or the network is back', async () => {
    for (const event of ['visible', 'online'] as const) {
      const { client, page, sockets, socket } = world()
      client.connect()
      socket().events.closed(1006)
      expect(client.getStatus()).toBe('waiting')
      page.tell(event)
      expect(sockets).toHaveLength(2)
    }
  })

  test('reconnects at once when it is seen again with a socket known to be dead', () => {
    const { client, page, sockets, socket } = world()
    client.connect()
    socket().hello()
    page.tell('hidden')
    socket().dead = true
    page.tell('visible')
    expect(sockets).toHaveLength(2)
  })

  test('doubts the socket when the network goes, and an old attempt when it returns', async () => {
    const { client, clock, page, sockets, socket } = world()
    client.connect()
    socket().hello()
    page.tell('offline')
    expect(socket().heard()).toEqual([{ type: 'COMPONENT_PING' }])
    await clock.advance(1300)
    expect(sockets).toHaveLength(2)
    page.tell('online')
    expect(sockets).toHaveLength(2)
    await clock.advance(3000)
    page.tell('online')
    expect(sockets).toHaveLength(3)
  })
})

describe('a session that another page took over', () => {
  test('is asked for again by a page that is looked at, with growing patience', async () => {
    const { client, clock, sockets, socket } = world()
    client.connect()
    const waits: number[] = []
    for (let round = 0; round < 4; round += 1) {
      socket().hello({}, 'token')
      const [count, since] = [sockets.length, clock.now()]
      socket().events.closed(4409)
      while (sockets.length === count) await clock.advance(5)
      waits.push(clock.now() - since)
    }
    expect(waits).toEqual([125, 250, 500, 1000])
  })

  test('is left alone by a page that is not, until it is', async () => {
    const { client, clock, page, sockets, socket } = world()
    client.connect()
    socket().hello({}, 'token')
    page.tell('hidden')
    socket().events.closed(4409)
    await clock.advance(600_000)
    expect(sockets).toHaveLength(1)
    page.tell('visible')
    expect(sockets).toHaveLength(2)
  })

  test('by itself is nothing to worry about', async () => {
    const { client, clock, sockets, socket } = world()
    client.connect()
    socket().hello({}, 'token')
    // Found dead, and replaced; the server closes the old one when it sees the new one.
    await clock.advance(2500)
    expect(sockets).toHaveLength(2)
    sockets[0]?.events.closed(4409)
    socket().hello({}, 'token')
    sockets[0]?.events.closed(4409)
    expect([client.getStatus(), sockets.length]).toEqual(['open', 2])
  })
})

describe('closing', () => {
  test('is for good, and fails what was asked', async () => {
    const { client, clock, page, sockets, socket } = world()
    const counter = client.live(Counter, { props: { count: 1 } })
    counter.subscribe(nothing)
    socket().hello()
    await settled()
    socket().mounted(socket().heard()[0], 'live-1', { count: 1 })
    const call = counter.call.increment()
    client.close()
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' })
    expect(counter.getState()).toMatchObject({
      status: 'failed',
      state: { count: 1 },
      error: { code: 'CLOSED' },
    })
    page.tell('restored')
    await clock.advance(60_000)
    expect(sockets).toHaveLength(1)
    await expect(counter.call.increment()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
