/** Tabs of one browser share a socket. Whatever becomes of the tab that has it, the others go on at once and lose nothing. */

import type { Browser, BrowserContext, Page, WebSocket } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { back, changes, clickTimes, outcomes, watchToasts } from './stage/look'
import { setStage } from './stage/stage'
import { counts, live, openBrowser, type Visit, visitIn } from './stage/visit'

const TABS = 5
const CLICKS = 150

const stage = setStage({ isDurable: true })

interface Tab extends Visit {
  readonly sockets: () => readonly WebSocket[]
  isGone: boolean
}

async function openTab(context: BrowserContext, query = '?one'): Promise<Tab> {
  const page = await context.newPage()
  let sockets: WebSocket[] = []
  page.on('websocket', (socket) => sockets.push(socket))
  page.on('framenavigated', () => {
    // What another document had is closed, and nobody says so.
    sockets = []
  })
  const visit = await visitIn(page, `${stage.url}/${query}`)
  return { ...visit, sockets: () => sockets, isGone: false }
}

/** A browser of its own, because one of its pages may take others along; and so many tabs in it. */
async function openTabs(browser: Browser, count: number): Promise<{ context: BrowserContext; tabs: Tab[] }> {
  const context = await browser.newContext()
  const tabs: Tab[] = []
  for (let tab = 0; tab < count; tab += 1) tabs.push(await openTab(context))
  return { context, tabs }
}

const openSockets = ({ isGone, sockets }: Tab): WebSocket[] =>
  isGone ? [] : sockets().filter((socket) => !socket.isClosed())

const leads = (tab: Tab): boolean => openSockets(tab).length > 0

/** The tab that leads, and the others that are there. */
function parted(tabs: readonly Tab[]): { leader: Tab; others: Tab[] } {
  const leaders = tabs.filter(leads)
  const [leader] = leaders
  if (!leader || leaders.length > 1) throw new Error(`${leaders.length} tabs have a socket`)
  return { leader, others: tabs.filter((tab) => tab !== leader && !tab.isGone) }
}

/**
 * Clicks the first counter so often, a click every 10 ms while it can be clicked; the last third of the clicks
 * wait for {@link letFinish}, so that on a slow machine as well there are some left for when it matters.
 */
function clickOnAndOn(page: Page, times: number): Promise<void> {
  return page
    .getByTestId('increment')
    .first()
    .evaluate(async (button: HTMLElement, times) => {
      for (let clicks = 0; clicks < times; ) {
        const mayClick = clicks < (times * 2) / 3 || 'mayFinish' in window
        if (mayClick && !button.matches(':disabled')) {
          button.click()
          clicks += 1
        }
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }, times)
}

function letFinish(page: Page): Promise<unknown> {
  return page.evaluate(() => Object.assign(window, { mayFinish: true }) && undefined)
}

/** Remembers when the page was not live. Brings its longest absence, in ms, and how many there were. */
async function watchAbsence(page: Page): Promise<() => Promise<{ longest: number; times: number }>> {
  await page.evaluate(() => {
    const status = document.querySelector<HTMLElement>('[data-testid=status]')
    const absences: number[] = []
    let since: number | undefined
    const look = (): void => {
      const isLive = status?.dataset.status === 'live'
      if (!isLive) since ??= performance.now()
      else if (since !== undefined) {
        absences.push(performance.now() - since)
        since = undefined
      }
    }
    if (status) new MutationObserver(look).observe(status, { attributes: true })
    Object.assign(window, { absences })
  })
  return () =>
    page.evaluate(() => {
      const { absences } = window as unknown as { absences: number[] }
      return { longest: Math.max(0, ...absences), times: absences.length }
    })
}

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())

test('five tabs have one socket, and each its own counters', async () => {
  const { context, tabs } = await openTabs(browser, TABS)
  expect(tabs.map((tab) => openSockets(tab).length)).toEqual([1, 0, 0, 0, 0])
  expect(tabs.flatMap(({ sockets }) => sockets()).map((socket) => new URL(socket.url()).search)).toEqual([
    '?channels=1',
  ])
  await Promise.all(tabs.map(({ page }, index) => clickTimes(page, index + 1)))
  for (const [index, { page, problems }] of tabs.entries()) {
    expect((await counts(page))[0]).toBe(index + 1)
    expect(problems).toEqual([])
  }
  // What they share they share: five people, whom every tab sees.
  for (const { page } of tabs) {
    await expect.poll(() => page.locator('[data-testid=person]').count()).toBeGreaterThanOrEqual(TABS)
  }
  await context.close()
})

