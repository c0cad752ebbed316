/** What happens to a page when frames are lost or refused: somebody between it and the server sees to that. */

import type { Page, WebSocketRoute } from 'playwright-core'
import { expect, test } from 'vitest'
import { setStage } from './stage/stage'
import { counts } from './stage/visit'

const stage = setStage()

interface Meddling {
  /** What the page says, on its way to the server. */
  readonly upwards?: (text: string) => string
  /** What the server says, on its way to the page; undefined is lost. */
  readonly downwards?: (text: string) => string | undefined
}

function meddle({ upwards, downwards }: Meddling): (page: Page) => Promise<void> {
  return (page) =>
    page.routeWebSocket(/\/api\/live\/ws/, (near: WebSocketRoute) => {
      const far = near.connectToServer()
      near.onMessage((text) => far.send(upwards ? upwards(text.toString()) : text))
      far.onMessage((text) => {
        const through = downwards ? downwards(text.toString()) : text
        if (through !== undefined) near.send(through)
      })
    })
}

test('a change that was lost on the way is noticed with the next one, and the count is right', async () => {
  let lost = 0
  const prepare = meddle({
    downwards(text) {
      // The reply to a click is in the same frame as its delta; both are lost.
      if (lost > 0 || !text.includes('"delta":{"count":1,')) return text
      lost += 1
      return undefined
    },
  })
  const { page } = await stage.visit('', { prepare })
  const plus = page.getByTestId('increment').first()
  await plus.click()
  await expect.poll(() => lost).toBe(1)
  expect((await counts(page))[0]).toBe(0)
  await plus.click()
  await expect.poll(async () => (await counts(page))[0]).toBe(2)
  await expect.poll(() => page.getByTestId('resyncs').textContent()).toBe('1')
})

test('a change that was garbled on the way is not shown', async () => {
  let garbled = 0
  const prepare = meddle({
    downwards(text) {
      if (garbled > 0 || !text.includes('"delta":{"count":1,')) return text
      garbled += 1
      return text.replace('"delta":{"count":1,', '"delta":{"count":777,')
    },
  })
  const { page } = await stage.visit('', { prepare })
  // What is painted, frame by frame.
  await page.evaluate(() => {
    const shown: string[] = []
    const look = (): void => {
      const text = document.querySelector('[data-testid=count]')?.textContent ?? ''
      if (text !== shown.at(-1)) shown.push(text)
      requestAnimationFrame(look)
    }
    look()
    Object.assign(window, { shown })
  })
  await page.getByTestId('increment').first().click()
  await expect.poll(async () => (await counts(page))[0]).toBe(1)
  expect(garbled).toBe(1)
  // The frame that shows the last of it may be still to come.
  await expect
    .poll(() => page.evaluate(() => (window as unknown as { shown: unknown }).shown))
    .toEqual(['0', '1'])
  await expect.poll(() => page.getByTestId('resyncs').textContent()).toBe('1')
})

test('a component the server does not know says so, and can be tried again', async () => {
  let refusing = true
  const prepare = meddle({
    upwards: (text) => (refusing ? text.replaceAll('"component":"Counter"', '"component":"Nobody"') : text),
  })
  const { page } = await stage.visit('?counters=0', { prepare })
  await page.getByTestId('add-counter').click()
  const alert = page.getByTestId('counter').getByRole('alert')
  await alert.waitFor()
  refusing = false
  await alert.getByRole('button', { name: 'Try again' }).click()
  await expect.poll(() => counts(page)).toEqual([0])
})
