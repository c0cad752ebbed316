/** What the examples of docs/instant.md are about: an order, and a search that is called seldom. */

import { type Component, component, type LiveError } from '@fluxstack/client'
import { useLive } from '@fluxstack/react'
import { type ReactNode, useState, useSyncExternalStore } from 'react'

export interface OrderShape {
  props: Record<never, never>
  state: { readonly lines: readonly string[]; readonly cents: number; readonly note: string }
  writable: { note: string }
  actions: { add(args: { name: string }): void; clear(): void }
  event: never
}
export const Order: Component<OrderShape> = component<OrderShape>('Order')

export interface FinderShape {
  props: Record<never, never>
  state: { readonly text: string; readonly found: number }
  writable: Record<never, never>
  actions: { search(args: { text: string }): number; open(): void }
  event: never
}
export const Finder: Component<FinderShape> = component<FinderShape>('Finder')

export function OrderPage(): ReactNode {
  const [news, setNews] = useState('')
  const order = useLive(Order, {
    optimistic: {
      add: ({ lines }, { name }) => ({ lines: [...lines, name] }),
    },
  })
  const { subscribe } = order
  const pending = useSyncExternalStore(
    subscribe,
    () => order.handle.pending,
    () => 0,
  )
  if (!order.state) return <p>one moment</p>

  const add = async (name: string): Promise<void> => {
    try {
      await order.call.add({ name })
    } catch (error) {
      setNews((error as LiveError).message)
    }
  }
  const clear = async (): Promise<void> => {
    order.optimisticUpdate(() => ({ lines: [], cents: 0 }))
    await order.call.clear()
  }
  return (
    <section aria-label="order" aria-busy={pending > 0}>
      <ul>
        {order.state.lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <button type="button" onClick={() => add('tea')}>
        tea
      </button>
      <button type="button" onClick={clear}>
        clear {order.state.cents}
      </button>
      <output>{news}</output>
    </section>
  )
}

export function FinderPage(): ReactNode {
  const finder = useLive(Finder, {
    optimistic: { search: (_state, { text }) => ({ text }) },
    debounceMs: { search: 300 },
    throttleMs: { search: 1000 },
  })
  if (!finder.state) return <p>one moment</p>
  return (
    <form action={finder.flush}>
      <input
        aria-label="search"
        value={finder.state.text}
        onChange={({ target }) => finder.call.search({ text: target.value })}
      />
      <output>{finder.state.found} found</output>
    </form>
  )
}
