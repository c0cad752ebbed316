/** A form in three steps: fast fingers, slow networks, servers that go, and people who see nothing of it. */

import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { back, status } from './stage/look'
import { setStage } from './stage/stage'
import type { Message } from './stage/visit'

const OUTPUT = fileURLToPath(new URL('output/', import.meta.url))

beforeAll(() => mkdir(OUTPUT, { recursive: true }))

const stage = setStage({ isDurable: true })

const field = (page: Page, label: string) => page.getByTestId('signup').getByLabel(label, { exact: true })

/** The values of every change that was sent. */
const changes = (sent: readonly Message[]) =>
  sent.flatMap((message) => {
    const { type, action, payload } = message as Message & { action?: string }
    if (type !== 'CALL_ACTION' || action !== 'change') return []
    return [(payload as { values: { email: string; name: string } }).values]
  })

/** Types without waiting for the page between two keys: how fast fingers are does not depend on the machine. */
async function typeFast(page: Page, text: string): Promise<void> {
  const keyboard = await page.context().newCDPSession(page)
  const press = (type: 'keyDown' | 'keyUp', key: string) =>
    keyboard.send('Input.dispatchKeyEvent', { type, key, ...(type === 'keyDown' && { text: key }) })
  await Promise.all([...text].flatMap((key) => [press('keyDown', key), press('keyUp', key)]))
}

const settled = async (page: Page): Promise<void> => {
  await expect.poll(() => page.getByTestId('signup').getAttribute('data-pending')).toBe('false')
}

test('what is typed fast shows letter by letter, and is sent in a few changes', async () => {
  const { page, sent, problems } = await stage.visit()
  const text = 'ada.lovelace@example.com'
  await field(page, 'Email').focus()
  await typeFast(page, text)
  expect(await field(page, 'Email').inputValue()).toBe(text)
  await settled(page)
  expect(await field(page, 'Email').inputValue()).toBe(text)
  expect(changes(sent).at(-1)?.email).toBe(text)
  expect(changes(sent).length).toBeLessThan(text.length / 2)
  expect(problems).toEqual([])
})

test('nothing that is typed is overwritten while the network stands still', async () => {
  const { page, proxy } = await stage.visitThrough()
  const name = field(page, 'Name')
  await name.pressSequentially('Ad')
  await page.getByTestId('signup-note').getByText('Kept').waitFor()
  proxy.freeze()
  await name.pressSequentially('a Love')
  await field(page, 'Email').pressSequentially('ada@')
  proxy.unfreeze()
  await name.press('End')
  await name.pressSequentially('lace')
  await settled(page)
  expect(await name.inputValue()).toBe('Ada Lovelace')
  expect(await field(page, 'Email').inputValue()).toBe('ada@')
})

test('a half-filled form and its step survive a lost connection, with what is typed meanwhile', async () => {
  const { page, proxy } = await stage.visitThrough()
  await field(page, 'Email').fill('ada@example.com')
  await field(page, 'Name').fill('Ada')
  await page.getByTestId('signup-next').click()
  await field(page, 'Age').fill('3')
  await settled(page)
  proxy.refuse('503 Service Unavailable')
  await expect.poll(() => status(page)).not.toBe('live')
  await field(page, 'Age').pressSequentially('6')
  await field(page, 'solo').check()
  await expect.poll(() => page.getByTestId('signup-note').textContent()).toContain('until the server is back')
  proxy.refuse(undefined)
  await back(page)
  await settled(page)
  expect(await field(page, 'Age').inputValue()).toBe('36')
  expect(await field(page, 'solo').isChecked()).toBe(true)
  await page.reload()
  await expect.poll(() => field(page, 'Age').inputValue()).toBe('36')
})

