// @vitest-environment jsdom
import { quietWhenHidden } from '@fluxstack/client/quiet'
import {
  componentState,
  type FakeServer,
  fakeClock,
  fakeServer,
  simulateDisconnect,
} from '@fluxstack/client/testing'
import { renderLive } from '@fluxstack/react/testing'
import { cleanup } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, describe, expect, test } from 'vitest'
import { TestPage } from '../../../client/test/world.js'
import { Finder, FinderPage, Order, OrderPage } from './order.js'

afterEach(cleanup)

const shop = (options = {}, paced: readonly 'cents'[] = []): FakeServer =>
  fakeServer(options)
    .mounted(
      Order,
      { lines: [], cents: 0, note: '' },
      {
        add: (state, { name }) => {
          state.lines = [...state.lines, name]
          state.cents += 300
        },
        clear: (state) => {
          Object.assign(state, { lines: [], cents: 0 })
        },
      },
      { paced },
    )
    .mounted(
      Finder,
      { text: '', found: 0 },
      {
        search: (state, { text }) => {
          Object.assign(state, { text, found: text.length })
          return text.length
        },
        open: () => undefined,
      },
    )

const lines = (page: { queryAllByRole(role: string): HTMLElement[] }): (string | null)[] =>
  page.queryAllByRole('listitem').map((line) => line.textContent)

describe('on a slow network', () => {
  test('what a call will do shows at once, once, and is rebased on what others do', async () => {
    const clock = fakeClock()
    const server = shop({ clock })
    const page = await renderLive(<OrderPage />, server)
    server.latency(400)
    await userEvent.click(page.getByRole('button', { name: 'tea' }))
    expect(lines(page)).toEqual(['tea'])
    expect(page.getByLabelText('order').getAttribute('aria-busy')).toBe('true')
    server.push(Order, { lines: ['milk'], cents: 100 })
    const seen: unknown[] = []
    for (let ms = 0; ms < 500; ms += 50) {
      await page.settle(() => clock.advance(50))
      seen.push(lines(page).join())
    }
    // The answer brings the price, and no moment without the tea, or with two.
    expect(new Set(seen)).toEqual(new Set(['tea', 'milk,tea']))
    page.getByRole('button', { name: 'clear 400' })
    expect(page.getByLabelText('order').getAttribute('aria-busy')).toBe('false')
  })

  test('what is cleared by one call is gone at once', async () => {
    const clock = fakeClock()
    const server = shop({ clock })
    const page = await renderLive(<OrderPage />, server)
    await page.settle(() => server.push(Order, { lines: ['milk'], cents: 100 }))
    server.latency(400)
    await userEvent.click(page.getByRole('button', { name: 'clear 100' }))
    expect(lines(page)).toEqual([])
    page.getByRole('button', { name: 'clear 0' })
    await page.settle(() => clock.advance(400))
    expect(componentState(server, Order)).toMatchObject([{ lines: [], cents: 0 }])
    page.getByRole('button', { name: 'clear 0' })
  })

  test('what is refused is taken back, and the page says why', async () => {
    const clock = fakeClock()
    const server = shop({ clock })
    const page = await renderLive(<OrderPage />, server)
    server.latency(400)
    server.refuse('FORBIDDEN', 'there is no tea')
    await userEvent.click(page.getByRole('button', { name: 'tea' }))
    expect(lines(page)).toEqual(['tea'])
    await page.settle(() => clock.advance(400))
    expect(lines(page)).toEqual([])
    page.getByText('there is no tea')
  })
})

