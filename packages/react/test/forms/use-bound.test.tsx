// @vitest-environment jsdom
import { type Component, component } from '@fluxstack/client'
import { authenticate } from '@fluxstack/client/sign-in'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { useLive } from '@fluxstack/react'
import { type BoundOptions, useBound } from '@fluxstack/react/forms'
import { act, cleanup, fireEvent, screen } from '@testing-library/react'
import { userEvent } from '@testing-library/user-event'
import { Activity, type ReactNode } from 'react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { show } from '../page.js'

afterEach(() => {
  cleanup()
  vi.useRealTimers()
})

interface SettingsShape {
  props: Record<never, never>
  state: { nick: string; size: number | null; loud: boolean; days: string[] }
  writable: { nick: string; size: number | null; loud: boolean; days: string[] }
  actions: { save(): void }
  event: never
}
const Settings: Component<SettingsShape> = component<SettingsShape>('Settings')

function Page({ options }: { options?: BoundOptions }): ReactNode {
  const settings = useLive(Settings, { componentId: 'mine' })
  const nick = useBound(settings, 'nick', { id: 'nick', ...options })
  const size = useBound(settings, 'size', options)
  const loud = useBound(settings, 'loud', options)
  const days = useBound(settings, 'days', options)
  if (!settings.state) return null
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void settings.call.save()
      }}
    >
      <label>
        nick <input {...nick.props} />
      </label>
      {nick.error && <em {...nick.errorProps}>{nick.error}</em>}
      <label>
        size <input type="number" {...size.props} />
      </label>
      <label>
        loud <input type="checkbox" {...loud.props} />
      </label>
      <label>
        days
        <select multiple {...days.props}>
          <option>mon</option>
          <option>tue</option>
        </select>
      </label>
      <output>{`${nick.dirty ? 'dirty' : 'clean'} ${nick.pending ? 'pending' : 'settled'}`}</output>
      <button type="button" onClick={nick.flush}>
        flush
      </button>
      <button type="submit">save</button>
    </form>
  )
}

const settings = (): FakeServer =>
  fakeServer().mounted(Settings, { nick: 'ada', size: 5, loud: false, days: [] }, { save: () => undefined })

/** What was written and called, in order. */
const asked = (server: FakeServer): unknown[] =>
  server.received.flatMap((it) =>
    it.type === 'PROPERTY_UPDATE' ? [it.payload.value] : it.type === 'CALL_ACTION' ? [it.action] : [],
  )
const nick = (): HTMLInputElement => screen.getByLabelText<HTMLInputElement>('nick')
const type = (value: string): boolean => fireEvent.change(nick(), { target: { value } })
const how = (): string | null => screen.getByRole('status').textContent

test('a bound field has everything an input needs, whatever it is of', async () => {
  const user = userEvent.setup({ delay: null })
  const server = settings()
  await show(server, <Page />)
  const label = (name: string): HTMLInputElement => screen.getByLabelText<HTMLInputElement>(name)
  expect([nick().id, nick().name, label('size').value, label('loud').checked]).toEqual([
    'nick',
    'nick',
    '5',
    false,
  ])
  await user.clear(label('size'))
  await act(() => server.settled())
  expect(label('size').value).toBe('')
  await user.type(label('size'), '7')
  await user.click(label('loud'))
  await user.selectOptions(label('days'), ['mon', 'tue'])
  await act(() => server.settled())
  expect(asked(server)).toEqual([null, 7, true, ['mon'], ['mon', 'tue']])
  expect([label('size').value, label('loud').checked]).toEqual(['7', true])
})

