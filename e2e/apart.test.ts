/** Somebody's connection is away for a while: the others do not notice, and nothing that was said is lost. */

import { expect, test } from 'vitest'
import { count, hears, named, people, say, tally, watchPeople } from './stage/company'
import { back, status, watchToasts } from './stage/look'
import { setStage } from './stage/stage'
import { live } from './stage/visit'

const stage = setStage({ isDurable: true })

test('whoever is away for a moment is still there for the others, and misses nothing', async () => {
  const bob = await stage.visit('?room=apart', { prepare: named('Bob') })
  const ada = await stage.visitThrough('?room=apart', { prepare: named('Ada') })
  await expect.poll(() => people(bob.page)).toEqual(['Ada', 'Bob'])
  const toasts = await watchToasts(ada.page)
  const [inChat, onTally] = [await watchPeople(bob.page), await watchPeople(bob.page, 'Tally')]

  ada.proxy.refuse('503 Service Unavailable')
  await expect.poll(() => status(ada.page)).toBe('reconnecting')
  await say(bob.page, 'Are you there?')
  await say(ada.page, 'I am underground')
  await hears(bob.page, ['Are you there?'])
  const counted = await count(bob.page)
  ada.proxy.refuse(undefined)
  await back(ada.page)

  const said = ['Are you there?', 'I am underground']
  for (const { page } of [ada, bob]) await hears(page, said)
  await expect.poll(() => tally(ada.page)).toBe(counted)
  expect(await people(bob.page)).toEqual(['Ada', 'Bob'])
  expect(await inChat(), 'somebody came or went').toEqual([])
  expect(await onTally()).toEqual([])
  expect(await toasts('bad')).toEqual([])
  expect(ada.navigations()).toBe(1)
})

test('a message whose answer was lost is said once', async () => {
  const bob = await stage.visit('?room=once', { prepare: named('Bob') })
  const ada = await stage.visitThrough('?room=once', { prepare: named('Ada') })
  ada.proxy.deafen()
  await say(ada.page, 'Only once')
  await hears(bob.page, ['Only once'])
  ada.proxy.cut()
  await back(ada.page)
  await say(ada.page, 'and once more')
  for (const { page } of [ada, bob]) await hears(page, ['Only once', 'and once more'])
})

test('a server that is started again has what was said, what was counted, and everybody', async () => {
  const bob = await stage.visit('?room=restart', { prepare: named('Bob') })
  const ada = await stage.visit('?room=restart', { prepare: named('Ada') })
  await say(ada.page, 'Before')
  await hears(bob.page, ['Before'])
  const counted = await count(bob.page)
  await stage.kill()
  await stage.restart()
  for (const { page } of [ada, bob]) {
    await back(page)
    await live(page)
  }
  for (const { page } of [ada, bob]) await hears(page, ['Before'])
  for (const { page } of [ada, bob]) await expect.poll(() => people(page)).toEqual(['Ada', 'Bob'])
  await expect.poll(() => tally(ada.page)).toBe(counted)
  await say(bob.page, 'After')
  for (const { page } of [ada, bob]) await hears(page, ['Before', 'After'])
})
