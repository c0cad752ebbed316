// @vitest-environment jsdom
import { fakeServer } from '@fluxstack/client/testing'
import { useBound, useConnection, useLive } from '@fluxstack/react'
import { act, cleanup, fireEvent, screen } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { useStore } from 'zustand'
import { Bell, Counter, Profile } from '../../client/test/shapes.js'
import { asks, ClickCounter, counting, show } from './page.js'

afterEach(cleanup)

describe('events', () => {
  test('reach the newest listeners, by type and all together', async () => {
    const heard: string[] = []
    function Ears({ name }: { name: string }): ReactNode {
      useLive(Bell, {
        onEvent: (event) => heard.push(`${name} ${event.type}`),
        eventHandlers: { rang: ({ times }) => heard.push(`${name} ${times}`) },
      })
      return null
    }
    const server = fakeServer().mounted(Bell, { rings: 0 })
    const { show: again } = await show(server, <Ears name="one" />)
    server.event(Bell, { type: 'rang', times: 1 })
    await act(() => server.settled())
    again(<Ears name="two" />)
    server.event(Bell, { type: 'rang', times: 2 })
    await act(() => server.settled())
    expect(heard).toEqual(['one rang', 'one 1', 'two rang', 'two 2'])
  })
})

describe('a bound field', () => {
  function Name(): ReactNode {
    const profile = useLive(Profile)
    const name = useBound(profile, 'name')
    return (
      <>
        <input value={name.value ?? ''} onChange={name.onChange} />
        <output>{name.error}</output>
      </>
    )
  }
  const type = (value: string): boolean =>
    fireEvent.change(screen.getByRole('textbox'), { target: { value } })
  const typed = (): string => screen.getByRole<HTMLInputElement>('textbox').value

  test('shows what is typed at once, and sends the last of it', async () => {
    const server = fakeServer().mounted(Profile, { name: 'Ada', saved: 0 })
    await show(server, <Name />)
    expect(typed()).toBe('Ada')
    for (const text of ['G', 'Gr', 'Gra', 'Grace']) {
      type(text)
      expect(typed()).toBe(text)
    }
    await act(() => server.settled())
    expect(typed()).toBe('Grace')
    expect(asks(server, 'PROPERTY_UPDATE')).toBe(2)
    // From here on it shows what the server holds.
    await act(async () => {
      server.push(Profile, { name: 'Edith' })
      await server.settled()
    })
    expect(typed()).toBe('Edith')
  })

  test('keeps what was typed and shows the complaint when it is refused', async () => {
    const server = fakeServer().mounted(Profile, { name: 'Ada', saved: 0 })
    await show(server, <Name />)
    server.refuse('INVALID', 'some fields need attention', { name: 'at most 20 characters' })
    type('x'.repeat(21))
    await act(() => server.settled())
    expect(typed()).toBe('x'.repeat(21))
    expect(screen.getByRole('status').textContent).toBe('at most 20 characters')
    type('Grace')
    expect(screen.getByRole('status').textContent).toBe('')
  })
})

test('useConnection shows the status as it changes', async () => {
  function Status(): ReactNode {
    const { status, connected } = useConnection()
    return <output>{`${status} ${connected}`}</output>
  }
  const server = counting()
  await show(
    server,
    <>
      <Status />
      <ClickCounter />
    </>,
  )
  expect(screen.getByRole('status').textContent).toBe('open true')
  act(() => server.disconnect())
  expect(screen.getByRole('status').textContent).toBe('waiting false')
})

test("zustand's useStore reads a handle as it is", async () => {
  function Count(): ReactNode {
    const counter = useLive(Counter, { props: { count: 5 } })
    return <output>{useStore(counter.handle, (view) => view.state?.count)}</output>
  }
  await show(counting(), <Count />)
  expect(screen.getByRole('status').textContent).toBe('5')
})

test('debug says what happens', async () => {
  const said = vi.spyOn(console, 'debug').mockImplementation(() => undefined)
  function Loud(): ReactNode {
    useLive(Counter, { props: { count: 5 }, componentId: 'a', debug: true })
    return null
  }
  await show(counting(), <Loud />)
  expect(said).toHaveBeenCalledWith('[fluxstack] Counter a', 'mounting', '→', 'live', expect.anything())
  said.mockRestore()
})
