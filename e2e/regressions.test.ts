/** What went wrong elsewhere when connections came back, each with its number in the list of sixteen. */

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { hangCurtain, hide, show } from './stage/curtain'
import { back, canCount, clickTimes, outcomes, reconnects, secondsPass, status } from './stage/look'
import { setStage } from './stage/stage'
import { least, timeUntil } from './stage/time'
import { counts, live } from './stage/visit'

/** How soon a page that is seen again has to be live, in ms, whatever it was waiting for. */
const SEEN_MS = 2000

const stage = setStage({ isDurable: true })

const ALL_RESUMED = ['resumed', 'resumed', 'resumed', 'resumed']

/** Makes every wait between attempts this part of the longest it could be. */
function patience(part: number): (page: Page) => Promise<unknown> {
  return (page) =>
    page.addInitScript((part) => {
      Math.random = () => part
    }, part)
}

// Regression 3.
test('a tab that is seen again while it waits long for its next attempt does not wait any longer', async () => {
  let attempts = 0
  const prepare = async (page: Page): Promise<void> => {
    page.on('websocket', () => {
      attempts += 1
    })
    await hangCurtain(page)
    await patience(0.99)(page)
  }
  const { page } = await stage.visit('', { prepare })
  await clickTimes(page, 2)
  const beSeen = async (): Promise<number> => {
    attempts = 0
    const before = await reconnects(page)
    await stage.kill()
    await hide(page)
    // The next one would be four seconds after the fourth.
    await expect.poll(() => attempts, { timeout: 20_000 }).toBe(4)
    await stage.restart()
    expect(await status(page)).toBe('reconnecting')
    const isLive = await timeUntil(page, 'live')
    await show(page)
    const tookMs = await isLive()
    await back(page, before + 1)
    expect(attempts).toBe(5)
    return tookMs
  }
  expect(await least(SEEN_MS, beSeen)).toBeLessThan(SEEN_MS)
  expect(await counts(page)).toEqual([2, 10, 20, 30])
})

// Regression 4.
test('a new socket that comes before the old one is seen closing takes over, and is no second tab', async () => {
  const { page, proxy } = await stage.visitThrough()
  await clickTimes(page, 2)
  proxy.abandon()
  await back(page)
  expect(await counts(page)).toEqual([2, 10, 20, 30])
  expect(await outcomes(page)).toEqual(ALL_RESUMED)
  await canCount(page)
  await secondsPass(page, 3)
  expect(await reconnects(page)).toBe(1)
})

// Regression 5.
test('a tab and its copy both work, take nothing from each other, and do not fight for the connection', async () => {
  const { page } = await stage.visit()
  await clickTimes(page, 3)
  // What will be copied is there to be copied.
  await page.waitForFunction(() => sessionStorage.length > 0)
  const [copy] = await Promise.all([
    page.context().waitForEvent('page'),
    page.evaluate(() => {
      window.open(location.href)
    }),
  ])
  await live(copy)
  expect(await copy.evaluate(() => sessionStorage.length)).toBeGreaterThan(0)
  const [ofCopy = 0] = await counts(copy)
  await clickTimes(copy, 2)
  await clickTimes(page, 1)
  expect(await counts(page)).toEqual([4, 10, 20, 30])
  expect(await counts(copy)).toEqual([ofCopy + 2, 10, 20, 30])
  await secondsPass(page, 5)
  expect([await reconnects(page), await reconnects(copy)]).toEqual([0, 0])
  expect([await status(page), await status(copy)]).toEqual(['live', 'live'])
  // Each finds its own again.
  await Promise.all([page.reload(), copy.reload()])
  await Promise.all([live(page), live(copy)])
  expect(await counts(page)).toEqual([4, 10, 20, 30])
  expect(await counts(copy)).toEqual([ofCopy + 2, 10, 20, 30])
})

// Regression 7.
test('a page whose connection is refused for a while, by a login that expired, comes back by itself', async () => {
  const { page, navigations, proxy } = await stage.visitThrough('', { prepare: patience(0.1) })
  await clickTimes(page, 2)
  proxy.refuse('401 Unauthorized')
  await expect.poll(proxy.refused, { timeout: 20_000 }).toBeGreaterThanOrEqual(3)
  expect(await status(page)).toBe('reconnecting')
  proxy.refuse('503 Service Unavailable')
  await expect.poll(proxy.refused, { timeout: 20_000 }).toBeGreaterThanOrEqual(5)
  proxy.refuse(undefined)
  await back(page)
  expect(await counts(page)).toEqual([2, 10, 20, 30])
  expect(await outcomes(page)).toEqual(ALL_RESUMED)
  await canCount(page)
  expect(navigations()).toBe(1)
})

// Regression 16.
test('whenever the form is there after an interruption, all that was in it is there', async () => {
  // The text of the form and what the server made of it, each time either changes while there is a form.
  const prepare = (page: Page): Promise<unknown> =>
    page.addInitScript(() => {
      const seen: string[] = []
      Object.assign(window, { seen })
      const read = (id: string): string => {
        const element = document.querySelector(`[data-testid=${id}]`)
        return element instanceof HTMLInputElement ? element.value : (element?.textContent ?? '')
      }
      const look = (): void => {
        if (!document.querySelector('.profile')) return
        const line = ['profile-name', 'profile-email', 'profile-greeting', 'profile-saved']
          .map(read)
          .join(' | ')
        if (line !== seen.at(-1)) seen.push(line)
      }
      new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true })
    })
  const seen = (page: Page): Promise<string[]> =>
    page.evaluate(() => (window as unknown as { seen: string[] }).seen)
  const whole = 'Ada | ada@example.com | Hello, Ada! | 1'

  const { page } = await stage.visit('', { prepare })
  await page.getByTestId('profile-name').fill('Ada')
  await page.getByTestId('profile-email').fill('ada@example.com')
  await page.getByTestId('profile-save').click()
  await expect.poll(async () => (await seen(page)).at(-1)).toBe(whole)
  // Half a sentence that no server knows of.
  await page.getByTestId('todo-text').fill('Water the')
  await page.evaluate(() => (window as unknown as { seen: string[] }).seen.splice(0))

  await stage.kill()
  await stage.restart()
  await back(page)
  await canCount(page)
  expect(await seen(page)).toEqual([whole])
  expect(await page.getByTestId('todo-text').inputValue()).toBe('Water the')

  await page.reload()
  await live(page)
  expect(await seen(page)).toEqual([whole])
})
