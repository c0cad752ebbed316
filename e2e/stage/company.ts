/** Several people on one server: each with a browser profile of their own, and what they see of each other. */

import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** Gives the visitor a name before the page is there. For `prepare` of a visit. */
export function named(name: string): (page: Page) => Promise<unknown> {
  return (page) => page.addInitScript((name) => localStorage.setItem('name', name), name)
}

/** One of the cards that show who is here. */
export type Card = 'Chat' | 'Tally' | 'Cursors'

function card(page: Page, title: Card): Locator {
  return page.getByRole('region', { name: title, exact: true })
}

/** Who is here, by that card, in the order of their names. */
export async function people(page: Page, title: Card = 'Chat'): Promise<string[]> {
  return (await card(page, title).locator('.person-name').allTextContents()).sort()
}

/** Remembers from now on every name that came to a card or went from it, as `+Ada` and `-Ada`. */
export async function watchPeople(page: Page, title: Card = 'Chat'): Promise<() => Promise<string[]>> {
  const list = await card(page, title).getByTestId('people').elementHandle()
  const seen = await page.evaluateHandle((list) => {
    const seen: string[] = []
    const name = (node: Node): string => (node as Element).querySelector('.person-name')?.textContent ?? ''
    const look = (changes: MutationRecord[]): void => {
      for (const { addedNodes, removedNodes } of changes) {
        for (const node of addedNodes) seen.push(`+${name(node)}`)
        for (const node of removedNodes) seen.push(`-${name(node)}`)
      }
    }
    if (list) new MutationObserver(look).observe(list, { childList: true })
    return seen
  }, list)
  return () => seen.jsonValue()
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByTestId('chat-text').fill(text)
  await page.getByTestId('chat-send').click()
}

/** Everything that was said in the room that is shown. */
export function messages(page: Page): Promise<string[]> {
  return page.getByTestId('message-text').allTextContents()
}

/** Waits until exactly this was said, in this order. */
export async function hears(page: Page, texts: readonly string[]): Promise<void> {
  await expect.poll(() => messages(page)).toEqual(texts)
}

/** Signs in under a name. */
export async function signIn(page: Page, name: string): Promise<void> {
  await page.getByTestId('visitor-name').fill(name)
  await page.getByTestId('sign-in').click()
  await page.getByTestId('sign-out').waitFor()
}

export async function tally(page: Page): Promise<number> {
  return Number(await page.getByTestId('tally-count').textContent())
}

/** Counts one further, and comes back with the number once the page shows it. */
export async function count(page: Page): Promise<number> {
  const before = await tally(page)
  await page.getByTestId('tally-increment').click()
  await expect.poll(() => tally(page)).toBeGreaterThan(before)
  return tally(page)
}
