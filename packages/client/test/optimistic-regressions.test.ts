import { batch } from '@fluxstack/client/batch'
import { authenticate, signIn } from '@fluxstack/client/sign-in'
import { fakeServer } from '@fluxstack/client/testing'
import { expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { Counter } from './shapes.js'
import { settled, TestClock, world } from './world.js'

function increment(state: { count: number }): void {
  state.count += 1
}
const add = (state: { count: number }, { by }: { by: number }): number => {
  state.count += by
  return state.count
}
const optimistic = {
  increment: ({ count }: { count: number }) => ({ count: count + 1 }),
  add: ({ count }: { count: number }, { by }: { by: number }) => ({ count: count + by }),
}

test('a batched call whose effect is held back stays shown until it comes', async () => {
  const clock = new TestClock()
  const server = fakeServer({ clock }).mounted(
    Counter,
    { count: 5 },
    { increment, add },
    { paced: ['count'] },
  )
  const counter = server.client.live(Counter, { props: { count: 5 }, optimistic })
  const seen: unknown[] = []
  counter.subscribe(({ state }) => seen.push(state?.count))
  await server.settled()
  await counter.call.add({ by: 2 })
  expect(counter.getState().state?.count, 'a plain call stays').toBe(7)
  server.release(Counter)
  await server.settled()
  await batch(server.client, [[counter, 'add', { by: 3 }]])
  expect(JSON.stringify(server.sent.at(-1))).toContain('"held":true')
  expect(counter.getState().state?.count, 'a batched one too').toBe(10)
})

test('a batch lets go first what was put off', async () => {
  const clock = new TestClock()
  const server = fakeServer({ clock }).mounted(Counter, { count: 5 }, { increment, add })
  const counter = server.client.live(Counter, { props: { count: 5 }, debounceMs: { add: 50 } })
  counter.subscribe(() => undefined)
  await server.settled()
  const one = counter.call.add({ by: 1 })
  const two = batch(server.client, [[counter, 'increment']])
  await clock.advance(100)
  await Promise.all([one, two])
  const order = server.calls.map(({ action }) => action)
  expect(order).toEqual(['add', 'increment'])
})

test('what was caught up on a connection that was lost again does not come back over newer state', async () => {
  const it = world({ timeout: 3000 } as never)
  const counter = it.client.live(Counter, { props: { count: 5 }, optimistic })
  counter.subscribe(() => undefined)
  it.socket().hello({}, 'token-1')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await settled()
  it.socket().events.closed(1006)
  const call = counter.call.increment().catch((e) => e.code)
  expect(counter.getState().state?.count).toBe(6)
  // back: the delta is replayed, and the connection is lost before the answer
  it.page.tell('online')
  await it.clock.advance(500)
  it.socket().hello({}, 'token-2')
  await settled()
  const delta = (base: number, count: number) =>
    it.socket().say({
      type: 'STATE_DELTA',
      componentId: 'live-1',
      payload: { delta: { count }, base, version: base + 1, digest: digest({ count }) },
    })
  delta(0, 10)
  await settled()
  it.socket().events.closed(1006)
  await it.clock.advance(4000) // the call times out
  expect(await call).toBe('TIMEOUT')
  it.page.tell('online')
  await it.clock.advance(500)
  it.socket().hello({}, 'token-3')
  await settled()
  const resume = it
    .socket()
    .heard()
    .find(({ type }) => type === 'COMPONENT_RESUME')
  delta(1, 20)
  it.socket().answer(resume, { outcome: 'replayed', frames: 1, version: 2, digest: digest({ count: 20 }) })
  await settled()
  expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 20 } })
})

test('mounted afresh with a guess, nothing is called live before the new state is there', async () => {
  const clock = new TestClock()
  let n = 5
  const server = fakeServer({ clock }).mounted(Counter, () => ({ count: n }), { increment, add })
  const counter = server.client.live(Counter, { props: { count: 5 }, optimistic })
  const seen: unknown[] = []
  await server.settled()
  counter.subscribe(({ status, state }) => seen.push([status, state?.count, counter.generation]))
  counter.onResume(({ kind }) =>
    seen.push([kind, counter.getState().status, counter.getState().state?.count]),
  )
  await server.settled()
  server.disconnect()
  const lost = counter.call.add({ by: 2 }).catch(() => undefined)
  n = 1000
  seen.length = 0
  server.restart()
  await clock.advance(1000)
  await lost
  expect(seen).not.toContainEqual(['live', 5, 2])
  expect(seen).toContainEqual(['reset', 'live', 1000])
})

