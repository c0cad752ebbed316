// @vitest-environment jsdom

import { authenticate } from '@fluxstack/client/sign-in'
import { fakeServer } from '@fluxstack/client/testing'
import { LiveProvider, useConnection, useLive, useUser } from '@fluxstack/react'
import type { LiveStates } from '@fluxstack/react/suspense'
import { dehydrate, hydrate, LiveErrorBoundary, preload, useLiveSuspense } from '@fluxstack/react/suspense'
import { act, cleanup } from '@testing-library/react'
import { type ReactNode, Suspense } from 'react'
import { hydrateRoot, type Root } from 'react-dom/client'
import { renderToReadableStream, renderToString } from 'react-dom/server'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Counter } from '../../client/test/shapes.js'
import { asks, ClickCounter, counting } from './page.js'

/** What was taken over. It belongs to no test library that would take it down. */
const roots: Root[] = []

afterEach(() => {
  cleanup()
  // A page that stays hears of its connection when there is no window any more.
  act(() => {
    for (const root of roots.splice(0)) root.unmount()
  })
  vi.unstubAllGlobals()
  document.body.innerHTML = ''
})

type Server = ReturnType<typeof counting>

function Count({ count = 5 }: { count?: number }): ReactNode {
  const counter = useLiveSuspense(Counter, { props: { count } })
  return (
    <button type="button" disabled={counter.stale} onClick={counter.call.increment}>
      {counter.state.count}
    </button>
  )
}

const below = ({ client }: Server, children: ReactNode): ReactNode => (
  <LiveProvider value={client}>{children}</LiveProvider>
)
const page = (server: Server): ReactNode =>
  below(
    server,
    <LiveErrorBoundary>
      <Suspense fallback={<p>one moment</p>}>
        <Count />
      </Suspense>
    </LiveErrorBoundary>,
  )

/** There is no document there. */
async function onServer<T>(what: () => T | Promise<T>): Promise<T> {
  vi.stubGlobal('document', undefined)
  try {
    return await what()
  } finally {
    vi.unstubAllGlobals()
  }
}

/** Takes over what a server has rendered, and says what React complained about. */
async function takeOver(html: string, ui: ReactNode, server: Server): Promise<unknown[]> {
  const complaints: unknown[] = []
  const main = document.createElement('main')
  main.innerHTML = html
  document.body.append(main)
  await act(async () => {
    const onRecoverableError = (error: unknown): unknown => complaints.push((error as Error).message)
    roots.push(hydrateRoot(main, ui, { onRecoverableError }))
    await server.settled()
  })
  return complaints
}

const text = (): string | null | undefined => document.querySelector('main')?.textContent

describe('useLive on a server', () => {
  test('is mounting, connects to nothing, and is taken over without a complaint', async () => {
    const server = counting()
    function All(): ReactNode {
      const { status, connected } = useConnection()
      return (
        <>
          <ClickCounter />
          <i>{`${status} ${connected} ${useUser() ?? 'nobody'}`}</i>
          <b>{useLive(Counter, { props: { count: 1 }, select: ({ count }) => count }).status}</b>
        </>
      )
    }
    const html = await onServer(() => renderToString(below(server, <All />)))
    expect(html).toBe('<p>…</p><i>idle false nobody</i><b>mounting</b>')
    expect(server.client.getStatus()).toBe('idle')
    expect(await takeOver(html, below(server, <All />), server)).toEqual([])
    expect(text()).toBe('5open true nobodylive')
  })
})

describe('useLiveSuspense on a server', () => {
  test('leaves the fallback to the page where it has no state, and connects to nothing', async () => {
    const server = counting()
    const html = await onServer(() => renderToString(page(server)))
    expect(html).toContain('one moment')
    expect(server.client.getStatus()).toBe('idle')
    const complaints = await takeOver(html, page(server), server)
    expect(complaints.join()).toContain('useLiveSuspense(Counter) has no state to render on a server with')
    expect(text()).toBe('5')
  })

  test('renders what was preloaded, and the page takes it over and mounts its own', async () => {
    const behind = counting()
    await preload(behind.client, Counter, { props: { count: 5 } })
    const html = await onServer(() => renderToString(page(behind)))
    const states = JSON.stringify(dehydrate(behind.client))
    behind.client.close()
    expect(html).toContain('<button type="button" disabled="">5</button>')
    expect(states).toBe('{"Counter {\\"count\\":5}":{"count":5}}')

    const server = counting()
    server.disconnect()
    hydrate(server.client, JSON.parse(states))
    expect(await takeOver(html, page(server), server)).toEqual([])
    expect(text()).toBe('5')
    expect(document.querySelector('button')?.disabled).toBe(true)
    await act(async () => {
      server.reconnect()
      await server.settled()
    })
    expect(document.querySelector('button')?.disabled).toBe(false)
    expect(asks(server, 'COMPONENT_MOUNT')).toBe(1)
    await act(async () => {
      document.querySelector('button')?.click()
      await server.settled()
    })
    expect(text()).toBe('6')
    // What the page began with is forgotten.
    expect(dehydrate(server.client)).toEqual({ 'Counter {"count":5}': { count: 6 } })
    await act(async () => {
      server.disconnect()
      server.client.signOut()
    })
    expect(dehydrate(server.client)).toEqual({})
    expect(document.querySelector('p')?.textContent).toBe('one moment')
  })

  test('renders as a stream too', async () => {
    const server = counting()
    hydrate(server.client, { 'Counter {"count":5}': { count: 8 } })
    const html = await onServer(async () => new Response(await renderToReadableStream(page(server))).text())
    expect(html).toContain('<button type="button" disabled="">8</button>')
    expect(server.client.getStatus()).toBe('idle')
  })

  test('takes states for nothing that are none', async () => {
    const server = counting()
    hydrate(server.client, { 'Counter {"count":5}': 'nonsense', a: null } as unknown as LiveStates)
    expect(dehydrate(server.client)).toEqual({})
  })

  test('shows nobody what was rendered for somebody else', async () => {
    const server = fakeServer({ users: { secret: 'ada', other: 'bob' } })
    const states = { 'Counter {"count":5}': { count: 8 } }
    hydrate(server.client, states)
    await authenticate(server.client, { token: 'secret' })
    expect(dehydrate(server.client)).toEqual(states)
    await authenticate(server.client, { token: 'other' })
    expect(dehydrate(server.client)).toEqual({})
  })
})
