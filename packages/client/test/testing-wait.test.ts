import {
  componentState,
  type FakeServerOptions,
  fakeClock,
  fakeServer,
  simulateDisconnect,
  waitForUpdate,
} from '@fluxstack/client/testing'
import { describe, expect, test } from 'vitest'
import { Counter } from './shapes.js'

const nothing = (): void => undefined

async function counted(options: FakeServerOptions = {}) {
  const server = fakeServer(options).mounted(
    Counter,
    { count: 0 },
    {
      add: (state, { by }) => {
        state.count += by
        return state.count
      },
    },
  )
  const counter = server.client.live(Counter, { props: { count: 0 }, componentId: 'a' })
  counter.subscribe(nothing)
  return { server, counter }
}

describe('waiting for an update', () => {
  test('brings the next view', async () => {
    const { server, counter } = await counted()
    expect(await waitForUpdate(counter)).toMatchObject({ status: 'live', state: { count: 0 } })
    const next = waitForUpdate(counter)
    server.push(Counter, { count: 7 })
    expect((await next).state).toEqual({ count: 7 })
  })

  test('brings the first view that satisfies the predicate, also the one there is', async () => {
    const { server, counter } = await counted()
    const seven = waitForUpdate(counter, ({ state }) => state?.count === 7)
    await server.settled()
    for (const count of [5, 7, 9]) server.push(Counter, { count })
    expect((await seven).state).toEqual({ count: 7 })
    await server.settled()
    expect((await waitForUpdate(counter, ({ state }) => state?.count === 9)).state).toEqual({ count: 9 })
  })

  test('mounts what nobody shows', async () => {
    const server = fakeServer().mounted(Counter, { count: 3 })
    const counter = server.client.live(Counter, { props: { count: 3 } })
    expect((await waitForUpdate(counter)).state).toEqual({ count: 3 })
  })

  test('says how long it waited in vain, why, and what there was instead', async () => {
    const clock = fakeClock()
    const { server, counter } = await counted()
    await server.settled()
    const vain = async (wait: Promise<unknown>): Promise<string> => {
      const caught = wait.then(
        () => 'not in vain',
        (error: Error) => error.message,
      )
      await clock.advance(1000)
      return caught
    }
    expect(await vain(waitForUpdate(counter, undefined, { clock }))).toBe(
      'waited 1000 ms in vain: nothing changed. There is live, with {"count":0}',
    )
    const never = waitForUpdate(counter, () => false, { clock, timeout: 500 })
    server.push(Counter, { count: 1 })
    server.push(Counter, { count: 2 })
    expect(await vain(never)).toBe(
      'waited 500 ms in vain: it changed 2 times, and the predicate is not satisfied. There is live, with {"count":2}',
    )
    server.deny(Counter)
    await server.settled()
    expect(await vain(waitForUpdate(counter, ({ status }) => status === 'live', { clock }))).toContain(
      'There is failed, with FORBIDDEN (you may not have this any more) and {"count":2}',
    )
    const calls = await vain(waitForUpdate(server, ({ calls }) => calls.length > 0, { clock }))
    expect(calls).toBe(
      'waited 1000 ms in vain: nothing changed, and the predicate is not satisfied. There is a connection that is open; ' +
        'the client said COMPONENT_MOUNT last, and called []',
    )
    expect(clock.pending).toBe(0)
  })

  test('rejects with what the predicate throws', async () => {
    const { counter } = await counted()
    const thrown = new TypeError('no such field')
    await expect(
      waitForUpdate(counter, () => {
        throw thrown
      }),
    ).rejects.toBe(thrown)
  })

  test('waits for what the server hears', async () => {
    const { server, counter } = await counted()
    const heard = waitForUpdate(server, ({ calls }) => calls.length === 2)
    void counter.call.add({ by: 1 })
    void counter.call.add({ by: 2 })
    expect((await heard).calls.map(({ args }) => args)).toEqual([{ by: 1 }, { by: 2 }])
    const more = waitForUpdate(server)
    server.push(Counter, { count: 1 })
    expect(await more).toBe(server)
  })
})

