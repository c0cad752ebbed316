/** What the examples of docs/testing.md test: a small application. */

import { type Component, component } from '@fluxstack/client'
import { useConnection, useLive } from '@fluxstack/react'
import { type ReactNode, useState } from 'react'

export interface BasketShape {
  props: { readonly owner: string }
  state: { readonly lines: readonly string[]; readonly total: number }
  writable: Record<never, never>
  actions: { add(args: { name: string }): void; pay(): string }
  event: { type: 'reduced'; name: string }
}
export const Basket: Component<BasketShape> = component<BasketShape>('Basket')

export function Shop(): ReactNode {
  const basket = useLive(Basket, {
    props: { owner: 'ada' },
    componentId: 'basket',
    optimistic: { add: (state, { name }) => ({ lines: [...state.lines, name] }) },
    onEvent: ({ name }) => setNews(`${name} is cheaper now`),
  })
  const [news, setNews] = useState('')
  const { connected } = useConnection()
  if (basket.status === 'mounting') return <p>one moment</p>
  if (basket.status === 'failed') return <p role="alert">{basket.error.message}</p>
  const pay = (): Promise<void> => basket.call.pay().then(setNews, (error: Error) => setNews(error.message))
  return (
    <section aria-label="basket">
      <ul>
        {basket.state.lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <button type="button" onClick={() => basket.call.add({ name: 'tea' })}>
        tea
      </button>
      <button type="button" disabled={!connected} onClick={pay}>
        pay {basket.state.total}
      </button>
      <output>{news}</output>
    </section>
  )
}