test('while out of step, a call that is done does not disappear until the whole state comes', async () => {
  const clock = new TestClock()
  const server = fakeServer({ clock }).mounted(Counter, { count: 5 }, { increment, add })
  const counter = server.client.live(Counter, { props: { count: 5 }, optimistic })
  counter.subscribe(() => undefined)
  await server.settled()
  server.latency(100)
  const seen: unknown[] = []
  counter.subscribe(({ state }) => seen.push(state?.count))
  server.lose()
  server.push(Counter, { step: 1 } as never) // lost: client out of step, and does not know yet
  await clock.advance(60)
  const one = counter.call.add({ by: 10 })
  await clock.advance(40)
  server.push(Counter, { step: 2 } as never) // now it knows at 150
  await clock.advance(20)
  const two = counter.call.add({ by: 100 })
  await clock.advance(70)
  const three = counter.call.add({ by: 1000 })
  await clock.advance(500)
  await Promise.all([one, two, three])
  // Nothing that was shown is taken back on the way.
  expect(seen).toEqual([...seen].sort((a, b) => Number(a) - Number(b)))
  expect(seen.at(-1)).toBe(1115)
})

test('what was put off by one user is not done as the next one, and not shown to them', async () => {
  const it = world()
  const counter = it.client.live(Counter, { props: { count: 5 }, optimistic, debounceMs: 1000 })
  counter.subscribe(() => undefined)
  it.socket().hello({}, 'token-1', 'ada')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await settled()
  const call = counter.call.add({ by: 1 }).catch((error) => error.code)
  it.client.signOut()
  await settled()
  it.socket().hello({}, 'token-2', 'bob')
  await settled()
  it.socket().mounted(
    it
      .socket()
      .heard()
      .find(({ type }) => type === 'COMPONENT_MOUNT'),
    'live-2',
    { count: 500 },
  )
  await settled()
  expect.soft(it.client.getUser()).toBe('bob')
  expect.soft(counter.getState().state?.count, 'shown to bob').toBe(500)
  await it.clock.advance(2000)
  expect
    .soft(
      it
        .socket()
        .heard()
        .filter(({ type }) => type === 'CALL_ACTION'),
      'sent as bob',
    )
    .toEqual([])
  expect(await call).toBe('DISCONNECTED')
})

test('a call in flight or answered with held at sign-out leaves no layer', async () => {
  const it = world()
  const counter = it.client.live(Counter, { props: { count: 5 }, optimistic })
  counter.subscribe(() => undefined)
  it.socket().hello({}, 'token-1', 'ada')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await settled()
  void counter.call.add({ by: 1 }).catch((error) => error.code)
  await settled()
  void counter.call.add({ by: 2 }).catch((error) => error.code)
  it.client.signOut()
  await settled()
  expect(counter.pending).toBe(0)
  it.socket().hello({}, 'token-2', 'bob')
  await settled()
  it.socket().mounted(
    it
      .socket()
      .heard()
      .find(({ type }) => type === 'COMPONENT_MOUNT'),
    'live-2',
    { count: 500 },
  )
  await settled()
  expect.soft(counter.getState().state?.count, 'shown to bob').toBe(500)
})

test('what was asked by one user is not shown over what another has after signing in', async () => {
  const it = world({ auth: signIn({ token: 'ada' }) })
  const counter = it.client.live(Counter, { props: { count: 5 }, optimistic })
  counter.subscribe(() => undefined)
  it.socket().hello({}, 'token-1')
  await settled()
  let said = it.socket().heard()
  it.socket().answer(
    said.find(({ type }) => type === 'AUTH'),
    { userId: 'ada', token: 'token-1a', changed: false },
  )
  it.socket().mounted(
    said.find(({ type }) => type === 'COMPONENT_MOUNT'),
    'live-1',
    { count: 5 },
  )
  await settled()
  const done = authenticate(it.client, { token: 'bob' })
  await settled()
  // asked by ada while the answer is on its way
  void counter.call.add({ by: 7 }).catch(() => undefined)
  await settled()
  said = it.socket().heard()
  it.socket().answer(
    said.find(({ type }) => type === 'AUTH'),
    { userId: 'bob', token: 'token-b', changed: true },
  )
  await done
  await settled()
  said = [...said, ...it.socket().heard()]
  it.socket().mounted(
    said.find(({ type }) => type === 'COMPONENT_MOUNT'),
    'live-2',
    { count: 500 },
  )
  await settled()
  expect.soft(it.client.getUser()).toBe('bob')
  expect.soft(counter.getState().state?.count, 'shown to bob').toBe(500)
})