test('a half-filled form and its step survive a server that is killed and starts again', async () => {
  const { page } = await stage.visit()
  await field(page, 'Email').fill('grace@example.com')
  await page.getByTestId('signup-next').click()
  await field(page, 'team').check()
  await settled(page)
  await stage.kill()
  await expect.poll(() => status(page)).not.toBe('live')
  await field(page, 'Age').fill('85')
  await stage.restart()
  await back(page)
  await settled(page)
  expect(await field(page, 'Age').inputValue()).toBe('85')
  expect(await field(page, 'team').isChecked()).toBe(true)
  await page.getByTestId('signup').getByRole('button', { name: '1 Who you are' }).click()
  expect(await field(page, 'Email').inputValue()).toBe('grace@example.com')
})

test('what is wrong is said by the server, of what was left, and the input points to it', async () => {
  const { page } = await stage.visit()
  const email = field(page, 'Email')
  await email.pressSequentially('ada')
  await settled(page)
  expect(await page.getByTestId('signup').getByRole('alert').count()).toBe(0)
  await page.keyboard.press('Tab')
  const alert = page.getByTestId('signup').getByRole('alert')
  expect(await alert.textContent()).toBe('an address has an @ in it')
  expect(await email.getAttribute('aria-invalid')).toBe('true')
  const id = await email.getAttribute('aria-describedby')
  expect(await alert.getAttribute('id')).toBe(id)
  await email.press('End')
  await email.pressSequentially('@example.com')
  await expect.poll(() => email.getAttribute('aria-invalid')).toBe(null)
  expect(await alert.getByText('an address has').count()).toBe(0)
})

test('with the keyboard alone: three steps, a refusal, the focus where it is wrong, and in the end an account', async () => {
  const { page, problems } = await stage.visit()
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key)
  }
  const type = (text: string): Promise<void> => page.keyboard.type(text)
  await field(page, 'Email').focus()
  await type('taken@example.com')
  await press('Tab')
  await type('Ada')
  await press('Tab', 'Enter')
  await field(page, 'Age').waitFor()
  await field(page, 'Age').focus()
  await type('36')
  await press('Tab', 'ArrowDown')
  await expect.poll(() => field(page, 'solo').isChecked()).toBe(true)
  await press('Tab', 'Enter')
  await field(page, 'Newsletter').focus()
  await press('Space')
  expect(await field(page, 'Newsletter').isChecked()).toBe(true)
  await press('Tab', 'Enter')
  // Somebody has it, which only the server knows: back to the first step, into the input, with everything kept.
  await expect
    .poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement | null)?.name))
    .toBe('email')
  expect(await field(page, 'Email').inputValue()).toBe('taken@example.com')
  expect(await field(page, 'Name').inputValue()).toBe('Ada')
  await page.getByTestId('signup').screenshot({ path: `${OUTPUT}signup-refused.png` })
  await press('Home')
  await type('not.')
  await press('Tab')
  await expect.poll(() => field(page, 'Email').getAttribute('aria-invalid')).toBe(null)
  await page.getByTestId('signup').getByRole('button', { name: '3 What you hear' }).press('Enter')
  expect(await field(page, 'Newsletter').isChecked()).toBe(true)
  await page.getByTestId('signup-submit').press('Enter')
  await expect.poll(() => page.getByTestId('signup-done').textContent()).toContain('Welcome, Ada.')
  expect(problems).toEqual([])
})

test.each(['light', 'dark'] as const)(
  'an empty form that is handed in says all that is wrong, in %s',
  async (colorScheme) => {
    const { page } = await stage.visit('', { colorScheme })
    await page.getByTestId('signup').getByRole('button', { name: '3 What you hear' }).click()
    await page.getByTestId('signup-submit').click()
    const summary = page.getByTestId('signup').getByRole('alert').first()
    await expect.poll(() => summary.getByRole('link').count()).toBe(3)
    await expect
      .poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement | null)?.name))
      .toBe('email')
    await page.getByTestId('signup').screenshot({ path: `${OUTPUT}signup-${colorScheme}.png` })
    await summary.getByRole('link', { name: 'Age' }).click()
    await expect
      .poll(() => field(page, 'Age').evaluate((input) => input === document.activeElement))
      .toBe(true)
  },
)
