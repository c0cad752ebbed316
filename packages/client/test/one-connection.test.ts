import { describe, expect, test } from 'vitest'
import { CountingClient, CountingServer } from './tab-server.js'
import { TabBrowser, type TabPage } from './tabs.js'

/** A browser with so many tabs, all connected. */
async function tabs(count: number, server: CountingServer = new CountingServer()) {
  const browser = new TabBrowser(server)
  const clients: CountingClient[] = []
  const add = async (scope?: string): Promise<CountingClient> => {
    const name = `tab${clients.length}`
    const client = new CountingClient(browser.open(name, scope), name)
    clients.push(client)
    client.dial()
    await browser.settle()
    return client
  }
  for (let tab = 0; tab < count; tab += 1) await add()
  const pages = (): TabPage[] => clients.map(({ page }) => page)
  /** Everybody calls once; then how often everybody was answered and what was done. */
  const works = async (): Promise<void> => {
    const alive = clients.filter(({ page }) => page.state === 'running')
    for (const client of alive) client.call()
    await browser.settle()
    for (const { answered, made, name } of alive) {
      expect(answered, name).toHaveLength(made)
      expect(server.done.get(name), name).toEqual(answered)
    }
  }
  return { browser, server, clients, add, pages, works }
}

const leads = ({ page }: CountingClient): boolean =>
  page.browser.openWires().some((wire) => wire.page === page)

test('five tabs share one socket, and each has a connection of its own', async () => {
  const { browser, clients, server, works } = await tabs(5)
  expect(clients.map(({ status }) => status)).toEqual(Array(5).fill('open'))
  expect(browser.wires.map(({ url }) => url)).toEqual(['ws://server/live?channels=1'])
  expect(server.connections.size).toBe(5)
  await works()
  expect(browser.clock.now(), 'nobody waited').toBe(0)
})

test('tabs that begin at the same moment agree about who leads', async () => {
  const server = new CountingServer()
  const browser = new TabBrowser(server)
  const clients = ['a', 'b', 'c'].map((name) => new CountingClient(browser.open(name), name))
  for (const client of clients) client.dial()
  await browser.settle()
  expect(clients.map(({ status }) => status)).toEqual(['open', 'open', 'open'])
  expect(browser.wires).toHaveLength(1)
})

describe('the leader', () => {
  test.each([
    ['is killed', (page: TabPage) => page.browser.kill(page)],
    ['is closed', (page: TabPage) => page.leave()],
    ['is kept for the back button', (page: TabPage) => page.leave(true)],
  ])('%s: another leads at once, and what was under way is done once', async (_, end) => {
    const { browser, clients, works } = await tabs(5)
    const [first, ...others] = clients
    for (const client of clients) client.call()
    // What was said is on its way, or with the leader, or was just done.
    for (let task = 0; task < 5; task += 1) browser.step()
    end(first?.page as TabPage)
    await browser.settle()
    expect(browser.openWires()).toHaveLength(1)
    expect(others.filter(leads)).toHaveLength(1)
    expect(others.map(({ status }) => status)).toEqual(Array(4).fill('open'))
    expect(browser.clock.now(), 'nobody waited').toBe(0)
    if (first) first.page.state = 'gone'
    await works()
  })

  test('is stopped by the browser without a word: it is stolen from, and does as the others when it is back', async () => {
    const { browser, clients, works } = await tabs(3)
    const [first, second, third] = clients as [CountingClient, CountingClient, CountingClient]
    first.page.stop()
    second.call()
    await browser.pass(5000)
    expect([second.status, third.status]).toEqual(['open', 'open'])
    expect(second.answered).toEqual([1])
    expect(leads(second) || leads(third)).toBe(true)
    first.page.resume()
    await browser.pass(1000)
    expect(browser.openWires()).toHaveLength(1)
    expect(leads(first)).toBe(false)
    expect(first.status).toBe('open')
    await works()
    // It is in line again.
    const now = browser.clock.now()
    for (const { page } of [second, third]) browser.kill(page)
    await browser.settle()
    expect([leads(first), first.status, browser.clock.now()]).toEqual([true, 'open', now])
  })

  test('is killed before a tab that asked was greeted: it asks the next one, and its client hears of no loss', async () => {
    const { browser, clients } = await tabs(2)
    const late = new CountingClient(browser.open('late'), 'late')
    late.dial()
    // Until the leader has asked the server for it.
    while (!browser.wires[0]?.received.some((text) => text.includes('late'))) browser.step()
    browser.kill(clients[0]?.page as TabPage)
    await browser.settle()
    expect([late.status, late.codes, browser.clock.now()]).toEqual(['open', [], 0])
  })

  test('has a connection no more, and leads on for the others until its page is gone', async () => {
    const { browser, clients, server, works } = await tabs(2)
    clients[0]?.close()
    await browser.settle()
    expect([server.connections.size, browser.wires.length]).toEqual([1, 1])
    clients[1]?.close()
    await browser.settle()
    expect(browser.openWires()).toEqual([])
    expect(browser.held(), 'and nothing is left').toEqual([])
    clients[1]?.dial()
    await browser.settle()
    await works().catch(() => undefined)
    expect(clients[1]?.answered).toEqual([1])
  })

  test('comes back from the back button as one of the others', async () => {
    const { browser, clients, works } = await tabs(2)
    const [first] = clients
    first?.page.leave(true)
    await browser.settle()
    expect(browser.held().filter((name) => name.startsWith('lock'))).toHaveLength(1)
    first?.page.restore()
    await browser.settle()
    await works()
    expect(browser.openWires().map(({ page }) => page.name)).toEqual(['tab1'])
  })
})

