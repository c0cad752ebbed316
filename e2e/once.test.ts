/** Every click is done exactly once, whatever the network and the server do meanwhile. */

import { expect, test } from 'vitest'
import { back, canCount, changes, clickTimes, status, watchToasts } from './stage/look'
import { setStage } from './stage/stage'
import { counts } from './stage/visit'

const CLICKS = 20

const stage = setStage({ isDurable: true })

test('a click whose answer was lost is done once', async () => {
  const { page, proxy } = await stage.visitThrough()
  const toasts = await watchToasts(page)
  proxy.deafen()
  await page.getByTestId('increment').first().click()
  // The server has done it, and nobody knows.
  await expect.poll(proxy.lost).toContain('"ACTION_RESPONSE"')
  expect(await counts(page)).toEqual([0, 10, 20, 30])
  proxy.cut()
  await back(page)
  await expect.poll(() => counts(page)).toEqual([1, 10, 20, 30])
  // One more, so that a second time would have been seen.
  await canCount(page)
  expect(await changes(page)).toEqual([2, 0, 0, 0])
  expect(await toasts('bad')).toEqual([])
})

test('a click whose answer was lost with a server that was killed is done once', async () => {
  const { page, proxy } = await stage.visitThrough()
  const toasts = await watchToasts(page)
  proxy.deafen()
  await page.getByTestId('increment').first().click()
  await expect.poll(proxy.lost).toContain('"ACTION_RESPONSE"')
  await stage.kill()
  await stage.restart()
  await back(page)
  await expect.poll(() => counts(page)).toEqual([1, 10, 20, 30])
  await canCount(page)
  expect(await changes(page)).toEqual([2, 0, 0, 0])
  expect(await toasts('bad')).toEqual([])
})

test('what is typed while there is no connection arrives when there is one', async () => {
  const { page, proxy } = await stage.visitThrough()
  const toasts = await watchToasts(page)
  proxy.refuse('503 Service Unavailable')
  await expect.poll(() => status(page)).toBe('reconnecting')
  await page.getByTestId('profile-name').pressSequentially('Ada Lovelace')
  expect(await page.getByTestId('profile-greeting').textContent()).not.toContain('Ada')
  proxy.refuse(undefined)
  await back(page)
  await expect.poll(() => page.getByTestId('profile-greeting').textContent()).toBe('Hello, Ada Lovelace!')
  expect(await page.getByTestId('profile-name').inputValue()).toBe('Ada Lovelace')
  expect(await toasts('bad')).toEqual([])
})

test('twenty rapid clicks count twenty, though the server is killed and started again in their midst', async () => {
  const { page, navigations } = await stage.visit()
  const toasts = await watchToasts(page)
  const plus = page.getByTestId('increment').first()
  // One a frame, while the button can be clicked at all: half of them before the page knows, half after.
  const done = plus.evaluate(
    (button: HTMLElement, clicks) =>
      new Promise<void>((resolve) => {
        let clicked = 0
        let wasAway = false
        // An absence may be over before the next frame of a slow machine.
        const watch = new MutationObserver(() => {
          wasAway ||= button.matches(':disabled')
        })
        watch.observe(document.body, { subtree: true, attributeFilter: ['disabled'] })
        const click = (): void => {
          if (button.matches(':disabled')) {
            wasAway = true
          } else if (wasAway || clicked < clicks / 2) {
            button.click()
            clicked += 1
          }
          if (clicked < clicks) requestAnimationFrame(click)
          else resolve()
        }
        click()
      }),
    CLICKS,
  )
  await expect.poll(async () => (await counts(page))[0], { interval: 1 }).toBeGreaterThan(2)
  await stage.kill()
  await stage.restart()
  await done
  await back(page)
  await expect.poll(async () => (await counts(page))[0]).toBe(CLICKS)
  await clickTimes(page, 1)
  expect((await changes(page))[0]).toBe(CLICKS + 1)
  expect(await toasts('bad')).toEqual([])
  expect(navigations()).toBe(1)
})

test('twenty clicks of which no answer was seen count twenty after the server was killed', async () => {
  const { page, proxy } = await stage.visitThrough()
  const toasts = await watchToasts(page)
  proxy.deafen()
  await page
    .getByTestId('increment')
    .first()
    .evaluate((button: HTMLElement, clicks) => {
      for (let click = 0; click < clicks; click += 1) button.click()
    }, CLICKS)
  // Some were done and some perhaps not.
  await expect.poll(proxy.lost, { interval: 1 }).toContain('"ACTION_RESPONSE"')
  await stage.kill()
  await stage.restart()
  await back(page)
  await expect.poll(async () => (await counts(page))[0]).toBe(CLICKS)
  await clickTimes(page, 1)
  expect((await changes(page))[0]).toBe(CLICKS + 1)
  expect(await toasts('bad')).toEqual([])
})
