/** The till: a component and a store of the page, kept together, and what a debugger sees of both. */

import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { setStage } from './stage/stage'
import type { Message } from './stage/visit'

const OUTPUT = fileURLToPath(new URL('output/', import.meta.url))

beforeAll(() => mkdir(OUTPUT, { recursive: true }))

const stage = setStage()

/** Whoever scrolls to the till has the ledger mounted, which is not looked at here: a small one keeps nobody waiting. */
const SMALL = '?ledger=200'

const text = (page: Page, id: string): Promise<string | null> => page.getByTestId(id).textContent()

async function add(page: Page, ...goods: readonly string[]): Promise<void> {
  for (const name of goods) await page.getByTestId(`till-add-${name}`).click()
}

async function apply(page: Page, coupon: string): Promise<void> {
  await page.getByTestId('till-coupon').fill(coupon)
  await page.getByTestId('till-apply').click()
}

/**
 * What was written to the coupon, in order. What is sent again after a lost connection has the name it had, and is one
 * write: a machine that is busy enough takes a connection for lost.
 */
function written(sent: readonly Message[]): unknown[] {
  const writes = sent.filter(({ type }) => type === 'PROPERTY_UPDATE')
  return [...new Map(writes.map(({ callId, payload }) => [callId, payload])).values()]
}

test('what the server adds up is in the store, and the coupon of the store is on the server', async () => {
  const { page, sent, problems } = await stage.visit(SMALL)
  await add(page, 'bread', 'apple', 'apple')
  await expect.poll(() => text(page, 'till-total')).toBe('€ 4.00')
  await expect.poll(() => text(page, 'store-total')).toBe('€ 4.00')
  await apply(page, 'tenth')
  await expect.poll(() => text(page, 'till-total')).toBe('€ 3.60')
  await expect.poll(() => text(page, 'store-total')).toBe('€ 3.60')
  expect(await text(page, 'store-coupon')).toBe('TENTH')
  expect(written(sent)).toEqual([{ value: 'TENTH' }])
  expect(problems).toEqual([])
})

test('a coupon that the server does not know is taken out of the store, and the page says why', async () => {
  const { page, sent } = await stage.visit(SMALL)
  await apply(page, 'half')
  await expect.poll(() => text(page, 'store-coupon')).toBe('HALF')
  await apply(page, 'gratis')
  await expect.poll(() => text(page, 'till-complaint')).toBe('GRATIS: no such coupon')
  await expect.poll(() => text(page, 'store-coupon')).toBe('HALF')
  expect(await text(page, 'store-conflicts')).toBe('1')
  expect(written(sent)).toEqual([{ value: 'HALF' }, { value: 'GRATIS' }])
})

test('what the server does to the coupon is in the store and not sent back', async () => {
  const { page, sent } = await stage.visit(SMALL)
  await add(page, 'cheese')
  await apply(page, 'half')
  await expect.poll(() => text(page, 'till-total')).toBe('€ 2.95')
  await page.getByTestId('till-pay').click()
  await page.getByText('Paid € 2.95.').waitFor()
  await expect.poll(() => text(page, 'store-coupon')).toBe('–')
  expect(await text(page, 'store-total')).toBe('€ 0.00')
  expect(await page.getByTestId('till-coupon').inputValue()).toBe('')
  expect(written(sent)).toEqual([{ value: 'HALF' }])
})

test('a coupon that was applied without a connection is written when it is back', async () => {
  const { page, sent, proxy } = await stage.visitThrough(SMALL)
  await add(page, 'olives', 'olives')
  await expect.poll(() => text(page, 'till-total')).toBe('€ 5.50')
  proxy.refuse('503 Service Unavailable')
  await expect.poll(() => text(page, 'store-status')).toBe('stale')
  await apply(page, 'half')
  await expect.poll(() => text(page, 'store-coupon')).toBe('HALF')
  expect(written(sent)).toEqual([])
  proxy.refuse(undefined)
  await expect.poll(() => text(page, 'till-total')).toBe('€ 2.75')
  expect(await text(page, 'store-coupon')).toBe('HALF')
  expect(written(sent)).toEqual([{ value: 'HALF' }])
})

test('a page that is loaded again has its basket and its coupon from the server', async () => {
  const { page } = await stage.visit(SMALL)
  await add(page, 'bread')
  await apply(page, 'tenth')
  await expect.poll(() => text(page, 'till-total')).toBe('€ 2.88')
  await page.reload()
  await expect.poll(() => text(page, 'till-total')).toBe('€ 2.88')
  await expect.poll(() => text(page, 'store-coupon')).toBe('TENTH')
  await expect.poll(() => text(page, 'store-total')).toBe('€ 2.88')
})

test('a debugger sees the component and the store, and each change by name', async () => {
  const prepare = (page: Page): Promise<unknown> =>
    page.addInitScript(() => {
      const seen: [string, unknown][] = []
      Object.assign(window, {
        seen,
        __REDUX_DEVTOOLS_EXTENSION__: {
          connect: () => ({
            init: () => undefined,
            subscribe: () => undefined,
            send: ({ type }: { type: string }, state: unknown) => seen.push([type, structuredClone(state)]),
          }),
        },
      })
    })
  const { page, problems } = await stage.visit(SMALL, { prepare })
  await add(page, 'cheese')
  // What the server made of it comes before the coupon, which the page may otherwise say first.
  await expect.poll(() => text(page, 'till-total')).toBe('€ 5.90')
  await apply(page, 'half')
  const seen = (): Promise<[string, unknown][]> =>
    page.evaluate(() => (window as unknown as { seen: [string, unknown][] }).seen)
  // The last thing to be seen is that nothing is on its way any more.
  await expect
    .poll(async () => (await seen()).at(-1)?.[1])
    .toMatchObject({
      coupon: 'HALF',
      total: 295,
      liveComponents: {
        connection: 'open',
        components: { 'Till:till': { status: 'live', state: { coupon: 'HALF', total: 295 }, pending: 0 } },
      },
    })
  const names = new Set((await seen()).map(([name]) => name))
  const order = ['live/Till:till/mounted', 'live/Till:till/delta', 'shop/coupon', 'live/Till:till/guess']
  expect([...names].filter((name) => order.includes(name))).toEqual(order)
  expect(names).toContain('live/Till:till/updater')
  expect(problems).toEqual([])
})

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test.each([
    ['wide', { width: 1280, height: 1500 }],
    ['narrow', { width: 390, height: 1500 }],
  ])('the till is readable when the page is %s', async (name, viewport) => {
    const { page, problems } = await stage.visit(SMALL, { colorScheme, viewport })
    await add(page, 'bread', 'apple', 'apple')
    await apply(page, 'tenth')
    await expect.poll(() => text(page, 'till-total')).toBe('€ 3.60')
    await apply(page, 'gratis')
    await expect.poll(() => text(page, 'till-complaint')).toContain('no such coupon')
    const till = page.locator('section', { has: page.getByTestId('till') })
    await till.screenshot({ path: `${OUTPUT}till-${colorScheme}-${name}.png` })
    const overflow = await till.evaluate((section) => section.scrollWidth - section.clientWidth)
    expect(overflow).toBe(0)
    expect(problems).toEqual([])
  })
})
