/** What docs/zustand.md leaves to the application: a till, and a client that is connected to one. */

import { type Component, component, type LiveClient } from '@fluxstack/client'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'

export interface TillShape {
  props: Record<never, never>
  state: { readonly lines: readonly string[]; readonly coupon: string; readonly total: number }
  writable: { coupon: string }
  actions: { add(args: { name: string }): void; pay(): number }
  event: { type: 'paid'; cents: number }
}
export const Till: Component<TillShape> = component<TillShape>('Till')

export const server: FakeServer = fakeServer().mounted(
  Till,
  { lines: [], coupon: '', total: 0 },
  {
    add: (state, { name }) => {
      state.lines = [...state.lines, name]
      state.total += 300
    },
    pay: (state) => {
      const { total } = state
      Object.assign(state, { lines: [], coupon: '', total: 0 })
      return total
    },
  },
)
export const client: LiveClient = server.client
