import { type QuietOptions, quietWhenHidden } from '@fluxstack/client/quiet'
import { type FakeServerOptions, fakeServer } from '@fluxstack/client/testing'
import { expect, test } from 'vitest'
import { Counter } from './shapes.js'
import { TestClock, TestPage } from './world.js'

test('a page that stays hidden is told nothing but answers, and catches up when it is seen', async () => {
  const clock = new TestClock()
  const page = new TestPage()
  const server = fakeServer({ clock, page }).mounted(
    Counter,
    { count: 0 },
    {
      increment: (state) => {
        state.count += 1
      },
    },
  )
  const stop = quietWhenHidden(server.client)
  const counter = server.client.live(Counter, { props: { count: 0 } })
  const seen: unknown[] = []
  counter.subscribe(({ state }) => seen.push(state?.count))
  await server.settled()
  page.tell('hidden')
  await clock.advance(4000)
  server.push(Counter, { count: 1 })
  await clock.advance(2000)
  for (let count = 2; count < 50; count += 1) server.push(Counter, { count })
  await clock.advance(10)
  expect(seen).toEqual([0, 1])
  await counter.call.increment()
  expect(counter.getState().state?.count).toBe(50)
  server.push(Counter, { count: 60 })
  server.push(Counter, { count: 61 })
  await clock.advance(10)
  page.tell('visible')
  await clock.advance(10)
  expect(seen).toEqual([0, 1, 50, 61])
  stop()
})

test('a page that is hidden for a moment, or after somebody stopped it, is told everything', async () => {
  const { clock, page, server, seen, stop } = await hidden({ after: 1000 })
  page.tell('visible')
  await clock.advance(5000)
  server.push(Counter, { count: 1 })
  await clock.advance(10)
  page.tell('hidden')
  stop()
  await clock.advance(5000)
  server.push(Counter, { count: 2 })
  await clock.advance(10)
  expect(seen).toEqual([0, 1, 2])
  expect(server.received.filter(({ type }) => type === 'QUIET')).toEqual([])
})

test('a page that is still hidden on the next connection says so again', async () => {
  const { clock, server } = await hidden({ after: 1000 })
  await clock.advance(2000)
  server.disconnect()
  server.reconnect()
  await clock.advance(3000)
  const said = server.received.flatMap((message) => (message.type === 'QUIET' ? [message.payload.on] : []))
  expect(said).toEqual([true, true])
})

test('a server that has too much to do to speak again is asked again', async () => {
  const { clock, page, server, seen } = await hidden({ after: 1000 })
  await clock.advance(2000)
  server.push(Counter, { count: 7 })
  server.refuse('RATE_LIMITED')
  page.tell('visible')
  await clock.advance(5000)
  const said = server.received.flatMap((message) => (message.type === 'QUIET' ? [message.payload.on] : []))
  expect(said).toEqual([true, false, false])
  expect(seen).toEqual([0, 7])
})

test('an older server is not asked', async () => {
  const { clock, server } = await hidden({ after: 1000 }, { caps: [] })
  await clock.advance(5000)
  expect(server.received.map(({ type }) => type)).not.toContain('QUIET')
})

/** A counter on a page that has just been hidden. */
async function hidden(how: QuietOptions, options: FakeServerOptions = {}) {
  const clock = new TestClock()
  const page = new TestPage()
  const server = fakeServer({ ...options, clock, page }).mounted(Counter, { count: 0 })
  const counter = server.client.live(Counter, { props: { count: 0 } })
  const seen: unknown[] = []
  counter.subscribe(({ state }) => seen.push(state?.count))
  await server.settled()
  const stop = quietWhenHidden(server.client, how)
  page.tell('hidden')
  return { clock, page, server, seen, stop }
}
