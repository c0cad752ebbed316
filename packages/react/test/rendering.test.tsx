// @vitest-environment jsdom
import { fakeServer } from '@fluxstack/client/testing'
import { useLive } from '@fluxstack/react'
import { act, cleanup, fireEvent, screen } from '@testing-library/react'
import { memo, type ReactNode, useEffect } from 'react'
import { afterEach, describe, expect, test } from 'vitest'
import { digest } from '../../client/src/digest.js'
import { Counter, type Todo, Todos } from '../../client/test/shapes.js'
import { counting, show } from './page.js'

afterEach(cleanup)

describe('rendering', () => {
  test('happens only where the state changed', async () => {
    const renders = new Map<number, number>()
    const Counted = memo(function Counted({ n }: { n: number }): ReactNode {
      renders.set(n, (renders.get(n) ?? 0) + 1)
      return <ClickCounterInside n={n} />
    })
    function ClickCounterInside({ n }: { n: number }): ReactNode {
      const counter = useLive(Counter, { props: { count: n } })
      useEffect(() => {
        renders.set(100 + n, (renders.get(100 + n) ?? 0) + 1)
      })
      return (
        <button type="button" onClick={counter.call.increment}>
          {counter.state?.count}
        </button>
      )
    }
    const server = counting()
    const all = Array.from({ length: 20 }, (_, n) => n)
    await show(
      server,
      all.map((n) => <Counted key={n} n={n} />),
    )
    const before = new Map(renders)
    fireEvent.click(screen.getAllByRole('button')[7] as HTMLElement)
    await act(() => server.settled())
    const again = all.filter((n) => renders.get(100 + n) !== before.get(100 + n))
    expect(again).toEqual([7])
    expect(renders.get(107)).toBe((before.get(107) ?? 0) + 1)
    expect(all.every((n) => renders.get(n) === before.get(n))).toBe(true)
  })

  test('happens once, for one of a hundred on a page, whoever changed it', async () => {
    const renders = new Map<number, number>()
    function Counted({ n }: { n: number }): ReactNode {
      renders.set(n, (renders.get(n) ?? 0) + 1)
      const counter = useLive(Counter, { props: { count: n }, componentId: `${n}` })
      return (
        <button type="button" onClick={counter.call.increment}>
          {counter.state?.count}
        </button>
      )
    }
    const server = counting()
    const all = Array.from({ length: 100 }, (_, n) => n)
    await show(
      server,
      all.map((n) => <Counted key={n} n={n} />),
    )
    expect(screen.getAllByRole('button')).toHaveLength(100)
    const again = async (what: () => void): Promise<unknown> => {
      renders.clear()
      await act(async () => {
        what()
        await server.settled()
      })
      return [...renders]
    }
    const click = (): unknown => fireEvent.click(screen.getAllByRole('button')[42] as HTMLElement)
    expect(await again(click)).toEqual([[42, 1]])
    const one = server.instances()[7]
    const payload = { base: 0, version: 1, digest: digest({ count: 70 }), delta: { count: 70 } }
    const push = { type: 'STATE_DELTA', componentId: one?.id, payload }
    expect(await again(() => server.send(push))).toEqual([[7, 1]])
    // Somebody who asks for what is there already changes nothing.
    expect(await again(() => server.send({ type: 'COMPONENT_PONG' }))).toEqual([])
    const back = (): void => {
      server.disconnect()
      server.reconnect()
    }
    // Each of them shows that the connection is gone, that it is back, and that the instance is.
    const times = (await again(back)) as [number, number][]
    expect(times.filter(([, count]) => count > 3)).toEqual([])
  })

  test('happens only where the selected part changed', async () => {
    let renders = 0
    function Total(): ReactNode {
      renders += 1
      const total = useLive(Todos, { componentId: 'all', select: (state) => state.total })
      return <output>{total.state}</output>
    }
    const server = fakeServer().mounted(Todos, { items: [], total: 0 })
    await show(server, <Total />)
    const before = renders
    await act(async () => {
      server.push(Todos, { items: [{ id: 1, text: 'milk', done: false }] })
      await server.settled()
    })
    expect(renders).toBe(before)
    await act(async () => {
      server.push(Todos, { total: 1 })
      await server.settled()
    })
    expect(renders).toBe(before + 1)
    expect(screen.getByRole('status').textContent).toBe('1')
  })

  test('with a selection that is made anew each time ends where isEqual says it is the same', async () => {
    let renders = 0
    const sameIds = (a: number[], b: number[]): boolean => a.join() === b.join()
    function Ids(): ReactNode {
      renders += 1
      const ids = useLive(Todos, { select: (state) => state.items.map((item) => item.id), isEqual: sameIds })
      return <output>{ids.state?.join()}</output>
    }
    const row = (text: string): Todo => ({ id: 1, text, done: false })
    const server = fakeServer().mounted(Todos, { items: [row('milk')], total: 1 })
    await show(server, <Ids />)
    const before = renders
    await act(async () => {
      server.push(Todos, { items: [row('bread')] })
      await server.settled()
    })
    expect(renders).toBe(before)
    expect(screen.getByRole('status').textContent).toBe('1')
  })

  test('leaves rows that did not change as they were, so that memo works', async () => {
    const drawn: string[] = []
    const Row = memo(function Row({ todo }: { todo: Todo }): ReactNode {
      drawn.push(todo.text)
      return <li>{todo.text}</li>
    })
    function List(): ReactNode {
      const todos = useLive(Todos)
      return (
        <ul>
          {todos.state?.items.map((todo) => (
            <Row key={todo.id} todo={todo} />
          ))}
        </ul>
      )
    }
    const row = (id: number, text: string): Todo => ({ id, text, done: false })
    const server = fakeServer().mounted(Todos, { items: [row(1, 'milk'), row(2, 'bread')], total: 2 })
    await show(server, <List />)
    drawn.length = 0
    await act(async () => {
      server.push(Todos, { items: [row(1, 'milk'), row(2, 'cake')] })
      await server.settled()
    })
    expect(drawn).toEqual(['cake'])
    // Nor does a reconnect draw again what came back the same.
    drawn.length = 0
    server.mounted(Todos, { items: [row(1, 'milk'), row(2, 'cake')], total: 2 })
    await act(async () => {
      server.disconnect()
      server.reconnect()
      await server.settled()
    })
    expect(drawn).toEqual([])
  })

  test('gives out functions that stay the same', async () => {
    const seen: unknown[][] = []
    function Watcher(): ReactNode {
      const { call, callMethod, write, emit, reset, subscribe, handle } = useLive(Counter, {
        props: { count: 1 },
      })
      seen.push([call, call.increment, callMethod, write, emit, reset, subscribe, handle])
      return null
    }
    const server = counting()
    const { show: again } = await show(server, <Watcher />)
    again(<Watcher />)
    expect(seen.length).toBeGreaterThan(2)
    for (const others of seen)
      expect(others.map((other, index) => other === seen[0]?.[index])).not.toContain(false)
  })
})