test('a bound field points to what is wrong with it, and keeps what was typed', async () => {
  const server = settings()
  await show(server, <Page />)
  server.refuse('INVALID', 'some fields need attention', { nick: 'taken' })
  type('bob')
  expect(how()).toBe('dirty pending')
  await act(() => server.settled())
  expect(how()).toBe('dirty settled')
  expect(nick().value).toBe('bob')
  expect(nick().getAttribute('aria-invalid')).toBe('true')
  const alert = screen.getByRole('alert')
  expect([alert.textContent, alert.id]).toEqual(['taken', nick().getAttribute('aria-describedby')])
  type('bobby')
  await act(() => server.settled())
  expect([how(), nick().getAttribute('aria-invalid')]).toEqual(['clean settled', null])
})

test('a bound field waits for a pause, at most so long, and is left no later than the input', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const server = settings()
  await show(server, <Page options={{ debounceMs: 200, throttleMs: 300 }} />)
  const wait = (ms: number): Promise<void> =>
    act(async () => {
      vi.advanceTimersByTime(ms)
      await server.settled()
    })
  type('b')
  await wait(199)
  type('bo')
  await wait(100)
  expect(asked(server)).toEqual([])
  await wait(1)
  expect(asked(server)).toEqual(['bo'])
  type('bob')
  fireEvent.blur(nick())
  await act(() => server.settled())
  expect(asked(server)).toEqual(['bo', 'bob'])
  await wait(1000)
  expect(asked(server)).toEqual(['bo', 'bob'])
})

test('a bound field with a shortest time sends the first letter at once, and the last', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const server = settings()
  await show(server, <Page options={{ throttleMs: 100 }} />)
  for (const value of ['b', 'bo', 'bob']) {
    type(value)
    await act(() => server.settled())
  }
  expect(asked(server)).toEqual(['b'])
  await act(async () => {
    vi.advanceTimersByTime(100)
    await server.settled()
  })
  expect(asked(server)).toEqual(['b', 'bob'])
})

test('a bound field is written when the author wants it, and before a form is submitted', async () => {
  const server = settings()
  const { show: again } = await show(server, <Page options={{ syncOn: 'manual' }} />)
  type('bob')
  fireEvent.blur(nick())
  await act(() => server.settled())
  expect([asked(server), how()]).toEqual([[], 'dirty settled'])
  fireEvent.click(screen.getByText('flush'))
  await act(() => server.settled())
  expect([asked(server), how()]).toEqual([['bob'], 'clean settled'])
  type('bobby')
  fireEvent.click(screen.getByText('save'))
  await act(() => server.settled())
  expect(asked(server)).toEqual(['bob', 'bobby', 'save'])
  again(<Page options={{ syncOn: 'blur' }} />)
  type('ada')
  await act(() => server.settled())
  fireEvent.blur(nick())
  await act(() => server.settled())
  expect(asked(server).at(-1)).toBe('ada')
})

test('a bound field loses nothing when it goes, nor when the page is left while a write is under way', async () => {
  const server = settings()
  const { show: again } = await show(server, <Page options={{ debounceMs: 60_000 }} />)
  type('b')
  fireEvent.blur(nick())
  type('bo')
  act(() => {
    window.dispatchEvent(new Event('pagehide'))
  })
  await act(() => server.settled())
  expect(asked(server)).toEqual(['b', 'bo'])
  type('bob')
  again(<p>elsewhere</p>)
  await act(() => server.settled())
  expect(asked(server)).toEqual(['b', 'bo', 'bob'])
})

test('a bound field that is manual is not written because the page is hidden or left, or the field goes', async () => {
  const server = settings()
  const { show: again } = await show(server, <Page options={{ syncOn: 'manual' }} />)
  type('a draft')
  const hidden = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
  act(() => {
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event('pagehide'))
  })
  hidden.mockRestore()
  await act(() => server.settled())
  expect([asked(server), nick().value, how()]).toEqual([[], 'a draft', 'dirty settled'])
  again(<p>elsewhere</p>)
  await act(() => server.settled())
  expect(asked(server)).toEqual([])
})