describe('while everybody clicks,', () => {
  const ENDS: [what: string, end: (leader: Tab) => Promise<unknown>, withinMs: number][] = [
    ['is closed', ({ page }) => page.close(), 1000],
    ['crashes', crash, 1000],
    ['goes elsewhere', ({ page }) => page.goto('about:blank'), 1000],
    // Its socket is open and its lock is held: that nobody is there has to be found out first.
    ['stops without a word', stop, 8000],
  ]
  test.each(ENDS)('the tab that leads %s: another does soon, and every click counts once', async (...end) => {
    const [what, endIt, withinMs] = end
    const own = await openBrowser()
    const { tabs } = await openTabs(own, TABS)
    const { leader, others } = parted(tabs)
    const watched = await Promise.all(others.map(({ page }) => watchAbsence(page)))
    const toasts = await Promise.all(others.map(({ page }) => watchToasts(page)))
    const clicked = others.map(({ page }) => clickOnAndOn(page, CLICKS))
    for (const { page } of others) await expect.poll(async () => (await counts(page))[0]).toBeGreaterThan(20)
    leader.isGone = true
    await endIt(leader)
    await Promise.all(others.map(({ page }) => letFinish(page)))
    await expect.poll(() => others.filter(leads).length).toBe(1)
    await Promise.all(clicked)
    for (const { page } of others) {
      await expect.poll(async () => (await counts(page))[0]).toBe(CLICKS)
      expect((await changes(page))[0], 'as the server counts it').toBe(CLICKS)
    }
    const absences = await Promise.all(watched.map((absence) => absence()))
    console.log(`${what}: away for`, absences.map(({ longest }) => `${Math.round(longest)} ms`).join(', '))
    for (const { longest } of absences) expect(longest).toBeLessThan(withinMs)
    for (const [index, { page, navigations }] of others.entries()) {
      expect(await toasts[index]?.('bad')).toEqual([])
      expect(navigations()).toBe(1)
      expect((await outcomes(page))[0]).toMatch(/resumed|replayed/)
    }
    parted(others)
    await own.close()
  })
})

test('a tab that was loaded anew has its counters, whether it led or not', async () => {
  const { context, tabs } = await openTabs(browser, 3)
  for (const { page } of tabs) await clickTimes(page, 3)
  for (const { page } of [...tabs].reverse()) {
    await page.reload()
    await live(page)
    await expect.poll(async () => (await counts(page))[0]).toBe(3)
    await clickTimes(page, 1)
  }
  parted(tabs)
  await context.close()
})

test('a tab that comes back by the back button takes part again', async () => {
  const { context, tabs } = await openTabs(browser, 2)
  const [first, second] = tabs as [Tab, Tab]
  await clickTimes(first.page, 2)
  await first.page.goto('about:blank')
  await expect.poll(() => leads(second)).toBe(true)
  await first.page.goBack({ waitUntil: 'commit' })
  // A page that is taken out of the back/forward cache shows what it had before it has a connection to click on.
  await live(first.page)
  expect((await counts(first.page))[0]).toBe(2)
  await clickTimes(first.page, 1)
  await clickTimes(second.page, 1)
  expect(parted(tabs).leader).toBe(second)
  await context.close()
})

test('a server that is started again has everybody back on one socket', async () => {
  const { context, tabs } = await openTabs(browser, 3)
  for (const { page } of tabs) await clickTimes(page, 2)
  await stage.kill()
  await stage.restart()
  for (const { page } of tabs) {
    await back(page)
    expect((await changes(page))[0]).toBe(2)
    await clickTimes(page, 1)
  }
  parted(tabs)
  await context.close()
})

/** The process of the page ends without a word. */
async function crash({ page }: Tab): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const crashed = new Promise((resolve) => page.once('crash', resolve))
  // It is never answered.
  session.send('Page.crash').catch(() => undefined)
  await crashed
}

/** Nothing of the page runs any more, and it is not told. */
async function stop({ page }: Tab): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Debugger.enable')
  const stopped = new Promise((resolve) => session.once('Debugger.paused', resolve))
  await session.send('Debugger.pause')
  await stopped
}
