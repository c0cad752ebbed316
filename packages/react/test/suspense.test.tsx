// @vitest-environment jsdom
import { authenticate } from '@fluxstack/client/sign-in'
import { type FakeServer, fakeServer, waitForUpdate } from '@fluxstack/client/testing'
import { LiveProvider } from '@fluxstack/react'
import { LiveErrorBoundary, preload, useLiveSuspense } from '@fluxstack/react/suspense'
import { renderLive } from '@fluxstack/react/testing'
import { act, cleanup, fireEvent, screen } from '@testing-library/react'
import { type ReactNode, StrictMode, Suspense, startTransition, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Counter, Todos } from '../../client/test/shapes.js'
import { asks, counting } from './page.js'

/** What is written to the console as an error: nothing, unless a test has it. */
const complaints = vi.fn()

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(complaints))

afterEach(() => {
  cleanup()
  vi.useRealTimers()
  vi.restoreAllMocks()
  expect(complaints.mock.calls).toEqual([])
})

const mounts = (server: FakeServer): number => asks(server, 'COMPONENT_MOUNT')

/** Every state that was rendered: never undefined. */
let rendered: number[] = []

function Count({ count = 5, id }: { count?: number; id?: string }): ReactNode {
  const counter = useLiveSuspense(Counter, {
    props: { count },
    ...(id !== undefined && { componentId: id }),
  })
  rendered.push(counter.state.count)
  // React has to know, after whatever it threw away, that this comes next.
  useState(0)
  return (
    <button type="button" disabled={counter.stale} onClick={counter.call.increment}>
      {counter.state.count}
    </button>
  )
}

const page = (children: ReactNode = <Count />): ReactNode => (
  <LiveErrorBoundary>
    <Suspense fallback={<p>one moment</p>}>{children}</Suspense>
  </LiveErrorBoundary>
)

const shown = (): (string | null)[] => screen.getAllByRole('button').map((button) => button.textContent)

/** Renders while the server cannot be reached. */
async function away(ui: ReactNode, server = counting()) {
  server.disconnect()
  return { server, ...(await renderLive(ui, server)) }
}

describe('a page that suspends', () => {
  test('waits for the first state, and then has one always', async () => {
    rendered = []
    const { server, settle } = await away(page())
    expect(screen.getByText('one moment')).toBeTruthy()
    await settle(() => server.reconnect())
    expect(shown()).toEqual(['5'])
    fireEvent.click(screen.getByRole('button'))
    await settle()
    expect(shown()).toEqual(['6'])
    await settle(() => server.disconnect())
    expect((screen.getByRole('button') as HTMLButtonElement).disabled).toBe(true)
    expect(rendered.every((count) => typeof count === 'number')).toBe(true)
  })

  test('mounts once in strict mode, however often its renders are thrown away', async () => {
    const server = counting()
    server.disconnect()
    const strict = (n: number): ReactNode => <StrictMode>{page(<Count key={n} />)}</StrictMode>
    const { rerender, settle, unmount } = await renderLive(strict(1), server)
    await settle(() => rerender(strict(2)))
    await settle(() => rerender(strict(2)))
    await settle(() => server.reconnect())
    expect(shown()).toEqual(['5'])
    expect(mounts(server)).toBe(1)
    unmount()
    await vi.waitFor(() => expect(asks(server, 'COMPONENT_UNMOUNT')).toBe(1))
  })

  test('is one instance for the same props, and another for others', async () => {
    const server = counting()
    const all = page([<Count key="a" />, <Count key="b" />, <Count key="c" count={9} />])
    const { settle } = await renderLive(all, server)
    expect(mounts(server)).toBe(2)
    fireEvent.click(screen.getAllByRole('button')[0] as HTMLElement)
    await settle()
    expect(shown()).toEqual(['6', '6', '9'])
  })

  test('keeps the old view in a transition until the new one is there', async () => {
    let turnTo: (n: number) => void = () => undefined
    function Pages(): ReactNode {
      const [n, set] = useState(1)
      turnTo = set
      return <Count count={n} />
    }
    const server = counting()
    const { settle } = await renderLive(page(<Pages />), server)
    server.disconnect()
    await settle(() => startTransition(() => turnTo(2)))
    expect(shown()).toEqual(['1'])
    expect(screen.queryByText('one moment')).toBeNull()
    await settle(() => server.reconnect())
    expect(shown()).toEqual(['2'])
    // Without a transition, there is the fallback.
    server.disconnect()
    await settle(() => turnTo(3))
    expect(screen.getByText('one moment')).toBeTruthy()
    await settle(() => server.reconnect())
    expect(shown()).toEqual(['3'])
  })

  test('gives new props of a named one to the server, and shows what it showed meanwhile', async () => {
    const server = counting()
    const { rerender, settle } = await renderLive(page(<Count id="a" count={1} />), server)
    const handle = server.client.live(Counter, { componentId: 'a', props: { count: 1 } })
    rerender(page(<Count id="a" count={2} />))
    expect(shown()).toEqual(['1'])
    await settle(() => waitForUpdate(handle, ({ state }) => state?.count === 2))
    expect(shown()).toEqual(['2'])
    expect(asks(server, 'PROPS_UPDATE')).toBe(1)
  })

  test('renders nothing again that did not change', async () => {
    const server = counting().mounted(Todos, { items: [], total: 0 })
    let renders = 0
    function Total(): ReactNode {
      renders += 1
      const { state } = useLiveSuspense(Todos, { select: ({ total }) => total })
      return <output>{state}</output>
    }
    const { settle } = await renderLive(page(<Total />), server)
    const before = renders
    await settle(() => server.push(Todos, { items: [{ id: 1, text: 'tea', done: false }] }))
    expect(renders).toBe(before)
    await settle(() => server.push(Todos, { total: 1 }))
    expect([renders, screen.getByRole('status').textContent]).toEqual([before + 1, '1'])
  })

  test('suspends again when the user is gone, and shows nothing that was theirs', async () => {
    const server = counting()
    const { settle } = await renderLive(page(), server)
    await act(async () => {
      server.disconnect()
      server.client.signOut()
    })
    expect(screen.getByText('one moment')).toBeTruthy()
    await settle(() => server.reconnect())
    expect(shown()).toEqual(['5'])
  })
})