describe('a follower', () => {
  test.each([
    ['is killed', (page: TabPage) => page.browser.kill(page)],
    ['is closed', (page: TabPage) => page.leave()],
  ])('%s: its channel is closed, and nobody else notices', async (_, end) => {
    const { browser, clients, server, works } = await tabs(3)
    end(clients[2]?.page as TabPage)
    await browser.settle()
    expect([...server.connections.values()].map(({ tab }) => tab)).toEqual(['tab0', 'tab1'])
    expect(clients.slice(0, 2).flatMap(({ codes }) => codes)).toEqual([])
    await works()
    expect(browser.names()).toHaveLength(2)
  })

  test('that takes nothing of what it is sent is let go of', async () => {
    const { browser, clients, server, works } = await tabs(2)
    clients[1]?.page.stop()
    const [connection] = [...server.connections.values()].filter(({ tab }) => tab === 'tab1')
    const large = `{"done":"tab1","number":1,"padding":"${'x'.repeat(1 << 20)}"}`
    for (let frame = 0; frame < 6; frame += 1) connection?.wire.say(`${connection.id} ${large}`)
    await browser.settle()
    expect([...server.connections.values()].map(({ tab }) => tab)).toEqual(['tab0'])
    clients[1]?.page.resume()
    await browser.pass(200)
    expect(clients[1]?.codes).toEqual([4430])
    await works()
  })

  test('that takes what it is sent may be sent any amount', async () => {
    const { browser, clients, server } = await tabs(2)
    const [connection] = [...server.connections.values()].filter(({ tab }) => tab === 'tab1')
    const large = `{"done":"tab1","number":1,"padding":"${'x'.repeat(1 << 20)}"}`
    for (let frame = 0; frame < 20; frame += 1) {
      connection?.wire.say(`${connection.id} ${large}`)
      await browser.settle()
    }
    expect(clients[1]?.codes).toEqual([])
  })

  test('that says too much at once loses its own channel and nobody else', async () => {
    const { browser, clients, server } = await tabs(2)
    const socket = clients[1]?.page.one.createSocket('ws://server/live?client=loud', {
      frame: () => socket?.send('é'.repeat(501)),
      closed: (code) => clients[1]?.codes.push(code),
    })
    await browser.settle()
    expect(clients[1]?.codes).toEqual([1009])
    expect(browser.wires[0]?.received.every((text) => text.length < 400)).toBe(true)
    expect([...server.connections.values()].map(({ tab }) => tab)).toEqual(['tab0', 'tab1'])
  })
})

describe('the server', () => {
  test('closes a channel: that tab alone is told, with the code', async () => {
    const { browser, clients, server, works } = await tabs(3)
    server.shut('tab1', 4430)
    server.shut('tab0', 4429)
    await browser.settle()
    expect(clients.map(({ codes }) => codes)).toEqual([[4429], [4430], []])
    await browser.pass(200)
    await works()
    expect(browser.wires).toHaveLength(1)
  })

  test('closes the socket: every tab is told the code, and they share another', async () => {
    const { browser, clients, works } = await tabs(3)
    browser.wires[0]?.end(1001)
    await browser.settle()
    expect(clients.map(({ codes }) => codes)).toEqual([[1001], [1001], [1001]])
    await browser.pass(200)
    await works()
    expect(browser.wires).toHaveLength(2)
  })

  test('is silent: whoever finds that out has the socket replaced for all', async () => {
    const { browser, clients, server, works } = await tabs(3)
    server.isDead = true
    clients[1]?.call()
    await browser.pass(2600)
    server.isDead = false
    await browser.pass(2000)
    expect(browser.wires).toHaveLength(2)
    expect(clients[1]?.answered).toEqual([1])
    await works()
  })

  test('never says a word: the socket is given up before the tabs do', async () => {
    const server = new CountingServer()
    server.isDead = true
    const { browser, clients } = await tabs(2, server)
    await browser.pass(8200)
    expect(clients.map(({ codes }) => codes)).toEqual([[1006], [1006]])
    server.isDead = false
    await browser.pass(9000)
    expect(clients.map(({ status }) => status)).toEqual(['open', 'open'])
    expect(browser.openWires()).toHaveLength(1)
  })

  test('knows no channels: every tab has a socket of its own, those that come later too', async () => {
    const server = new CountingServer()
    server.isPlain = true
    const { add, browser, clients, works } = await tabs(2, server)
    await add()
    await works()
    expect(browser.openWires().map(({ page, url }) => [page.name, url])).toEqual(
      clients.map(({ name }) => [name, `ws://server/live?v=3&client=${name}`]),
    )
    expect(browser.clock.now()).toBe(0)
  })

  test('carries two: the third has a socket of its own', async () => {
    const server = new CountingServer()
    server.channels = 2
    const { browser, clients, works } = await tabs(4, server)
    await works()
    expect(browser.openWires().map(({ page }) => page.name)).toEqual(['tab0', 'tab2', 'tab3'])
    // Those that asked before the server had said how many there may be as well.
    browser.kill(clients[0]?.page as TabPage)
    await browser.pass(3000)
    await works()
    expect(browser.openWires()).toHaveLength(3)
  })
})

