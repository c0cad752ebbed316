/** Several people share a chat and a tally: they see each other, and what each of them does. */

import { expect, test } from 'vitest'
import { hears, messages, named, people, say, signIn, tally } from './stage/company'
import { watchToasts } from './stage/look'
import { setStage } from './stage/stage'
import type { Visit } from './stage/visit'

/** Whoever is gone for a second is gone. */
const stage = setStage({ flags: ['--grace', '1'] })

/**
 * Somebody comes to a room of the chat. Each test has its own, because the server outlives the tests. The ledger on the way
 * to it is a small one, which keeps nobody waiting who presses a button.
 */
function come(name: string, room: string): Promise<Visit> {
  return stage.visit(`?room=${room}&ledger=200`, { prepare: named(name) })
}

test('what somebody says is heard by everybody in the room, once and in order', async () => {
  const [ada, bob] = [await come('Ada', 'talk'), await come('Bob', 'talk')]
  await say(ada.page, 'Hello')
  await hears(bob.page, ['Hello'])
  await say(bob.page, 'Hello yourself')
  for (const { page } of [ada, bob]) await hears(page, ['Hello', 'Hello yourself'])
  await expect.poll(() => ada.page.locator('[data-testid=message][data-mine=true]').count()).toBe(1)
  expect(await ada.page.getByTestId('chat-text').inputValue()).toBe('')
  expect([...ada.problems, ...bob.problems]).toEqual([])
})

test('a message travels as itself, not as all that was ever said', async () => {
  const [ada, bob] = [await come('Ada', 'lean'), await come('Bob', 'lean')]
  for (let number = 1; number <= 20; number += 1) await say(ada.page, `Message number ${number}`)
  await expect.poll(() => messages(bob.page)).toHaveLength(20)
  await say(ada.page, 'and another')
  await expect.poll(() => messages(bob.page)).toHaveLength(21)
  const frames = bob.received.filter((message) => JSON.stringify(message).includes('and another'))
  expect(frames.map(({ type }) => type)).toEqual(['STATE_DELTA'])
  expect(Buffer.byteLength(JSON.stringify(frames[0]))).toBeLessThan(400)
})

test('whoever comes late finds what was said before', async () => {
  const ada = await come('Ada', 'history')
  const said = ['One', 'Two', 'Three']
  for (const text of said) await say(ada.page, text)
  await hears(ada.page, said)
  const late = await come('Bob', 'history')
  await hears(late.page, said)
})

test('whoever comes is seen by the others, and whoever closes their page is not', async () => {
  const ada = await come('Ada', 'doors')
  expect(await people(ada.page)).toEqual(['Ada'])
  const bob = await come('Bob', 'doors')
  await expect.poll(() => people(ada.page)).toEqual(['Ada', 'Bob'])
  expect(await people(bob.page)).toEqual(['Ada', 'Bob'])
  await bob.page.context().close()
  await expect.poll(() => people(ada.page)).toEqual(['Ada'])
})

test('whoever takes another name has it everywhere', async () => {
  const [ada, bob] = [await come('Ada', 'names'), await come('Bob', 'names')]
  await bob.page.getByTestId('visitor-name').fill('Robert')
  await bob.page.getByTestId('visitor-name').press('Tab')
  await expect.poll(() => people(ada.page)).toEqual(['Ada', 'Robert'])
  await say(bob.page, 'I am Robert now')
  await expect.poll(() => ada.page.locator('.message-name').allTextContents()).toEqual(['Robert'])
  await bob.page.reload()
  await expect.poll(() => people(ada.page)).toEqual(['Ada', 'Robert'])
})

test('that somebody types is seen by the others, until they have said it or thought better of it', async () => {
  const [ada, bob] = [await come('Ada', 'typing'), await come('Bob', 'typing')]
  const seen = ada.page.getByTestId('chat-typing')
  const typed = (): number =>
    bob.sent.filter((message) => JSON.stringify(message).includes('"action":"typing"')).length
  const began = performance.now()
  await bob.page.getByTestId('chat-text').pressSequentially('Let me think')
  await expect.poll(() => seen.textContent()).toBe('Bob is typing…')
  // Not at every key: every two seconds.
  expect(typed()).toBeLessThanOrEqual(1 + (performance.now() - began) / 2_000)
  expect(await bob.page.getByTestId('chat-typing').textContent()).toBe('')
  await bob.page.getByTestId('chat-send').click()
  await hears(ada.page, ['Let me think'])
  await expect.poll(() => seen.textContent()).toBe('')

  // It is not said again at once, so this is as long as it takes.
  await expect
    .poll(async () => {
      await bob.page.getByTestId('chat-text').pressSequentially('.')
      return seen.textContent()
    })
    .toBe('Bob is typing…')
  await expect.poll(() => seen.textContent()).toBe('')
})

