// @vitest-environment jsdom
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { LiveProvider, useLive } from '@fluxstack/react'
import {
  useLiveVirtualList,
  type VirtualListOptions,
  type VirtualRowProps,
} from '@fluxstack/react/virtual-list'
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react'
import { memo, type ReactNode, StrictMode, useRef } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Ledger, type Row } from '../../client/test/shapes.js'

const VIEW = 400
const ROW = 40

/** How large rows are, by their ids; the others are as large as was estimated. */
const sizes = new Map<number, number>()

/** Hears of sizes when a test says so. */
class Observer {
  static readonly all = new Set<Observer>()
  private readonly seen = new Set<Element>()
  constructor(private readonly hear: (entries: unknown[]) => void) {
    Observer.all.add(this)
  }
  observe(element: Element): void {
    this.seen.add(element)
  }
  unobserve(element: Element): void {
    this.seen.delete(element)
  }
  disconnect(): void {
    this.seen.clear()
  }
  look(): void {
    const size = (target: Element) => (target as HTMLElement).offsetHeight
    const box = (target: Element) => [{ blockSize: size(target), inlineSize: size(target) }]
    this.hear([...this.seen].map((target) => ({ target, borderBoxSize: box(target) })))
  }
}

/** Everything is measured anew. */
function layOut(): void {
  act(() => {
    for (const observer of Observer.all) observer.look()
  })
}

beforeAll(() => {
  Object.assign(globalThis, { ResizeObserver: Observer })
  Object.assign(window, { ResizeObserver: Observer })
  // A page that has a layout, as far as a list looks at it.
  const layout = (name: string, get: (element: HTMLElement) => number) =>
    Object.defineProperty(HTMLElement.prototype, name, {
      configurable: true,
      get(this: HTMLElement) {
        return get(this)
      },
    })
  for (const name of ['clientHeight', 'clientWidth']) layout(name, () => VIEW)
  for (const name of ['offsetHeight', 'offsetWidth']) {
    layout(name, ({ dataset }) => sizes.get(Number(dataset.id)) ?? ROW)
  }
  layout('scrollHeight', (element) => Number.parseFloat(element.querySelector('ul')?.style.height ?? '0'))
  Object.defineProperty(Element.prototype, 'scrollTo', {
    configurable: true,
    value(this: HTMLElement, { top, left }: ScrollToOptions) {
      this.scrollTop = Math.max(0, top ?? 0)
      this.scrollLeft = Math.max(0, left ?? 0)
      fireEvent.scroll(this)
    },
  })
})
afterEach(() => {
  cleanup()
  sizes.clear()
})

const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id, text: `row ${id}` }))

function ledger(count = 10_000): FakeServer {
  return fakeServer().mounted(
    Ledger,
    { rows: rowsOf(count), short: rowsOf(30), changes: 0 },
    {},
    { windowed: ['rows'] },
  )
}

function List({
  field = 'rows',
  ...options
}: { field?: 'rows' | 'short' } & Partial<VirtualListOptions<Row>>): ReactNode {
  const live = useLive(Ledger, { componentId: 'l' })
  const scroll = useRef<HTMLDivElement>(null)
  const { rows, listProps, activeIndex } = useLiveVirtualList(live, field, {
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    getItemKey: ({ id }) => id,
    overscan: 2,
    readAhead: 20,
    ...options,
  })
  return (
    <div ref={scroll} data-testid="scroll" data-active={activeIndex}>
      <ul {...listProps} aria-label="Rows">
        {rows.map(({ key, row, isOld, props }) => (
          <li key={key} {...props} data-id={row?.id} data-old={isOld}>
            {row?.text ?? '…'} <input aria-label={`note ${row?.id}`} />
          </li>
        ))}
      </ul>
    </div>
  )
}

async function show(server: FakeServer, page: ReactNode = <List />): Promise<HTMLElement> {
  render(<LiveProvider value={server.client}>{page}</LiveProvider>)
  await act(() => server.settled())
  return screen.getByTestId('scroll')
}

