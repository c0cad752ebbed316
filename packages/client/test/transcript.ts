/**
 * Reads a transcript and plays it to the client. The format is in `conformance/README.md`.
 */

import {
  type Component,
  type LiveClient,
  LiveError,
  type LiveHandle,
  type ResumeOutcome,
} from '@fluxstack/client'
import { authenticate, signIn } from '@fluxstack/client/sign-in'
import { batch } from '../src/batch.js'
import { digest } from '../src/digest.js'
import { type Room, room } from '../src/rooms.js'
import { type ListWindow, listWindow } from '../src/window.js'
import { cancel, files, upload, withLetters } from './transcript-files.js'
import { applyPlainly, settled, type TestSocket, type World, world } from './world.js'

type Kind = 'caps' | 'auth' | 'app' | 'view' | 'soon' | 'lose' | 'lost' | 'bent' | 'cut' | '>' | '<'
type Json = Record<string, unknown>

interface Line {
  readonly number: number
  readonly kind: Kind
  readonly text: string
}

/** The lines that mean something. */
export function parse(text: string): Line[] {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }))
  return lines
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const match = /^(caps:|auth:|app:|view:|soon:|lose:|lost:|bent:|cut:|>|<)(?:\s+(.*))?$/.exec(line)
      if (!match) throw new Error(`line ${number}: not a line of a transcript: ${line}`)
      return { number, kind: (match[1] ?? '').replace(':', '') as Kind, text: match[2] ?? '' }
    })
}

type AnyHandle = LiveHandle<{
  props: unknown
  state: object
  writable: object
  actions: object
  event: unknown
}>

interface Mounted {
  readonly handle: AnyHandle
  readonly leave: () => void
  readonly events: unknown[]
  readonly outcomes: ResumeOutcome[]
  readonly misses: number[]
  readonly rooms: Map<string, Entered>
  readonly lists: Map<string, Shown>
}

/** A part of a list, and what of it is shown. */
interface Shown {
  readonly list: ListWindow<unknown>
  range: readonly [from: number, to: number]
}

/** A room of a handle, and what was heard there and not checked yet. */
interface Entered {
  readonly room: Room<unknown>
  readonly events: unknown[]
  readonly misses: unknown[]
}

/** Turns of the event loop within which a client has read what it sends. */
const PATIENCE = 1000

/** How long this client waits after a loss, in ms: half of the first pause. */
const PAUSE_MS = 125

type RoomVerb = 'join' | 'part' | 'say' | 'shout' | 'heard-in' | 'missed-in' | 'in'

/** Calls by the names of handles. */
interface Batch {
  readonly calls: readonly (readonly [name: string, action: string, args?: unknown])[]
  readonly atomic?: boolean
}

/** One play of a transcript. */
class Play {
  private readonly world: World
  private readonly handles = new Map<string, Mounted>()
  private readonly answers: Promise<unknown>[] = []
  private readonly bound = new Map<string, unknown>()
  private expected: Json[] = []

  /** `auth` is what the client says on every connection, if anything. */
  constructor(auth: Line | undefined) {
    this.world = world({ newId: () => 't', auth: signIn(auth && JSON.parse(auth.text)) })
  }

