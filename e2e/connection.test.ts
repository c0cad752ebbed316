/** What can happen to a connection: the page says so, and comes back by itself. */

import { expect, test } from 'vitest'
import { canCount, outcomes, status, watchToasts } from './stage/look'
import { setStage } from './stage/stage'
import { least, timeUntil } from './stage/time'
import { counts, live } from './stage/visit'

/** How soon a dead connection has to be noticed, in ms. */
const NOTICED_MS = 3000
/** How soon a page that the browser had kept has to be live, in ms. */
const RESTORED_MS = 1000

const stage = setStage()

test('a server that was killed and started again is found by the page itself', async () => {
  const { page, navigations } = await stage.visit()
  await stage.kill()
  await expect.poll(() => status(page)).toBe('reconnecting')
  await page.getByTestId('banner').waitFor()
  // What was known is still there to be read, and not to be clicked.
  expect(await counts(page)).toEqual([0, 10, 20, 30])
  expect(await page.getByTestId('increment').first().isDisabled()).toBe(true)

  await stage.restart()
  await live(page)
  await canCount(page)
  await page.getByTestId('banner').waitFor({ state: 'detached' })
  await expect.poll(() => page.getByTestId('reconnects').textContent()).toBe('1')
  expect(navigations()).toBe(1)
})

test('a page that was offline is live again when the network is back', async () => {
  const { page, navigations } = await stage.visit()
  await page.context().setOffline(true)
  await page.waitForFunction(() => !navigator.onLine)
  await expect.poll(() => status(page)).toBe('reconnecting')
  await page.context().setOffline(false)
  await live(page)
  await canCount(page)
  expect(navigations()).toBe(1)
})

test('a socket that is dead without having been closed is noticed within three seconds', async () => {
  const { page, navigations, proxy } = await stage.visitThrough()
  await canCount(page)
  const notice = async (): Promise<number> => {
    const noticed = await timeUntil(page, 'reconnecting')
    proxy.freeze()
    const tookMs = await noticed()
    proxy.unfreeze()
    await live(page)
    await canCount(page)
    return tookMs
  }
  expect(await least(NOTICED_MS, notice)).toBeLessThan(NOTICED_MS)
  expect(navigations()).toBe(1)
})

test('a click on a dead socket is neither lost nor complained about: it is done when the page is back', async () => {
  const { page, proxy } = await stage.visitThrough()
  const toasts = await watchToasts(page)
  proxy.freeze()
  await page.getByTestId('increment').first().click()
  await expect.poll(() => status(page)).toBe('reconnecting')
  expect(await counts(page)).toEqual([0, 10, 20, 30])
  proxy.unfreeze()
  await live(page)
  await expect.poll(() => counts(page)).toEqual([1, 10, 20, 30])
  await canCount(page)
  expect(await toasts('bad')).toEqual([])
})

// Regression 1.
test('a page that comes out of the back/forward cache is live within a second, with what it had', async () => {
  const { page } = await stage.visit()
  await canCount(page)
  // It holds a lock, which would keep it out of the cache if it did not let go of it.
  const locks = await page.evaluate(async () => (await navigator.locks.query()).held?.map(({ name }) => name))
  expect(locks).toEqual([expect.stringContaining('fluxstack')])
  await page.evaluate(() => {
    const here = window as unknown as { since?: number; tookMs?: number }
    window.addEventListener('pageshow', ({ persisted }) => {
      if (persisted) here.since = performance.now()
      delete here.tookMs
      const look = (): void => {
        const status = document.querySelector<HTMLElement>('[data-testid=status]')?.dataset.status
        const card = document.querySelector<HTMLElement>('[data-testid=counter]')?.dataset.status
        if (status === 'live' && card === 'live') here.tookMs = performance.now() - (here.since ?? 0)
        else requestAnimationFrame(look)
      }
      look()
    })
  })
  const restored = (): Promise<{ since?: number; tookMs?: number }> =>
    page.evaluate(() => {
      const { since, tookMs } = window as unknown as { since?: number; tookMs?: number }
      return { ...(since !== undefined && { since }), ...(tookMs !== undefined && { tookMs }) }
    })
  const comeBack = async (): Promise<number> => {
    await page.goto(`${stage.url}/api/live/health`)
    await page.goBack({ waitUntil: 'commit' })
    await expect.poll(async () => (await restored()).tookMs).toBeDefined()
    const { since, tookMs = Number.NaN } = await restored()
    expect(since, 'the browser loaded the page afresh instead of restoring it').toBeDefined()
    await live(page)
    return tookMs
  }
  expect(await least(RESTORED_MS, comeBack)).toBeLessThan(RESTORED_MS)
  expect(await counts(page)).toEqual([1, 10, 20, 30])
  expect(await outcomes(page)).toEqual(['resumed', 'resumed', 'resumed', 'resumed'])
  await canCount(page)
})
