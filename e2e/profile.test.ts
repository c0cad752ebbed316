/** The form: written as one types, judged by the server. And the clock, which nobody asks. */

import { expect, test } from 'vitest'
import { setStage } from './stage/stage'
import { numberIn } from './stage/visit'

const stage = setStage()

test('the server greets whoever is typed, letter by letter', async () => {
  const { page } = await stage.visit()
  await page.getByTestId('profile-name').pressSequentially('Ada Lovelace')
  await expect.poll(() => page.getByTestId('profile-greeting').textContent()).toBe('Hello, Ada Lovelace!')
  expect(await page.getByTestId('profile-name').inputValue()).toBe('Ada Lovelace')
})

test('a complaint of the server stands beside its field until the field is right', async () => {
  const { page } = await stage.visit()
  const email = page.getByTestId('profile-email')
  await email.pressSequentially('ada')
  await expect
    .poll(() => page.getByTestId('profile-email-complaint').textContent())
    .toBe('an address has an @ in it')
  expect(await email.getAttribute('aria-invalid')).toBe('true')
  const about = await email.getAttribute('aria-describedby')
  expect(await page.locator(`[id="${about}"]`).textContent()).toBe('an address has an @ in it')
  // What was typed stays, although it was refused.
  expect(await email.inputValue()).toBe('ada')
  await email.pressSequentially('@example.com')
  await expect.poll(() => email.getAttribute('aria-invalid')).toBe('false')
})

test('the slider goes where the server refuses it', async () => {
  const { page } = await stage.visit()
  const volume = page.getByTestId('profile-volume')
  await volume.fill('110')
  await expect.poll(() => page.getByTestId('profile-volume-complaint').textContent()).toBe('at most 100')
  await volume.fill('80')
  await expect.poll(() => volume.getAttribute('aria-invalid')).toBe('false')
})

test('saving complains about what is missing, then saves, then says so', async () => {
  const { page, problems } = await stage.visit()
  await page.getByTestId('profile-save').click()
  await expect.poll(() => page.getByTestId('profile-name-complaint').textContent()).toBe('tell us your name')
  await page.getByTestId('profile-name').fill('Ada')
  await page.getByTestId('profile-email').fill('ada@example.com')
  await expect.poll(() => page.getByTestId('profile-name').getAttribute('aria-invalid')).toBe('false')
  await page.getByTestId('profile-save').click()
  await expect.poll(() => page.getByTestId('toasts').textContent()).toContain('Saved.')
  await expect.poll(() => page.getByTestId('profile-saved').textContent()).toBe('1')
  expect(problems).toEqual([])
})

test('the clock ticks and the stopwatch runs without being asked', async () => {
  const { page } = await stage.visit()
  const ticks = async (): Promise<number> => numberIn(await page.getByTestId('clock-ticks').textContent())
  const before = await ticks()
  await expect.poll(ticks).toBeGreaterThan(before + 1)
  await page.getByTestId('stopwatch-toggle').click()
  await expect.poll(() => page.getByTestId('stopwatch').textContent()).toMatch(/^00:0[1-9]/)
  await page.getByTestId('stopwatch-toggle').click()
  await expect.poll(() => page.getByTestId('stopwatch-toggle').textContent()).toBe('Start')
})