test('tabs of another scope, or for another server, do not share', async () => {
  const { add, browser, works } = await tabs(2)
  await add('ada')
  await add('ada')
  const elsewhere = new CountingClient(browser.open('elsewhere'), 'elsewhere', 'ws://other/live')
  elsewhere.dial()
  await browser.settle()
  expect(browser.openWires().map(({ page }) => page.name)).toEqual(['tab0', 'tab2', 'elsewhere'])
  await works()
})

test('where tabs cannot share, each has a socket', async () => {
  const server = new CountingServer()
  const browser = new TabBrowser(server)
  const { TabPage } = await import('./tabs.js')
  const clients = ['a', 'b'].map((name) => new CountingClient(new TabPage(browser, name, '', false), name))
  for (const client of clients) client.dial()
  await browser.settle()
  expect(browser.openWires().map(({ url }) => url)).toEqual([
    'ws://server/live?v=3&client=a',
    'ws://server/live?v=3&client=b',
  ])
})

test('when nobody answers, not even the lock, a tab has a socket of its own', async () => {
  const { browser } = await tabs(1)
  // A page of ours that never gets a lock, and hears nobody.
  const page = browser.open('alone')
  const client = new CountingClient(page, 'alone')
  browser.lock = () => () => undefined
  client.dial()
  await browser.pass(1900)
  expect(client.status).toBe('opening')
  await browser.pass(1200)
  expect(client.status).toBe('open')
  expect(browser.wires.at(-1)?.url).toBe('ws://server/live?v=3&client=alone')
})

test('what is no word is not heard, whoever says it', async () => {
  const { browser, clients, works } = await tabs(3)
  const id = '0123456789abcdef'.repeat(2)
  const nonsense = [null, undefined, 0, '', 'ask', [], ['ask'], ['ask', id], ['ask', 'x', ''], ['ask', id, 5]]
  const more = [
    ['ask', id, 'x'.repeat(9000)],
    ['lead'],
    ['lead', 7],
    ['lead', 'x'],
    ['plain', 1],
    ['full', {}],
  ]
  const inPipes = [['send', 5], ['send'], ['took', -1], ['took', 0.5], ['took', Number.NaN], ['end', 1]]
  const downPipes = [
    ['open', 'x'],
    ['frame', id, 'not from the leader'],
    ['frame', id, 7],
    ['shut', id, 4430],
  ]
  const shapes = [['constructor'], ['__proto__'], ['toString'], { 0: 'plain', length: 1 }, [['plain']]]
  for (const name of browser.names()) {
    for (const said of [...nonsense, ...more, ...inPipes, ...downPipes, ...shapes]) browser.inject(name, said)
  }
  await browser.settle()
  expect(clients.flatMap(({ codes }) => codes)).toEqual([])
  await works()
  expect(browser.wires).toHaveLength(1)
})

test('whoever says that they lead, or that there is no room, costs a reconnect and no more', async () => {
  const { browser, clients, server, works } = await tabs(3)
  const [hall = ''] = browser.names()
  browser.inject(hall, ['lead', 'f'.repeat(32)])
  await browser.pass(5000)
  await works()
  expect(browser.openWires()).toHaveLength(1)
  // Many who are not there ask for channels: there are only so many, and they are let go of again.
  for (let pipe = 0; pipe < 100; pipe += 1) {
    browser.inject(hall, ['ask', pipe.toString(16).padStart(32, 'e'), 'v=3&client=nobody'])
  }
  await browser.settle()
  await works()
  expect(server.connections.size).toBe(clients.length)
})

test('bytes travel like texts, from the tab that leads and from others, each on its channel', async () => {
  const { browser, clients, works } = await tabs(2)
  for (const { page, name } of clients) {
    const socket = page.one.createSocket(`ws://server/live?v=3&client=${name}files`, {
      frame: () => undefined,
      closed: () => undefined,
    })
    await browser.settle()
    socket.send(Uint8Array.of(7, 8, 9))
    await browser.settle()
  }
  const [wire] = browser.openWires()
  const bytes = wire?.received.filter((text) => text.startsWith('#'))
  // The channel, in four bytes with the lowest first.
  expect(bytes).toEqual(['#3,0,0,0,7,8,9', '#4,0,0,0,7,8,9'])
  await works()
})
