/**
 * A hundred thousand rows: what is read of them, what is held, and that they stay where they are.
 *
 * `cargo xtask lists` prints what a scripted scroll costs, beside what it would cost to send the list whole.
 */

import { writeFileSync } from 'node:fs'
import type { CDPSession, Locator, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { setStage } from './stage/stage'
import type { Message, Visit } from './stage/visit'

const stage = setStage()

/** More rows than this are never held: what is in view, and what is read around it. */
const MOST_HELD = 260
/** Steps of a scripted scroll, and how far each goes, in pixels. */
const [STEPS, STEP] = [120, 600]

interface Opened extends Visit {
  readonly list: Locator
}

/** Scrolls to the ledger, which is mounted then, and waits for its first rows. */
async function open(query = ''): Promise<Opened> {
  const visited = await stage.visit(query)
  const { page } = visited
  await page.getByTestId('ledger-place').scrollIntoViewIfNeeded()
  const list = page.getByTestId('ledger')
  await list.waitFor()
  await settled(page)
  return { ...visited, list }
}

/** Waits until every row in view is there, as the server has it. That of the rows that were in view before does not count. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () => {
      const rows = [...document.querySelectorAll<HTMLElement>('[data-testid=entry]')]
      const view = document.querySelector('[data-testid=ledger]')?.getBoundingClientRect()
      if (!view || !rows.every(({ dataset }) => !dataset.missing && dataset.old !== 'true')) return false
      const boxes = rows.map((row) => row.getBoundingClientRect())
      const top = Math.min(...boxes.map((box) => box.top))
      const bottom = Math.max(...boxes.map((box) => box.bottom))
      return top <= view.top + 2 && bottom >= view.bottom - 2
    },
    undefined,
    { polling: 20 },
  )
}

/** What of the ledger came over the wire. */
function reads({ received }: Visit): Message[] {
  return received.filter(({ originalType }) => originalType === 'LIST_READ')
}

const numberOf = async (list: Locator, name: string): Promise<number> => Number(await list.getAttribute(name))

/** The first row that is wholly in view, and how far below the upper edge it is. */
function firstInView(list: Locator): Promise<{ id: string; top: number }> {
  return list.evaluate((scroll) => {
    const edge = scroll.getBoundingClientRect().top
    const rows = [...scroll.querySelectorAll<HTMLElement>('[data-testid=entry]')]
    const placed = rows.map((row) => ({
      id: row.dataset.id ?? '',
      top: row.getBoundingClientRect().top - edge,
    }))
    placed.sort((left, right) => left.top - right.top)
    return placed.find(({ top }) => top >= 0) ?? { id: '', top: 0 }
  })
}

/** Where a row is now, below the upper edge. */
function topOf(list: Locator, id: string): Promise<number> {
  return list.evaluate((scroll, id) => {
    const row = scroll.querySelector(`[data-testid=entry][data-id="${id}"]`)
    return row ? row.getBoundingClientRect().top - scroll.getBoundingClientRect().top : Number.NaN
  }, id)
}

async function scrollTo(page: Page, list: Locator, top: number): Promise<void> {
  await list.evaluate((scroll, top) => scroll.scrollTo({ top }), top)
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  )
  await settled(page)
}

test('the page reads what is in view and what is near it, and lets go of the rest', async () => {
  const opened = await open()
  const { page, list, received } = opened
  expect(await numberOf(list, 'data-length')).toBe(100_000)
  const mounted = received.find(({ result }) => JSON.stringify(result ?? '').includes('"length":100000'))
  expect(JSON.stringify(mounted).length).toBeLessThan(1_000)
  for (const row of [1_000, 50_000, 99_000, 20]) {
    await scrollTo(page, list, row * 57)
    expect(await numberOf(list, 'data-held')).toBeLessThanOrEqual(MOST_HELD)
    expect(await numberOf(list, 'data-rendered')).toBeLessThanOrEqual(30)
  }
  const rows = reads(opened).flatMap(({ result }) => (result as { rows: unknown[] }).rows)
  expect(rows.length).toBeLessThan(1_200)
  expect(opened.problems).toEqual([])
})