async function scrollTo(server: FakeServer, element: HTMLElement, top: number): Promise<void> {
  act(() => element.scrollTo({ top }))
  await act(() => server.settled())
}

function truth(server: FakeServer): Row[] {
  const [instance] = server.instances()
  return [...((instance?.state.rows ?? []) as Row[])]
}

async function change(server: FakeServer, edit: (rows: Row[]) => void): Promise<void> {
  const rows = truth(server)
  edit(rows)
  act(() => server.push(Ledger, { rows }))
  await act(() => server.settled())
}

const items = (): HTMLElement[] => screen.getAllByRole('listitem')
const idsOf = (): number[] => items().map(({ dataset }) => Number(dataset.id))
const withId = (id: number): HTMLElement =>
  items().find(({ dataset }) => dataset.id === `${id}`) ?? expect.fail(`row ${id} is not in the page`)
const top = (element: HTMLElement): number => Number(/\(([\d.]+)px/.exec(element.style.transform)?.[1])
/** Where a row stands in the view. */
const inView = (id: number, scroll: HTMLElement): number => top(withId(id)) - scroll.scrollTop

describe('a long list in a page', () => {
  test('has in the page what is in view, and no more of it in the browser than what is near', async () => {
    const server = ledger()
    const scroll = await show(server)
    expect(idsOf()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(screen.getByRole('list').style.height).toBe(`${10_000 * ROW}px`)
    await scrollTo(server, scroll, 4_000 * ROW)
    expect(idsOf()).toEqual(Array.from({ length: 15 }, (_, at) => 3_998 + at).slice(0, idsOf().length))
    const read = server.received.flatMap((message) => (message.type === 'LIST_READ' ? [message.payload] : []))
    expect(read.length).toBe(2)
    expect(read.reduce((sum, { count }) => sum + count, 0)).toBeLessThan(100)
  })

  test('says of every row which it is, also of one that was not read yet', async () => {
    const server = ledger()
    const scroll = await show(server)
    expect(withId(3).getAttribute('aria-posinset')).toBe('4')
    expect(withId(3).getAttribute('aria-setsize')).toBe('10000')
    act(() => scroll.scrollTo({ top: 5_000 * ROW }))
    const [first] = items()
    expect([first?.textContent?.trim(), first?.getAttribute('aria-busy')]).toEqual(['…', 'true'])
    await act(() => server.settled())
    expect(withId(5_000).hasAttribute('aria-busy')).toBe(false)
  })

  test('keeps in place what is in view when rows come, go and move above it', async () => {
    const server = ledger()
    const scroll = await show(server)
    await scrollTo(server, scroll, 500 * ROW + 7)
    const element = withId(503)
    const before = inView(503, scroll)
    await change(server, (rows) => rows.unshift({ id: 20_000, text: 'new' }, { id: 20_001, text: 'new' }))
    expect([inView(503, scroll), scroll.scrollTop]).toEqual([before, 502 * ROW + 7])
    await change(server, (rows) => void rows.splice(100, 5))
    expect([inView(503, scroll), scroll.scrollTop]).toEqual([before, 497 * ROW + 7])
    // The list is as long as before, and so are its ends.
    await change(server, (rows) => rows.splice(50, 0, ...rows.splice(900, 1)))
    expect([inView(503, scroll), scroll.scrollTop]).toEqual([before, 498 * ROW + 7])
    await change(server, (rows) => rows.splice(900, 0, ...rows.splice(60, 1)))
    expect(inView(503, scroll)).toBe(before)
    expect(withId(503)).toBe(element)
  })

  test('shows what comes at its very start to whoever looks there', async () => {
    const server = ledger()
    const scroll = await show(server)
    await change(server, (rows) => rows.unshift({ id: 20_000, text: 'new' }))
    expect([scroll.scrollTop, idsOf()[0]]).toEqual([0, 20_000])
  })

  test('measures rows, and knows their sizes wherever they go', async () => {
    for (const id of [501, 503, 505]) sizes.set(id, 100)
    const server = ledger()
    const scroll = await show(server)
    await scrollTo(server, scroll, 500 * ROW)
    layOut()
    expect([504, 506].map((id) => inView(id, scroll) - inView(500, scroll))).toEqual([
      4 * ROW + 120,
      6 * ROW + 180,
    ])
    const before = inView(504, scroll)
    await change(server, (rows) => rows.unshift({ id: 20_000, text: 'new' }))
    expect(inView(504, scroll)).toBe(before)
    expect(inView(506, scroll) - inView(504, scroll)).toBe(2 * ROW + 60)
  })

  test('renders a row that changed anew in its element', async () => {
    const server = ledger()
    await show(server)
    const element = withId(4)
    await change(server, (rows) => {
      rows[4] = { id: 4, text: 'changed' }
    })
    expect([element.isConnected, element.textContent?.trim(), element.dataset.old]).toEqual([
      true,
      'changed',
      'false',
    ])
  })

  test('gives a row the same props until something changes in them', async () => {
    const server = ledger()
    const rendered: number[] = []
    const Item = memo(function Item({ row, props }: { row: Row | undefined; props: VirtualRowProps }) {
      if (row) rendered.push(row.id)
      return <li {...props} data-id={row?.id} />
    })
    function Memos(): ReactNode {
      const live = useLive(Ledger)
      const scroll = useRef<HTMLDivElement>(null)
      const { rows, listProps } = useLiveVirtualList(live, 'rows', {
        getScrollElement: () => scroll.current,
        estimateSize: () => ROW,
      })
      return (
        <div ref={scroll} data-testid="scroll">
          <ul {...listProps}>
            {rows.map(({ key, row, props }) => (
              <Item key={key} row={row} props={props} />
            ))}
          </ul>
        </div>
      )
    }
    await show(server, <Memos />)
    rendered.length = 0
    await change(server, (rows) => {
      rows[4] = { id: 4, text: 'changed' }
    })
    // As old, and as new.
    expect(new Set(rendered)).toEqual(new Set([4]))
  })

  test('does not render for what is not in it', async () => {
    const server = ledger()
    const handle = server.client.live(Ledger)
    let renders = 0
    function Bare(): ReactNode {
      renders += 1
      const scroll = useRef<HTMLDivElement>(null)
      const { rows, listProps, virtualizer } = useLiveVirtualList(handle, 'rows', {
        getScrollElement: () => scroll.current,
        estimateSize: () => ROW,
      })
      return (
        <div ref={scroll} data-testid="scroll" data-scrolls={virtualizer.isScrolling}>
          <ul {...listProps}>
            {rows.map(({ key, row, props }) => (
              <li key={key} {...props} data-id={row?.id} />
            ))}
          </ul>
        </div>
      )
    }
    const scroll = await show(server, <Bare />)
    await waitFor(() => expect(scroll.dataset.scrolls).toBe('false'))
    const before = renders
    act(() => server.push(Ledger, { changes: 5 }))
    await act(() => server.settled())
    expect(renders).toBe(before)
    await change(server, (rows) => {
      rows[9_000] = { id: 9_000, text: 'far away' }
    })
    expect(renders).toBe(before)
  })

  test('is the same for a list that is sent whole', async () => {
    const server = ledger()
    const scroll = await show(server, <List field="short" />)
    expect(idsOf().slice(0, 3)).toEqual([0, 1, 2])
    await scrollTo(server, scroll, 10 * ROW)
    const before = inView(12, scroll)
    act(() => server.push(Ledger, { short: [{ id: 99, text: 'new' }, ...rowsOf(30)] }))
    await act(() => server.settled())
    expect(inView(12, scroll)).toBe(before)
    expect(server.received.some(({ type }) => type === 'LIST_READ')).toBe(false)
  })

  test('goes on after a lost connection, and begins anew where it was when all is another one', async () => {
    const server = ledger()
    const scroll = await show(server)
    await scrollTo(server, scroll, 500 * ROW)
    act(() => server.disconnect())
    expect(withId(503).textContent?.trim()).toBe('row 503')
    act(() => server.restart())
    await act(() => server.settled())
    expect([scroll.scrollTop, withId(503).textContent?.trim()]).toEqual([500 * ROW, 'row 503'])
  })

  test('works twice at once, and in strict mode', async () => {
    const server = ledger()
    await show(
      server,
      <StrictMode>
        <List />
      </StrictMode>,
    )
    expect(idsOf()[0]).toBe(0)
    expect(server.received.filter(({ type }) => type === 'LIST_READ').length).toBe(1)
  })

  test('is empty on a server', () => {
    const { client } = ledger()
    const html = renderToString(
      <LiveProvider value={client}>
        <List />
      </LiveProvider>,
    )
    expect(html).toContain('<ul role="list"')
    expect(html).not.toContain('<li')
  })

  test('is a grid, a listbox, or runs from left to right', async () => {
    const server = ledger()
    await show(server, <List role="grid" horizontal />)
    const grid = screen.getByRole('grid')
    expect(grid.getAttribute('aria-rowcount')).toBe('10000')
    expect(screen.getAllByRole('row')[2]?.getAttribute('aria-rowindex')).toBe('3')
    expect(grid.style.width).toBe(`${10_000 * ROW}px`)
    cleanup()
    await show(server, <List role="listbox" />)
    expect(screen.getAllByRole('option').length).toBeGreaterThan(5)
  })
})

describe('the keyboard', () => {
  const press = async (server: FakeServer, key: string): Promise<void> => {
    act(() => void fireEvent.keyDown(document.activeElement ?? document.body, { key }))
    await act(() => server.settled())
  }
  const here = (): number => Number((document.activeElement as HTMLElement).dataset.id)

  async function enter(server: FakeServer): Promise<HTMLElement> {
    const scroll = await show(server)
    act(() => screen.getByRole('list').focus())
    await act(() => server.settled())
    return scroll
  }

  test('enters at what is in view, and goes by rows, by pages, and to the ends', async () => {
    const server = ledger()
    await enter(server)
    expect(here()).toBe(0)
    for (const [key, id] of [
      ['ArrowDown', 1],
      ['ArrowDown', 2],
      ['ArrowUp', 1],
      ['PageDown', 10],
      ['End', 9_999],
      ['ArrowDown', 9_999],
      ['PageUp', 9_990],
      ['Home', 0],
    ] as const) {
      await press(server, key)
      expect([key, here()]).toEqual([key, id])
    }
    expect(items().filter(({ tabIndex }) => tabIndex === 0).length).toBe(1)
  })

  test('stays with its row wherever that goes', async () => {
    const server = ledger()
    const scroll = await enter(server)
    for (const _ of [1, 2, 3]) await press(server, 'ArrowDown')
    await change(server, (rows) => rows.unshift({ id: 20_000, text: 'new' }))
    expect([here(), scroll.dataset.active]).toEqual([3, '4'])
    await change(server, (rows) => rows.splice(10, 0, ...rows.splice(4, 1)))
    expect([here(), scroll.dataset.active]).toEqual([3, '10'])
    await press(server, 'ArrowUp')
    expect(here()).toBe(9)
  })

  test('is with the next row when its own is removed', async () => {
    const server = ledger()
    await enter(server)
    for (const _ of [1, 2, 3]) await press(server, 'ArrowDown')
    await change(server, (rows) => void rows.splice(3, 1))
    expect(here()).toBe(4)
  })

  test('is not lost when its row is scrolled out of view', async () => {
    const server = ledger()
    const scroll = await enter(server)
    await press(server, 'ArrowDown')
    await scrollTo(server, scroll, 5_000 * ROW)
    expect(here()).toBe(1)
    await press(server, 'ArrowDown')
    expect([here(), scroll.scrollTop < 100 * ROW]).toEqual([2, true])
  })

  test('is left to what is typed into', async () => {
    const server = ledger()
    await enter(server)
    const field = screen.getByLabelText('note 2')
    act(() => field.focus())
    await press(server, 'End')
    expect(document.activeElement).toBe(field)
    expect(screen.getByTestId('scroll').dataset.active).toBe('2')
  })
})