test('a page outside of tests, which React renders in its own time, waits and changes like this too', async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', false)
  const server = counting()
  server.disconnect()
  const main = document.createElement('main')
  document.body.append(main)
  const root = createRoot(main)
  const ui = (count: number): ReactNode => (
    <StrictMode>
      <LiveProvider value={server.client}>
        {page([<Count key="a" count={count} />, <Count key="b" count={7} />])}
      </LiveProvider>
    </StrictMode>
  )
  const text = (shown: string): Promise<void> => vi.waitFor(() => expect(main.textContent).toBe(shown))
  root.render(ui(5))
  await text('one moment')
  server.reconnect()
  await text('57')
  server.push(Counter, { count: 8 })
  await text('88')
  startTransition(() => root.render(ui(6)))
  await text('68')
  expect(mounts(server)).toBe(3)
  root.unmount()
  await vi.waitFor(() => expect(server.instances()).toEqual([]))
  main.remove()
  vi.unstubAllGlobals()
})

describe('preloading', () => {
  test('asks for everything in one go, before anything is rendered', async () => {
    const server = counting()
    server.disconnect()
    const [one, two] = [1, 2].map((count) => preload(server.client, Counter, { props: { count } }))
    server.reconnect()
    await Promise.all([one, two])
    const before = server.received.length
    await renderLive(page([<Count key="1" count={1} />, <Count key="2" count={2} />]), server)
    expect(shown()).toEqual(['1', '2'])
    expect(screen.queryByText('one moment')).toBeNull()
    expect(server.received.slice(before)).toEqual([])
  })

  test('leaves an error to whoever renders it', async () => {
    const server = fakeServer()
    await preload(server.client, Counter, { props: { count: 5 } })
    await renderLive(page(), server)
    expect(screen.getByRole('alert').textContent).toContain('no component Counter')
    complaints.mockClear()
  })
})

