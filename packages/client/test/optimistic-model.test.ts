import { LiveError, type LiveView } from '@fluxstack/client'
import { quietWhenHidden } from '@fluxstack/client/quiet'
import { fakeServer } from '@fluxstack/client/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { Todos, type TodosShape } from './shapes.js'
import { settled, TestClock, TestPage } from './world.js'

const step = fc.oneof(
  { weight: 5, arbitrary: fc.constant('call' as const) },
  { weight: 2, arbitrary: fc.constant('call twice' as const) },
  { weight: 2, arbitrary: fc.constant('another one pushes' as const) },
  { weight: 1, arbitrary: fc.constant('call in vain' as const) },
  { weight: 1, arbitrary: fc.constant('cut' as const) },
  { weight: 2, arbitrary: fc.constant('come back' as const) },
  { weight: 1, arbitrary: fc.constant('restart, rebuilt' as const) },
  { weight: 1, arbitrary: fc.constant('restart, forgotten' as const) },
  { weight: 1, arbitrary: fc.constant('hide' as const) },
  { weight: 1, arbitrary: fc.constant('look' as const) },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 400 }) },
)
const story = fc.record({
  steps: fc.array(step, { maxLength: 40 }),
  latency: fc.constantFrom(0, 20, 90),
  isPaced: fc.boolean(),
})

test('whatever happens to calls on their way, nothing is shown twice, nothing flickers, nothing stays pending', async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ steps, latency, isPaced }) => {
      const clock = new TestClock()
      const page = new TestPage()
      const server = fakeServer({ clock, page, random: () => 0.5 })
      quietWhenHidden(server.client)
      let ids = 0
      server.mounted(
        Todos,
        () => ({ items: [], total: 0 }),
        {
          push(state, { text }) {
            if (text.endsWith('in vain')) throw new LiveError('CONFLICT', 'not this one')
            ids += 1
            state.items = [...state.items, { id: ids, text, done: false }]
            state.total += 1
          },
        },
        { paced: isPaced ? ['items'] : [] },
      )
      server.latency(latency)
      const todos = server.client.live(Todos, {
        optimistic: {
          push: (state, { text }) => ({
            items: [...state.items, { id: 0, text, done: false }],
            total: state.total + 1,
          }),
        },
      })

      /** What became of each own text on the screen. */
      const fates = new Map<string, 'shown' | 'gone'>()
      const refused = new Set<string>()
      const wrong: string[] = []
      const look = ({ state }: LiveView<TodosShape>): void => {
        const texts = state?.items.map(({ text }) => text) ?? []
        if (new Set(texts).size < texts.length) wrong.push(`twice: ${texts.join()}`)
        for (const text of texts) {
          if (text.startsWith('own')) {
            if (fates.get(text) === 'gone') wrong.push(`${text} flickered`)
            fates.set(text, 'shown')
          }
        }
        for (const [text, fate] of fates) {
          if (fate === 'shown' && state && !texts.includes(text)) fates.set(text, 'gone')
        }
      }
      todos.subscribe(look)
      todos.onResume(({ kind }) => {
        // The state that they were in is gone, and so may they be.
        if (kind === 'reset') for (const text of fates.keys()) refused.add(text)
      })

      let calls = 0
      const call = (how = ''): void => {
        calls += 1
        const text = `own ${calls}${how}`
        todos.call.push({ text }).catch(() => refused.add(text))
        const { state } = todos.getState()
        if (state) expect(state.items.some((item) => item.text === text)).toBe(!refused.has(text))
      }
      let others = 0
      for (const what of steps) {
        if (typeof what === 'number') await clock.advance(what)
        if (what === 'call' || what === 'call twice') call()
        if (what === 'call twice') call()
        if (what === 'another one pushes') {
          others += 1
          server.push(Todos, { total: 1000 + others })
        }
        if (what === 'call in vain') call(' in vain')
        if (what === 'cut') server.disconnect()
        if (what === 'come back') server.reconnect()
        if (what === 'restart, rebuilt') server.restart({ keep: true })
        if (what === 'restart, forgotten') server.restart()
        if (what === 'hide') page.tell('hidden')
        if (what === 'look') page.tell('visible')
        server.release(Todos)
        await settled()
        expect(wrong).toEqual([])
      }
      page.tell('visible')
      server.reconnect()
      await clock.advance(60_000)
      server.release(Todos)
      await clock.advance(1000)

      expect(wrong).toEqual([])
      const { status, state } = todos.getState()
      expect({ status, pending: todos.pending }).toEqual({ status: 'live', pending: 0 })
      expect(digest(state).toString(16).padStart(8, '0')).toBe(todos.fingerprint)
      for (const [text, fate] of fates) if (fate === 'gone') expect(refused, text).toContain(text)
    }),
    { numRuns: 1000 },
  )
}, 60_000)
