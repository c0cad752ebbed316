/**
 * A browser in the hand: pages with locks and channels between them, and a server at the other end of their
 * sockets. Nothing happens by itself. What is under way is a task, and the test says which is next: tasks of one
 * stream (a socket, a channel, a page's locks) keep their order, others may overtake each other.
 */

import type { Clock, CreateSocket, PageEvent, SocketEvents } from '@fluxstack/client'
import { type OneConnection, oneConnection, type Tabs } from '@fluxstack/client/one-connection'
import { settled, TestClock, TestPage } from './world.js'

interface Task {
  readonly page: TabPage | undefined
  readonly stream: string
  readonly run: () => void
}

interface Request {
  readonly page: TabPage
  readonly held: () => void
  readonly lost: () => void
  isOver: boolean
}

interface Ear {
  readonly page: TabPage
  readonly name: string
  readonly stream: string
  readonly hear: (said: unknown) => void
}

/** A real socket, as the server sees it. */
export class Wire {
  readonly received: string[] = []
  isOpen = true
  isEnded = false

  constructor(
    readonly browser: TabBrowser,
    readonly page: TabPage,
    readonly url: string,
    readonly events: SocketEvents,
    readonly stream: string,
  ) {}

  say(text: string): void {
    this.browser.put(this.page, this.stream, () => this.isOpen && this.events.frame(text))
  }

  /** The server closes it, and hears nothing more. */
  end(code: number): void {
    this.isEnded = true
    this.browser.server.gone(this)
    this.browser.put(this.page, this.stream, () => {
      if (!this.isOpen) return
      this.isOpen = false
      this.events.closed(code)
    })
  }
}

/** What the server does with sockets. */
export interface TabServer {
  opened(wire: Wire): void
  received(wire: Wire, text: string): void
  gone(wire: Wire): void
}

/** A page of the browser. */
export class TabPage {
  state: 'running' | 'stopped' | 'gone' = 'running'
  readonly page: TestPage = new TestPage()
  readonly one: OneConnection
  private readonly leavers = new Set<() => void>()
  private held: (() => void)[] = []

  constructor(
    readonly browser: TabBrowser,
    readonly name: string,
    scope?: string,
    isPossible = true,
  ) {
    this.one = oneConnection({
      tabs: { ...this.tabs(), isPossible },
      clock: this.clock(),
      page: this.page,
      random: () => browser.random(),
      newId: () => browser.newId(),
      createSocket: (url, events) => browser.connect(this, url, events),
      ...(scope === undefined ? {} : { scope }),
    })
  }

  /** Time of this page: it stands still while the page does. */
  clock(): Clock {
    return {
      now: () => this.browser.clock.now(),
      after: (ms, then) =>
        this.browser.clock.after(ms, () => {
          if (this.state === 'running') then()
          else this.held.push(then)
        }),
    }
  }

  /** What the browser tells a page that is left; then it is gone, unless it is kept for the back button. */
  leave(isKept = false): void {
    this.page.tell('leaving')
    for (const leaver of [...this.leavers]) leaver()
    if (!isKept) this.browser.kill(this)
  }

  restore(): void {
    this.page.tell('restored')
  }

  /** The browser stops the page without telling it. */
  stop(): void {
    this.state = 'stopped'
  }

  resume(): void {
    this.state = 'running'
    const { held } = this
    this.held = []
    for (const then of held) then()
  }

  private tabs(): Tabs {
    const { browser } = this
    return {
      isPossible: true,
      lock: (name, events, steal) => browser.lock(this, name, events, steal === true),
      channel: (name, hear) => browser.channel(this, name, hear),
      onLeave: (listener) => {
        this.leavers.add(listener)
        return () => this.leavers.delete(listener)
      },
    }
  }
}

export class TabBrowser {
  readonly clock = new TestClock()
  readonly wires: Wire[] = []
  tasks: Task[] = []
  private readonly locks = new Map<string, Request[]>()
  private readonly ears = new Set<Ear>()
  private number = 0

  constructor(
    readonly server: TabServer,
    private seed = 1,
  ) {}