test('an unmounted and mounted again handle shows no layer of the last instance', async () => {
  const it = world()
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 }, optimistic })
  const leave = counter.subscribe(() => undefined)
  it.socket().hello({}, 'token-1', 'ada')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await settled()
  void counter.call.add({ by: 1 }).catch((error) => error.code)
  await settled()
  leave()
  await it.clock.advance(200) // grace
  counter.subscribe(() => undefined)
  await settled()
  const said = it.socket().heard()
  it.socket().mounted(
    said.find(({ type }) => type === 'COMPONENT_MOUNT'),
    'live-2',
    { count: 500 },
  )
  await settled()
  expect(counter.getState().state?.count).toBe(500)
})

test('out of step after coming back, nothing is called live before it is', async () => {
  const it = world()
  const counter = it.client.live(Counter, { props: { count: 5 }, optimistic })
  const seen: unknown[] = []
  counter.subscribe(({ status, state }) => seen.push([status, state?.count]))
  counter.onResume(({ kind }) =>
    seen.push([kind, counter.getState().status, counter.getState().state?.count]),
  )
  it.socket().hello({}, 'token-1', 'ada')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await settled()
  it.socket().events.closed(1006)
  it.page.tell('online')
  await it.clock.advance(500)
  it.socket().hello({}, 'token-2', 'ada')
  await settled()
  const resume = it
    .socket()
    .heard()
    .find(({ type }) => type === 'COMPONENT_RESUME')
  it.socket().answer(resume, { outcome: 'resumed', version: 9, digest: digest({ count: 99 }) })
  await settled()
  expect(counter.getState().status).toBe('stale')
  seen.length = 0
  void counter.call.add({ by: 1 }).catch(() => undefined)
  expect(seen).toEqual([['stale', 6]])
})

test('a series that is put off does not flicker, nor does pending', async () => {
  const clock = new TestClock()
  const server = fakeServer({ clock }).mounted(Counter, { count: 5 }, { add: (s, { by }) => (s.count += by) })
  const counter = server.client.live(Counter, { props: { count: 5 }, optimistic, debounceMs: 50 })
  counter.subscribe(() => undefined)
  await server.settled()
  const seen: unknown[] = []
  counter.subscribe(({ state }) => seen.push([state?.count, counter.pending]))
  for (const by of [1, 2, 3]) void counter.call.add({ by })
  expect(seen).not.toContainEqual([5, 0])
})
test('something that is called between CALL_DONE and its state does not make the effect vanish', async () => {
  const it = world()
  const counter = it.client.live(Counter, { props: { count: 5 }, optimistic })
  const seen: unknown[] = []
  counter.subscribe(({ state }) => seen.push(state?.count))
  it.socket().hello({}, 'token-1')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  await settled()
  void counter.call.add({ by: 1 }).catch(() => undefined)
  await settled()
  const [call] = it.socket().heard()
  it.socket().say({ type: 'CALL_DONE', componentId: 'live-1', payload: { callIds: [call?.callId] } })
  await settled()
  void counter.call.add({ by: 10 }).catch(() => undefined) // a key is pressed between two frames of the socket
  it.socket().say({
    type: 'STATE_DELTA',
    componentId: 'live-1',
    payload: { delta: { count: 6 }, base: 0, version: 1, digest: digest({ count: 6 }) },
  })
  await settled()
  expect(seen).not.toContain(15)
})
test('of two optimistic updates in a turn, both stand for the call that comes with them', async () => {
  const clock = new TestClock()
  const server = fakeServer({ clock }).mounted(
    Counter,
    { count: 5, step: 0 },
    {
      increment: (s) => {
        s.count = 6
      },
    },
  )
  server.latency(100)
  const counter = server.client.live(Counter, { props: { count: 5 } })
  counter.subscribe(() => undefined)
  await clock.advance(500)
  counter.optimisticUpdate(() => ({ count: 6 }))
  counter.optimisticUpdate(() => ({ step: 1 }))
  void counter.call.increment()
  await settled()
  expect(counter.getState().state).toEqual({ count: 6, step: 1 })
})