test('what is in view stays there while rows come, go and move above it', async () => {
  const { page, list } = await open()
  await scrollTo(page, list, 3_000 * 57)
  const { id, top } = await firstInView(list)
  const stays = async (): Promise<void> => {
    await settled(page)
    expect(Math.abs((await topOf(list, id)) - top), `row ${id}`).toBeLessThanOrEqual(1)
  }
  const changes = async (): Promise<number> => Number(await page.getByTestId('ledger-changes').textContent())
  const after = async (act: () => Promise<unknown>): Promise<void> => {
    const before = await changes()
    await act()
    await expect.poll(changes).toBeGreaterThan(before)
    await stays()
  }
  // On top of the list.
  for (let round = 0; round < 3; round += 1) {
    await page.getByTestId('ledger-label').fill(`A pen, no. ${round}`)
    await after(() => page.getByTestId('ledger-add').click())
  }
  // A row from below is moved to the top: the list is as long as before, and so are its ends but one.
  await after(() =>
    list.evaluate((scroll) => {
      const middle = scroll.getBoundingClientRect().top + 250
      const rows = [...scroll.querySelectorAll<HTMLElement>('[data-testid=entry]')]
      const row = rows.find((row) => row.getBoundingClientRect().top > middle)
      row?.querySelector<HTMLElement>('[data-testid=entry-move]')?.click()
    }),
  )
  await after(() => page.getByTestId('ledger-shuffle').click())
  // And while it changes by itself.
  await page.getByTestId('ledger-tick').click()
  const begun = await changes()
  await expect.poll(changes).toBeGreaterThan(begun + 20)
  await page.getByTestId('ledger-tick').click()
  await expect.poll(() => page.getByTestId('ledger-tick').isChecked()).toBe(false)
  if (!Number.isNaN(await topOf(list, id))) await stays()
})

test('a row that was put in above is there when one scrolls up to it', async () => {
  const { page, list } = await open('?ledger=2000')
  await scrollTo(page, list, 500 * 57)
  await page.getByTestId('ledger-insert').click()
  await expect.poll(() => numberOf(list, 'data-length')).toBe(2_001)
  await list.evaluate((scroll) => scroll.scrollBy({ top: -120 }))
  await expect.poll(() => list.getByText('Put here').count()).toBe(1)
})

test('the keyboard goes through all rows, and stays with its own', async () => {
  const { page, list } = await open()
  const here = (): Promise<string | null | undefined> =>
    page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.index)
  await page.getByTestId('ledger-list').focus()
  await expect.poll(here).toBe('0')
  await page.keyboard.press('ArrowDown')
  await expect.poll(here).toBe('1')
  await page.keyboard.press('PageDown')
  await expect.poll(async () => Number(await here())).toBeGreaterThan(4)
  await page.keyboard.press('End')
  await expect.poll(here).toBe('99999')
  await settled(page)
  const id = await page.evaluate(() => (document.activeElement as HTMLElement).dataset.id)
  expect(id).toBe('1')
  // Somebody puts a row on top: the same row has the keyboard, one place further down.
  await page.evaluate(() => {
    const label = document.querySelector<HTMLInputElement>('[data-testid=ledger-label]')
    const form = label?.closest('form')
    if (!label || !form) return
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
    set?.call(label, 'A pen')
    label.dispatchEvent(new Event('input', { bubbles: true }))
    form.requestSubmit()
  })
  await expect.poll(here).toBe('100000')
  expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.id)).toBe('1')
  await page.keyboard.press('Home')
  await expect.poll(here).toBe('0')
  const entry = list.locator('[data-index="0"]')
  expect(await entry.getAttribute('aria-posinset')).toBe('1')
  expect(await entry.getAttribute('aria-setsize')).toBe('100001')
})

test('after a lost connection, and after a server that forgot, the list goes on where it was', async () => {
  const { page } = await open()
  const list = page.getByTestId('ledger')
  await scrollTo(page, list, 3_000 * 57)
  const { id } = await firstInView(list)
  await stage.kill()
  await expect.poll(() => list.getAttribute('data-status')).toBe('stale')
  expect((await firstInView(list)).id).toBe(id)
  await stage.restart()
  await expect.poll(() => list.getAttribute('data-status'), { timeout: 30_000 }).toBe('live')
  await settled(page)
  // It was mounted afresh, so its rows are measured anew: those above what is in view may be a little larger or smaller.
  expect(Math.abs(Number((await firstInView(list)).id) - Number(id))).toBeLessThanOrEqual(3)
})

