/** What is on the page, read off it; and what was on it, for those who look only at the end. */

import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { counts, live, numberIn } from './visit'

/** Where the connection is, in the page's words. */
export function status(page: Page): Promise<string | null> {
  return page.getByTestId('status').getAttribute('data-status')
}

/** The first counter takes a click. */
export async function canCount(page: Page): Promise<void> {
  const before = await counts(page)
  await page.getByTestId('increment').first().click()
  await expect
    .poll(() => counts(page))
    .toEqual(before.map((count, index) => (index === 0 ? count + 1 : count)))
}

/** Clicks the first counter so often, and waits until it shows it. An error if it takes no clicks: they would be lost. */
export async function clickTimes(page: Page, times: number): Promise<void> {
  const before = (await counts(page))[0] ?? 0
  const isTaken = await page
    .getByTestId('increment')
    .first()
    .evaluate((button: HTMLElement, times) => {
      if (button.matches(':disabled')) return false
      for (let click = 0; click < times; click += 1) button.click()
      return true
    }, times)
  if (!isTaken)
    throw new Error(`the counter takes no clicks: the page is ${await status(page)}, wait until it is live`)
  await expect.poll(async () => (await counts(page))[0]).toBe(before + times)
}

/** How often each counter was changed, as the server counts it. */
export async function changes(page: Page): Promise<number[]> {
  return (await page.getByTestId('changes').allTextContents()).map(numberIn)
}

/** Waits until the page has connected again, for the `times`th time, and is whole. */
export async function back(page: Page, times = 1): Promise<void> {
  await expect.poll(() => reconnects(page), { timeout: 20_000 }).toBeGreaterThanOrEqual(times)
  await live(page)
}

/** Waits until the server has counted so many seconds more for this page. */
export async function secondsPass(page: Page, seconds: number): Promise<void> {
  const ticks = async (): Promise<number> => numberIn(await page.getByTestId('clock-ticks').textContent())
  const before = await ticks()
  await expect.poll(ticks, { timeout: 20_000 }).toBeGreaterThanOrEqual(before + seconds)
}

/** What each counter, in order, says became of it when the page came back last. */
export function outcomes(page: Page): Promise<(string | null)[]> {
  return page
    .getByTestId('counter')
    .evaluateAll((cards) =>
      cards.map((card) => card.querySelector<HTMLElement>('[data-testid=outcome]')?.dataset.outcome ?? null),
    )
}

/** The words of one counter's note. */
export function note(page: Page, index = 0): Promise<string | null> {
  return page.getByTestId('counter').nth(index).getByTestId('outcome').textContent()
}

/** How often the page connected again. */
export async function reconnects(page: Page): Promise<number> {
  return Number(await page.getByTestId('reconnects').textContent())
}

/** Remembers every notice from now on. Brings those of a tone. */
export async function watchToasts(page: Page): Promise<(tone: 'good' | 'bad') => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: [tone: string, text: string][] = []
    const look = (node: Node): void => {
      if (!(node instanceof HTMLElement)) return
      for (const toast of [node, ...node.querySelectorAll<HTMLElement>('.toast')])
        if (toast.matches('.toast')) seen.push([toast.dataset.tone ?? '', toast.textContent ?? ''])
    }
    const watch = new MutationObserver((changes) => {
      for (const { addedNodes } of changes) addedNodes.forEach(look)
    })
    watch.observe(document.body, { childList: true, subtree: true })
    Object.assign(window, { toasts: seen })
  })
  return (tone) =>
    page.evaluate(
      (tone) =>
        (window as unknown as { toasts: [string, string][] }).toasts
          .filter(([of]) => of === tone)
          .map(([, text]) => text),
      tone,
    )
}

/**
 * Remembers from now on what the first counter showed, `status count` by change, and whether there was
 * ever a skeleton on the page or a failure.
 */
export async function watchCounter(
  page: Page,
): Promise<() => Promise<{ shown: string[]; alarms: string[] }>> {
  await page.evaluate(() => {
    const shown: string[] = []
    const alarms: string[] = []
    const look = (): void => {
      const card = document.querySelector<HTMLElement>('[data-testid=counter]')
      const line = `${card?.dataset.status} ${card?.querySelector('[data-testid=count]')?.textContent}`
      if (line !== shown.at(-1)) shown.push(line)
      for (const alarm of document.querySelectorAll('.skeleton, .failure'))
        if (!alarms.includes(alarm.className)) alarms.push(alarm.className)
    }
    look()
    new MutationObserver(look).observe(document.body, {
      childList: true,
      subtree: true,
      characterData: true,
      attributes: true,
    })
    Object.assign(window, { watched: { shown, alarms } })
  })
  return () =>
    page.evaluate(() => (window as unknown as { watched: { shown: string[]; alarms: string[] } }).watched)
}
