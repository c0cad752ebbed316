// @vitest-environment jsdom
import {
  componentState,
  type FakeServer,
  fakeClock,
  fakeServer,
  simulateDisconnect,
  waitForUpdate,
} from '@fluxstack/client/testing'
import { renderLive } from '@fluxstack/react/testing'
import { cleanup } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, describe, expect, test } from 'vitest'
import { Basket, Shop } from './cart.js'

afterEach(cleanup)

const shop = (options = {}): FakeServer =>
  fakeServer(options).mounted(Basket, () => ({ lines: [], total: 0 }), {
    add: (state, { name }) => {
      state.lines = [...state.lines, name]
      state.total += 3
    },
    pay: (state) => `paid ${state.total}`,
  })

const lines = (page: { queryAllByRole(role: string): HTMLElement[] }): (string | null)[] =>
  page.queryAllByRole('listitem').map((line) => line.textContent)

describe('the shop', () => {
  test('adds what is clicked', async () => {
    const server = shop()
    const page = await renderLive(<Shop />, server)
    await userEvent.click(page.getByRole('button', { name: 'tea' }))
    await page.findByRole('button', { name: 'pay 3' })
    expect(server.calls).toEqual([{ component: 'Basket', action: 'add', args: { name: 'tea' } }])
    expect(componentState(server, Basket)).toEqual([{ lines: ['tea'], total: 3 }])
  })

  test('says why something was refused', async () => {
    const server = shop()
    const page = await renderLive(<Shop />, server)
    server.refuse('FORBIDDEN', 'this card is not good')
    await userEvent.click(page.getByRole('button', { name: 'pay 0' }))
    await page.findByText('this card is not good')
  })

  test('shows what others do, and what is announced', async () => {
    const server = shop()
    const page = await renderLive(<Shop />, server)
    await page.settle(() => {
      server.push(Basket, { lines: ['milk'], total: 1 })
      server.event(Basket, { type: 'reduced', name: 'milk' })
    })
    expect(lines(page)).toEqual(['milk'])
    page.getByText('milk is cheaper now')
  })

  test('waits with paying while the connection is gone, and catches up', async () => {
    const server = shop()
    const page = await renderLive(<Shop />, server)
    await page.settle(() =>
      simulateDisconnect(server, {
        async until() {
          await page.findByRole('button', { name: 'pay 0' })
          expect((page.getByRole('button', { name: 'pay 0' }) as HTMLButtonElement).disabled).toBe(true)
          server.push(Basket, { total: 9 })
        },
      }),
    )
    expect((page.getByRole('button', { name: 'pay 9' }) as HTMLButtonElement).disabled).toBe(false)
  })

  test('shows a line at once on a slow network, and the total when the server has said it', async () => {
    const clock = fakeClock()
    const server = shop({ clock })
    const page = await renderLive(<Shop />, server)
    server.latency(400)
    await userEvent.click(page.getByRole('button', { name: 'tea' }))
    expect(lines(page)).toEqual(['tea'])
    page.getByRole('button', { name: 'pay 0' })
    await page.settle(() => clock.advance(400))
    page.getByRole('button', { name: 'pay 3' })
  })

  test('is tested without a page too', async () => {
    const server = shop()
    const basket = server.client.live(Basket, { props: { owner: 'ada' } })
    await waitForUpdate(basket, (view) => view.status === 'live')
    const full = waitForUpdate(basket, ({ state }) => state?.lines.length === 2)
    server.push(Basket, { lines: ['milk', 'tea'] })
    expect((await full).state?.lines).toEqual(['milk', 'tea'])
  })
})
