// @vitest-environment jsdom

import type { ResumeOutcome } from '@fluxstack/client'
import { authenticate } from '@fluxstack/client/sign-in'
import { fakeServer } from '@fluxstack/client/testing'
import { LiveProvider, useConnection, useLive, useUser } from '@fluxstack/react'
import { useDebug } from '@fluxstack/react/debug'
import { useBound } from '@fluxstack/react/forms'
import { act, cleanup, fireEvent, screen } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
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

  test('keeps what is being written over a lost connection, and writes it once', async () => {
    const server = fakeServer().mounted(Profile, { name: 'Ada', saved: 0 })
    await show(server, <Name />)
    server.lose()
    type('Grace')
    await act(() => server.settled())
    expect(typed()).toBe('Grace')
    act(() => server.disconnect())
    expect(typed()).toBe('Grace')
    type('Grace H')
    await act(async () => {
      server.reconnect()
      await server.settled()
    })
    expect(typed()).toBe('Grace H')
    expect(screen.getByRole('status').textContent).toBe('')
    const written = server.received.filter(({ type }) => type === 'PROPERTY_UPDATE')
    // The one that was in doubt, the same again, and what was typed after it.
    expect(written.map((it) => 'payload' in it && it.payload)).toEqual([
      { value: 'Grace' },
      { value: 'Grace' },
      { value: 'Grace H' },
    ])
    await act(async () => {
      server.push(Profile, { name: 'Edith' })
      await server.settled()
    })
    expect(typed()).toBe('Edith')
  })

  test('keeps what was typed, and says so, if the instance it was written to is gone', async () => {
    const server = fakeServer().mounted(Profile, { name: 'Ada', saved: 0 })
    await show(server, <Name />)
    server.lose()
    type('Grace')
    await act(() => server.settled())
    await act(async () => {
      server.restart()
      await server.settled()
    })
    expect(typed()).toBe('Grace')
    expect(screen.getByRole('status').textContent).toContain('whether it happened is unknown')
  })

  async function refused() {
    const server = fakeServer().mounted(Profile, { name: 'Ada', saved: 0 })
    const screenful = await show(server, <Name />)
    server.refuse('INVALID', 'some fields need attention', { name: 'at most 20 characters' })
    type('x'.repeat(21))
    await act(() => server.settled())
    expect(screen.getByRole('status').textContent).toBe('at most 20 characters')
    return { server, ...screenful }
  }

  test('keeps a refused draft over a lost connection', async () => {
    const { server } = await refused()
    for (const back of [() => server.reconnect(), () => server.restart({ keep: true })]) {
      await act(async () => {
        server.disconnect()
        back()
        await server.settled()
      })
      expect(typed()).toBe('x'.repeat(21))
      expect(screen.getByRole('status').textContent).toBe('at most 20 characters')
    }
  })

  test('does not keep a refused draft when there is another instance, which never saw it', async () => {
    const { server } = await refused()
    await act(async () => {
      server.restart()
      await server.settled()
    })
    expect(typed()).toBe('Ada')
    expect(screen.getByRole('status').textContent).toBe('')
  })

  test('has a draft for each handle, so that none is written to another', async () => {
    function Named({ id }: { id: string }): ReactNode {
      const profile = useLive(Profile, { componentId: id })
      const name = useBound(profile, 'name')
      return <input value={name.value ?? ''} onChange={name.onChange} />
    }
    const server = fakeServer().mounted(Profile, { name: 'Ada', saved: 0 })
    const { show: again } = await show(server, <Named id="a" />)
    type('for a')
    again(<Named id="b" />)
    expect(typed()).toBe('')
    type('for b')
    expect(typed()).toBe('for b')
    await act(() => server.settled())
    const names = server.received.filter(({ type }) => type === 'PROPERTY_UPDATE')
    expect(new Set(names.map((it) => 'componentId' in it && it.componentId)).size).toBe(2)
    expect(names.map((it) => 'payload' in it && it.payload)).toEqual([{ value: 'for a' }, { value: 'for b' }])
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

test('useConnection says when the server is newer than the page', async () => {
  function Notice(): ReactNode {
    return <output>{useConnection().outdated ? 'load me anew' : 'up to date'}</output>
  }
  const server = counting()
  await show(server, <Notice />)
  expect(screen.getByRole('status').textContent).toBe('up to date')
  await act(async () => {
    server.refuse('CLIENT_OUTDATED')
    server.client.live(Counter, { props: { count: 1 } }).subscribe(() => undefined)
    await server.settled()
  })
  expect(screen.getByRole('status').textContent).toBe('load me anew')
})

test('useUser is who is signed in, and nobody else', async () => {
  let renders = 0
  function Who(): ReactNode {
    renders += 1
    return <output>{useUser() ?? 'nobody'}</output>
  }
  const server = fakeServer({ users: { secret: 'ada' } })
  await show(server, <Who />)
  expect(screen.getByRole('status').textContent).toBe('nobody')
  await act(() => authenticate(server.client, { token: 'secret' }))
  expect(screen.getByRole('status').textContent).toBe('ada')
  const before = renders
  await act(() => authenticate(server.client, { token: 'secret' }))
  await act(() => authenticate(server.client, { token: 'wrong' }).catch(() => undefined))
  expect([screen.getByRole('status').textContent, renders]).toEqual(['ada', before])
  act(() => server.client.signOut())
  expect(screen.getByRole('status').textContent).toBe('nobody')
})

describe('what became of an instance', () => {
  const drawn: string[] = []
  function Counted({ onResume }: { onResume?: (outcome: ResumeOutcome) => void }): ReactNode {
    const counter = useLive(Counter, {
      props: { count: 5 },
      componentId: 'a',
      ...(onResume && { onResume }),
    })
    const text = `${counter.status} ${counter.stale} ${counter.state?.count} ${counter.outcome?.kind}`
    drawn.push(text)
    return <output>{text}</output>
  }
  const text = (): string | null => screen.getByRole('status').textContent

  test('is shown, and told to the newest listener', async () => {
    const heard: string[] = []
    const server = counting()
    const { show: again } = await show(server, <Counted onResume={({ kind }) => heard.push(`one ${kind}`)} />)
    expect(text()).toBe('live false 5 undefined')
    act(() => server.disconnect())
    expect(text()).toBe('stale true 5 undefined')
    await act(async () => {
      server.push(Counter, { count: 6 })
      server.reconnect()
      await server.settled()
    })
    expect(text()).toBe('live false 6 replayed')
    again(<Counted onResume={({ kind }) => heard.push(`two ${kind}`)} />)
    await act(async () => {
      server.restart()
      await server.settled()
    })
    expect(text()).toBe('live false 5 reset')
    expect(heard).toEqual(['one replayed', 'two reset'])
  })

  test('is told once in strict mode too, and draws no frame that shows nothing new', async () => {
    const heard: string[] = []
    const server = counting()
    await show(
      server,
      <StrictMode>
        <Counted onResume={({ kind }) => heard.push(kind)} />
      </StrictMode>,
    )
    drawn.length = 0
    await act(async () => {
      server.disconnect()
      server.reconnect()
      await server.settled()
    })
    expect(heard).toEqual(['resumed'])
    expect(new Set(drawn)).toEqual(new Set(['stale true 5 undefined', 'live false 5 resumed']))
    drawn.length = 0
    await act(() => server.settled())
    expect(drawn).toEqual([])
  })

  test('re-renders a selection that stayed the same', async () => {
    function Selected(): ReactNode {
      const counter = useLive(Counter, { props: { count: 5 }, select: (state) => state.count > 3 })
      return <output>{counter.outcome?.kind}</output>
    }
    const server = counting()
    await show(server, <Selected />)
    await act(async () => {
      server.disconnect()
      server.reconnect()
      await server.settled()
    })
    expect(text()).toBe('resumed')
  })

  test('is nothing while rendering on a server', () => {
    const html = renderToString(
      <LiveProvider value={counting().client}>
        <Counted />
      </LiveProvider>,
    )
    expect(html).toBe('<output>mounting false undefined undefined</output>')
  })
})

test("zustand's useStore reads a handle as it is", async () => {
  function Count(): ReactNode {
    const counter = useLive(Counter, { props: { count: 5 } })
    return <output>{useStore(counter.handle, (view) => view.state?.count)}</output>
  }
  await show(counting(), <Count />)
  expect(screen.getByRole('status').textContent).toBe('5')
})

test('useDebug says what happens', async () => {
  const said = vi.spyOn(console, 'debug').mockImplementation(() => undefined)
  function Loud(): ReactNode {
    const counter = useLive(Counter, { props: { count: 5 }, componentId: 'a' })
    useDebug(counter, 'Counter')
    useDebug(false)
    return null
  }
  await show(counting(), <Loud />)
  const [live, mounting] = [{ status: 'live' }, { status: 'mounting' }].map((view) =>
    expect.objectContaining(view),
  )
  expect(said).toHaveBeenCalledWith('[fluxstack] Counter a', 'subscribe', live, mounting)
  said.mockRestore()
})