  async run(lines: readonly Line[]): Promise<void> {
    const client: LiveClient = this.world.client
    client.connect()
    let before: Kind | undefined
    for (const line of lines) {
      try {
        // Application lines that follow each other happen in one microtask, and leave in one frame.
        if (before !== line.kind) await settled()
        before = line.kind
        await this.play(line)
      } catch (error) {
        throw new Error(`line ${line.number}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        })
      }
    }
    await settled()
    this.nothingLeft()
    client.close()
  }

  /** What the client sent next. A file is read on the way, which takes more than microtasks. */
  private async heard(): Promise<Json | undefined> {
    for (let turn = 0; turn < PATIENCE; turn += 1) {
      this.expected.push(...this.socket.heard())
      if (this.expected.length > 0) break
      await new Promise((resolve) => setImmediate(resolve))
    }
    return this.expected.shift()
  }

  private nothingLeft(): void {
    this.expected.push(...this.socket.heard())
    if (this.expected.length > 0) throw new Error(`the client also sent ${JSON.stringify(this.expected)}`)
  }

  private get socket(): TestSocket {
    return this.world.socket()
  }

  private async play({ kind, text }: Line): Promise<void> {
    switch (kind) {
      case 'app':
        return this.app(text)
      case '>':
      case 'lost': {
        for (const message of ([JSON.parse(text)].flat() as Json[]).map(withLetters)) {
          const sent = await this.heard()
          const wrong = this.differs(message, sent)
          if (wrong)
            throw new Error(
              `${wrong}: expected ${JSON.stringify(message)}, the client sent ${JSON.stringify(sent)}`,
            )
        }
        return
      }
      case '<':
      case 'soon':
      case 'bent':
        this.socket.events.frame(JSON.stringify(this.filled(JSON.parse(text))))
        return
      case 'view': {
        const { name, rest } = firstWord(text)
        const { status, state, error } = this.named(name).handle.getState()
        equal(
          { status, ...(state && { state }), ...(error && { error: error.code }) },
          rest,
          `the view of ${name}`,
        )
        return
      }
      case 'cut':
        this.expected.push(...this.socket.heard())
        this.nothingLeft()
        this.socket.events.closed(Number(text) || 1006)
        return this.world.clock.advance(PAUSE_MS)
      case 'lose':
      case 'caps':
      case 'auth':
        // This client always says all it can; the hello decides.
        return
      default:
        kind satisfies never
    }
  }

  private async app(text: string): Promise<void> {
    const { name: verb, rest: operands } = firstWord(text, false)
    if (verb === 'wait') return this.world.clock.advance(Number(operands))
    const { client } = this.world
    if (verb === 'sign-in') return this.asked(authenticate(client, parsed(operands) as Json))
    if (verb === 'sign-out') return client.signOut()
    if (verb === 'user') return equal(client.getUser(), parsed(operands), 'the user')
    if (verb === 'batch') return this.batch(parsed(operands) as Batch)
    if (verb === 'answered') return equal(await this.answers.shift(), parsed(operands), 'the answer')
    if (verb === 'refused') {
      const { name: code, rest: fields } = firstWord(operands as string)
      const error = await this.answers.shift()?.then(
        () => undefined,
        (cause: unknown) => cause,
      )
      if (!(error instanceof LiveError)) throw new Error(`expected a refusal with ${code}`)
      equal({ code: error.code, fields: error.fields }, { code, fields: fields ?? {} }, 'the refusal')
      return undefined
    }
    const { name, rest } = firstWord(operands as string, false)
    if (verb === 'mount') return this.mount(name, rest as string)
    const { handle, leave, events, outcomes, misses } = this.named(name)
    switch (verb) {
      case 'join':
      case 'part':
      case 'say':
      case 'shout':
      case 'heard-in':
      case 'missed-in':
      case 'in':
        return this.inRoom(verb, name, rest as string)
      case 'hold':
      case 'rows':
        return this.inList(verb, name, rest as string)
      case 'missed':
        return equal(misses.shift(), parsed(rest), 'what was missed')
      case 'call': {
        const { name: action, rest: args } = firstWord(rest as string)
        const call = (handle.call as Record<string, (args?: unknown) => Promise<unknown>>)[action]
        return this.asked(call?.(args))
      }
      case 'write': {
        const { name: field, rest: value } = firstWord(rest as string)
        return this.asked(handle.write(field as never, value as never))
      }
      case 'emit':
        return this.asked(handle.emit(parsed(rest)))
      case 'upload':
      case 'files':
      case 'cancel':
        return this.withFiles(verb, handle, rest as string)
      case 'props':
        return handle.setProps(parsed(rest))
      case 'reset':
        return handle.reset()
      case 'leave':
        leave()
        return this.world.clock.advance(100)
      case 'heard':
        return equal(events.shift(), parsed(rest), 'the event')
      case 'outcome':
        return equal(outcomes.shift(), parsed(rest), 'the outcome')
      default:
        throw new Error(`no such thing to do: ${verb}`)
    }
  }

  private async inRoom(verb: RoomVerb, name: string, rest: string): Promise<void> {
    const { name: place, rest: more } = firstWord(rest)
    const { room, events, misses } = this.entered(name, place)
    switch (verb) {
      case 'join':
        return this.asked(room.join(more as { history?: number } | undefined))
      case 'part':
        return this.asked(room.leave())
      case 'say':
        return this.asked(room.emit(more))
      case 'shout':
        return this.asked(room.emit(more, { self: true }))
      case 'heard-in':
        return equal(events.shift(), more, `the event in ${place}`)
      case 'missed-in':
        return equal(misses.shift() ?? null, more, `what was missed in ${place}`)
      case 'in':
        return equal(room.joined, more, `being in ${place}`)
      default:
        return verb satisfies never
    }
  }

  private withFiles(verb: 'upload' | 'files' | 'cancel', handle: AnyHandle, rest: string): void {
    const { name: field, rest: more } = firstWord(rest, false)
    if (verb === 'upload') upload(handle, field, more as string)
    else if (verb === 'cancel') cancel(handle, field, Number(more))
    else equal(files(handle, field), parsed(more), `the files of ${field}`)
  }

  private inList(verb: 'hold' | 'rows', name: string, rest: string): void {
    const { name: field, rest: more } = firstWord(rest)
    const { handle, lists } = this.named(name)
    let shown = lists.get(field)
    if (!shown) {
      shown = { list: listWindow(handle, field as never, { overscan: 0 }), range: [0, 0] }
      shown.list.subscribe(() => undefined)
      lists.set(field, shown)
    }
    const { list } = shown
    if (verb === 'hold') {
      shown.range = more as [number, number]
      list.show(...shown.range)
      return
    }
    const { rows, from } = list.getSnapshot()
    equal([from, rows], more, `the rows of ${field}`)
  }

  /** The room of a handle, listened to since it was named first. */
  private entered(name: string, place: string): Entered {
    const { handle, rooms } = this.named(name)
    const known = rooms.get(place)
    if (known) return known
    const entered: Entered = { room: room(handle, place), events: [], misses: [] }
    entered.room.on((event) => entered.events.push(event))
    entered.room.onMissed((count) => entered.misses.push(count))
    rooms.set(place, entered)
    return entered
  }

  private batch({ calls, atomic }: Batch): void {
    const named = calls.map(([name, action, args]) => [this.named(name).handle, action, args] as const)
    const outcomes = batch(this.world.client, named as never, { atomic }) as Promise<
      readonly { readonly ok: boolean; readonly error?: LiveError; readonly result?: unknown }[]
    >
    const told = outcomes.then((all) =>
      all.map(({ ok, error, result }) => (error ? { ok, error: error.code } : { ok, result })),
    )
    this.asked(told)
  }

  private mount(name: string, rest: string): void {
    const { name: component, rest: options } = firstWord(rest)
    const { optimistic, ...others } = (options ?? {}) as { optimistic?: Record<string, Additions> }
    const reducers = Object.entries(optimistic ?? {}).map(([action, fields]) => [action, adding(fields)])
    const handle = this.world.client.live(
      { name: component } as Component<never>,
      { ...others, optimistic: Object.fromEntries(reducers) } as never,
    ) as unknown as AnyHandle
    const events: unknown[] = []
    const outcomes: ResumeOutcome[] = []
    handle.on((event) => events.push(event))
    handle.onResume((outcome) => outcomes.push(outcome))
    const misses: number[] = []
    handle.onMissed((count) => misses.push(count))
    const leave = handle.subscribe(() => undefined)
    this.handles.set(name, { handle, events, outcomes, misses, rooms: new Map(), lists: new Map(), leave })
  }

  private asked(promise: Promise<unknown> | undefined): void {
    promise?.catch(() => undefined)
    this.answers.push(promise ?? Promise.resolve())
  }

  private named(name: string) {
    const known = this.handles.get(name)
    if (!known) throw new Error(`nothing was mounted as ${name}`)
    return known
  }

  /** A frame for the client: names that are bound stand for their values, others for themselves. */
  private filled(value: unknown): unknown {
    if (typeof value === 'string') return this.bound.get(value) ?? value
    if (Array.isArray(value)) return value.map((item) => this.filled(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.filled(item)]))
  }

  /** Why a message is not what was expected; binds names on the way. */
  private differs(expected: unknown, actual: unknown, path = 'message'): string | undefined {
    if (expected === '$_') return undefined
    if (typeof expected === 'string' && expected.startsWith('$')) {
      if (!this.bound.has(expected)) this.bound.set(expected, actual)
      return Object.is(this.bound.get(expected), actual) ? undefined : `${path} is not ${expected}`
    }
    if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) {
      return Object.is(expected, actual) ? undefined : `${path} differs`
    }
    if (Array.isArray(expected) !== Array.isArray(actual)) return `${path} differs`
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)])
    keys.delete('timestamp')
    for (const key of keys) {
      const wrong = this.differs((expected as Json)[key], (actual as Json)[key], `${path}.${key}`)
      if (wrong) return wrong
    }
    return undefined
  }
}

/** Plays a transcript; throws at the first line that the client does not honour. */
export async function check(text: string): Promise<void> {
  const lines = parse(text)
  await new Play(lines.find(({ kind }) => kind === 'auth')).run(lines)
}

/**
 * The same transcript with every digest the server sends set to what the state before it says. Undamaged
 * transcripts come back as they were.
 */
export function withTrueDigests(text: string): string {
  const states = new Map<unknown, Json>()
  const trueDigest = (message: Json): number | undefined => {
    const payload = (message.payload ?? message.result) as Json | undefined
    if (payload?.digest === undefined) return undefined
    // What was resumed is not named in the result, and its state is what was pushed.
    const id = (message.result && payload.componentId) || message.componentId
    const whole = (payload.initialState ?? payload.state) as Json | undefined
    if (whole) states.set(id, structuredClone(whole))
    else applyPlainly(states.get(id) ?? {}, structuredClone(payload))
    return digest(states.get(id))
  }
  return text
    .split('\n')
    .map((line) => {
      if (!/^(<|soon:|lose:)/.test(line)) return line
      const messages = [JSON.parse(line.slice(line.indexOf(' ')))].flat() as Json[]
      const digests = messages.map(trueDigest).filter((number) => number !== undefined)
      return line.replace(/"digest":\d+/g, () => `"digest":${digests.shift()}`)
    })
    .join('\n')
}

function firstWord(text: string, json = true): { name: string; rest: unknown } {
  const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? []
  return { name, rest: json ? parsed(rest) : rest }
}

function parsed(text: unknown): unknown {
  return typeof text === 'string' && text !== '' ? JSON.parse(text) : undefined
}

function equal(actual: unknown, expected: unknown, what: string): void {
  const canonical = (value: unknown): string | undefined =>
    JSON.stringify(value, (_key, item: unknown) =>
      typeof item === 'object' && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
        : item,
    )
  if (canonical(actual) !== canonical(expected)) {
    throw new Error(`${what} is ${canonical(actual)}, expected ${canonical(expected)}`)
  }
}

/** Field to the argument that is added to it. */
type Additions = Readonly<Record<string, string>>

function adding(fields: Additions): (state: Json, args: Json) => Json {
  return (state, args) =>
    Object.fromEntries(
      Object.entries(fields).map(([field, arg]) => [field, Number(state[field]) + Number(args[arg])]),
    )
}
