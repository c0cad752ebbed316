// @vitest-environment jsdom
import { type Component, component } from '@fluxstack/client'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { useLive } from '@fluxstack/react'
import { type BoundOptions, useBound } from '@fluxstack/react/forms'
import { act, cleanup, fireEvent, screen } from '@testing-library/react'
import { userEvent } from '@testing-library/user-event'
import type { ReactNode } from 'react'
import { afterEach, expect, test, vi } from 'vitest'
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
