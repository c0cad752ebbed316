/**
 * A server that carries channels, and clients that count: a call is done once however often it is sent, and a
 * client sends again what was not answered. Enough to see whether tabs that share a socket lose or double
 * anything, without all that the real ones do besides.
 */

import type { Socket } from '@fluxstack/client'
import type { TabPage, TabServer, Wire } from './tabs.js'

/** One connection, as the server sees it. */
interface Connection {
  readonly tab: string
  readonly wire: Wire
  readonly id: string
}

export class CountingServer implements TabServer {
  /** Calls done, by tab, in order. */
  readonly done = new Map<string, number[]>()
  readonly connections = new Map<string, Connection>()
  channels = 32
  /** Whether it knows channels at all. */
  isPlain = false
  /** Whether it says nothing. A socket on which it did not hear something is one that it never hears again. */
  isDead = false
  private readonly mute = new Set<Wire>()

  opened(wire: Wire): void {
    if (this.isDeaf(wire)) return
    if (this.isPlain || !wire.url.endsWith('?channels=1')) this.greet(wire, '', wire.url)
    else wire.say(`0 {"channels":${this.channels},"frame":1000}`)
  }

  received(wire: Wire, text: string): void {
    if (this.isDeaf(wire)) return
    const [, id = '', sign = ' ', rest = ''] = /^(\d+)([ +-])(.*)$/.exec(text) ?? [text, '', ' ', text]
    if (id === '0') wire.say(`0 {"channels":${this.channels},"frame":1000}`)
    else if (sign === '+') this.greet(wire, id, rest)
    else if (sign === '-') this.connections.delete(`${wire.stream} ${id}`)
    else this.call(wire, id, rest)
  }

  gone(wire: Wire): void {
    for (const [key, connection] of this.connections)
      if (connection.wire === wire) this.connections.delete(key)
  }

  /** Closes a tab's connection. */
  shut(tab: string, code: number): void {
    for (const [key, { wire, id, tab: of }] of this.connections) {
      if (of !== tab) continue
      this.connections.delete(key)
      if (id) wire.say(`${id}-${code}`)
      else wire.end(code)
    }
  }

  private isDeaf(wire: Wire): boolean {
    if (this.isDead) this.mute.add(wire)
    return this.mute.has(wire)
  }

  private greet(wire: Wire, id: string, query: string): void {
    const tab = /client=(\w+)/.exec(query)?.[1] ?? ''
    // The session goes on with the new one.
    this.shut(tab, 4409)
    this.connections.set(`${wire.stream} ${id}`, { tab, wire, id })
    this.tell(wire, id, `{"hello":"${tab}"}`)
  }

  private call(wire: Wire, id: string, text: string): void {
    const tab = this.connections.get(`${wire.stream} ${id}`)?.tab
    const [, from, number] = /^\{"call":"(\w+)","number":(\d+)\}$/.exec(text) ?? []
    if (tab === undefined || number === undefined) return
    if (tab !== from) throw new Error(`${from} speaks on the channel of ${tab}`)
    const done = this.done.get(tab) ?? []
    this.done.set(tab, done)
    if (!done.includes(Number(number))) done.push(Number(number))
    this.tell(wire, id, `{"done":"${tab}","number":${number}}`)
  }

  private tell(wire: Wire, id: string, text: string): void {
    wire.say(id ? `${id} ${text}` : text)
  }
}

/** A client that makes calls and counts answers. */
export class CountingClient {
  made = 0
  readonly answered: number[] = []
  readonly codes: number[] = []
  status: 'idle' | 'opening' | 'open' | 'waiting' = 'idle'
  private socket: Socket | undefined
  private cancel: (() => void) | undefined

  constructor(
    readonly page: TabPage,
    readonly name: string,
    readonly url = 'ws://server/live',
  ) {
    page.one.page.watch((event) => {
      if (event === 'leaving') this.go('waiting')
      if (event === 'restored' || (event === 'online' && this.socket?.dead)) this.dial()
    })
  }

  dial(): void {
    const before = this.socket
    const socket: Socket = this.page.one.createSocket(`${this.url}?v=3&client=${this.name}`, {
      frame: (text) => this.socket === socket && this.onFrame(`${text}`),
      closed: (code) => this.socket === socket && this.onClosed(code),
    })
    this.go('opening', socket)
    before?.close()
    // As the real one: no hello, another socket.
    this.alarm(10_000)
  }

  call(): void {
    this.made += 1
    if (this.status === 'open') this.send(this.made)
  }

  close(): void {
    this.go('idle')
  }

  private go(status: CountingClient['status'], socket?: Socket): void {
    this.cancel?.()
    this.cancel = undefined
    const before = this.socket
    this.status = status
    this.socket = socket
    if (!socket) before?.close()
  }

  private alarm(ms: number): void {
    this.cancel?.()
    if (this.status === 'open') this.socket?.send('{"type":"COMPONENT_PING"}')
    this.cancel = this.page.clock().after(ms, () => {
      // As the real one: what never was is let go of first, what was is replaced.
      if (this.status === 'opening') this.go('waiting')
      this.dial()
    })
  }

  private send(number: number): void {
    this.socket?.send(`{"call":"${this.name}","number":${number}}`)
    // As the real one finds that a socket is dead.
    this.alarm(2500)
  }

  private onFrame(text: string): void {
    const said = JSON.parse(text) as { hello?: string; done?: string; number?: number }
    if ((said.hello ?? said.done) !== this.name) throw new Error(`${this.name} heard ${text}`)
    if (said.hello) {
      if (this.status !== 'opening') throw new Error(`${this.name} was greeted twice`)
      this.cancel?.()
      this.status = 'open'
      for (let number = this.answered.length + 1; number <= this.made; number += 1) this.send(number)
    } else if (said.number !== undefined && !this.answered.includes(said.number)) {
      this.answered.push(said.number)
      if (this.answered.length === this.made) this.cancel?.()
      else this.alarm(2500)
    }
  }

  private onClosed(code: number): void {
    this.codes.push(code)
    this.go('waiting')
    this.alarm(125)
  }
}
