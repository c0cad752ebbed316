// @vitest-environment jsdom
import { LiveProvider, useLive } from '@fluxstack/react'
import { LiveWhenVisible, useVisible } from '@fluxstack/react/lazy'
import { renderLive } from '@fluxstack/react/testing'
import { act, cleanup, render, screen } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Counter } from '../../client/test/shapes.js'
import { asks, counting } from './page.js'

/** An observer whose screen a test moves: what is named is on it. */
class Screen {
  static all = new Set<Screen>()
  readonly watched = new Set<Element>()
  constructor(
    readonly hear: (changes: unknown[]) => void,
    readonly options: { rootMargin: string },
  ) {
    Screen.all.add(this)
  }
  observe(element: Element): void {
    this.watched.add(element)
  }
  unobserve(element: Element): void {
    this.watched.delete(element)
  }
  disconnect(): void {
    Screen.all.delete(this)
  }
  static async show(...ids: string[]): Promise<void> {
    await act(async () => {
      for (const { watched, hear } of Screen.all)
        hear(
          [...watched].map((target) => ({
            target,
            isIntersecting: ids.includes(target.id),
            boundingClientRect: { height: 120 },
          })),
        )
    })
  }
  static watched(): string[] {
    return [...Screen.all].flatMap(({ watched }) => [...watched].map(({ id }) => id))
  }
}

beforeEach(() => {
  Screen.all.clear()
  vi.stubGlobal('IntersectionObserver', Screen)
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

function Count({ count }: { count: number }): ReactNode {
  const counter = useLive(Counter, { props: { count } })
  return <b>{counter.state?.count}</b>
}

const rows = (keep?: boolean): ReactNode =>
  ['a', 'b', 'c'].map((id, index) => (
    <LiveWhenVisible
      key={id}
      id={id}
      className="row"
      fallback={<i>later</i>}
      {...(keep !== undefined && { keep })}
    >
      <Count count={index} />
    </LiveWhenVisible>
  ))

const shown = (): (string | null)[] => [...document.querySelectorAll('.row')].map((row) => row.textContent)

describe('what is below the fold', () => {
  test('is mounted when it comes near, and stays', async () => {
    const server = counting()
    const { settle } = await renderLive(rows(), server)
    expect(shown()).toEqual(['later', 'later', 'later'])
    expect(server.received).toEqual([])
    await settle(() => Screen.show('a', 'b'))
    expect(shown()).toEqual(['0', '1', 'later'])
    expect(asks(server, 'COMPONENT_MOUNT')).toBe(2)
    await settle(() => Screen.show('c'))
    expect(shown()).toEqual(['0', '1', '2'])
    // Nobody watches any more what stays anyway.
    expect(Screen.watched()).toEqual([])
    expect(Screen.all.size).toBe(0)
  })

  test('is unmounted when it goes far away, and keeps its place, if it is not kept', async () => {
    const server = counting()
    const { settle } = await renderLive(rows(false), server)
    await settle(() => Screen.show('a'))
    await settle(() => Screen.show('c'))
    expect(shown()).toEqual(['later', 'later', '2'])
    expect(document.getElementById('a')?.style.minHeight).toBe('120px')
    expect(document.getElementById('b')?.style.minHeight).toBe('')
    await vi.waitFor(() => expect(asks(server, 'COMPONENT_UNMOUNT')).toBe(1))
    await settle(() => Screen.show('a'))
    expect(shown()).toEqual(['0', 'later', 'later'])
    expect(document.getElementById('a')?.style.minHeight).toBe('')
  })

  test('is watched by one observer for each margin, in strict mode too, until it is gone', async () => {
    const ui = (
      <StrictMode>
        {rows()}
        <LiveWhenVisible id="d" rootMargin="0px">
          <b>near</b>
        </LiveWhenVisible>
      </StrictMode>
    )
    const { unmount } = await renderLive(ui, counting())
    expect([...Screen.all].map(({ options }) => options.rootMargin)).toEqual(['200px', '0px'])
    await Screen.show('d')
    screen.getByText('near')
    expect(Screen.watched()).toEqual(['a', 'b', 'c'])
    unmount()
    expect(Screen.all.size).toBe(0)
  })

  test('is all there where the browser cannot say what is visible', async () => {
    vi.stubGlobal('IntersectionObserver', undefined)
    await renderLive(rows(false), counting())
    expect(shown()).toEqual(['0', '1', '2'])
  })

  test('is the fallback on a server, and taken over without a complaint', async () => {
    const server = counting()
    const ui = <LiveProvider value={server.client}>{rows()}</LiveProvider>
    const html = renderToString(ui)
    expect(html).toContain('<div id="a" class="row"><i>later</i></div>')
    const complaints: unknown[] = []
    const main = document.createElement('main')
    main.innerHTML = html
    const root = await act(async () =>
      hydrateRoot(main, ui, { onRecoverableError: (error) => complaints.push(error) }),
    )
    expect(complaints).toEqual([])
    await act(async () => root.unmount())
  })
})

test('useVisible says it of any element', async () => {
  function Section(): ReactNode {
    const [ref, isVisible] = useVisible<HTMLElement>({ keep: false })
    return (
      <section ref={ref} id="s">
        {isVisible ? 'here' : 'not yet'}
      </section>
    )
  }
  render(<Section />)
  screen.getByText('not yet')
  await Screen.show('s')
  screen.getByText('here')
  await Screen.show()
  screen.getByText('not yet')
})
