/** The five interruptions, with a store on disk: the page comes back to what it had, and is never loaded anew. */

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { hangCurtain, hide, show } from './stage/curtain'
import {
  back,
  canCount,
  changes,
  clickTimes,
  note,
  outcomes,
  status,
  watchCounter,
  watchToasts,
} from './stage/look'
import { setStage } from './stage/stage'
import { counts, live } from './stage/visit'

const stage = setStage({ isDurable: true })

const ALL_RESUMED = ['resumed', 'resumed', 'resumed', 'resumed']
const ALL_REHYDRATED = ['rehydrated', 'rehydrated', 'rehydrated', 'rehydrated']

test('after a moment without a network everything goes on where it was', async () => {
  const { page, navigations, proxy } = await stage.visitThrough()
  await clickTimes(page, 3)
  const watched = await watchCounter(page)
  proxy.cut()
  await back(page)
  expect(await counts(page)).toEqual([3, 10, 20, 30])
  expect(await outcomes(page)).toEqual(ALL_RESUMED)
  expect(await note(page)).toBe('went on where it was')
  expect(await page.getByTestId('homecoming').textContent()).toMatch(/went on|caught up/)
  const { shown, alarms } = await watched()
  expect(shown).toEqual(['live 3', 'stale 3', 'live 3'])
  expect(alarms, 'something was shown as if it were loaded for the first time').toEqual([])
  await canCount(page)
  expect(navigations()).toBe(1)
})

test('what happened while the network was gone is caught up', async () => {
  const { page, navigations, proxy } = await stage.visitThrough()
  proxy.deafen()
  await page.getByTestId('increment').first().click()
  await expect.poll(proxy.lost).toContain('"ACTION_RESPONSE"')
  proxy.cut()
  await back(page)
  expect(await counts(page)).toEqual([1, 10, 20, 30])
  expect(await outcomes(page)).toEqual(['replayed', 'resumed', 'resumed', 'resumed'])
  expect(await note(page)).toBe('1 change caught up')
  expect(navigations()).toBe(1)
})

// Regression 2.
test('a tab that slept while its socket died goes on as soon as it is seen again', async () => {
  const { page, navigations, proxy } = await stage.visitThrough('', { prepare: hangCurtain })
  await clickTimes(page, 2)
  await hide(page)
  proxy.strand()
  // To the page its socket is open, and to the server too.
  expect(await status(page)).toBe('live')
  await show(page)
  await back(page)
  expect(await counts(page)).toEqual([2, 10, 20, 30])
  expect(await outcomes(page)).toEqual(ALL_RESUMED)
  await canCount(page)
  expect(navigations()).toBe(1)
})

test('a server that was killed and started again rebuilds everything from its store', async () => {
  const { page, navigations } = await stage.visit()
  await clickTimes(page, 5)
  const watched = await watchCounter(page)
  await stage.kill()
  await expect.poll(() => status(page)).toBe('reconnecting')
  await stage.restart()
  await back(page)
  expect(await counts(page)).toEqual([5, 10, 20, 30])
  expect(await changes(page)).toEqual([5, 0, 0, 0])
  expect(await outcomes(page)).toEqual(ALL_REHYDRATED)
  expect(await note(page)).toBe('rebuilt from its snapshot')
  expect((await watched()).alarms).toEqual([])
  await canCount(page)
  expect(navigations()).toBe(1)
})

test('a server that is told to stop and started again costs nothing, and shows no error', async () => {
  const { page, navigations } = await stage.visit()
  const toasts = await watchToasts(page)
  const watched = await watchCounter(page)
  await clickTimes(page, 7)
  expect(await stage.stop()).toBe(0)
  await stage.restart()
  await back(page)
  expect(await counts(page)).toEqual([7, 10, 20, 30])
  expect(await outcomes(page)).toEqual(ALL_REHYDRATED)
  await canCount(page)
  expect(await toasts('bad')).toEqual([])
  expect((await watched()).alarms).toEqual([])
  expect(navigations()).toBe(1)
})

test('a page that is older than its server works, and says that it should be loaded anew', async () => {
  const prepare = (page: Page): Promise<void> =>
    page.routeWebSocket(/\/api\/live\/ws/, (near) => {
      const far = near.connectToServer()
      near.onMessage((text) => far.send(text.toString().replaceAll('"schema":2', '"schema":1')))
    })
  const { page, navigations } = await stage.visit('', { prepare })
  const banner = page.getByTestId('outdated')
  await banner.waitFor()
  await canCount(page)
  expect(navigations()).toBe(1)
  // When is for the user to say.
  await banner.getByRole('button', { name: 'Load it anew' }).click()
  await expect.poll(navigations).toBe(2)
  await live(page)
  expect(await counts(page)).toEqual([1, 10, 20, 30])
  await banner.getByRole('button', { name: 'Later' }).click()
  await banner.waitFor({ state: 'detached' })
  await canCount(page)
})

test('a page that is loaded again has its counters, its list and its form as they were', async () => {
  const { page, problems } = await stage.visit()
  await clickTimes(page, 4)
  await page.getByTestId('todo-text').fill('Water the plants')
  await page.getByTestId('todo-add').click()
  await expect.poll(() => page.getByTestId('todo-total').textContent()).toBe('1001')
  await page.getByTestId('profile-name').fill('Ada')
  await expect.poll(() => page.getByTestId('profile-greeting').textContent()).toBe('Hello, Ada!')
  await page.reload()
  await live(page)
  expect(await counts(page)).toEqual([4, 10, 20, 30])
  expect(await page.getByTestId('todo-row').first().textContent()).toContain('Water the plants')
  expect(await page.getByTestId('profile-name').inputValue()).toBe('Ada')
  expect(await page.getByTestId('profile-greeting').textContent()).toBe('Hello, Ada!')
  expect(problems).toEqual([])
})

test('a page that is loaded again after the server was killed has what it had, too', async () => {
  const { page } = await stage.visit()
  await clickTimes(page, 4)
  await stage.kill()
  await stage.restart()
  await page.reload()
  await live(page)
  expect(await counts(page)).toEqual([4, 10, 20, 30])
  expect(await outcomes(page)).toEqual(ALL_REHYDRATED)
  await canCount(page)
})
