/** Who somebody is, where that hangs on the cookie that the browser had when the socket was opened. */

import { createLiveClient, type LiveClient } from '@fluxstack/client'
import { expect, test } from 'vitest'
import { TabBrowser, type TabPage, type TabServer, type Wire } from './tabs.js'
import { TestTab } from './world.js'

/** Knows users by the cookie of the upgrade request, and answers pings. */
class CookieServer implements TabServer {
  /** What the browser has. */
  cookie: string | undefined = 'ada'
  /** Cookies that are no good any more. */
  readonly dead = new Set<string>()
  /** Whether it says nothing. */
  isAway = false
  readonly channels: { readonly wire: Wire; readonly id: string }[] = []
  private readonly of = new Map<Wire, string | undefined>()

  opened(wire: Wire): void {
    this.of.set(wire, this.cookie)
    if (this.isAway) return
    if (this.isRefused(wire)) wire.end(1006)
    else if (wire.url.endsWith('?channels=1')) wire.say('0 {"channels":32,"frame":1048576}')
    else wire.say(this.hello(wire))
  }

  received(wire: Wire, text: string): void {
    if (this.isAway) return
    const [, id = '', sign] = /^(\d+)([ +-])/.exec(text) ?? []
    if (id === '0') {
      wire.say('0 {"channels":32,"frame":1048576}')
    } else if (sign === '+') {
      if (!this.isRefused(wire)) this.channels.push({ wire, id })
      wire.say(this.isRefused(wire) ? `${id}-4403` : `${id} ${this.hello(wire)}`)
    } else if (sign !== '-') {
      wire.say(`${id && `${id} `}{"type":"COMPONENT_PONG","success":true}`)
    }
  }

  gone(): void {}

  /** Ends every connection there is with this code. */
  sendAway(code: number): void {
    for (const { id, wire } of this.channels.splice(0)) wire.say(`${id}-${code}`)
  }

  private isRefused(wire: Wire): boolean {
    return this.dead.has(this.of.get(wire) ?? '')
  }

  private hello(wire: Wire): string {
    const userId = this.of.get(wire)
    const who = { authenticated: userId !== undefined, userId }
    return JSON.stringify({ type: 'CONNECTION_ESTABLISHED', ...who, limits: {} })
  }
}

async function tabs(count: number, server = new CookieServer()) {
  const browser = new TabBrowser(server)
  const pages: TabPage[] = []
  const clients: LiveClient[] = []
  /** How often each was not connected. */
  const losses: number[] = []
  const open = async (): Promise<LiveClient> => {
    const page = browser.open(`tab${pages.length}`)
    const client = createLiveClient({
      url: 'ws://server/live',
      createSocket: page.one.createSocket,
      page: page.one.page,
      clock: page.clock(),
      tab: new TestTab(),
      random: () => 0.5,
      onSignedOut: () => undefined,
    })
    const index = pages.push(page) - 1
    clients.push(client)
    losses.push(0)
    client.connect()
    await browser.settle()
    client.subscribeStatus(() => {
      if (client.getStatus() !== 'open') losses[index] = (losses[index] ?? 0) + 1
    })
    return client
  }
  for (let tab = 0; tab < count; tab += 1) await open()
  const users = (): (string | undefined)[] =>
    clients.map((client) => (client.getStatus() === 'open' ? client.getUser() : client.getStatus()))
  const wires = (): string[] => browser.openWires().map(({ page, url }) => `${page.name} ${url}`)
  return { browser, server, clients, pages, losses, open, users, wires }
}

const SHARED = 'ws://server/live?channels=1'

test.each([
  ['the leader', 0],
  ['a follower', 1],
])(
  '%s has signed out: it is signed out while others share a socket, and they notice nothing',
  async (_, who) => {
    const { browser, server, clients, losses, users, wires } = await tabs(3)
    expect(users()).toEqual(['ada', 'ada', 'ada'])
    server.cookie = undefined
    clients[who]?.signOut()
    await browser.settle()
    expect(users()).toEqual(['ada', 'ada', 'ada'].map((user, index) => (index === who ? undefined : user)))
    expect(losses.filter((count, index) => index !== who && count > 0)).toEqual([])
    expect([wires().length, browser.clock.now()]).toEqual([2, 0])
  },
)

test('who signs out again and again does so at the expense of nobody else', async () => {
  const { browser, clients, losses, users, wires } = await tabs(3)
  for (let time = 0; time < 20; time += 1) {
    clients[1]?.signOut()
    await browser.settle()
  }
  expect(users()).toEqual(['ada', 'ada', 'ada'])
  expect([losses[0], losses[2], wires().length]).toEqual([0, 0, 2])
})

