/**
 * A world in the hand: time that moves when told, a page and sockets a test plays itself.
 */

import {
  type Clock,
  type CreateSocket,
  createLiveClient,
  type LiveClient,
  type LiveClientOptions,
  type Page,
  type PageEvent,
  type SocketEvents,
  type Tab,
} from '@fluxstack/client'
import { digest } from '../src/digest.js'

/** Time that stands still until {@link TestClock.advance}. */
export class TestClock implements Clock {
  private time = 0
  private alarms: { readonly at: number; readonly then: () => void }[] = []

  now(): number {
    return this.time
  }

  after(ms: number, then: () => void): () => void {
    // Whole ms, like a browser's: what is added up of fractions may never be what it should be.
    const alarm = { at: this.time + Math.ceil(ms), then }
    this.alarms.push(alarm)
    return () => {
      this.alarms = this.alarms.filter((other) => other !== alarm)
    }
  }

  /** Moves on, ringing what is due on the way, with time for microtasks after each. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    for (;;) {
      await settled()
      const due = this.alarms.filter((alarm) => alarm.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.time = Math.max(this.time, due.at)
      this.alarms = this.alarms.filter((other) => other !== due)
      due.then()
    }
    this.time = end
    await settled()
  }

  /** How many alarms are set. */
  pending(): number {
    return this.alarms.length
  }

  /** A page that was busy for so long: everything due rings late, and at once. */
  async freeze(ms: number): Promise<void> {
    this.time += ms
    await this.advance(0)
  }
}

/** A page that does what it is told. */
export class TestPage implements Page {
  visible = true
  private readonly listeners = new Set<(event: PageEvent) => void>()

  watch(listener: (event: PageEvent) => void): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  tell(event: PageEvent): void {
    if (event === 'visible' || event === 'hidden') this.visible = event === 'visible'
    for (const listener of [...this.listeners]) listener(event)
  }
}

/** The locks of a browser, shared by its tabs. */
export type Locks = Set<string>

/** A tab that does what it is told. Pages that share it are loads of one tab, one after the other. */
export class TestTab implements Tab {
  readonly stored = new Map<string, string>()
  /** What writing throws, if it does. */
  full: Error | undefined
  /** Whether there is a way to lock. */
  canLock = true
  private time = 1_700_000_000_000

  constructor(readonly locks: Locks = new Set()) {}

  read(key: string): string | null {
    return this.stored.get(key) ?? null
  }

  write(key: string, text: string | null): void {
    this.stored.delete(key)
    if (this.full) throw this.full
    if (text !== null) this.stored.set(key, text)
  }

  now(): number {
    return this.time
  }

  /** So many ms pass while no page is loaded. */
  sleep(ms: number): void {
    this.time += ms
  }

  async lock(name: string): Promise<(() => void) | undefined> {
    if (!this.canLock) throw new Error('no locks here')
    if (this.locks.has(name)) return undefined
    this.locks.add(name)
    return () => this.locks.delete(name)
  }

  /** What the browser does when a tab is duplicated. */
  copy(): TestTab {
    const copy = new TestTab(this.locks)
    copy.canLock = this.canLock
    for (const [key, text] of this.stored) copy.stored.set(key, text)
    return copy
  }

  /** The one entry there is. */
  entry(): Record<string, unknown> | undefined {
    const [text] = this.stored.values()
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
  }
}

export type Frame = Record<string, unknown>

/** One socket as the server sees it. */
export class TestSocket {
  /** Frames the client sent, as text. */
  readonly frames: string[] = []
  closed = false
  dead = false
  private read = 0

  constructor(
    readonly url: string,
    readonly events: SocketEvents,
  ) {}

  /** Says hello, which opens the connection; with a `token`, it belongs to a session. */
  hello(limits: Record<string, unknown> = {}, token?: string, userId?: string): void {
    const session = token === undefined ? undefined : { token, grace: 60_000 }
    const authenticated = userId !== undefined
    this.say({
      type: 'CONNECTION_ESTABLISHED',
      connectionId: 'conn-1',
      authenticated,
      userId,
      limits,
      session,
    })
  }