describe('a handle', () => {
  async function orderOf(server: FakeServer) {
    const { client } = server
    const order = client.live(Order, {
      optimistic: { add: ({ lines }, { name }) => ({ lines: [...lines, name] }) },
    })
    order.subscribe(() => undefined)
    await server.settled()
    return order
  }

  test('shows it without React as well', async () => {
    const server = shop()
    const order = await orderOf(server)
    const seen: unknown[] = []
    order.subscribe(({ state }) => seen.push(state?.lines.join()))
    const done = order.call.add({ name: 'tea' })
    expect(order.getState().state).toEqual({ lines: ['tea'], cents: 0, note: '' })
    expect(order.pending).toBe(1)
    await done // the server knows the price
    expect(order.getState().state).toEqual({ lines: ['tea'], cents: 300, note: '' })
    expect(order.pending).toBe(0)
    expect(new Set(seen)).toEqual(new Set(['tea']))
  })

  test('shows what is written, and what the server has when that is refused', async () => {
    const server = shop()
    const order = await orderOf(server)
    const written = order.write('note', 'no sugar')
    expect(order.getState().state?.note).toBe('no sugar')
    await written
    server.refuse('INVALID', 'too long', { note: 'at most 200 letters' })
    await expect(order.write('note', 'x'.repeat(201))).rejects.toMatchObject({
      fields: { note: 'at most 200 letters' },
    })
    expect(order.getState().state?.note).toBe('no sugar')
  })

  test('shows a guess of a paced field until the field comes', async () => {
    const server = shop({}, ['cents'])
    const order = server.client.live(Order, {
      optimistic: { add: ({ cents }) => ({ cents: cents + 300 }) },
    })
    order.subscribe(() => undefined)
    await server.settled()
    await order.call.add({ name: 'tea' })
    expect([order.getState().state?.cents, order.pending]).toEqual([300, 1])
    server.release(Order)
    await server.settled()
    expect([order.getState().state?.cents, order.pending]).toEqual([300, 0])
  })

  test('shows guesses while it is away, once when it is back, and none of an instance that is gone', async () => {
    const clock = fakeClock()
    const server = shop({ clock })
    const order = await orderOf(server)
    const shown = (): unknown => order.getState().state?.lines
    await simulateDisconnect(server, {
      until() {
        void order.call.add({ name: 'tea' })
        expect(shown()).toEqual(['tea'])
      },
    })
    await server.settled()
    expect([shown(), order.pending]).toEqual([['tea'], 0])
    server.disconnect()
    const lost = expect(order.call.add({ name: 'milk' })).rejects.toMatchObject({ code: 'DISCONNECTED' })
    expect(shown()).toEqual(['tea', 'milk'])
    server.restart()
    await clock.advance(1000)
    await lost
    expect([shown(), order.pending]).toEqual([[], 0])
  })

  test('shows nothing early where that is not wanted', async () => {
    const server = shop()
    const order = await orderOf(server)
    order.configure({ optimisticUpdates: false })
    const done = order.call.add({ name: 'tea' })
    expect(order.getState().state?.lines).toEqual([])
    await done
    expect(order.getState().state?.lines).toEqual(['tea'])
  })
})

describe('calls that are put off', () => {
  async function finderOf(server: FakeServer) {
    const finder = server.client.live(Finder, { debounceMs: { search: 300 } })
    finder.subscribe(() => undefined)
    await server.settled()
    return finder
  }
  const searched = (server: FakeServer): unknown[] =>
    server.calls.map(({ action, args }) => (action === 'search' ? args : action))

  test('show every letter, and are one', async () => {
    const clock = fakeClock()
    const server = shop({ clock })
    const page = await renderLive(<FinderPage />, server)
    await userEvent.type(page.getByLabelText('search'), 'tea')
    page.getByDisplayValue('tea')
    expect(searched(server)).toEqual([])
    await page.settle(() => clock.advance(300))
    expect(searched(server)).toEqual([{ text: 'tea' }])
    page.getByText('3 found')
  })

  test('are made at once when a form is submitted, or nobody looks any more', async () => {
    const server = shop({ clock: fakeClock() })
    const page = await renderLive(<FinderPage />, server)
    await userEvent.type(page.getByLabelText('search'), 'te{Enter}')
    await page.settle()
    expect(searched(server)).toEqual([{ text: 'te' }])
    await userEvent.type(page.getByLabelText('search'), 'a')
    page.unmount()
    await page.settle()
    expect(searched(server)).toEqual([{ text: 'te' }, { text: 'tea' }])
  })

  test('all have the answer of the one that is made', async () => {
    const clock = fakeClock()
    const server = shop({ clock })
    const finder = await finderOf(server)
    const answers = Promise.all([finder.call.search({ text: 'te' }), finder.call.search({ text: 'tea' })])
    await clock.advance(300)
    expect(await answers).toEqual([3, 3])
    expect(server.calls).toEqual([{ component: 'Finder', action: 'search', args: { text: 'tea' } }])
  })

  test('go before what is not put off, and when they are told to', async () => {
    const server = shop({ clock: fakeClock() })
    const finder = await finderOf(server)
    void finder.call.search({ text: 'tea' })
    await finder.call.open()
    expect(searched(server)).toEqual([{ text: 'tea' }, 'open'])
    void finder.call.search({ text: 'milk' })
    finder.flush()
    await server.settled()
    expect(searched(server).at(-1)).toEqual({ text: 'milk' })
  })
})

test('a page nobody looks at is told nothing but answers, and catches up in one go', async () => {
  const [clock, page] = [fakeClock(), new TestPage()]
  const server = shop({ clock, page })
  const { client } = server
  const order = client.live(Order)
  const seen: unknown[] = []
  order.subscribe(({ state }) => seen.push(state?.cents))
  await server.settled()
  const stop = quietWhenHidden(client)
  page.tell('hidden')
  await clock.advance(5000)
  for (let cents = 1; cents <= 50; cents += 1) server.push(Order, { cents })
  await server.settled()
  expect(seen).toEqual([0])
  page.tell('visible')
  await server.settled()
  expect(seen).toEqual([0, 50])
  stop()
})
