import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digest } from '../src/digest.js'
import { Todos } from './shapes.js'
import { applyPlainly, settled, world } from './world.js'

type Frame = Record<string, unknown>

/** What the network does to one state frame. */
const FATES = ['arrives', 'arrives', 'arrives', 'is lost', 'comes twice', 'comes late', 'is damaged'] as const

const edit = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), text: fc.string({ maxLength: 5 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(5) }),
  fc.record({ kind: fc.constant('total' as const), total: fc.integer() }),
)
const story = fc.array(fc.record({ edit, fate: fc.constantFrom(...FATES) }), { maxLength: 40 })

test('whatever happens to deltas on their way, the client ends where the server is', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (steps) => {
      const { client, socket } = world()
      const todos = client.live(Todos)
      todos.subscribe(() => undefined)
      socket().hello()
      await settled()
      const state: Frame = { items: [], total: 0 }
      socket().mounted(socket().heard()[0], 'live-1', structuredClone(state))
      let version = 0
      let late: Frame | undefined

      const answerResyncs = async (): Promise<void> => {
        await settled()
        for (const request of socket().heard()) {
          expect(request.type).toBe('STATE_RESYNC')
          socket().say({
            type: 'STATE_UPDATE',
            componentId: 'live-1',
            payload: { state, version, digest: digest(state) },
          })
          socket().answer(request)
        }
      }
      const change = (made: (typeof steps)[number]['edit']): Frame => {
        const items = state.items as unknown[]
        const payload: Frame =
          made.kind === 'push'
            ? { splice: { items: [[items.length, 0, { id: version, text: made.text, done: false }]] } }
            : made.kind === 'remove' && made.at < items.length
              ? { splice: { items: [[made.at, 1]] } }
              : { delta: { total: made.kind === 'total' ? made.total : version } }
        applyPlainly(state, structuredClone(payload))
        version += 1
        return {
          type: 'STATE_DELTA',
          componentId: 'live-1',
          payload: { ...payload, base: version - 1, version, digest: digest(state) },
        }
      }

      for (const { edit: made, fate } of steps) {
        const frame = change(made)
        if (fate === 'arrives' || fate === 'comes twice') socket().say(frame)
        if (fate === 'comes twice') socket().say(frame)
        if (fate === 'is damaged')
          socket().say({ ...frame, payload: { ...(frame.payload as Frame), delta: { total: 'bent' } } })
        if (fate === 'comes late') late = frame
        else if (late) {
          socket().say(late)
          late = undefined
        }
        // What is shown is always something the server once held.
        expect(todos.fingerprint).toBe(digest(todos.getState().state).toString(16).padStart(8, '0'))
        if (version % 3 === 0) await answerResyncs()
      }
      await answerResyncs()
      socket().say(change({ kind: 'total', total: 42 }))
      await answerResyncs()
      expect(todos.getState()).toEqual({ status: 'live', state, error: undefined })
    }),
    { numRuns: 150 },
  )
})