  /** Sends frames in one batch, or something that is no frame at all. */
  say(...messages: unknown[]): void {
    this.events.frame(JSON.stringify(messages.length === 1 ? messages[0] : messages))
  }

  /** The messages that came since the last time, batches taken apart. */
  heard(): Frame[] {
    const texts = this.frames.slice(this.read)
    this.read = this.frames.length
    return texts.flatMap<Frame>((text) => JSON.parse(text) as Frame | Frame[])
  }

  /** Answers a request. */
  answer(request: Frame | undefined, result?: unknown): void {
    this.say({ type: 'MESSAGE_RESPONSE', success: true, result, requestId: request?.requestId })
  }

  /** Refuses a request. */
  refuse(request: Frame | undefined, code: string, fields: Record<string, string> = {}): void {
    this.say({
      type: 'MESSAGE_RESPONSE',
      success: false,
      code,
      error: `refused: ${code}`,
      fields,
      requestId: request?.requestId,
    })
  }

  /** Answers a mount with a state at version 0; `more` is what else is said of it. */
  mounted(request: Frame | undefined, componentId: string, initialState: Frame, more: Frame = {}): void {
    this.answer(request, { componentId, initialState, version: 0, digest: digest(initialState), ...more })
  }
}

/** A client in a world in the hand. Chance is always a half, unless told otherwise. */
export interface World {
  readonly client: LiveClient
  readonly clock: TestClock
  readonly page: TestPage
  readonly tab: TestTab
  readonly sockets: TestSocket[]
  /** The newest socket. */
  socket(): TestSocket
}

export type WorldOptions = Omit<LiveClientOptions, 'tab'> & {
  readonly tab?: TestTab
  /** Puts something between the client and its sockets. */
  readonly wrapSocket?: (createSocket: CreateSocket) => CreateSocket
}

export function world({ wrapSocket = (plain) => plain, ...options }: WorldOptions = {}): World {
  const clock = options.clock instanceof TestClock ? options.clock : new TestClock()
  const tab = options.tab ?? new TestTab()
  const page = new TestPage()
  const sockets: TestSocket[] = []
  const createSocket: CreateSocket = (url, events) => {
    const socket = new TestSocket(url, events)
    sockets.push(socket)
    return {
      send: (frame) => {
        if (socket.closed) throw new Error('sent on a closed socket')
        socket.frames.push(typeof frame === 'string' ? frame : unpacked(frame))
      },
      close: () => {
        socket.closed = true
      },
      get dead() {
        return socket.dead
      },
    }
  }
  const client = createLiveClient({
    url: 'ws://test.invalid/',
    createSocket: wrapSocket(createSocket),
    clock,
    page,
    tab,
    random: () => 0.5,
    ...options,
  })
  const socket = (): TestSocket => {
    const newest = sockets.at(-1)
    if (!newest) throw new Error('no socket was made')
    return newest
  }
  return { client, clock, page, tab, sockets, socket }
}

/** A binary frame as text: its header, with the bytes as letters in `binary`. */
export function unpacked(frame: Uint8Array): string {
  const length = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true)
  const text = new TextDecoder('latin1')
  const header = JSON.parse(text.decode(frame.subarray(4, 4 + length))) as Frame
  return JSON.stringify({ ...header, binary: text.decode(frame.subarray(4 + length)) })
}

/** Waits until no microtask is left that could matter. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await undefined
}

/** A delta applied the plain way, as a second opinion on `delta.ts`. Changes the state it is given. */
export function applyPlainly(state: Frame, payload: Frame): void {
  const { delta = {}, splice = {}, merge = {} } = payload as Record<string, Frame>
  Object.assign(state, delta)
  for (const [field, edits] of Object.entries(splice)) {
    for (const edit of edits as [number, number, ...unknown[]][]) (state[field] as unknown[]).splice(...edit)
  }
  for (const [field, edit] of Object.entries(merge)) {
    const [set, removed] = edit as [Frame, string[]]
    Object.assign(state[field] as Frame, set)
    for (const key of removed) delete (state[field] as Frame)[key]
  }
}
