/** Whatever happens to the connection, the page and the server: calls are done in order, once, or reported. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { browser, cutOff, leave, type OfflinePage, stored } from './offline-page.js'
import type { Frame } from './world.js'

const WINDOW = 256
const ORIGINS = 16
const STATE = { count: 5 }

interface Instance {
  readonly id: string
  /** What was answered, by the origins of calls and their numbers. */
  readonly seen: Map<string, { floor: number; done: Map<number, string | undefined> }>
}

/** A server that remembers calls as the real one does, and no better. */
class Server {
  /** Which calls were done, by their argument, in order. */
  readonly effects: number[] = []
  private instance: Instance | undefined
  private ids = 0
  toRefuse = 0

  /** Nothing of what was mounted is left. */
  forget(): void {
    this.instance = undefined
  }

  /** Does what is asked. Brings the answers, which may be lost. */
  hear(frames: readonly Frame[]): Frame[] {
    return frames.flatMap((frame) => this.answer(frame))
  }

  private answer(frame: Frame): Frame[] {
    const { requestId } = frame
    const reply = (result?: unknown): Frame => ({
      type: 'MESSAGE_RESPONSE',
      success: true,
      result,
      requestId,
    })
    const refuse = (code: string): Frame => ({
      ...{ type: 'MESSAGE_RESPONSE', success: false, error: code },
      ...{ code, requestId },
    })
    switch (frame.type) {
      case 'SESSION_RESUME':
        return [reply({ token: 'token' })]
      case 'COMPONENT_MOUNT': {
        this.ids += 1
        this.instance = { id: `live-${this.ids}`, seen: new Map() }
        const { id: componentId } = this.instance
        return [reply({ componentId, initialState: STATE, version: 0, digest: digest(STATE), seq: 0 })]
      }
      case 'COMPONENT_RESUME': {
        const { instance } = this
        if (instance?.id !== frame.componentId || !instance) return [refuse('NOTHING_KEPT')]
        const payload = { state: STATE, version: 0, digest: digest(STATE) }
        const whole = { type: 'STATE_UPDATE', componentId: instance.id, payload }
        return [whole, reply({ outcome: 'resumed', version: 0, digest: digest(STATE) })]
      }
      case 'CALL_ACTION': {
        const { instance } = this
        if (instance?.id !== frame.componentId || !instance) return [refuse('REHYDRATION_REQUIRED')]
        const code = this.act(instance, frame)
        return [code === undefined ? reply() : refuse(code)]
      }
      default:
        return requestId === undefined ? [] : [reply()]
    }
  }

  private act({ seen }: Instance, { callId, acked = 0, payload }: Frame): string | undefined {
    const [name = '', number = 0] = String(callId)
      .split('-')
      .map((part, at) => (at ? Number(part) : part)) as [string, number]
    const origin = seen.get(name) ?? { floor: 0, done: new Map<number, string | undefined>() }
    const floor = Math.min(Number(acked), number - 1)
    if (floor > origin.floor) {
      origin.floor = floor
      for (const done of origin.done.keys()) if (done <= floor) origin.done.delete(done)
    }
    if (origin.done.has(number)) return origin.done.get(number)
    if (number <= origin.floor) return 'CALL_FORGOTTEN'
    const refused = this.toRefuse > 0 ? 'CONFLICT' : undefined
    if (refused) this.toRefuse -= 1
    else this.effects.push((payload as { by: number }).by)
    // Who called last stands last, and the one that stands first is forgotten.
    seen.delete(name)
    const [oldest] = seen.keys()
    if (seen.size >= ORIGINS && oldest !== undefined) seen.delete(oldest)
    seen.set(name, origin)
    origin.done.set(number, refused)
    if (origin.done.size > WINDOW) {
      origin.floor = Math.min(...origin.done.keys())
      origin.done.delete(origin.floor)
    }
    return refused
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('call' as const), times: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('go on' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), isDone: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('connect' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reload' as const), isDone: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refuse' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
)

/** What became of the calls of one story. */
class Story {
  readonly server = new Server()
  readonly where = browser()
  made = 0
  readonly rejected = new Set<number>()
  readonly resolved = new Set<number>()
  readonly reported = new Set<number>()
  isOpen = false
  page!: OfflinePage

  async load(): Promise<void> {
    this.isOpen = false
    this.page = await cutOff(this.where, {
      onConflict: ({ call }) => this.reported.add((call.payload as { by: number }).by),
    })
    await stored(10)
  }

  call(): void {
    this.made += 1
    const by = this.made
    this.page.counter.call.add({ by }).then(
      () => this.resolved.add(by),
      () => this.rejected.add(by),
    )
  }

  /** The server hears what was said, and is heard. */
  async goOn(rounds = 1): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await stored(10)
      if (!this.isOpen) return
      for (const answer of this.server.hear(this.page.socket().heard())) this.page.socket().say(answer)
    }
    await stored(10)
  }

  async connect(): Promise<void> {
    if (this.isOpen) return
    this.page.page.tell('online')
    await this.page.clock.advance(20_000)
    this.isOpen = true
    this.page.socket().hello({}, 'token')
    await this.goOn(3)
  }

  /** The socket dies; what was said before may have arrived all the same. */
  async lose(isDone: boolean): Promise<void> {
    await stored(10)
    if (!this.isOpen) return
    if (isDone) this.server.hear(this.page.socket().heard())
    this.isOpen = false
    this.page.socket().events.closed(1006)
    await stored(10)
  }

  async reload(isDone: boolean): Promise<void> {
    await stored(20)
    if (isDone && this.isOpen) this.server.hear(this.page.socket().heard())
    leave(this.page)
    await stored(10)
    await this.load()
  }
}

test('every call is done once and in order, or somebody hears that it was not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const story = new Story()
      await story.load()
      await story.connect()
      for (const what of steps) {
        if (what.kind === 'call') for (let time = 0; time < what.times; time += 1) story.call()
        if (what.kind === 'go on') await story.goOn()
        if (what.kind === 'lose') await story.lose(what.isDone)
        if (what.kind === 'connect') await story.connect()
        if (what.kind === 'reload') await story.reload(what.isDone)
        if (what.kind === 'refuse') story.server.toRefuse = 1
        if (what.kind === 'forget') {
          // As a restart does, it takes the connection along.
          await story.lose(false)
          story.server.forget()
        }
      }
      await story.connect()
      // A batch, a frame and a disk each hold up so many calls; how many rounds that takes is nobody's promise.
      for (let round = 0; round < 60 && story.page.outbox.getState().pending > 0; round += 1)
        await story.goOn()
      await story.goOn(2)

      const { effects } = story.server
      expect(effects).toEqual([...new Set(effects)].sort((a, b) => a - b))
      for (let by = 1; by <= story.made; by += 1) {
        const isKnown = effects.includes(by) || story.rejected.has(by) || story.reported.has(by)
        expect(isKnown ? [] : [by]).toEqual([])
        if (story.resolved.has(by)) expect(effects).toContain(by)
      }
      expect(story.page.outbox.getState()).toMatchObject({ pending: 0, syncing: false, offline: false })
    }),
    { numRuns: 100 },
  )
}, 120_000)