describe("the server's own state", () => {
  test('is there for each instance, and for a handle whatever it shows', async () => {
    const { server, counter } = await counted()
    await counter.call.add({ by: 2 })
    server.client.live(Counter, { props: { count: 0 }, componentId: 'b' }).subscribe(nothing)
    await server.settled()
    expect(componentState(server, Counter)).toEqual([{ count: 2 }, { count: 0 }])
    server.disconnect()
    server.push(Counter, { count: 9 })
    expect(counter.getState().state).toEqual({ count: 2 })
    expect(componentState(server, counter)).toEqual({ count: 9 })
    server.restart()
    expect(componentState(server, Counter)).toEqual([])
    expect(componentState(server, counter)).toBeUndefined()
  })

  test('is a copy', async () => {
    const { server, counter } = await counted()
    await waitForUpdate(counter)
    const state = componentState(server, counter) as { count: number }
    state.count = 99
    expect(componentState(server, counter)).toEqual({ count: 0 })
  })
})

describe('a simulated disconnect', () => {
  test('lasts as long as it is told to, by the clock of the server', async () => {
    const clock = fakeClock()
    const { server, counter } = await counted({ clock })
    await clock.advance(0)
    let isBack = false
    const back = simulateDisconnect(server, { for: 5000 }).then(() => {
      isBack = true
    })
    await clock.advance(4999)
    expect(counter.getState().status).toBe('stale')
    expect(isBack).toBe(false)
    await clock.advance(1)
    await back
    expect(counter.getState()).toMatchObject({ status: 'live', outcome: { kind: 'resumed' } })
  })

  test('lasts until something is done, or has failed', async () => {
    const { server, counter } = await counted()
    await waitForUpdate(counter)
    await simulateDisconnect(server, { until: () => server.push(Counter, { count: 4 }) })
    expect(counter.getState()).toMatchObject({
      state: { count: 4 },
      outcome: { kind: 'replayed', frames: 1 },
    })
    const failed = simulateDisconnect(server, { until: Promise.reject(new Error('no')) })
    expect(counter.getState().status).toBe('stale')
    await expect(failed).rejects.toThrow('no')
    await waitForUpdate(counter, ({ status }) => status === 'live')
  })
})

describe('latency', () => {
  test('is the time of a question and its answer', async () => {
    const clock = fakeClock()
    const { server, counter } = await counted({ clock })
    await clock.advance(0)
    server.latency(200)
    let result: number | undefined
    void counter.call.add({ by: 2 }).then((sum) => {
      result = sum
    })
    await clock.advance(99)
    expect(componentState(server, counter)).toEqual({ count: 0 })
    await clock.advance(1)
    expect(componentState(server, counter)).toEqual({ count: 2 })
    await clock.advance(99)
    expect([result, counter.getState().state?.count]).toEqual([undefined, 0])
    await clock.advance(1)
    expect([result, counter.getState().state?.count]).toEqual([2, 2])
  })

  test('lets no frame overtake another when it ends', async () => {
    const clock = fakeClock()
    const { server, counter } = await counted({ clock })
    await clock.advance(0)
    const shown: unknown[] = []
    counter.subscribe(({ state }) => shown.push(state?.count))
    server.latency(200)
    server.push(Counter, { count: 1 })
    await server.settled()
    server.latency(0)
    server.push(Counter, { count: 2 })
    await server.settled()
    expect(shown).toEqual([])
    await clock.advance(100)
    expect(shown).toEqual([1, 2])
    server.push(Counter, { count: 3 })
    await server.settled()
    expect(shown).toEqual([1, 2, 3])
  })

  test('is lost with the connection', async () => {
    const clock = fakeClock()
    const { server, counter } = await counted({ clock })
    await clock.advance(0)
    server.latency(200)
    server.push(Counter, { count: 1 })
    await clock.advance(50)
    await Promise.all([simulateDisconnect(server, { for: 10 }), clock.advance(1000)])
    expect(counter.getState()).toMatchObject({ state: { count: 1 }, outcome: { kind: 'replayed' } })
  })
})
