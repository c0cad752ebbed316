/** What the tests of this package share: a counter, its page, and a server that counts. */

import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { LiveProvider, useLive } from '@fluxstack/react'
import { act, type RenderResult, render, screen } from '@testing-library/react'
import type { ReactNode } from 'react'
import { Counter } from '../../client/test/shapes.js'

export const counting = (): FakeServer =>
  fakeServer().mounted(Counter, ({ count }) => ({ count }), {
    increment: (state) => {
      state.count += 1
    },
    add: (state, { by }) => (state.count += by),
  })

export const asks = (server: FakeServer, type: string): number =>
  server.received.filter((it) => it.type === type).length

/** Renders below a provider, and waits until the server has said everything. */
export async function show(
  server: FakeServer,
  children: ReactNode,
): Promise<RenderResult & { show: (next: ReactNode) => void }> {
  const wrapped = (what: ReactNode): ReactNode => <LiveProvider value={server.client}>{what}</LiveProvider>
  const screenful = render(wrapped(children))
  await act(() => server.settled())
  return { ...screenful, show: (next: ReactNode) => screenful.rerender(wrapped(next)) }
}

export function ClickCounter({ count = 5, id }: { count?: number; id?: string }): ReactNode {
  const counter = useLive(Counter, { props: { count }, ...(id !== undefined && { componentId: id }) })
  if (counter.status === 'mounting') return <p>…</p>
  if (counter.status === 'failed') return <p role="alert">{counter.error.message}</p>
  return (
    <button type="button" disabled={counter.status === 'stale'} onClick={counter.call.increment}>
      {counter.state.count}
    </button>
  )
}

export const shownCounts = (): (string | null)[] =>
  screen.getAllByRole('button').map((button) => button.textContent)
