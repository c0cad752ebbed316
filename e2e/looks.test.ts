/** How the page looks: written to `output/` for people, and checked for what a program can see. */

import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { messages, say } from './stage/company'
import { setStage } from './stage/stage'
import { counts } from './stage/visit'

const OUTPUT = fileURLToPath(new URL('output/', import.meta.url))

beforeAll(() => mkdir(OUTPUT, { recursive: true }))

const stage = setStage()

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test.each([
    ['wide', { width: 1280, height: 5300 }],
    ['narrow', { width: 390, height: 8000 }],
  ])('the page is readable when it is %s', async (name, viewport) => {
    const { page, problems } = await stage.visit(`?room=${colorScheme}-${name}`, { colorScheme, viewport })
    await page.getByTestId('todo-text').fill('Water the plants')
    await page.getByTestId('todo-add').click()
    await page.getByTestId('profile-name').fill('Ada')
    await page.getByTestId('profile-email').fill('ada at example')
    await page.getByText('an address has an @ in it').waitFor()
    await page.getByTestId('todo-bytes').waitFor()
    for (const text of ['Is anybody here?', 'The tomatoes do not mind the rain, and neither do I.'])
      await say(page, text)
    await expect.poll(() => messages(page)).toHaveLength(2)
    await page.getByTestId('cursor-field').focus()
    await page.keyboard.press('ArrowLeft')
    await page.getByTestId('cursor').getByText('you').waitFor()
    await page.screenshot({ path: `${OUTPUT}${colorScheme}-${name}.png` })

    const { overflow, lightness } = await page.evaluate(() => {
      const [red = 0, green = 0, blue = 0] =
        getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g)?.map(Number) ?? []
      const { scrollWidth, clientWidth } = document.documentElement
      return { overflow: scrollWidth - clientWidth, lightness: (red + green + blue) / 3 }
    })
    expect(overflow).toBe(0)
    if (colorScheme === 'dark') expect(lightness).toBeLessThan(64)
    else expect(lightness).toBeGreaterThan(192)
    expect(problems).toEqual([])
  })
})

test('the theme is the system’s until somebody chooses, and the choice survives a reload', async () => {
  const { page } = await stage.visit('', { colorScheme: 'light' })
  const toggle = page.getByTestId('theme')
  expect(await toggle.getAttribute('aria-pressed')).toBe('false')
  await toggle.click()
  await expect.poll(() => toggle.getAttribute('aria-pressed')).toBe('true')
  await page.reload()
  await expect.poll(() => page.getByTestId('theme').getAttribute('aria-pressed')).toBe('true')
  // The button says so before the page is painted that way.
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)
  await expect.poll(scheme).toBe('dark')
})

test('everything that can be clicked or typed into has a name', async () => {
  const { page } = await stage.visit()
  await page.getByTestId('filter-words').fill('number 99')
  // Rows that leave the page while it is read have no labels any more.
  await expect.poll(() => page.getByTestId('todo-row').count()).toBe(11)
  const nameless = await page.locator('button, input').evaluateAll((controls) =>
    controls
      .filter((control) => {
        const labels =
          control instanceof HTMLInputElement || control instanceof HTMLButtonElement ? control.labels : null
        const text = control.getAttribute('aria-label') ?? control.textContent ?? ''
        return text.trim() === '' && [...(labels ?? [])].every((label) => label.textContent?.trim() === '')
      })
      .map((control) => control.outerHTML),
  )
  expect(nameless).toEqual([])
})

test('a counter can be used with the keyboard alone', async () => {
  const { page } = await stage.visit()
  await page.getByRole('button', { name: 'Increment Counter 1', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Space')
  await expect.poll(async () => (await counts(page))[0]).toBe(2)
  await page.keyboard.press('Tab')
  const focused = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
  expect(focused).toBe('Reset Counter 1 to 0')
})

test('a visit to everything leaves nothing on the console and breaks no policy', async () => {
  const { page, problems } = await stage.visit('?counters=5')
  for (const id of [
    'add-counter',
    'increment',
    'decrement',
    'reset',
    'remove',
    'stopwatch-toggle',
    'theme',
  ]) {
    await page.getByTestId(id).first().click()
  }
  await page.getByTestId('profile-volume').fill('12')
  await page.getByTestId('todo-text').fill('One more')
  await page.getByTestId('todo-add').click()
  await page.getByTestId('todo-clear').click()
  await expect.poll(() => page.getByTestId('todo-row').count()).toBe(859)
  expect(problems).toEqual([])
})
