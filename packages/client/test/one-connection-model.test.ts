/** Any number of tabs, opened, killed, stopped and brought back at any moment, with a server that is no better. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountingClient, CountingServer } from './tab-server.js'
import { TabBrowser } from './tabs.js'

const STEPS = [
  'open',
  'open',
  'call',
  'call',
  'call',
  'kill',
  'leave',
  'stop',
  'resume',
  'hide and restore',
  'close socket',
  'close channel',
  'server is silent',
  'time',
  'long time',
] as const
const step = fc.record({ what: fc.constantFrom(...STEPS), who: fc.nat(20), tasks: fc.nat(30) })

test('whatever becomes of tabs and sockets, nobody loses a call, hears another, or is left alone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.integer(), async (steps, seed) => {
      const server = new CountingServer()
      const browser = new TabBrowser(server, seed)
      const clients: CountingClient[] = []
      const choose = (count: number): number => Math.floor(browser.random() * count)
      const alive = (): CountingClient[] => clients.filter(({ page }) => page.state !== 'gone')
      for (const { what, who, tasks } of steps) {
        const client = alive()[who % Math.max(1, alive().length)]
        const page = client?.page
        if (what === 'open' && alive().length < 6) {
          const name = `tab${clients.length}`
          const opened = new CountingClient(browser.open(name), name)
          clients.push(opened)
          opened.dial()
        }
        if (what === 'call') client?.call()
        if (what === 'kill' && page) browser.kill(page)
        if (what === 'leave' && page?.state === 'running') page.leave()
        if (what === 'stop') page?.stop()
        if (what === 'resume' && page?.state === 'stopped') page.resume()
        if (what === 'hide and restore' && page?.state === 'running') {
          page.leave(true)
          for (let task = 0; task < who; task += 1) browser.step(choose)
          page.restore()
        }
        if (what === 'close socket') browser.openWires()[0]?.end(who % 2 ? 1006 : 1001)
        if (what === 'close channel' && client) server.shut(client.name, 4430)
        if (what === 'server is silent') server.isDead = who % 2 === 0
        if (what === 'time') await browser.pass(who * 20)
        if (what === 'long time') await browser.pass(who * 700)
        // Some of what is under way gets through, in any order.
        for (let task = 0; task < tasks; task += 1) browser.step(choose)
      }
      server.isDead = false
      for (const { page } of alive()) if (page.state === 'stopped') page.resume()
      for (const client of alive()) client.call()
      await browser.pass(30_000)

      for (const { answered, made, name, page, status } of clients) {
        const done = server.done.get(name) ?? []
        expect(new Set(done).size).toBe(done.length)
        if (page.state === 'gone') continue
        expect(status, `${name} is there`).toBe('open')
        expect([...answered].sort((a, b) => a - b)).toEqual(
          Array.from({ length: made }, (_, call) => call + 1),
        )
        expect(done.length).toBe(made)
      }
      expect(server.connections.size, 'those that are gone have no channel').toBe(alive().length)
      expect(browser.openWires()).toHaveLength(alive().length > 0 ? 1 : 0)
      for (const { page } of alive()) page.leave()
      await browser.settle()
      expect([browser.held(), browser.openWires(), server.connections.size]).toEqual([[], [], 0])
    }),
    { numRuns: 200 },
  )
}, 120_000)
