// @vitest-environment jsdom
import type { LiveHandle } from '@fluxstack/client'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { useLive } from '@fluxstack/react'
import { act, cleanup, screen } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Bell, type BellShape } from '../../client/test/shapes.js'
import { useRoom } from '../src/rooms.js'
import { asks, show } from './page.js'

// The hook asks for the entry by its name; tests run against the sources.
vi.mock('@fluxstack/client/rooms', () => import('../../client/src/rooms.js'))

afterEach(cleanup)

const rang = (times: number) => ({ type: 'rang', times }) as const
const ringing = (): FakeServer => fakeServer().mounted(Bell, { rings: 0 })

const heard: unknown[] = []
let renders = 0

function Lobby({
  bell,
  history = 0,
  join = true,
  mark = '',
}: {
  bell: LiveHandle<BellShape>
  history?: number
  join?: boolean
  mark?: string
}): ReactNode {
  renders += 1
  const lobby = useRoom(bell, 'lobby', {
    join,
    history,
    onEvent: ({ times }) => heard.push(`${mark}${times}`),
    onMissed: (count) => heard.push({ missed: count }),
  })
  const before = lobby.history.map(({ times }) => times).join()
  return <output>{`${lobby.joined ? 'in' : 'out'} ${before} ${lobby.error?.code ?? ''}`.trim()}</output>
}

function Page({
  shown = true,
  mark = '',
  history = 0,
}: {
  shown?: boolean
  mark?: string
  history?: number
}): ReactNode {
  const bell = useLive(Bell, { componentId: 'b' })
  return shown && <Lobby bell={bell.handle} mark={mark} history={history} />
}

const said = (): string | null => screen.getByRole('status').textContent

describe('a room in a component', () => {
  test('is joined while it is shown, and its events reach the newest listener without a render', async () => {
    const server = ringing()
    heard.length = 0
    const { show: again } = await show(server, <Page mark="a" />)
    expect(said()).toBe('in')
    server.emit(Bell, 'lobby', rang(1))
    again(<Page mark="b" />)
    const before = renders
    server.emit(Bell, 'lobby', rang(2))
    await act(() => server.settled())
    expect([heard, renders]).toEqual([['b1', 'b2'], before])
    again(<Page shown={false} />)
    await act(() => server.settled())
    expect(asks(server, 'ROOM_LEAVE')).toBe(1)
    server.emit(Bell, 'lobby', rang(3))
    await act(() => server.settled())
    expect(heard).toEqual(['b1', 'b2'])
  })

  test('has what was said before, if that is asked for', async () => {
    const server = ringing()
    for (const times of [1, 2, 3]) server.emit(Bell, 'lobby', rang(times))
    await show(server, <Page history={2} />)
    expect(said()).toBe('in 2,3')
  })

  test('is not left because strict mode runs every effect twice', async () => {
    const server = ringing()
    await show(
      server,
      <StrictMode>
        <Page />
      </StrictMode>,
    )
    expect([said(), asks(server, 'ROOM_LEAVE'), asks(server, 'COMPONENT_MOUNT')]).toEqual(['in', 0, 1])
  })

  test('is left by the last of those who show it', async () => {
    const server = ringing()
    function Two({ both }: { both: boolean }): ReactNode {
      const bell = useLive(Bell)
      return (
        <>
          <Lobby bell={bell.handle} />
          {both && <Lobby bell={bell.handle} />}
        </>
      )
    }
    const { show: again } = await show(server, <Two both />)
    again(<Two both={false} />)
    await act(() => server.settled())
    expect([said(), asks(server, 'ROOM_LEAVE')]).toEqual(['in', 0])
  })

  test('that nobody may join says why, until it may', async () => {
    const server = ringing()
    function Late({ join }: { join: boolean }): ReactNode {
      const bell = useLive(Bell, { componentId: 'b' })
      return <Lobby bell={bell.handle} join={join} />
    }
    const { show: again } = await show(server, <Late join={false} />)
    expect([said(), asks(server, 'ROOM_JOIN')]).toEqual(['out', 0])
    server.refuse('FORBIDDEN')
    again(<Late join />)
    await act(() => server.settled())
    expect(said()).toBe('out  FORBIDDEN')
    act(() => server.take(Bell, 'lobby'))
    await act(() => server.settled())
    expect(said()).toBe('in')
  })

  test('of the component is heard without joining, and after a reset by joining again', async () => {
    const server = ringing()
    await show(server, <Page />)
    server.restart()
    await act(() => server.settled())
    expect([said(), asks(server, 'ROOM_JOIN')]).toEqual(['in', 2])
  })
})
