// @vitest-environment jsdom
import { createLiveClient } from '@fluxstack/client'
import { LiveProvider, useLive } from '@fluxstack/react'
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { asks, ClickCounter, counting, show, shownCounts } from './page.js'

afterEach(cleanup)

describe('a mounted component', () => {
  test('shows that it mounts, then its state, then what a click did', async () => {
    const server = counting()
    render(
      <LiveProvider value={server.client}>
        <ClickCounter />
      </LiveProvider>,
    )
    screen.getByText('…')
    await act(() => server.settled())
    fireEvent.click(screen.getByRole('button', { name: '5' }))
    await act(() => server.settled())
    screen.getByRole('button', { name: '6' })
    expect(server.calls).toEqual([{ component: 'Counter', action: 'increment', args: {} }])
  })

  test('is shown but cannot be clicked while it has no server', async () => {
    const server = counting()
    await show(server, <ClickCounter />)
    act(() => server.disconnect())
    expect(screen.getByRole<HTMLButtonElement>('button', { name: '5' }).disabled).toBe(true)
    server.reconnect()
    await act(() => server.settled())
    expect(screen.getByRole<HTMLButtonElement>('button', { name: '5' }).disabled).toBe(false)
  })

  test('shows why the server refused it', async () => {
    await show(counting().refuse('FORBIDDEN', 'you may not count'), <ClickCounter />)
    expect(screen.getByRole('alert').textContent).toBe('you may not count')
  })

  test('is found by its name too', async () => {
    function Named(): ReactNode {
      const counter = useLive({ name: 'Counter', props: { count: 7 } })
      return <output>{counter.state?.count}</output>
    }
    await show(counting(), <Named />)
    expect(screen.getByRole('status').textContent).toBe('7')
  })

  test('is mounted once although strict mode runs every effect twice, and unmounted when it leaves', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const server = counting()
    const { unmount } = await show(
      server,
      <StrictMode>
        <ClickCounter />
      </StrictMode>,
    )
    await act(() => vi.advanceTimersByTimeAsync(500))
    expect([asks(server, 'COMPONENT_MOUNT'), asks(server, 'COMPONENT_UNMOUNT')]).toEqual([1, 0])
    unmount()
    await vi.advanceTimersByTimeAsync(99)
    expect(asks(server, 'COMPONENT_UNMOUNT')).toBe(0)
    await vi.advanceTimersByTimeAsync(2)
    expect(asks(server, 'COMPONENT_UNMOUNT')).toBe(1)
    vi.useRealTimers()
  })

  test('is its own without a name, and shared with one', async () => {
    const server = counting()
    await show(
      server,
      <>
        <ClickCounter />
        <ClickCounter />
        <ClickCounter id="shared" />
        <ClickCounter id="shared" />
      </>,
    )
    expect(asks(server, 'COMPONENT_MOUNT')).toBe(3)
    const [first, , third] = screen.getAllByRole('button')
    fireEvent.click(first as HTMLElement)
    fireEvent.click(third as HTMLElement)
    await act(() => server.settled())
    expect(shownCounts()).toEqual(['6', '5', '6', '6'])
  })

  test('is another when it gets another name', async () => {
    const server = counting()
    const { show: again } = await show(server, <ClickCounter id="a" />)
    again(<ClickCounter id="b" />)
    screen.getByText('…')
    await act(() => server.settled())
    expect(asks(server, 'COMPONENT_MOUNT')).toBe(2)
  })

  test('gets new props when they differ, not when they are only another object', async () => {
    const server = counting()
    const { show: again } = await show(server, <ClickCounter count={5} />)
    again(<ClickCounter count={5} />)
    await act(() => server.settled())
    expect(asks(server, 'PROPS_UPDATE')).toBe(0)
    again(<ClickCounter count={8} />)
    await act(() => server.settled())
    expect(asks(server, 'PROPS_UPDATE')).toBe(1)
    screen.getByRole('button', { name: '8' })
  })

  test('is not mounted by rendering on a server', () => {
    const createSocket = vi.fn()
    const client = createLiveClient({ url: 'ws://test.invalid/', createSocket })
    const html = renderToString(
      <LiveProvider value={client}>
        <ClickCounter />
      </LiveProvider>,
    )
    expect(html).toBe('<p>…</p>')
    expect(createSocket).not.toHaveBeenCalled()
  })

  test('asks for a provider where there is none', () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(() => render(<ClickCounter />)).toThrow('LiveProvider')
    complaint.mockRestore()
  })
})
