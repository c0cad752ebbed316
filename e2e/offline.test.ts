/** What is written without a connection is kept, whatever becomes of the page, and done once there is one. */

import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { status } from './stage/look'
import type { Network } from './stage/proxy'
import { setStage } from './stage/stage'
import { live, numberIn } from './stage/visit'

const OUTPUT = fileURLToPath(new URL('output/', import.meta.url))

const stage = setStage({ isDurable: true })

async function goOffline(page: Page, proxy: Network): Promise<void> {
  // The files of the page come all the same, as from a service worker.
  proxy.refuse('503 Service Unavailable', true)
  await expect.poll(() => status(page)).toBe('reconnecting')
}

async function goOnline(page: Page, proxy: Network): Promise<void> {
  proxy.refuse(undefined)
  await live(page)
}

async function reload(page: Page): Promise<void> {
  await page.reload()
  await page.locator('[data-testid=notes][data-status=stale]').waitFor()
}

function notes(page: Page): Promise<string[]> {
  return page.locator('[data-testid=note] .note-words').allTextContents()
}

function pending(page: Page): Promise<number> {
  return page.getByTestId('outbox').getAttribute('data-pending').then(numberIn)
}

function said(page: Page): Promise<string | null> {
  return page.getByTestId('outbox').textContent()
}

/** Writes so many notes, as fast as the page takes them. */
async function write(page: Page, texts: readonly string[]): Promise<void> {
  await page.getByTestId('note-text').evaluate(async (input: HTMLInputElement, texts) => {
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
    for (const text of texts) {
      set?.call(input, text)
      input.dispatchEvent(new Event('input', { bubbles: true }))
      await new Promise((resolve) => setTimeout(resolve))
      input.form?.requestSubmit()
    }
  }, texts)
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `note ${from + index}`)

test('500 notes taken offline, over two reloads, are there once each and in order', async () => {
  const { page, proxy, problems } = await stage.visitThrough()
  await write(page, ['note 0'])
  await expect.poll(() => pending(page)).toBe(0)
  await goOffline(page, proxy)

  await write(page, numbered(1, 200))
  await expect.poll(() => pending(page), { timeout: 30_000 }).toBe(200)
  await reload(page)
  await expect.poll(() => pending(page)).toBe(200)
  // The last picture, and over it what waits.
  await expect.poll(() => notes(page)).toEqual(numbered(0, 200))

  await write(page, numbered(201, 400))
  await reload(page)
  await expect.poll(() => pending(page)).toBe(400)
  await write(page, numbered(401, 500))
  await expect.poll(() => said(page)).toBe('Offline. 500 changes to be sent.')

  await goOnline(page, proxy)
  await expect.poll(() => pending(page), { timeout: 30_000 }).toBe(0)
  // What the outbox says shows at once, and what the server says with the next frame.
  await expect.poll(() => notes(page)).toEqual(numbered(0, 500))
  expect(numberIn(await page.getByTestId('note-total').textContent())).toBe(501)
  expect(await said(page)).toBe('')
  expect(await page.getByTestId('conflict').count()).toBe(0)

  // What the server holds, and not only what the page made of it.
  await page.reload()
  await live(page)
  await expect.poll(() => notes(page)).toEqual(numbered(0, 500))
  expect(problems.filter((problem) => !problem.includes('503'))).toEqual([])
}, 180_000)

test('a connection that dies in the midst of it costs nothing and doubles nothing', async () => {
  const { page, proxy } = await stage.visitThrough()
  await goOffline(page, proxy)
  await write(page, numbered(1, 120))
  proxy.refuse(undefined)
  await expect.poll(() => pending(page), { interval: 1 }).toBeLessThan(120)
  proxy.deafen()
  proxy.cut()
  await reloadAnyhow(page)
  await expect.poll(() => pending(page), { timeout: 30_000 }).toBe(0)
  await expect.poll(() => notes(page)).toEqual(numbered(1, 120))
})

async function reloadAnyhow(page: Page): Promise<void> {
  await page.reload()
  await live(page)
}

test('what is refused is listed, over a reload too, until somebody has decided', async () => {
  const { page, proxy } = await stage.visitThrough()
  await goOffline(page, proxy)
  await write(page, ['good', 'forbidden fruit', 'better'])
  await expect.poll(() => notes(page)).toEqual(['good', 'forbidden fruit', 'better'])
  await goOnline(page, proxy)
  await expect.poll(() => notes(page)).toEqual(['good', 'better'])
  await expect.poll(() => said(page)).toBe('1 change could not be made.')
  await reloadAnyhow(page)
  const conflict = page.getByTestId('conflict')
  await expect.poll(() => conflict.textContent()).toContain('add: “forbidden fruit”')
  await conflict.getByRole('button', { name: 'Try again' }).click()
  await expect.poll(() => said(page)).toBe('1 change could not be made.')
  await conflict.getByRole('button', { name: 'Forget it' }).click()
  await expect.poll(() => said(page)).toBe('')
  expect(await conflict.count()).toBe(0)
})

test('each action waits in its own way', async () => {
  const { page, proxy, sent } = await stage.visitThrough()
  await write(page, ['bread', 'butter'])
  await expect.poll(() => notes(page)).toEqual(['bread', 'butter'])
  await expect.poll(() => pending(page)).toBe(0)
  await goOffline(page, proxy)
  const before = sent.length
  // At once, because it does not wait.
  await page.getByTestId('bump').click()
  await expect.poll(() => page.getByTestId('toasts').textContent()).toContain('bump was not sent')
  // The last thing looked for, and no letter before it.
  await page.getByTestId('note-search').pressSequentially('butter')
  await expect.poll(() => pending(page)).toBe(1)
  await goOnline(page, proxy)
  await expect.poll(() => notes(page)).toEqual(['butter'])
  const actions = sent.slice(before).filter(({ type }) => type === 'CALL_ACTION')
  const of = (name: string) => actions.filter((call) => (call as { action?: string }).action === name)
  expect([of('search').length, of('bump').length]).toEqual([1, 0])
})

test.each([
  ['light', 1280],
  ['dark', 1280],
  ['light', 390],
  ['dark', 390],
] as const)('looks as it should, %s and %i wide', async (colorScheme, width) => {
  const proxied = await stage.visitThrough('?counters=1', {
    colorScheme,
    viewport: { width, height: 1000 },
  })
  const { page, proxy } = proxied
  await write(page, ['Call the harbour about the mooring', 'Forecast: wind from the west, rising'])
  await expect.poll(() => pending(page)).toBe(0)
  await goOffline(page, proxy)
  await write(page, ['forbidden fruit', 'Buy rope, twelve metres of it'])
  await goOnline(page, proxy)
  await page.getByTestId('conflict').waitFor()
  await goOffline(page, proxy)
  await write(page, ['Ask Ada for her tide tables'])
  await expect.poll(() => said(page)).toBe('Offline. 1 change to be sent. 1 change could not be made.')
  const section = page.getByRole('region', { name: 'Notebook' })
  await section.scrollIntoViewIfNeeded()
  await section.screenshot({ path: `${OUTPUT}notebook-${colorScheme}-${width}.png` })
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  expect(overflow).toBeLessThanOrEqual(0)
})
