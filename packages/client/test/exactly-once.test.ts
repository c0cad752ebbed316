import { fakeServer } from '@fluxstack/client/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Counter } from './shapes.js'

const STEPS = ['call', 'call', 'call', 'push', 'cut', 'cut and lose', 'rehydrate'] as const
const step = fc.record({ what: fc.constantFrom(...STEPS), rounds: fc.nat(12), frames: fc.nat(3) })

test('whatever happens to connections and answers, each call is done once and told once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const server = fakeServer().mounted(Counter, ({ count }) => ({ count, step: 0 }), {
        add: (state, { by }) => (state.count += by),
      })
      const counter = server.client.live(Counter, { componentId: 'a', props: { count: 0 } })
      const shown: number[] = []
      counter.subscribe((view) => shown.push(view.state?.count ?? 0))
      await server.settled()
      const answers: Promise<number>[] = []
      for (const { what, rounds, frames } of steps) {
        if (what === 'call') answers.push(counter.call.add({ by: 1 }))
        if (what === 'push') server.push(Counter, { step: answers.length })
        if (what === 'cut and lose') server.lose(frames)
        // Something of what is under way gets through, or nothing.
        for (let round = 0; round < rounds; round += 1) await undefined
        if (what === 'rehydrate') server.restart({ keep: true })
        if (what.startsWith('cut')) {
          server.disconnect()
          server.reconnect()
        }
      }
      // One more, so that nothing is left that only a lost connection would bring out.
      server.disconnect()
      server.reconnect()
      await server.settled()
      await server.settled()
      const told = await Promise.all(answers)
      expect(server.calls).toHaveLength(answers.length)
      expect([...told].sort((a, b) => a - b)).toEqual(answers.map((_, index) => index + 1))
      // In the order they were made.
      expect(told).toEqual([...told].sort((a, b) => a - b))
      expect(counter.getState()).toMatchObject({ status: 'live', state: { count: answers.length } })
      // What was shown never went back.
      expect(shown).toEqual([...shown].sort((a, b) => a - b))
    }),
    { numRuns: 300 },
  )
})