describe('what the last user typed into a bound field', () => {
  const users = { secret: 'ada', other: 'bob' }
  const options = { debounceMs: 5000 }
  function Nick(): ReactNode {
    const nick = useBound(useLive(Settings), 'nick', options)
    return (
      <>
        <input aria-label="nick" value={nick.value ?? ''} onChange={nick.onChange} />
        <output>{`${nick.dirty ? 'dirty' : 'clean'} ${nick.error ?? 'fine'}`}</output>
      </>
    )
  }
  async function adaTypes(): Promise<FakeServer> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const state = { nick: 'nobody', size: 5, loud: false, days: [] }
    const server = fakeServer({ users }).mounted(Settings, state)
    await act(() => authenticate(server.client, { token: 'secret' }))
    await show(server, <Nick />)
    type('my secret')
    return server
  }
  const later = (server: FakeServer): Promise<void> =>
    act(async () => {
      await vi.advanceTimersByTimeAsync(6000)
      await server.settled()
    })
  const leaving: [string, (server: FakeServer) => unknown][] = [
    ['signs out', ({ client }) => client.signOut()],
    ['signs in as somebody else', ({ client }) => authenticate(client, { token: 'other' })],
    ['is signed out by the server', (server) => server.signOut()],
  ]

  test.each(leaving)('is neither shown to nor written for the next when one %s', async (_, leave) => {
    const server = await adaTypes()
    await act(async () => void (await leave(server)))
    await later(server)
    expect([asked(server), nick().value, how()]).toEqual([[], 'nobody', 'clean fine'])
    type('bob')
    await later(server)
    expect([asked(server), nick().value]).toEqual([['bob'], 'bob'])
  })

  test('is not complained about to the next', async () => {
    const server = await adaTypes()
    server.lose()
    await later(server)
    await act(async () => {
      server.disconnect()
      server.client.signOut()
    })
    expect([nick().value, how()]).toEqual(['', 'clean fine'])
    await act(async () => server.reconnect())
    await later(server)
    expect([nick().value, how()]).toEqual(['nobody', 'clean fine'])
  })

  test('stays when the connection is lost, and when the server has lost everything', async () => {
    const server = await adaTypes()
    await act(async () => server.restart())
    await act(() => server.settled())
    expect(nick().value).toBe('my secret')
    await later(server)
    expect(asked(server)).toEqual(['my secret'])
  })

  test('is not there either when nobody looked while the next one came', async () => {
    const server = await adaTypes()
    cleanup()
    const handle = server.client.live(Settings, { componentId: 'kept' })
    function Kept({ isShown }: { isShown: boolean }): ReactNode {
      return (
        <Activity mode={isShown ? 'visible' : 'hidden'}>
          <Bound />
        </Activity>
      )
    }
    function Bound(): ReactNode {
      const nick = useBound({ handle }, 'nick', { syncOn: 'manual' })
      return <input aria-label="nick" value={nick.value ?? ''} onChange={nick.onChange} />
    }
    const leave = handle.subscribe(() => undefined)
    const { show: again } = await show(server, <Kept isShown />)
    type('my secret')
    again(<Kept isShown={false} />)
    await act(async () => server.client.signOut())
    await later(server)
    again(<Kept isShown />)
    expect(nick().value).toBe('nobody')
    leave()
  })
})

test('a bound field never shows an older letter again, nor what was said of it', async () => {
  const seen: string[] = []
  function Nick(): ReactNode {
    const nick = useBound(useLive(Settings), 'nick')
    seen.push(`${nick.value} ${nick.error ?? ''}`)
    return <input aria-label="nick" value={nick.value ?? ''} onChange={nick.onChange} />
  }
  const server = settings()
  await show(server, <Nick />)
  server.refuse('INVALID', 'some fields need attention', { nick: 'too short' })
  type('b')
  type('bo')
  seen.length = 0
  await act(() => server.settled())
  type('bob')
  type('bobb')
  await act(() => server.settled())
  expect(new Set(seen)).toEqual(new Set(['bo ', 'bob ', 'bobb ']))
})