test('rooms are apart, and one can go from one to another', async () => {
  const [ada, bob] = [await come('Ada', 'lobby'), await come('Bob', 'garden')]
  await say(ada.page, 'In the lobby')
  await say(bob.page, 'In the garden')
  await hears(ada.page, ['In the lobby'])
  await hears(bob.page, ['In the garden'])
  await ada.page.getByTestId('room-garden').check({ force: true })
  await hears(ada.page, ['In the garden'])
  await expect.poll(() => people(bob.page)).toEqual(['Ada', 'Bob'])
  await ada.page.getByTestId('room-other').fill('The Cellar!')
  await ada.page.getByTestId('room-open').click()
  await ada.page.locator('[data-testid=chat][data-room=the-cellar]').waitFor()
  await hears(ada.page, [])
  // Whoever went elsewhere has left.
  await expect.poll(() => people(bob.page)).toEqual(['Bob'])
})

test('only a moderator may clear a room, and becomes one without anything being mounted again', async () => {
  const [ada, bob] = [await come('Ada', 'order'), await come('Bob', 'order')]
  const refusals = await watchToasts(bob.page)
  await say(ada.page, 'Something rude')
  await hears(bob.page, ['Something rude'])
  await bob.page.getByTestId('moderation').click()
  await bob.page.getByTestId('clear').click()
  await bob.page.getByText('sign in first').waitFor()
  expect(await refusals('bad')).toEqual(['sign in first'])

  await signIn(ada.page, 'ada')
  await ada.page.getByTestId('moderation').click()
  await ada.page.getByTestId('clear').click()
  await ada.page.getByText('you may not do this').waitFor()
  await hears(ada.page, ['Something rude'])

  const mounts = (): number => bob.sent.filter(({ type }) => type === 'COMPONENT_MOUNT').length
  const before = mounts()
  await signIn(bob.page, 'admin')
  await expect.poll(() => people(ada.page)).toEqual(['ada', 'admin'])
  for (const { page } of [ada, bob])
    await expect.poll(() => page.getByTestId('chat').getByText('moderator', { exact: true }).count()).toBe(1)
  await bob.page.getByTestId('clear').click()
  for (const { page } of [ada, bob]) await hears(page, [])
  expect(mounts()).toBe(before)
  expect(bob.navigations()).toBe(1)
})

test('a moderator is heard in every room, and by whoever comes later', async () => {
  const [moderator, ada] = [await come('Mo', 'office'), await come('Ada', 'elsewhere')]
  await signIn(moderator.page, 'admin')
  await moderator.page.getByTestId('moderation').click()
  await moderator.page.getByTestId('moderation-words').fill('We close at ten.')
  await moderator.page.getByTestId('announce').click()
  const late = await come('Cy', 'late')
  for (const { page } of [moderator, ada, late])
    await expect.poll(() => page.getByTestId('announcement').textContent()).toContain('We close at ten.')
})

test('whoever signs out begins anew, and is nobody in particular again', async () => {
  const [ada, bob] = [await come('Ada', 'leaving'), await come('Bob', 'leaving')]
  const moderators = (): Promise<number> => ada.page.getByText('moderator', { exact: true }).count()
  await signIn(bob.page, 'admin')
  // In the chat, the tally and the field.
  await expect.poll(moderators).toBe(3)
  await bob.page.getByTestId('sign-out').click()
  await expect.poll(moderators).toBe(0)
  await expect.poll(() => people(ada.page)).toEqual(['Ada', 'admin'])
  await bob.page.getByTestId('moderation').click()
  await bob.page.getByTestId('clear').click()
  await bob.page.getByText('sign in first').waitFor()
})

test('a page that is loaded again is signed in as before', async () => {
  const { page } = await come('Bob', 'again')
  await signIn(page, 'admin')
  await say(page, 'Still me')
  await hears(page, ['Still me'])
  await page.reload()
  await page.getByTestId('sign-out').waitFor()
  await page.getByTestId('moderation').click()
  await page.getByTestId('clear').click()
  await hears(page, [])
})

test('two who click at the same time count every click', async () => {
  const CLICKS = 100
  const [ada, bob] = [await come('Ada', 'count'), await come('Bob', 'count')]
  const before = await tally(ada.page)
  const click = ({ page }: Visit): Promise<unknown> =>
    page.getByTestId('tally-increment').evaluate((button: HTMLElement, clicks) => {
      for (let click = 0; click < clicks; click += 1) button.click()
    }, CLICKS)
  await Promise.all([click(ada), click(bob)])
  for (const { page } of [ada, bob]) await expect.poll(() => tally(page)).toBe(before + 2 * CLICKS)
  await bob.page.getByTestId('tally-decrement').click()
  for (const { page } of [ada, bob]) await expect.poll(() => tally(page)).toBe(before + 2 * CLICKS - 1)
  // Of the tests before somebody may be there for a second.
  await expect.poll(() => people(ada.page, 'Tally')).toEqual(['Ada', 'Bob'])
  for (const { page } of [ada, bob]) expect(await page.getByTestId('resyncs').textContent()).toBe('0')
})
