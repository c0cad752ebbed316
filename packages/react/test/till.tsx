/** What the tests of the zustand entry share: a till whose coupon the store may say, and its page. */

import { type Component, component } from '@fluxstack/client'
import { type FakeServer, type FakeServerOptions, fakeServer } from '@fluxstack/client/testing'
import { LiveProvider } from '@fluxstack/react'
import { act, type RenderHookResult, renderHook } from '@testing-library/react'
import { createElement, type ReactNode, StrictMode } from 'react'
import { create, type StoreApi, type UseBoundStore } from 'zustand'

export interface TillShape {
  props: Record<never, never>
  state: { coupon: string; note: string; items: string[]; total: number }
  writable: { coupon: string; note: string }
  actions: { scan(args: { item: string; price: number }): void }
  event: { type: 'beep'; times: number }
}
export const Till: Component<TillShape> = component<TillShape>('Till')

export const EMPTY: TillShape['state'] = { coupon: '', note: '', items: [], total: 0 }

export const tilling = (options?: FakeServerOptions): FakeServer =>
  fakeServer(options).mounted(Till, EMPTY, {
    scan: (state, { item, price }, emit) => {
      state.items.push(item)
      state.total += price
      emit({ type: 'beep', times: 1 })
    },
  })

/** Every value that was written to a field, in order. */
export const writes = (server: FakeServer, field = 'coupon'): unknown[] =>
  server.received.flatMap((it) =>
    it.type === 'PROPERTY_UPDATE' && it.property === field ? [it.payload.value] : [],
  )

/** Renders a hook below a provider, strictly, and waits until the server has said everything. */
export async function use<R, P>(
  server: FakeServer,
  hook: (props: P) => R,
  initialProps?: P,
): Promise<RenderHookResult<R, P>> {
  const wrapper = ({ children }: { children: ReactNode }): ReactNode =>
    createElement(StrictMode, null, createElement(LiveProvider, { value: server.client }, children))
  // Hooks without props look at none.
  const result = renderHook(hook, { wrapper, initialProps: initialProps as P })
  await act(() => server.settled())
  return result
}

/** Does something, and waits until everybody has said what there is to say about it. */
export async function doing(server: FakeServer, what: () => unknown): Promise<void> {
  await act(async () => {
    await what()
    await server.settled()
    await server.settled()
  })
}

/** What a page has beside the till. */
export interface Shop {
  coupon: string
  total: number
}
export type ShopStore = UseBoundStore<StoreApi<Shop>>
/** A store of it. */
export const shop = (first: Partial<Shop> = {}): ShopStore =>
  create<Shop>()(() => ({ coupon: '', total: 0, ...first }))

/** Both directions of the coupon, one of the total. */
export const both = {
  bind: { coupon: (global: Shop) => global.coupon },
  updater: ({ coupon, total }: { coupon: string; total: number }) => ({ coupon, total }),
}
