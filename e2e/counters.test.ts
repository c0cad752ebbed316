/** Many counters on one page: every click counts, once, and for nobody else. */

import { expect, test } from 'vitest'
import { setStage } from './stage/stage'
import { counts, numberIn, renders, visitIn } from './stage/visit'

const COUNTERS = 20
const CLICKS = 50

const stage = setStage()

test('twenty counters clicked fifty times each by a script, interleaved, are all exact', async () => {
  const { page, problems } = await stage.visit(`?counters=${COUNTERS}`)
  const before = await counts(page)
  expect(before).toHaveLength(COUNTERS)
  await page.evaluate((clicks) => {
    const buttons = [...document.querySelectorAll<HTMLButtonElement>('[data-testid=increment]')]
    for (let click = 0; click < clicks; click += 1) for (const button of buttons) button.click()
  }, CLICKS)
  await expect.poll(() => counts(page), { timeout: 30_000 }).toEqual(before.map((count) => count + CLICKS))
  await expect.poll(() => page.getByTestId('resyncs').textContent()).toBe('0')
  expect(problems).toEqual([])
})

test('twenty counters clicked fifty times each by a mouse, interleaved, are all exact', async () => {
  const { page, problems } = await stage.visit(`?counters=${COUNTERS}`)
  const before = await counts(page)
  const buttons = await page.getByTestId('increment').all()
  const boxes = await Promise.all(buttons.map((button) => button.boundingBox()))
  const mouse = await page.context().newCDPSession(page)
  // Sent without waiting for one another, so that they come as fast as the browser can take them.
  const events: Promise<unknown>[] = []
  for (let click = 0; click < CLICKS; click += 1) {
    for (const box of boxes) {
      if (!box) throw new Error('a counter is not on the page')
      const at = {
        x: box.x + box.width / 2,
        y: box.y + box.height / 2,
        button: 'left',
        clickCount: 1,
      } as const
      events.push(mouse.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...at }))
      events.push(mouse.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at }))
    }
  }
  await Promise.all(events)
  await expect.poll(() => counts(page), { timeout: 30_000 }).toEqual(before.map((count) => count + CLICKS))
  expect(problems).toEqual([])
})

test('increments, decrements and resets mixed up arrive in the order they were clicked', async () => {
  const { page } = await stage.visit()
  const [first = 0] = await counts(page)
  const card = page.getByTestId('counter').first()
  await card.evaluate((element) => {
    const click = (id: string): void => element.querySelector<HTMLElement>(`[data-testid=${id}]`)?.click()
    for (let round = 0; round < 30; round += 1) click('increment')
    click('reset')
    for (let round = 0; round < 10; round += 1) click('increment')
    for (let round = 0; round < 17; round += 1) click('decrement')
  })
  await expect.poll(() => card.getByTestId('count').textContent()).toBe(String(first + 10 - 17))
})

test('clicking one counter renders that one and no other', async () => {
  const { page } = await stage.visit(`?counters=${COUNTERS}`)
  const before = await renders(page)
  const rows = await page
    .getByTestId('todo-row')
    .evaluateAll((rows) => rows.map((row) => row.dataset.renders))
  const card = page.getByTestId('counter').nth(7)
  const count = numberIn(await card.getByTestId('count').textContent())
  await card.getByTestId('increment').click()
  await expect.poll(() => card.getByTestId('count').textContent()).toBe(String(count + 1))
  expect(await renders(page)).toEqual(before.map((times, index) => (index === 7 ? times + 1 : times)))
  const rowsAfter = await page
    .getByTestId('todo-row')
    .evaluateAll((rows) => rows.map((row) => row.dataset.renders))
  expect(rowsAfter).toEqual(rows)
})

test('removing a counter unmounts it on the server, and the others keep their counts', async () => {
  const { page, sent, received } = await stage.visit()
  await page.evaluate(() => {
    for (const button of document.querySelectorAll<HTMLElement>('[data-testid=increment]')) button.click()
  })
  const expected = [1, 11, 21, 31]
  await expect.poll(() => counts(page)).toEqual(expected)
  // The instance that answers a click on the second counter is the one that has to go.
  const asked = sent.length
  await page.getByTestId('counter').nth(1).getByTestId('increment').click()
  await expect.poll(() => sent.slice(asked).find(({ type }) => type === 'CALL_ACTION')).toBeDefined()
  const instance = sent.slice(asked).find(({ type }) => type === 'CALL_ACTION')?.componentId

  await page.getByRole('button', { name: 'Remove Counter 2', exact: true }).click()
  const gone = {
    type: 'MESSAGE_RESPONSE',
    originalType: 'COMPONENT_UNMOUNT',
    success: true,
    componentId: instance,
  }
  await expect.poll(() => received).toContainEqual(expect.objectContaining(gone))
  expect(sent.filter(({ type }) => type === 'COMPONENT_UNMOUNT')).toHaveLength(1)
  expect(await counts(page)).toEqual([1, 21, 31])
  await page.getByTestId('increment').nth(1).click()
  await expect.poll(() => counts(page)).toEqual([1, 22, 31])
})

test('counters are added as one likes, each with its own count', async () => {
  const { page } = await stage.visit('?counters=1')
  const add = page.getByTestId('add-counter')
  for (let more = 0; more < 24; more += 1) await add.click()
  await expect.poll(() => counts(page)).toEqual(Array.from({ length: 25 }, (_, index) => index * 10))
})

test('two tabs do not touch each other', async () => {
  const one = await stage.visit()
  const other = await visitIn(await one.page.context().newPage(), stage.url)
  const before = await counts(other.page)
  await one.page.getByTestId('increment').first().click()
  await expect
    .poll(() => counts(one.page))
    .toEqual(before.map((count, index) => (index === 0 ? count + 1 : count)))
  // A round trip of the other tab's own: whatever was to reach it before, has.
  await other.page.getByTestId('increment').nth(2).click()
  await expect
    .poll(() => counts(other.page))
    .toEqual(before.map((count, index) => (index === 2 ? count + 1 : count)))
})

test('a page that is loaded again has the counts it had, and works', async () => {
  const { page, problems } = await stage.visit()
  await page.getByTestId('increment').first().click()
  await expect.poll(() => counts(page)).toEqual([1, 10, 20, 30])
  await page.reload()
  await expect.poll(() => counts(page)).toEqual([1, 10, 20, 30])
  await page.getByTestId('decrement').nth(1).click()
  await expect.poll(() => counts(page)).toEqual([1, 9, 20, 30])
  expect(problems).toEqual([])
})
