// @vitest-environment jsdom
import { offlineOutbox, policy } from '@fluxstack/client/offline'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { LiveProvider, useLive } from '@fluxstack/react'
import { OfflineIndicator, useOutbox, usePending } from '@fluxstack/react/offline'
import { act, cleanup, screen } from '@testing-library/react'
import { IDBFactory } from 'fake-indexeddb'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, describe, expect, test } from 'vitest'
import { Counter } from '../../client/test/shapes.js'
import { show } from './page.js'

afterEach(cleanup)

const nothing = (): void => undefined

function counting(): { server: FakeServer; outbox: ReturnType<typeof offlineOutbox> } {
  const outbox = offlineOutbox({
    factory: new IDBFactory(),
    onConflict: nothing,
    policies: [policy(Counter, { explode: 'fail' })],
  })
  const server = fakeServer({ offline: outbox }).mounted(Counter, ({ count }) => ({ count }), {
    increment: (state) => {
      state.count += 1
    },
    add: (state, { by }) => (state.count += by),
  })
  return { server, outbox }
}

/** The database answers in its own time. */
async function settle(server: FakeServer): Promise<void> {
  await act(async () => {
    for (let round = 0; round < 30; round += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      await server.settled()
    }
  })
}

let counter: { add(by: number): void; increment(): void }
let renders = 0

function Count(): ReactNode {
  const live = useLive(Counter, { componentId: 'a', props: { count: 5 } })
  counter = {
    add: (by) => void live.call.add({ by }).catch(nothing),
    increment: () => void live.call.increment().catch(nothing),
  }
  return null
}

function Pending({ of }: { of?: { name: string } }): ReactNode {
  renders += 1
  return <output data-testid="pending">{usePending(of)}</output>
}

const said = (): string | null => document.querySelector('.fluxstack-offline')?.textContent ?? null
const phase = (): string | null =>
  document.querySelector('.fluxstack-offline')?.getAttribute('data-phase') ?? null

async function page(children: ReactNode = <OfflineIndicator />) {
  const { server, outbox } = counting()
  await show(
    server,
    <StrictMode>
      <Count />
      {children}
    </StrictMode>,
  )
  await settle(server)
  return { server, outbox }
}

describe('the indicator', () => {
  test('is a polite status that says nothing while all is well', async () => {
    const { server } = await page(<OfflineIndicator className="mine" id="it" />)
    const line = screen.getByRole('status')
    expect([line.getAttribute('aria-live'), line.className, line.id]).toEqual([
      'polite',
      'fluxstack-offline mine',
      'it',
    ])
    expect([said(), phase()]).toEqual(['', 'idle'])
    act(() => counter.add(1))
    await settle(server)
    expect([said(), phase()]).toEqual(['', 'idle'])
  })

  test('says how many wait, that they are sent, and that some could not be made', async () => {
    const { server } = await page()
    act(() => server.disconnect())
    await settle(server)
    expect([said(), phase()]).toEqual(['Offline.', 'offline'])
    act(() => counter.add(1))
    await settle(server)
    expect(said()).toBe('Offline. 1 change to be sent.')
    act(() => counter.add(2))
    await settle(server)
    expect(said()).toBe('Offline. 2 changes to be sent.')
    server.lose(1000)
    await act(async () => server.reconnect())
    server.lose(0)
    act(() => server.disconnect())
    act(() => server.reconnect())
    await act(() => server.settled())
    expect([said(), phase()]).toEqual(['Sending 2 changes…', 'syncing'])
    await settle(server)
    expect([said(), phase()]).toEqual(['', 'idle'])
  })

  test('says what was refused, until that is decided', async () => {
    const { server, outbox } = await page()
    act(() => server.disconnect())
    act(() => counter.add(1))
    await settle(server)
    act(() => server.reconnect())
    await act(() => server.settled())
    server.refuse('CONFLICT')
    await settle(server)
    expect([said(), phase()]).toEqual(['1 change could not be made.', 'conflict'])
    act(() => outbox.getState().conflicts[0]?.retry())
    await settle(server)
    expect([said(), phase()]).toEqual(['', 'idle'])
    expect(server.calls.map(({ args }) => args)).toEqual([{ by: 1 }])
  })

  test('shows what it is told to instead', async () => {
    const { server } = await page(
      <OfflineIndicator>{({ pending }, phase) => <b>{`${phase} ${pending}`}</b>}</OfflineIndicator>,
    )
    act(() => server.disconnect())
    act(() => counter.add(1))
    await settle(server)
    expect(said()).toBe('offline 1')
  })

  test('is there, and empty, when rendered on a server', () => {
    const { server } = counting()
    const html = renderToString(
      <LiveProvider value={server.client}>
        <OfflineIndicator />
      </LiveProvider>,
    )
    expect(html).toBe(
      '<div role="status" aria-live="polite" class="fluxstack-offline" data-phase="idle"></div>',
    )
  })

  test('asks for an outbox where there is none', () => {
    const { client } = fakeServer()
    expect(() =>
      renderToString(
        <LiveProvider value={client}>
          <OfflineIndicator />
        </LiveProvider>,
      ),
    ).toThrow('offlineOutbox()')
  })
})

describe('how many wait', () => {
  test('is counted for one component or for all, and renders only when it changes', async () => {
    const { server } = await page(
      <>
        <Pending />
        <Pending of={Counter} />
        <Pending of={{ name: 'Other' }} />
      </>,
    )
    const counts = (): (string | null)[] => screen.getAllByTestId('pending').map((it) => it.textContent)
    act(() => server.disconnect())
    await settle(server)
    expect(counts()).toEqual(['0', '0', '0'])
    renders = 0
    act(() => {
      counter.add(1)
      counter.increment()
    })
    await settle(server)
    expect(counts()).toEqual(['2', '2', '0'])
    // Twice two, because strict mode renders twice.
    expect(renders).toBe(4)
  })

  test('is in the state of the outbox too', async () => {
    const { outbox } = counting()
    function State(): ReactNode {
      return <p>{useOutbox(outbox).pending}</p>
    }
    expect(renderToString(<State />)).toBe('<p>0</p>')
  })
})