describe('what nobody shows', () => {
  test('is let go of after a while', async () => {
    vi.useFakeTimers()
    const server = counting()
    const loaded = preload(server.client, Counter, { props: { count: 5 } })
    await act(() => vi.advanceTimersByTimeAsync(0))
    await loaded
    await vi.advanceTimersByTimeAsync(19_000)
    expect(asks(server, 'COMPONENT_UNMOUNT')).toBe(0)
    await vi.advanceTimersByTimeAsync(2000)
    expect(asks(server, 'COMPONENT_UNMOUNT')).toBe(1)
    // Also while it is still waited for: then nobody can say any more that it is wanted.
    server.disconnect()
    const never = preload(server.client, Counter, { props: { count: 6 } })
    await vi.advanceTimersByTimeAsync(30_000)
    await never
    server.reconnect()
    await vi.advanceTimersByTimeAsync(1000)
    expect(server.instances()).toEqual([])
  })

  test('is another when it is shown again', async () => {
    const server = counting()
    const names: string[] = []
    function Named(): ReactNode {
      names.push(useLiveSuspense(Counter, { props: { count: 1 } }).componentId)
      return null
    }
    const { rerender, settle } = await renderLive(page(<Named />), server)
    await settle(() => rerender(page()))
    await settle(() => rerender(page(<Named />)))
    expect(new Set(names).size).toBe(2)
  })

  test('is kept as long as a page waits for it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
    const server = counting()
    server.disconnect()
    await renderLive(page(), server)
    for (let waited = 0; waited < 60; waited += 5) await act(() => vi.advanceTimersByTimeAsync(5000))
    expect(screen.getByText('one moment')).toBeTruthy()
    await act(async () => {
      server.reconnect()
      await server.settled()
    })
    expect(shown()).toEqual(['5'])
    expect(mounts(server)).toBe(1)
  })

  test('is never so much that it fills the page', async () => {
    const server = counting()
    server.disconnect()
    for (let count = 0; count < 1024; count += 1) void preload(server.client, Counter, { props: { count } })
    await expect(preload(server.client, Counter, { props: { count: 1024 } })).rejects.toThrow(
      'give it a componentId',
    )
    server.client.close()
  })
})

describe('a component that failed', () => {
  test('is shown by the boundary, and mounted afresh at a second try', async () => {
    const errors: unknown[] = []
    const server = counting()
    server.refuse('FORBIDDEN', 'you may not have this')
    const { settle } = await renderLive(
      <LiveErrorBoundary onError={({ code }) => errors.push(code)}>
        <Suspense fallback={<p>one moment</p>}>
          <Count />
        </Suspense>
      </LiveErrorBoundary>,
      server,
    )
    expect(screen.getByRole('alert').textContent).toContain('you may not have this')
    expect(errors).toEqual(['FORBIDDEN'])
    await settle(() => fireEvent.click(screen.getByRole('button', { name: 'Try again' })))
    expect(shown()).toEqual(['5'])
    // And so it is when it fails later on.
    await settle(() => server.deny(Counter))
    expect(screen.getByRole('alert').textContent).toContain('you may not have this any more')
    await settle(() => fireEvent.click(screen.getByRole('button', { name: 'Try again' })))
    expect(shown()).toEqual(['5'])
    expect(errors).toEqual(['FORBIDDEN', 'FORBIDDEN'])
    complaints.mockClear()
  })

  test('comes back by itself when somebody has signed in', async () => {
    const server = counting()
    server.refuse('UNAUTHENTICATED', 'sign in first')
    const { settle } = await renderLive(page(<Count id="mine" />), server)
    expect(screen.getByRole('alert').textContent).toContain('sign in first')
    await settle(() => authenticate(server.client, {}))
    expect(shown()).toEqual(['5'])
    complaints.mockClear()
  })

  test('can be shown in another way; what is no LiveError is for somebody else', async () => {
    const server = counting()
    server.refuse('FORBIDDEN')
    await renderLive(
      <LiveErrorBoundary fallback={(error) => <h1>{error.code}</h1>}>
        <Suspense>
          <Count />
        </Suspense>
      </LiveErrorBoundary>,
      server,
    )
    expect(screen.getByRole('heading').textContent).toBe('FORBIDDEN')
    function Bad(): ReactNode {
      throw new TypeError('a mistake of the page')
    }
    await expect(renderLive(page(<Bad />), server)).rejects.toThrow('a mistake of the page')
    complaints.mockClear()
  })
})
