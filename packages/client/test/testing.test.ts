import { LiveError } from '@fluxstack/client'
import { fakeServer } from '@fluxstack/client/testing'
import { describe, expect, test } from 'vitest'
import { Bell, Counter, Profile } from './shapes.js'

const nothing = (): void => undefined

describe('a fake server', () => {
  const counting = () =>
    fakeServer().mounted(Counter, ({ count }) => ({ count }), {
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

  test('goes away and comes back with a fresh instance', async () => {
    const server = counting()
    const counter = server.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    await counter.call.increment()
    server.disconnect()
    expect(counter.getState()).toEqual({ status: 'stale', state: { count: 6 }, error: undefined })
    server.reconnect()
    await server.settled()
    expect(counter.getState()).toEqual({ status: 'live', state: { count: 5 }, error: undefined })
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
