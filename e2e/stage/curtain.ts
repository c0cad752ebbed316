/**
 * Hides a page and shows it again, as far as its scripts can tell.
 *
 * A headless Chromium never hides a tab behind another, so the page is told what it would be told: it is
 * hidden, an event says so, and no frame is painted for it. Nothing else a hidden tab suffers is staged.
 */

import type { Page } from 'playwright-core'

interface Curtained extends Window {
  curtain: (isDown: boolean) => void
}

/** Gives a page its curtain, before it goes anywhere; `isDown` if it is to be loaded behind it. */
export async function hangCurtain(page: Page, isDown = false): Promise<void> {
  await page.addInitScript((startsDown) => {
    const frame = window.requestAnimationFrame.bind(window)
    let waiting: FrameRequestCallback[] = []
    let isDown = startsDown
    window.requestAnimationFrame = (paint) => (isDown ? waiting.push(paint) : frame(paint))
    Object.defineProperty(document, 'visibilityState', { get: () => (isDown ? 'hidden' : 'visible') })
    Object.defineProperty(document, 'hidden', { get: () => isDown })
    ;(window as unknown as Curtained).curtain = (to) => {
      isDown = to
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
      if (isDown) return
      for (const paint of waiting) frame(paint)
      waiting = []
    }
  }, isDown)
}

export function hide(page: Page): Promise<void> {
  return page.evaluate(() => (window as unknown as Curtained).curtain(true))
}

export function show(page: Page): Promise<void> {
  return page.evaluate(() => (window as unknown as Curtained).curtain(false))
}
