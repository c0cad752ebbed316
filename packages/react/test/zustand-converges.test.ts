import { componentState } from '@fluxstack/client/testing'
import type { LiveConflict } from '@fluxstack/react/zustand'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStore } from 'zustand/vanilla'
import { createBond } from '../src/zustand/bond.js'
import { Till, tilling, writes } from './till.js'

const STEPS = [
  'store',
  'store',
  'store',
  'server',
  'elsewhere',
  'refuse',
  'cut',
  'cut and lose',
  'away',
  'back',
  'rehydrate',
  'reset',
  'rest',
] as const
const step = fc.record({
  what: fc.constantFrom(...STEPS),
  // Few words, so that both sides often say the same.
  word: fc.constantFrom('', 'TEA', 'CAKE', 'x', 'y'),
  rounds: fc.nat(12),
})

test('whatever changes where and whenever the connection breaks, store and server end up with the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.boolean(), async (steps, isOptimistic) => {
      const server = tilling()
      const store = createStore(() => ({ coupon: '', total: 0 }))
      const handle = server.client.live(Till)
      handle.configure({ optimisticUpdates: isOptimistic })
      const conflicts: LiveConflict[] = []
      const bond = createBond(store, handle, () => 'Till', undefined)
      const leave = bond.enter(() => ({
        bind: { coupon: ({ coupon }: { coupon: string }) => coupon },
        updater: ({ coupon, total }: { coupon: string; total: number }) => ({ coupon, total }),
        onConflict: (conflict) => conflicts.push(conflict),
      }))
      await server.settled()
      /** Reasons to write: something that the store said, or somebody new who has not heard it. */
      let reasons = 0
      let isThere = true
      for (const { what, word, rounds } of steps) {
        if (what === 'store') {
          store.setState({ coupon: word })
          reasons += 1
        }
        if (what === 'server') server.push(Till, { coupon: word })
        if (what === 'elsewhere') server.push(Till, { total: rounds })
        if (what === 'refuse' && isThere) {
          await server.settled()
          // Nothing is under way, so the next request is this write.
          store.setState({ coupon: `bad ${steps.length} ${reasons}` })
          reasons += 1
          server.refuse('INVALID')
          await server.settled()
        }
        if (what === 'cut and lose') server.lose(rounds % 3)
        if (what === 'rest') await server.settled()
        for (let round = 0; round < rounds; round += 1) await undefined
        if (what === 'away' || what.startsWith('cut')) server.disconnect()
        if (what === 'back' || what.startsWith('cut')) server.reconnect()
        if (what === 'rehydrate') server.restart({ keep: true })
        if (what === 'reset') server.restart()
        if (what === 'away') isThere = false
        if (/back|cut|rehydrate|reset/.test(what)) isThere = true
        if (what === 'reset') reasons += 1
      }
      // One more, so that nothing is left that only a lost connection would bring out.
      server.disconnect()
      server.reconnect()
      for (let round = 0; round < 5; round += 1) await server.settled()

      expect(handle.getState().status).toBe('live')
      expect(handle.pending).toBe(0)
      const [held] = componentState(server, Till).slice(-1)
      expect(handle.getState().state).toEqual(held)
      expect(store.getState()).toEqual({ coupon: held?.coupon, total: held?.total })
      // One that is sent again has the same name.
      const names = new Set(
        server.received.flatMap((it) => (it.type === 'PROPERTY_UPDATE' && it.callId ? [it.callId] : [])),
      )
      expect(names.size).toBeLessThanOrEqual(reasons)
      const many = writes(server).length
      server.push(Till, { note: 'more' })
      await server.settled()
      expect(writes(server)).toHaveLength(many)
      expect(conflicts.filter(({ reason }) => reason === 'loop')).toEqual([])
      leave()
    }),
    { numRuns: 300 },
  )
})
