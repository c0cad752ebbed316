/** A field of cursors: seen by the others as often as a screen is drawn, and where they are in the end. */

import type { Locator, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { named } from './stage/company'
import { setStage } from './stage/stage'
import { type Message, painted, type Visit } from './stage/visit'

const MOVES = 1_000
/** The server holds back what comes within 16 ms of the last delta. */
const MOST_A_SECOND = 1_000 / 16
/** A room in which nobody talks, and a ledger on the way to the field that keeps nobody waiting. */
const WHERE = '?room=nowhere&ledger=200'

const stage = setStage({ flags: ['--grace', '1', '--unlimited'] })

function come(name: string): Promise<Visit> {
  return stage.visit(WHERE, { prepare: named(name) })
}

/**
 * The field, where it will stay. Whoever scrolls to it comes past the ledger, which is mounted then and pushes what is
 * below it down: away from under a pointer that is there already.
 */
async function toField(page: Page): Promise<Locator> {
  await page.getByTestId('ledger-place').scrollIntoViewIfNeeded()
  await page.getByTestId('entry').first().waitFor()
  const field = page.getByTestId('cursor-field')
  await field.scrollIntoViewIfNeeded()
  return field
}

/** Who else points somewhere, by the names at their cursors. Of an earlier test somebody may be there for a while. */
function pointing(page: Page): Promise<string[]> {
  return page.locator('[data-testid=cursor][data-mine=false]').allTextContents()
}

/** Where everybody else points, as the page shows it. */
function others(page: Page): Promise<(string | undefined)[]> {
  return page
    .locator('[data-testid=cursor][data-mine=false]')
    .evaluateAll((cursors) => cursors.map((cursor) => (cursor as HTMLElement).dataset.at))
}

/** How many deltas said where somebody points. */
function deltas(received: readonly Message[]): number {
  const isOfCursors = (message: Message): boolean =>
    message.type === 'STATE_DELTA' && JSON.stringify(message).includes('"cursors"')
  return received.filter(isOfCursors).length
}

test('a pointer that moves a thousand times is seen to move sixty times a second, and where it stops', async () => {
  const [ada, bob] = [await come('Ada'), await come('Bob')]
  const began = performance.now()
  await ada.page.getByTestId('cursor-field').evaluate(async (field, moves) => {
    const { left, top, width, height } = field.getBoundingClientRect()
    for (let move = 1; move <= moves; move += 1) {
      const at = { clientX: left + (width * move) / moves, clientY: top + height / 2 }
      field.dispatchEvent(new PointerEvent('pointermove', { ...at, bubbles: true }))
      if (move % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }, MOVES)
  await expect.poll(() => others(bob.page)).toEqual(['1000,500'])
  const seconds = (performance.now() - began) / 1_000
  const calls = ada.sent.filter((message) => JSON.stringify(message).includes('"point"')).length
  expect(calls).toBeGreaterThan(5)
  // As often as this page is drawn, which is not more often than that.
  expect(calls).toBeLessThanOrEqual(60 * seconds + 10)
  expect(deltas(bob.received)).toBeLessThanOrEqual(calls)
  expect([...ada.problems, ...bob.problems]).toEqual([])
})

test('a client that says a thousand places at once is not passed on a thousand times', async () => {
  const bob = await come('Bob')
  const blank = await bob.page.context().newPage()
  await blank.goto(`${stage.url}/health`)
  const heard = bob.received.length
  const began = performance.now()
  await blank.evaluate(async (moves) => {
    const socket = new WebSocket(`ws://${location.host}/api/live/ws?v=3`)
    const answers = new Map<string, (id: string) => void>()
    const hello = new Promise((resolve) => {
      socket.onmessage = ({ data }) => {
        resolve(undefined)
        const { requestId, result } = JSON.parse(data)
        answers.get(requestId)?.(result?.componentId)
      }
    })
    let last = 0
    const ask = (message: object): Promise<string> => {
      last += 1
      const requestId = String(last)
      socket.send(JSON.stringify({ ...message, requestId }))
      return new Promise((resolve) => answers.set(requestId, resolve))
    }
    await hello
    const payload = { component: 'Cursors', props: {} }
    const componentId = await ask({ type: 'COMPONENT_MOUNT', componentId: 'raw', payload })
    const call = (action: string, payload: object): Promise<string> =>
      ask({ type: 'CALL_ACTION', componentId, action, payload })
    await call('introduce', { name: 'Raw' })
    const said: Promise<string>[] = []
    for (let x = 1; x <= moves; x += 1) {
      said.push(call('point', { x, y: 7 }))
      if (x % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await Promise.all(said)
    Object.assign(window, { socket })
  }, MOVES)
  await expect.poll(() => others(bob.page)).toEqual(['1000,7'])
  const seconds = (performance.now() - began) / 1_000
  const count = deltas(bob.received.slice(heard))
  expect(count).toBeGreaterThan(10)
  expect(count).toBeLessThanOrEqual(MOST_A_SECOND * seconds + 2)
  expect(await bob.page.getByTestId('resyncs').textContent()).toBe('0')
})

test('a cursor vanishes with its pointer, and with its page', async () => {
  const [ada, bob] = [await come('Ada'), await come('Bob')]
  const field = await toField(ada.page)
  await field.hover({ position: { x: 40, y: 40 } })
  await expect.poll(() => pointing(bob.page)).toEqual(['Ada'])
  await ada.page.mouse.move(0, 0)
  await expect.poll(() => pointing(bob.page)).toEqual([])
  await field.hover({ position: { x: 60, y: 60 } })
  await expect.poll(() => pointing(bob.page)).toEqual(['Ada'])
  await ada.page.context().close()
  await expect.poll(() => pointing(bob.page)).toEqual([])
})

test('a cursor can be moved with the keyboard alone', async () => {
  const [ada, bob] = [await come('Ada'), await come('Bob')]
  await ada.page.getByTestId('cursor-field').focus()
  for (const key of ['ArrowLeft', 'ArrowLeft', 'ArrowUp']) await ada.page.keyboard.press(key)
  await expect.poll(() => others(bob.page)).toEqual(['450,475'])
  await ada.page.keyboard.press('Escape')
  await expect.poll(() => others(bob.page)).toEqual([])
})

test('nobody’s cursor waits in a queue while the connection is away', async () => {
  const bob = await come('Bob')
  const ada = await stage.visitThrough(WHERE, { prepare: named('Ada') })
  const field = await toField(ada.page)
  await field.hover({ position: { x: 10, y: 10 } })
  await expect.poll(() => pointing(bob.page)).toEqual(['Ada'])
  const box = await field.boundingBox()
  if (!box) throw new Error('there is no field on the page')
  const mouse = await ada.page.context().newCDPSession(ada.page)
  ada.proxy.freeze()
  const before = ada.sent.length
  // Sent without waiting for one another: on a slow machine they would take longer than a connection is believed in.
  const moves: Promise<unknown>[] = []
  for (let x = 20; x < 200; x += 1)
    moves.push(mouse.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x: box.x + x, y: box.y + 30 }))
  await Promise.all(moves)
  // What the page would say of the last of them it says at the next frame.
  await painted(ada.page)
  const points = ada.sent.slice(before).filter((message) => JSON.stringify(message).includes('"point"'))
  expect(points.length).toBeLessThanOrEqual(1)
  ada.proxy.unfreeze()
  const last = Math.round((199 / box.width) * 1_000)
  await expect.poll(async () => Number((await others(bob.page))[0]?.split(',')[0])).toBeCloseTo(last, -1)
})
