/** Pages that nobody sees: nothing of theirs may wait for a frame to be painted. */

import { expect, test } from 'vitest'
import { hangCurtain, hide, show } from './stage/curtain'
import { canCount, status } from './stage/look'
import { setStage } from './stage/stage'
import { counts } from './stage/visit'

const COUNTERS = 20
const CLICKS = 250

const stage = setStage({ flags: ['--unlimited'] })

// Regression 13.
test('thousands of changes that come while the page is hidden are all there, and it can be used at once', async () => {
  const { page, problems } = await stage.visit(`?counters=${COUNTERS}`, { prepare: hangCurtain })
  const before = await counts(page)
  await hide(page)
  await page.evaluate((clicks) => {
    const buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-testid=increment]')]
    for (let click = 0; click < clicks; click += 1) for (const button of buttons) button.click()
  }, CLICKS)
  const after = before.map((count) => count + CLICKS)
  await expect.poll(() => counts(page), { timeout: 30_000 }).toEqual(after)
  await show(page)
  await canCount(page)
  expect(await page.getByTestId('resyncs').textContent()).toBe('0')
  expect(await page.getByTestId('reconnects').textContent()).toBe('0')
  expect(problems).toEqual([])
})

// Regression 14.
test('a page that is loaded in a hidden tab is live there, and still is when it is seen', async () => {
  const { page, problems } = await stage.visit('', { prepare: (page) => hangCurtain(page, true) })
  expect(await page.evaluate(() => document.visibilityState)).toBe('hidden')
  expect(await status(page)).toBe('live')
  expect(await counts(page)).toEqual([0, 10, 20, 30])
  await show(page)
  await canCount(page)
  expect(await page.getByTestId('reconnects').textContent()).toBe('0')
  expect(problems).toEqual([])
})
