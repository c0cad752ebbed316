/** The page without a framework and without a build: a real browser loads it as it was written. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Showcase, startShowcase } from './stage/showcase'
import { openBrowser } from './stage/visit'

const VANILLA = fileURLToPath(new URL('../examples/vanilla/', import.meta.url))

let showcase: Showcase
let browser: Browser
beforeAll(async () => {
  ;[showcase, browser] = await Promise.all([startShowcase(), openBrowser()])
})
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()))
})
afterAll(async () => {
  await browser?.close()
  await showcase?.kill()
})

async function visit(): Promise<{ page: Page; problems: string[] }> {
  const page = await (await browser.newContext()).newPage()
  const problems: string[] = []
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(String(error)))
  await page.goto(`${showcase.url}/vanilla/`)
  await live(page)
  return { page, problems }
}

const live = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => document.querySelectorAll('live-counter[data-status=live]').length === 2)

const counts = (page: Page): Promise<string[]> => page.locator('live-counter output').allTextContents()

const more = (page: Page, index: number): Promise<void> =>
  page.locator('live-counter').nth(index).getByRole('button', { name: 'more' }).click()

test('the element is at most 30 lines, and the page is built of nothing', async () => {
  const element = await readFile(`${VANILLA}live-counter.js`, 'utf8')
  expect(element.trimEnd().split('\n').length).toBeLessThanOrEqual(30)
  for (const name of ['live-counter.js', 'page.js']) {
    const served = await (await fetch(`${showcase.url}/vanilla/${name}`)).text()
    expect(served, name).toBe(await readFile(VANILLA + name, 'utf8'))
  }
})

test('an element counts, each for itself, and what has a name is there again after a reload', async () => {
  const { page, problems } = await visit()
  expect(await counts(page)).toEqual(['5', '40'])
  await more(page, 0)
  await more(page, 1)
  await page.locator('live-counter').nth(1).getByRole('button', { name: 'less' }).click()
  await more(page, 0)
  await expect.poll(() => counts(page)).toEqual(['7', '40'])
  await more(page, 1)
  await expect.poll(() => counts(page)).toEqual(['7', '41'])
  await page.reload()
  await live(page)
  expect(await counts(page)).toEqual(['7', '40'])
  expect(problems).toEqual([])
})

test('an element that is taken off the page lets go of its instance', async () => {
  const { page, problems } = await visit()
  const said: string[] = []
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => said.push(payload.toString())))
  await page.reload()
  await live(page)
  await page.evaluate(() => document.querySelectorAll('live-counter')[1]?.remove())
  await expect.poll(() => said.join().includes('COMPONENT_UNMOUNT')).toBe(true)
  expect(problems).toEqual([])
})

test('what is shared is shared, and a new row shows at once', async () => {
  const [ada, bob] = [await visit(), await visit()]
  const tally = (page: Page): Promise<string | null> => page.locator('#tally-count').textContent()
  await expect.poll(() => tally(bob.page)).toMatch(/^\d+$/)
  const before = Number(await tally(bob.page))
  await ada.page.locator('#tally-more').click()
  await expect.poll(() => tally(bob.page)).toBe(String(before + 1))
  const first = ada.page.locator('#todo-rows li').first()
  await expect.poll(() => first.textContent()).toBe('Thing number 1000')
  const rows = await ada.page.evaluate(async () => {
    const input = document.querySelector<HTMLInputElement>('#todo-text')
    if (input) input.value = 'tea'
    document.querySelector<HTMLFormElement>('#todo-form')?.requestSubmit()
    // Before anything can have come from the server.
    return document.querySelector('#todo-rows li')?.textContent
  })
  expect(rows).toBe('tea')
  await expect.poll(() => ada.page.locator('#todo-open').textContent()).toBe('859')
  expect([...ada.problems, ...bob.problems]).toEqual([])
})

test('the page says what is wrong, and goes on after the connection was lost', async () => {
  const { page } = await visit()
  await page.locator('#todo-text').fill('   ')
  await page.locator('#todo-form').evaluate((form: HTMLFormElement) => form.requestSubmit())
  await expect.poll(() => page.locator('#todos [role=alert]').textContent()).toBe('what is to be done?')
  const { port } = showcase
  await showcase.kill()
  await page.locator('live-counter[data-status=stale]').first().waitFor()
  showcase = await startShowcase([], port)
  await live(page)
  await more(page, 0)
  await expect.poll(async () => (await counts(page))[0]).toBe('6')
})