  /** The same numbers for the same seed (mulberry32). */
  random(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  newId(): string {
    this.number += 1
    return this.number.toString(16).padStart(32, '0')
  }

  put(page: TabPage | undefined, stream: string, run: () => void): void {
    this.tasks.push({ page, stream, run })
  }

  /** Does one task, or says that there is none that can be done. `choose` picks among those that may be next. */
  step(choose: (count: number) => number = () => 0): boolean {
    const seen = new Set<string>()
    const ready = this.tasks.filter(({ page, stream }) => {
      const isFirst = !seen.has(stream)
      seen.add(stream)
      return isFirst && page?.state !== 'stopped'
    })
    const task = ready[choose(ready.length)]
    if (!task) return false
    this.tasks.splice(this.tasks.indexOf(task), 1)
    if (task.page?.state !== 'gone') task.run()
    return true
  }

  /** Does all there is to do, in the order in which it came up, with what clients do on the way. */
  async settle(): Promise<void> {
    do await settled()
    while (this.step())
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    while (this.clock.now() < end) {
      await this.settle()
      await this.clock.advance(Math.min(50, end - this.clock.now()))
    }
    await this.settle()
  }

  open(name: string, scope?: string): TabPage {
    return new TabPage(this, name, scope)
  }

  /** The page is gone, with all it had, and without a word. */
  kill(page: TabPage): void {
    page.state = 'gone'
    for (const ear of [...this.ears]) if (ear.page === page) this.ears.delete(ear)
    for (const wire of this.wires) if (wire.page === page) this.tear(wire)
    for (const [name, requests] of this.locks) {
      for (const request of [...requests]) if (request.page === page) this.release(name, request)
    }
  }

  /** Sockets that are open. */
  openWires(): Wire[] {
    return this.wires.filter((wire) => wire.isOpen)
  }

  /** What is still held: locks and channels. */
  held(): string[] {
    const locks = [...this.locks]
      .filter(([, requests]) => requests.length > 0)
      .map(([name]) => `lock ${name}`)
    return [...locks, ...[...this.ears].map((ear) => `channel ${ear.name}`)].sort()
  }

  /** Says something on a channel as a page that nobody knows. */
  inject(name: string, said: unknown): void {
    for (const ear of this.ears) if (ear.name === name) this.put(ear.page, ear.stream, () => ear.hear(said))
  }

  names(): string[] {
    return [...new Set([...this.ears].map((ear) => ear.name))].sort()
  }

  connect: (page: TabPage, url: string, events: SocketEvents) => ReturnType<CreateSocket> = (
    page,
    url,
    events,
  ) => {
    const wire = new Wire(this, page, url, events, `wire ${this.wires.length}`)
    this.wires.push(wire)
    this.put(undefined, `to ${wire.stream}`, () => wire.isOpen && !wire.isEnded && this.server.opened(wire))
    return {
      send: (frame) => {
        if (!wire.isOpen) return
        // Of bytes their numbers.
        const text = typeof frame === 'string' ? frame : `#${frame}`
        this.put(undefined, `to ${wire.stream}`, () => {
          wire.received.push(text)
          if (wire.isOpen && !wire.isEnded) this.server.received(wire, text)
        })
      },
      close: () => this.tear(wire),
      get dead() {
        return !wire.isOpen
      },
    }
  }

  private tear(wire: Wire): void {
    if (!wire.isOpen) return
    wire.isOpen = false
    this.put(undefined, `to ${wire.stream}`, () => this.server.gone(wire))
  }

  lock(page: TabPage, name: string, events: { held(): void; lost(): void }, steal: boolean): () => void {
    const requests = this.locks.get(name) ?? []
    this.locks.set(name, requests)
    const request: Request = { page, isOver: false, ...events }
    const [before] = requests
    if (steal && before) {
      requests.shift()
      this.put(before.page, `locks ${before.page.name}`, () => {
        if (!before.isOver) before.lost()
      })
    }
    if (steal) requests.unshift(request)
    else requests.push(request)
    if (requests[0] === request) this.grant(request)
    return () => this.release(name, request)
  }

  private grant(request: Request): void {
    this.put(request.page, `locks ${request.page.name}`, () => {
      if (!request.isOver) request.held()
    })
  }

  private release(name: string, request: Request): void {
    request.isOver = true
    const requests = this.locks.get(name) ?? []
    const index = requests.indexOf(request)
    if (index < 0) return
    requests.splice(index, 1)
    const [next] = requests
    if (index === 0 && next) this.grant(next)
  }

  channel(page: TabPage, name: string, hear: (said: unknown) => void) {
    const ear: Ear = { page, name, hear, stream: '' }
    const own = { ...ear, stream: `ear ${this.newId()}` }
    this.ears.add(own)
    return {
      post: (said: unknown) => {
        if (!this.ears.has(own)) throw new Error('said on a closed channel')
        const copy = structuredClone(said)
        for (const other of this.ears) {
          if (other === own || other.name !== name) continue
          this.put(other.page, other.stream, () => this.ears.has(other) && other.hear(copy))
        }
      },
      close: () => {
        this.ears.delete(own)
      },
    }
  }
}

/** Tells every page's clients something. */
export function tellAll(pages: readonly TabPage[], event: PageEvent): void {
  for (const { page } of pages) page.tell(event)
}