test('who is alone and signs out leaves no socket behind on which the next tab would be signed in', async () => {
  const { browser, server, clients, open, users, wires } = await tabs(1)
  server.cookie = undefined
  clients[0]?.signOut()
  await browser.settle()
  expect([users(), wires()]).toEqual([[undefined], [`tab0 ${SHARED}`]])
  await open()
  expect([users(), wires()]).toEqual([[undefined, undefined], [`tab0 ${SHARED}`]])
})

test('who signs out before there is a hello is not greeted as who they were', async () => {
  const { browser, server, clients, pages, users } = await tabs(1)
  const page = browser.open('late')
  const late = createLiveClient({
    url: 'ws://server/live',
    createSocket: page.one.createSocket,
    page: page.one.page,
    clock: page.clock(),
    tab: new TestTab(),
  })
  clients.push(late)
  pages.push(page)
  late.connect()
  for (let task = 0; late.getStatus() !== 'opening' || task < 3; task += 1) {
    await undefined
    browser.step()
  }
  server.cookie = undefined
  late.signOut()
  await browser.settle()
  expect(users()).toEqual(['ada', undefined])
})

test('who has signed in by a cookie without a reload is known once the client left its connection', async () => {
  const server = new CookieServer()
  server.cookie = undefined
  const { browser, clients, users } = await tabs(2, server)
  server.cookie = 'ada'
  clients[1]?.signOut()
  await browser.settle()
  expect(users()).toEqual([undefined, 'ada'])
})

test('a dead cookie is not shown again and again on a socket that was opened with it: the next one is', async () => {
  const { browser, server, open, users } = await tabs(2)
  server.dead.add('ada')
  await open()
  await browser.pass(3000)
  expect(users(), 'refused as it would be alone').toEqual([
    'ada',
    'ada',
    expect.stringMatching(/waiting|opening/),
  ])
  server.cookie = 'bob'
  await browser.pass(15_000)
  expect(users()).toEqual(['ada', 'ada', 'bob'])
})

test('who was signed out everywhere comes back with the cookie of now, also in a tab that is opened then', async () => {
  const { browser, server, open, users } = await tabs(3)
  server.dead.add('ada')
  server.cookie = 'ada, again'
  server.sendAway(4401)
  await browser.pass(1000)
  await open()
  expect(users()).toEqual(Array(4).fill('ada, again'))
})

test('a tab that stays apart shares again once it leads', async () => {
  const { browser, server, clients, pages, open, users, wires } = await tabs(2)
  server.cookie = 'bob'
  clients[1]?.signOut()
  await browser.settle()
  browser.kill(pages[0] as TabPage)
  await open()
  clients[1]?.signOut()
  await browser.settle()
  await open()
  expect(users().slice(1)).toEqual(['bob', 'bob', 'bob'])
  expect(wires()).toContain(`tab1 ${SHARED}`)
  expect(wires().filter((wire) => !wire.startsWith('tab1'))).toEqual([])
})

test('a tab that finds its connection dead, or is seen again, shares on', async () => {
  const { browser, clients, pages, users, wires } = await tabs(3)
  const [, second] = pages
  second?.stop()
  await browser.pass(4000)
  second?.resume()
  for (const page of pages) page.page.tell('online')
  await browser.pass(5000)
  pages[2]?.leave(true)
  pages[2]?.restore()
  await browser.pass(1000)
  expect([users(), wires()]).toEqual([clients.map(() => 'ada'), [`tab0 ${SHARED}`]])
})

test('tabs that dial anew because the network is back, before they were greeted, share on', async () => {
  const server = new CookieServer()
  server.isAway = true
  const { browser, pages, users, wires } = await tabs(2, server)
  await browser.pass(2500)
  server.isAway = false
  for (const page of pages) page.page.tell('online')
  await browser.pass(15_000)
  expect([users(), wires()]).toEqual([['ada', 'ada'], [`tab0 ${SHARED}`]])
})

test('tabs that left their connections because the server was silent share on', async () => {
  const { browser, server, users, wires } = await tabs(2)
  server.isAway = true
  await browser.pass(2600)
  server.isAway = false
  await browser.pass(15_000)
  expect([users(), wires()]).toEqual([['ada', 'ada'], [`tab0 ${SHARED}`]])
})
