/** The real client on a socket that it shares: what changes for it, and what does not. */

import { createLiveClient, type LiveClient } from '@fluxstack/client'
import { liveStats } from '@fluxstack/client/stats'
import { expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { Counter } from './shapes.js'
import { TabBrowser, type TabPage, type TabServer, type Wire } from './tabs.js'
import { type Frame, TestTab } from './world.js'

/** A server with a counter for each session, which it remembers, as it does what was done. */
class SessionServer implements TabServer {
  readonly sessions = new Map<string, { count: number; readonly done: string[] }>()
  readonly at = new Map<string, string>()
  readonly kinds: string[] = []

  opened(wire: Wire): void {
    wire.say('0 {"channels":32,"frame":1048576}')
  }

  received(wire: Wire, text: string): void {
    const [, id = '', sign, rest = ''] = /^(\d+)([ +-])(.*)$/.exec(text) ?? []
    const say = (message: Frame): void => wire.say(`${id} ${JSON.stringify(message)}`)
    const key = `${wire.stream} ${id}`
    if (id === '0') {
      this.opened(wire)
    } else if (sign === '+') {
      const token = `token-${this.at.size}`
      this.at.set(key, token)
      this.sessions.set(token, { count: 0, done: [] })
      say({ type: 'CONNECTION_ESTABLISHED', limits: {}, session: { token, grace: 60_000 } })
    } else if (sign === ' ') {
      for (const message of [JSON.parse(rest) as Frame | Frame[]].flat()) this.hear(key, message, say)
    }
  }

  gone(): void {}

  private hear(key: string, message: Frame, say: (message: Frame) => void): void {
    const { componentId, payload, requestId, type } = message
    const session = this.sessions.get(this.at.get(key) ?? '')
    this.kinds.push(`${type}`)
    if (!session || type === 'COMPONENT_PING') return
    const state = { count: session.count }
    const answer = (result: unknown): void =>
      say({ type: 'MESSAGE_RESPONSE', success: true, result, requestId })
    if (type === 'SESSION_RESUME') {
      const { token } = payload as { token: string }
      this.at.set(key, token)
      answer({ token, known: true })
    } else if (type === 'COMPONENT_MOUNT') {
      answer({ componentId: `live-${key}`, initialState: state, version: 0, digest: digest(state) })
    } else if (type === 'COMPONENT_RESUME') {
      answer({ outcome: 'resumed', version: session.count, digest: digest(state) })
    } else if (type === 'CALL_ACTION') {
      const callId = `${message.callId}`
      if (!session.done.includes(callId)) {
        session.done.push(callId)
        session.count += 1
        const next = { count: session.count }
        const delta = { base: session.count - 1, version: session.count, digest: digest(next), delta: next }
        say({ type: 'STATE_DELTA', componentId, payload: delta })
      }
      answer(session.done.indexOf(callId) + 1)
    }
  }
}

function client(page: TabPage, isCounted = false): LiveClient {
  const { createSocket, page: around } = page.one
  const counted = isCounted ? liveStats({ createSocket }).createSocket : createSocket
  return createLiveClient({
    url: 'ws://server/live',
    createSocket: counted,
    page: around,
    clock: page.clock(),
    tab: new TestTab(),
    random: () => 0.5,
  })
}

test('when the leader is killed, clients of other tabs go on at once, in their sessions', async () => {
  const server = new SessionServer()
  const browser = new TabBrowser(server)
  const pages = ['a', 'b', 'c'].map((name) => browser.open(name))
  const handles = []
  for (const page of pages) {
    const counter = client(page, page.name === 'c').live(Counter, { componentId: 'one', props: { count: 0 } })
    counter.subscribe(() => undefined)
    handles.push(counter)
    await browser.settle()
    expect(await settledCall(browser, counter.call.increment())).toBe(1)
  }
  const [, b, c] = handles
  // Under way with the leader when it dies.
  const under = [b?.call.increment(), c?.call.increment()]
  for (let round = 0; round < 20; round += 1) await undefined
  browser.kill(pages[0] as TabPage)
  await browser.settle()
  expect(await Promise.all(under)).toEqual([2, 2])
  expect(browser.clock.now(), 'nobody waited').toBe(0)
  expect(b?.getState()).toMatchObject({ status: 'live', state: { count: 2 } })
  expect(server.kinds.filter((kind) => kind === 'COMPONENT_MOUNT')).toHaveLength(3)
  expect(server.kinds.filter((kind) => kind === 'SESSION_RESUME')).toHaveLength(2)
  expect(browser.openWires()).toHaveLength(1)
})

test('a client that is given no page comes back after a moment, as after any loss', async () => {
  const server = new SessionServer()
  const browser = new TabBrowser(server)
  const pages = ['a', 'b'].map((name) => browser.open(name))
  const clients = pages.map((page) =>
    createLiveClient({
      url: 'ws://server/live',
      createSocket: page.one.createSocket,
      page: page.page,
      clock: page.clock(),
      tab: new TestTab(),
      random: () => 0.5,
    }),
  )
  for (const one of clients) one.connect()
  await browser.settle()
  browser.kill(pages[0] as TabPage)
  await browser.settle()
  expect(clients[1]?.getStatus()).toBe('waiting')
  await browser.pass(150)
  expect(clients[1]?.getStatus()).toBe('open')
})

async function settledCall<T>(browser: TabBrowser, answer: Promise<T>): Promise<T> {
  await browser.settle()
  return answer
}
