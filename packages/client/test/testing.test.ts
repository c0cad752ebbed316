import { LiveError } from '@fluxstack/client'
import { type FakeServerOptions, fakeServer } from '@fluxstack/client/testing'
import { describe, expect, test } from 'vitest'
import { Bell, Counter, Profile } from './shapes.js'

const nothing = (): void => undefined

describe('a fake server', () => {
  const counting = (options: FakeServerOptions = {}) =>
    fakeServer(options).mounted(Counter, ({ count }) => ({ count }), {
      increment: (state) => {
        state.count += 1
      },
      add: (state, { by }) => {
        state.count += by
        return state.count
      },
    })

  test('mounts with the state made from the props', async () => {
    const server = counting()
    const counter = server.client.live(Counter, { props: { count: 5 } })
    expect(counter.getState().status).toBe('mounting')
    counter.subscribe(nothing)
    await server.settled()
    expect(counter.getState()).toEqual({ status: 'live', state: { count: 5 }, error: undefined })
  })

  test('shows what a call did before the call resolves', async () => {
    const server = counting()
    const counter = server.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    const seen: unknown[] = []
    await counter.call.add({ by: 2 }).then((result) => seen.push(result, counter.getState().state))
    expect(seen).toEqual([7, { count: 7 }])
    expect(server.calls).toEqual([{ component: 'Counter', action: 'add', args: { by: 2 } }])
  })

  test('pushes changes, whole states, events and misses', async () => {
    const server = counting().mounted(Bell, { rings: 0 })
    const bell = server.client.live(Bell)
    bell.subscribe(nothing)
    const heard: unknown[] = []
    bell.on((event) => heard.push(event.times))
    bell.onMissed((count) => heard.push({ missed: count }))
    await server.settled()
    server.push(Bell, { rings: 1 })
    server.event(Bell, { type: 'rang', times: 1 })
    server.missed(Bell, 3)
    await server.settled()
    expect(bell.getState().state).toEqual({ rings: 1 })
    expect(heard).toEqual([1, { missed: 3 }])
    server.update(Bell, { rings: 9 })
    await server.settled()
    expect(bell.getState().state).toEqual({ rings: 9 })
  })

  async function counted(options: FakeServerOptions = {}) {
    const server = counting(options)
    const counter = server.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    await counter.call.increment()
    return { server, counter }
  }

  test('goes away and comes back with the instance that was mounted', async () => {
    const { server, counter } = await counted()
    server.disconnect()
    expect(counter.getState()).toEqual({ status: 'stale', state: { count: 6 } })
    server.reconnect()
    await server.settled()
    expect(counter.getState()).toEqual({
      status: 'live',
      state: { count: 6 },
      outcome: { kind: 'resumed' },
    })
  })

  test('replays what happened while the client was away', async () => {
    const { server, counter } = await counted()
    server.mounted(Bell, { rings: 0 })
    const bell = server.client.live(Bell)
    const rung: number[] = []
    bell.on(({ times }) => rung.push(times))
    bell.subscribe(nothing)
    await server.settled()
    server.disconnect()
    server.push(Counter, { count: 7 })
    server.push(Counter, { count: 8 })
    server.event(Bell, { type: 'rang', times: 1 })
    server.reconnect()
    await server.settled()
    expect(counter.getState()).toMatchObject({
      status: 'live',
      state: { count: 8 },
      outcome: { kind: 'replayed', frames: 2 },
    })
    expect(rung).toEqual([1])
    server.disconnect()
    server.update(Counter, { count: 20 })
    server.reconnect()
    await server.settled()
    expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 20 } })
  })

  test('does a call once whose answer was lost', async () => {
    const { server, counter } = await counted()
    server.lose()
    const call = counter.call.add({ by: 2 })
    await server.settled()
    expect(counter.getState().state).toEqual({ count: 6 })
    server.disconnect()
    server.reconnect()
    expect(await call).toBe(8)
    expect(counter.getState().state).toEqual({ count: 8 })
    expect(server.calls.filter(({ action }) => action === 'add')).toHaveLength(1)
  })

  test('forgets everything when it restarts, unless it is told to keep it', async () => {
    const { server, counter } = await counted()
    server.restart({ keep: true })
    await server.settled()
    expect(counter.getState()).toMatchObject({
      state: { count: 6 },
      outcome: { kind: 'rehydrated', version: 1 },
    })
    await counter.call.increment()
    server.restart()
    await server.settled()
    expect(counter.getState()).toMatchObject({
      state: { count: 5 },
      outcome: { kind: 'reset', reason: 'NOTHING_KEPT' },
    })
  })

  test('can be an older one, to which nobody comes back', async () => {
    const { server, counter } = await counted({ resume: false })
    server.disconnect()
    server.reconnect()
    await server.settled()
    expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 5 } })
    expect(server.received.map(({ type }) => type)).not.toContain('SESSION_RESUME')
  })

  test('refuses what it is told to refuse', async () => {
    const server = fakeServer().mounted(Profile, { name: 'Ada', saved: 0 })
    const profile = server.client.live(Profile)
    profile.subscribe(nothing)
    await server.settled()
    server.refuse('INVALID', 'some fields need attention', { name: 'at most 20 characters' })
    const error = await profile.write('name', 'x'.repeat(21)).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(LiveError)
    expect(error).toMatchObject({ code: 'INVALID', fields: { name: 'at most 20 characters' } })
    await profile.write('name', 'Grace')
    expect(profile.getState().state).toEqual({ name: 'Grace', saved: 0 })
  })

  test('says what to script when something was not scripted', async () => {
    const server = fakeServer()
    const counter = server.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    await server.settled()
    expect(counter.getState().error?.message).toContain('fakeServer().mounted(Counter')
  })
})
