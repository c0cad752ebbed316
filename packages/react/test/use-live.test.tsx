// @vitest-environment jsdom
import { fakeServer } from '@fluxstack/client/testing'
import { LiveProvider, useLive } from '@fluxstack/react'
import { act, cleanup, render, screen } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { afterEach, expect, test } from 'vitest'
import { Counter } from '../../client/test/shapes.js'

afterEach(cleanup)

const counting = () =>
  fakeServer().mounted(Counter, ({ count }) => ({ count }), {
    increment: (state) => {
      state.count += 1
    },
  })

function ClickCounter({ count = 5 }: { count?: number }): ReactNode {
  const counter = useLive(Counter, { props: { count } })
  if (counter.status === 'mounting') return <p>…</p>
  if (counter.status === 'failed') return <p role="alert">{counter.error.message}</p>
  return (
    <button type="button" disabled={counter.status === 'stale'} onClick={counter.call.increment}>
      {counter.state.count}
    </button>
  )
}

test('a counter mounts, counts and shows that it is disconnected', async () => {
  const server = counting()
  render(
    <StrictMode>
      <LiveProvider value={server.client}>
        <ClickCounter />
      </LiveProvider>
    </StrictMode>,
  )
  expect(screen.getByText('…')).toBeDefined()
  await act(() => server.settled())
  screen.getByRole('button', { name: '5' }).click()
  await act(() => server.settled())
  expect(screen.getByRole('button').textContent).toBe('6')
  act(() => server.disconnect())
  expect(screen.getByRole<HTMLButtonElement>('button').disabled).toBe(true)
  expect(server.received.filter((message) => message.type === 'COMPONENT_MOUNT')).toHaveLength(1)
})
