/** A server that keeps nothing: the page says that it began anew, and does not pretend otherwise. */

import { expect, test } from 'vitest'
import { back, canCount, clickTimes, note, outcomes, secondsPass, status, watchCounter } from './stage/look'
import { setStage } from './stage/stage'
import { counts } from './stage/visit'

const GRACE_SECONDS = 1

const stage = setStage({ flags: ['--store', 'none', '--grace', String(GRACE_SECONDS)] })

const ALL_RESET = ['reset', 'reset', 'reset', 'reset']

test('after a restart without a store everything begins anew, says why, and can be used', async () => {
  const { page, navigations } = await stage.visit()
  await clickTimes(page, 3)
  await stage.kill()
  await expect.poll(() => status(page)).toBe('reconnecting')
  await stage.restart()
  await back(page)
  expect(await counts(page)).toEqual([0, 10, 20, 30])
  expect(await outcomes(page)).toEqual(ALL_RESET)
  expect(await note(page)).toMatch(/^began anew: /)
  // The worst of all, and not every component is heard of at once.
  await expect.poll(() => page.getByTestId('homecoming').getAttribute('data-outcome')).toBe('reset')
  await canCount(page)
  expect(navigations()).toBe(1)
})

// Regressions 10 and 11.
test('what the server has given up is never shown as live again, and the note says that nothing was kept', async () => {
  const { page, navigations, proxy } = await stage.visitThrough()
  // Somebody else, for whom the server counts the seconds.
  const other = await stage.visit()
  await clickTimes(page, 3)
  const watched = await watchCounter(page)
  proxy.refuse('503 Service Unavailable')
  await expect.poll(() => status(page)).toBe('reconnecting')
  // It does not look alive while it is away.
  await page.getByTestId('banner').waitFor()
  expect(await page.getByTestId('increment').first().isDisabled()).toBe(true)
  await secondsPass(other.page, GRACE_SECONDS + 2)
  proxy.refuse(undefined)
  await back(page)
  expect((await watched()).shown).toEqual(['live 3', 'stale 3', 'live 0'])
  expect(await outcomes(page)).toEqual(ALL_RESET)
  expect(await note(page)).toBe('began anew: nothing was kept')
  await canCount(page)
  expect(navigations()).toBe(1)
})
