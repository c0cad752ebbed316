/** The long list: one change is one row on the wire, and one row on the page. */

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { setStage } from './stage/stage'
import { numberIn } from './stage/visit'

const stage = setStage()

/** How often each row was rendered, by its id. */
async function rendersById(page: Page): Promise<Map<string, string>> {
  const pairs = await page
    .getByTestId('todo-row')
    .evaluateAll((rows) =>
      rows.map((row): [string, string] => [row.dataset.id ?? '', row.dataset.renders ?? '']),
    )
  return new Map(pairs)
}

test('adding one row to a thousand sends a delta of less than 300 bytes and renders one row', async () => {
  const { page, received } = await stage.visit()
  const before = await rendersById(page)
  expect(before.size).toBe(1000)
  await page.getByTestId('todo-text').fill('Water the plants')
  await page.getByTestId('todo-add').click()
  await expect.poll(() => page.getByTestId('todo-row').count()).toBe(1001)
  expect(await page.getByTestId('todo-row').first().textContent()).toContain('Water the plants')

  const after = await rendersById(page)
  for (const [id, renders] of before) expect(after.get(id), `row ${id}`).toBe(renders)
  const deltas = received.filter((message) => JSON.stringify(message).includes('Water the plants'))
  expect(deltas.map(({ type }) => type)).toEqual(['STATE_DELTA'])
  expect(Buffer.byteLength(JSON.stringify(deltas[0]))).toBeLessThan(300)
  expect(received.filter(({ type }) => type === 'STATE_UPDATE')).toEqual([])
  await expect
    .poll(async () => numberIn(await page.getByTestId('todo-bytes').textContent()))
    .toBeLessThan(300)
  await expect.poll(() => page.getByTestId('todo-change').textContent()).toContain('1 row rendered')
})

test('ticking a row off renders that row and no other', async () => {
  const { page } = await stage.visit()
  const before = await rendersById(page)
  const row = page.locator('[data-testid=todo-row][data-id="998"]')
  await row.getByRole('checkbox').click()
  await expect.poll(() => row.getAttribute('data-done')).toBe('true')
  const after = await rendersById(page)
  const changed = [...after.keys()].filter((id) => after.get(id) !== before.get(id))
  expect(changed).toEqual(['998'])
})

test('rows are removed one by one, and all that are done at once', async () => {
  const { page } = await stage.visit()
  await page.getByRole('button', { name: 'Remove Thing number 999', exact: true }).click()
  await expect.poll(() => page.getByTestId('todo-row').count()).toBe(999)
  await page.getByTestId('todo-clear').click()
  // Every seventh of a thousand was done: 142, and 999 was none of them.
  await expect.poll(() => page.getByTestId('todo-row').count()).toBe(857)
  await expect.poll(() => page.getByTestId('todo-open').textContent()).toBe('857')
})

test('the filter is the page’s own: it shows fewer rows and asks nobody', async () => {
  const { page, sent } = await stage.visit()
  const asked = sent.filter(({ type }) => type !== 'COMPONENT_PING').length
  await page.getByTestId('filter-words').fill('number 99')
  await expect.poll(() => page.getByTestId('todo-row').count()).toBe(11)
  await page.getByText('Done', { exact: true }).click()
  await expect.poll(() => page.getByTestId('todo-row').count()).toBe(1)
  expect(sent.filter(({ type }) => type !== 'COMPONENT_PING')).toHaveLength(asked)
})

test('an empty row is refused by the server, and the page says why', async () => {
  const { page } = await stage.visit()
  await page.getByTestId('todo-text').fill('   ')
  await page.getByTestId('todo-text').press('Enter')
  await expect.poll(() => page.getByTestId('todo-complaint').textContent()).toBe('what is to be done?')
  expect(await page.getByTestId('todo-text').getAttribute('aria-invalid')).toBe('true')
})
