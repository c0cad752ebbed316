// @vitest-environment jsdom

import { fakeServer } from '@fluxstack/client/testing'
import { useLive } from '@fluxstack/react'
import { act, cleanup, screen } from '@testing-library/react'
import { memo, type ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Counter, Profile } from '../../client/test/shapes.js'
import { counting, show } from './page.js'

/** Frames that are shown when told. */
let frames: (() => void)[] = []

function frame(): void {
  for (const then of frames.splice(0)) then()
}

/** As it is where no test declares itself to React. */
async function unwatched(work: () => Promise<void>): Promise<void> {
  const all = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }
  all.IS_REACT_ACT_ENVIRONMENT = false
  try {
    await work()
  } finally {
    all.IS_REACT_ACT_ENVIRONMENT = true
  }
}

beforeEach(() => {
  frames = []
  vi.stubGlobal('requestAnimationFrame', (then: () => void) => frames.push(then))
})

afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('frames', () => {
  test('a thousand deltas in sixty frames are sixty renders and the first', async () => {
    let renders = 0
    function Shown(): ReactNode {
      renders += 1
      return <output>{useLive(Counter, { props: { count: 0 } }).state?.count}</output>
    }
    const server = counting()
    await show(server, <Shown />)
    await unwatched(async () => {
      frame()
      const before = renders
      for (let count = 1; count <= 1000; count += 1) {
        server.push(Counter, { count })
        await server.settled()
        if (count % 17 !== 0) continue
        frame()
        await macrotask()
      }
      frame()
      await macrotask()
      expect(renders - before).toBeLessThanOrEqual(61)
      expect(renders - before).toBeGreaterThan(50)
      expect(screen.getByText('1000')).toBeDefined()
    })
  })

  test('what the user does shows at once, whatever the server says in the same frame', async () => {
    function Name(): ReactNode {
      const profile = useLive(Profile)
      return (
        <input
          value={profile.state?.name ?? ''}
          onChange={({ target }) => void profile.write('name', target.value)}
        />
      )
    }
    const server = fakeServer().mounted(Profile, { name: '', saved: 0 })
    await show(server, <Name />)
    const input = screen.getByRole<HTMLInputElement>('textbox')
    await unwatched(async () => {
      server.push(Profile, { saved: 1 })
      await server.settled()
      for (const typed of ['A', 'Ad', 'Ada']) {
        type(input, typed)
        await macrotask()
        expect(input.value).toBe(typed)
      }
    })
  })

  test('a hidden page has no frames, and keeps its title all the same', async () => {
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    function Title(): ReactNode {
      return <title>{`(${useLive(Counter, { props: { count: 0 } }).state?.count}) mail`}</title>
    }
    const server = counting()
    await show(server, <Title />)
    await unwatched(async () => {
      for (let count = 1; count <= 5; count += 1) {
        server.push(Counter, { count })
        await server.settled()
      }
      await macrotask()
      expect(document.title).toBe('(5) mail')
    })
  })

  test('a component that is gone is not rendered in the frame that it asked for', async () => {
    let renders = 0
    const server = counting()
    function Shown(): ReactNode {
      renders += 1
      return <output>{useLive(Counter, { props: { count: 0 } }).state?.count}</output>
    }
    const page = await show(server, <Shown />)
    await unwatched(async () => {
      for (const count of [1, 2]) server.push(Counter, { count })
      await server.settled()
      expect(frames).toHaveLength(1)
    })
    act(() => page.unmount())
    const before = renders
    frame()
    expect(renders).toBe(before)
  })
})

test('of a hundred components the one that changed is rendered', async () => {
  const all = Array.from({ length: 100 }, (_, n) => n)
  const renders = all.map(() => 0)
  const One = memo(function One({ n }: { n: number }): ReactNode {
    renders[n] = (renders[n] ?? 0) + 1
    const counter = useLive(Counter, { props: { count: n } })
    return (
      <button type="button" onClick={counter.call.increment}>
        {counter.state?.count}
      </button>
    )
  })
  const server = counting()
  await show(
    server,
    all.map((n) => <One key={n} n={n} />),
  )
  const before = [...renders]
  await act(async () => {
    screen.getAllByRole('button')[42]?.click()
    await server.settled()
  })
  expect(renders.flatMap((count, n) => (count === before[n] ? [] : [[n, count - (before[n] ?? 0)]]))).toEqual(
    [[42, 1]],
  )
})

function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}

/** What a browser does when somebody types: React looks at the value behind the element's own setter. */
function type(input: HTMLInputElement, text: string): void {
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value') ?? {}
  set?.call(input, text)
  input.dispatchEvent(new Event('input', { bubbles: true }))
}