test('it looks right, in light and dark, wide and narrow', async () => {
  const folder = process.env.LISTS_SHOTS
  for (const [name, width, colorScheme] of [
    ['wide-light', 1280, 'light'],
    ['narrow-dark', 400, 'dark'],
  ] as const) {
    const { page, problems } = await stage.visit('', { viewport: { width, height: 900 }, colorScheme })
    await page.getByTestId('ledger-place').scrollIntoViewIfNeeded()
    const list = page.getByTestId('ledger')
    await list.waitFor()
    await scrollTo(page, list, 700 * 57)
    const overlap = await list.evaluate((scroll) => {
      const rows = [...scroll.querySelectorAll<HTMLElement>('[data-testid=entry]')]
      const boxes = rows.map((row) => row.getBoundingClientRect()).sort((left, right) => left.top - right.top)
      return boxes.some((box, at) => at > 0 && Math.abs(box.top - (boxes[at - 1]?.bottom ?? 0)) > 1)
    })
    expect(overlap, 'rows stand below each other').toBe(false)
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    )
    if (folder) await page.getByTestId('ledger-place').screenshot({ path: `${folder}/ledger-${name}.png` })
    expect(problems).toEqual([])
  }
})

/** Bytes of live objects in the page. */
async function heap(devtools: CDPSession): Promise<number> {
  await devtools.send('HeapProfiler.collectGarbage')
  const { usedSize } = (await devtools.send('Runtime.getHeapUsage')) as { usedSize: number }
  return usedSize
}

/** Bytes of text that the page got over the wire since the message at `from`. */
const bytes = (messages: readonly Message[]): number =>
  messages.reduce((sum, message) => sum + Buffer.byteLength(JSON.stringify(message)), 0)

test('a scripted scroll receives, holds and blocks little', async () => {
  const visited = await stage.visit()
  const { page, received } = visited
  const devtools = await page.context().newCDPSession(page)
  const heapBefore = await heap(devtools)
  const begun = Date.now()
  await page.getByTestId('ledger-place').scrollIntoViewIfNeeded()
  const list = page.getByTestId('ledger')
  await list.waitFor()
  await settled(page)
  const firstRows = Date.now() - begun
  const from = received.length
  const { frames, long } = await list.evaluate(
    async (scroll, [steps, step]) => {
      const long: number[] = []
      const observer = new PerformanceObserver((entries) => {
        for (const { duration } of entries.getEntries()) long.push(duration)
      })
      observer.observe({ entryTypes: ['longtask'] })
      const frames: number[] = []
      let last = performance.now()
      for (let at = 0; at < steps; at += 1) {
        scroll.scrollTop += step
        await new Promise(requestAnimationFrame)
        const now = performance.now()
        frames.push(now - last)
        last = now
      }
      observer.disconnect()
      return { frames, long }
    },
    [STEPS, STEP] as const,
  )
  await settled(page)
  const scrolled = bytes(received.slice(from).filter(({ originalType }) => originalType === 'LIST_READ'))
  const asked = reads(visited).length
  const held = await numberOf(list, 'data-held')
  const heapAfter = await heap(devtools)

  // The same list as an older client gets it: whole.
  const whole = await page.evaluate(
    () =>
      new Promise<{ bytes: number; took: number }>((resolve) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/live/ws`)
        const begun = performance.now()
        const payload = { component: 'Ledger', props: {} }
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data)
          if (message.type === 'CONNECTION_ESTABLISHED') {
            socket.send(
              JSON.stringify({ type: 'COMPONENT_MOUNT', componentId: 'whole', payload, requestId: '1' }),
            )
          } else if (message.originalType === 'COMPONENT_MOUNT') {
            Object.assign(window, { whole: message.result.initialState.rows })
            socket.close()
            resolve({ bytes: new TextEncoder().encode(data).length, took: performance.now() - begun })
          }
        }
      }),
  )
  const heapWhole = await heap(devtools)

  const sorted = [...frames].sort((left, right) => left - right)
  const report = {
    rows: await numberOf(list, 'data-length'),
    firstRowsMs: firstRows,
    scrolled: { steps: STEPS, pixels: STEPS * STEP, reads: asked, bytes: scrolled, rowsHeld: held },
    frameMs: { median: sorted[STEPS >> 1], p95: sorted[Math.floor(STEPS * 0.95)], longest: sorted.at(-1) },
    longTasks: { count: long.length, totalMs: long.reduce((sum, ms) => sum + ms, 0) },
    heapBytes: heapAfter - heapBefore,
    whole: { bytes: whole.bytes, ms: whole.took, heapBytes: heapWhole - heapAfter },
  }
  if (process.env.LISTS_REPORT)
    writeFileSync(process.env.LISTS_REPORT, `${JSON.stringify(report, null, 2)}\n`)
  expect(held).toBeLessThanOrEqual(MOST_HELD)
  expect(scrolled).toBeLessThan(whole.bytes / 20)
  expect(report.heapBytes).toBeLessThan(report.whole.heapBytes / 2)
})
