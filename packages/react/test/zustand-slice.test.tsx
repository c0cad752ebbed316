// @vitest-environment jsdom
import { liveStats } from '@fluxstack/client/stats'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { LiveProvider } from '@fluxstack/react'
import {
  bindLive,
  changesOnly,
  type LiveSlice,
  liveSlice,
  trackLive,
  withoutLive,
} from '@fluxstack/react/zustand'
import { act, cleanup } from '@testing-library/react'
import { renderToString } from 'react-dom/server'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { create, type StateCreator } from 'zustand'
import { createJSONStorage, devtools, persist, subscribeWithSelector } from 'zustand/middleware'
import { immer } from 'zustand/middleware/immer'
import { doing, EMPTY, Till, tilling, use, writes } from './till.js'

afterEach(cleanup)
afterEach(() => vi.restoreAllMocks())

interface Shop {
  coupon: string
  total: number
}
type ShopStore = Shop & LiveSlice

const shop =
  (server: FakeServer, options?: Parameters<typeof liveSlice>[1]): StateCreator<ShopStore> =>
  (...store) => ({ ...liveSlice(server.client, options)(...store), coupon: '', total: 0 })

const both = {
  bind: { coupon: (global: Shop) => global.coupon },
  updater: ({ coupon, total }: { coupon: string; total: number }) => ({ coupon, total }),
}

describe('the slice', () => {
  test('shows every component the hook mounts, while it is mounted', async () => {
    const server = tilling()
    const store = create<ShopStore>()(shop(server))
    const useShop = bindLive(store)
    const { unmount } = await use(server, () => [
      useShop(Till),
      useShop(Till),
      useShop(Till, { componentId: 'desk' }),
      useShop(Till, { componentId: 'desk' }),
    ])
    const { components, connection } = store.getState().liveComponents
    expect(connection).toBe('open')
    expect(Object.keys(components)).toEqual(['Till', 'Till#2', 'Till:desk'])
    expect(components.Till).toEqual({
      status: 'live',
      state: EMPTY,
      error: undefined,
      pending: 0,
      fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
      instanceId: expect.any(String),
    })
    unmount()
    await server.settled()
    expect(store.getState().liveComponents.components).toEqual({})
  })

  test('shows what is under way, and that it is not under way any more', async () => {
    const server = tilling()
    const store = create<ShopStore>()(shop(server))
    const useShop = bindLive(store)
    const { result } = await use(server, () => useShop(Till))
    const seen: unknown[] = []
    store.subscribe(({ liveComponents }) => {
      const { Till: till } = liveComponents.components
      seen.push([(till?.state as typeof EMPTY | undefined)?.note, till?.pending])
    })
    await doing(server, () => result.current.handle.write('note', 'wrapped'))
    expect(seen.at(0)).toEqual(['wrapped', 1])
    expect(seen.at(-1)).toEqual(['wrapped', 0])
  })

  test('shows why a component failed, as plain words', async () => {
    const server = tilling().refuse('FORBIDDEN', 'the till is closed')
    const store = create<ShopStore>()(shop(server))
    const useShop = bindLive(store)
    await use(server, () => useShop(Till))
    expect(store.getState().liveComponents.components.Till).toMatchObject({
      status: 'failed',
      error: { code: 'FORBIDDEN', message: 'the till is closed', fields: {} },
    })
  })

  test('shares what did not change, and is not touched without a change', async () => {
    const server = tilling()
    const store = create<ShopStore>()(shop(server))
    const useShop = bindLive(store)
    await use(server, () => [useShop(Till, { componentId: 'a' }), useShop(Till, { componentId: 'b' })])
    const before = store.getState().liveComponents
    await doing(server, () => server.event(Till, { type: 'beep', times: 2 }))
    const after = store.getState().liveComponents
    expect(after.components).toBe(before.components)
    expect(after.events.map(({ component }) => component)).toEqual(['Till:a', 'Till:b'])
    const heard = vi.fn()
    store.subscribe(heard)
    await doing(server, () => server.push(Till, { note: '' }))
    expect(heard).not.toHaveBeenCalled()
  })

  test('is not touched by a view that says the same in another object', async () => {
    const server = tilling()
    const store = create<ShopStore>()(shop(server))
    const handle = server.client.live(Till)
    const subscribe = vi.spyOn(handle, 'subscribe')
    trackLive(store, Till, handle)
    await server.settled()
    const heard = vi.fn()
    store.subscribe(heard)
    const [see] = subscribe.mock.calls[0] ?? []
    see?.({ ...handle.getState() }, handle.getState())
    expect(heard).not.toHaveBeenCalled()
  })

  test('keeps the last events and the last conflicts, and no more', async () => {
    const server = tilling()
    const store = create<ShopStore>()(shop(server, { events: 3, conflicts: 2 }))
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    for (let times = 1; times <= 5; times += 1) {
      await doing(server, () => server.event(Till, { type: 'beep', times }))
      server.refuse('INVALID')
      await doing(server, () => store.setState({ coupon: `${times}` }))
    }
    const { events, conflicts } = store.getState().liveComponents
    expect(events.map(({ event }) => (event as { times: number }).times)).toEqual([3, 4, 5])
    expect(conflicts.map(({ global }) => global)).toEqual(['4', '5'])
    expect(conflicts[0]).toMatchObject({ component: 'Till', field: 'coupon', reason: 'refused' })
  })

  test('counts, also what the connection costs if it is given the numbers', async () => {
    const later = (_ms: number, then: () => void) => {
      queueMicrotask(then)
      return () => undefined
    }
    const clock = { now: () => 0, after: later }
    const server = tilling()
    const stats = liveStats({ clock, createSocket: () => ({ send() {}, close() {}, dead: false }) })
    const store = create<ShopStore>()(shop(server, { stats }))
    const useShop = bindLive(store)
    const { unmount } = await use(server, () => useShop(Till))
    await doing(server, () => server.push(Till, { total: 1 }))
    expect(store.getState().liveComponents.performance).toEqual({ updates: 2 })
    await doing(server, () => stats.createSocket('', { frame() {}, closed() {} }).send('1234'))
    expect(store.getState().liveComponents.performance).toMatchObject({
      updates: 2,
      bytesOut: 4,
      deltas: 0,
      resyncs: 0,
    })
    unmount()
    await server.settled()
    const heard = vi.fn()
    store.subscribe(heard)
    stats.createSocket('', { frame() {}, closed() {} }).send('1234')
    await server.settled()
    expect(heard).not.toHaveBeenCalled()
  })

  test('tracks handles that no hook of the store mounted', async () => {
    const server = tilling()
    const store = create<ShopStore>()(shop(server))
    const leave = trackLive(store, Till, server.client.live(Till))
    await server.settled()
    expect(store.getState().liveComponents.components.Till?.status).toBe('live')
    leave()
    leave()
    await server.settled()
    expect(store.getState().liveComponents.components).toEqual({})
    const without = create(() => ({})) as unknown as typeof store
    expect(() => trackLive(without, Till, server.client.live(Till))).toThrow('no liveSlice')
  })

  test('renders on a server, mounts nothing there and holds on to nothing', () => {
    const createSocket = vi.fn()
    const server = fakeServer()
    const listens = vi.spyOn(server.client, 'subscribeStatus')
    const store = create<ShopStore>()(shop(server))
    const useShop = bindLive(store)
    function Page() {
      const till = useShop(Till, { globalState: { ...both, selector: ({ coupon }) => `[${coupon}]` } })
      return `${till.status} ${till.globalState}`
    }
    store.setState({ coupon: 'later' })
    const html = renderToString(
      <LiveProvider value={server.client}>
        <Page />
      </LiveProvider>,
    )
    expect(html).toBe('mounting []')
    expect(createSocket).not.toHaveBeenCalled()
    expect(listens).not.toHaveBeenCalled()
    expect(store.getState().liveComponents.components).toEqual({})
  })
})

describe('with middleware', () => {
  /** Redux DevTools, as far as zustand knows them. */
  function debuggerExtension() {
    const actions: string[] = []
    const states: ShopStore[] = []
    let tell: (message: unknown) => void = () => undefined
    vi.stubGlobal('__REDUX_DEVTOOLS_EXTENSION__', {
      connect: () => ({
        init: (state: ShopStore) => states.push(state),
        send(action: { type: string }, state: ShopStore) {
          actions.push(action.type)
          states.push(state)
        },
        subscribe(listener: (message: unknown) => void) {
          tell = listener
          return () => undefined
        },
      }),
    })
    return { actions, states, tell: (message: unknown) => tell(message) }
  }
  afterEach(() => vi.unstubAllGlobals())

  test('devtools show every change by name, with the component and the rest of the store', async () => {
    const { actions, states } = debuggerExtension()
    const server = tilling()
    const store = create<ShopStore>()(devtools(shop(server), { enabled: true }))
    const useShop = bindLive(store)
    const { result, unmount } = await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, () => result.current.call.scan({ item: 'tea', price: 3 }))
    expect(states.at(-1)).toMatchObject({
      total: 3,
      liveComponents: { components: { Till: { state: { items: ['tea'], total: 3 } } } },
    })
    await doing(server, () => result.current.updateGlobal({ coupon: 'TEA' }, 'coupon typed'))
    await doing(server, () => result.current.updateGlobal({ coupon: 'TE' }))
    server.refuse('INVALID')
    await doing(server, () => result.current.updateGlobal({ coupon: 'FREE' }, 'coupon typed'))
    act(() => server.disconnect())
    await doing(server, () => server.reconnect())
    unmount()
    await server.settled()
    expect(actions.filter((it) => !it.startsWith('live/connection') && !it.endsWith('/pending'))).toEqual([
      'live/Till/mounting',
      'live/Till/mounted',
      'live/Till/delta',
      'live/Till/updater',
      'live/Till/event',
      'coupon typed',
      'live/Till/guess',
      'live/Till/updateGlobal',
      'live/Till/guess',
      'coupon typed',
      'live/Till/guess',
      'live/Till/delta',
      'live/Till/conflict',
      'live/Till/updater',
      'live/Till/stale',
      'live/Till/resumed',
      'live/Till/unmounted',
    ])
    expect(actions).toContain('live/connection/open')
    expect(new Set(actions)).not.toContain('anonymous')
  })

  test('what a debugger travels back to is overtaken by what happens next', async () => {
    const { tell } = debuggerExtension()
    const server = tilling()
    const store = create<ShopStore>()(devtools(shop(server), { enabled: true }))
    const useShop = bindLive(store)
    await use(server, () => useShop(Till))
    const then = JSON.stringify({ ...store.getState(), liveComponents: { components: {} } })
    act(() => tell({ type: 'DISPATCH', payload: { type: 'JUMP_TO_STATE' }, state: then }))
    expect(store.getState().liveComponents.components).toEqual({})
    await doing(server, () => server.push(Till, { total: 4 }))
    expect(store.getState().liveComponents.components.Till?.state).toMatchObject({ total: 4 })
  })

  test('persist keeps the store and not the live half, and writes only when what it keeps changed', async () => {
    const kept = new Map<string, string>()
    const setItem = vi.fn((name: string, text: string) => void kept.set(name, text))
    const storage = () => ({
      getItem: (name: string) => kept.get(name) ?? null,
      setItem,
      removeItem: (name: string) => void kept.delete(name),
    })
    const make = (server: FakeServer) =>
      create<ShopStore>()(
        persist(shop(server), {
          name: 'shop',
          partialize: withoutLive,
          storage: changesOnly(createJSONStorage<Shop>(storage)),
        }),
      )
    const first = tilling()
    const store = make(first)
    const useShop = bindLive(store)
    const { unmount } = await use(first, () => useShop(Till, { globalState: both }))
    await doing(first, () => store.setState({ coupon: 'TEA' }))
    expect(JSON.parse(kept.get('shop') ?? '')).toEqual({ state: { coupon: 'TEA', total: 0 }, version: 0 })
    const before = setItem.mock.calls.length
    for (const note of ['a', 'b', 'c']) await doing(first, () => first.push(Till, { note }))
    expect(setItem).toHaveBeenCalledTimes(before)
    unmount()

    // The page is loaded again: what it had is news to a new instance.
    const second = tilling()
    const again = make(second)
    const useAgain = bindLive(again)
    expect(again.getState().coupon).toBe('TEA')
    const { result } = await use(second, () => useAgain(Till, { globalState: both }))
    expect(writes(second)).toEqual(['TEA'])
    expect(result.current.state?.coupon).toBe('TEA')
    expect(again.getState().liveComponents.components.Till?.status).toBe('live')
  })

  test('what a store persisted of it by mistake is overtaken', async () => {
    const server = tilling()
    const old = { coupon: '', total: 0, liveComponents: { components: { Ghost: {} }, events: [] } }
    const storage = {
      getItem: () => ({ state: old as unknown as ShopStore, version: 0 }),
      setItem: () => undefined,
      removeItem: () => undefined,
    }
    const store = create<ShopStore>()(persist(shop(server), { name: 'shop', storage }))
    const useShop = bindLive(store)
    await use(server, () => useShop(Till))
    expect(Object.keys(store.getState().liveComponents.components)).toEqual(['Till'])
  })

  test('everything at once: devtools, persist, subscribeWithSelector and immer', async () => {
    const { actions } = debuggerExtension()
    const server = tilling()
    const storage = createJSONStorage<Shop>(() => ({
      getItem: () => null,
      setItem: () => undefined,
      removeItem: () => undefined,
    }))
    const store = create<ShopStore>()(
      devtools(
        persist(
          subscribeWithSelector(
            immer((...a) => ({ ...liveSlice(server.client)(...a), coupon: '', total: 0 })),
          ),
          { name: 'shop', partialize: withoutLive, storage },
        ),
        { enabled: true },
      ),
    )
    const useShop = bindLive(store)
    const { result } = await use(server, () => useShop(Till, { globalState: both }))
    const coupons: string[] = []
    store.subscribe(
      ({ coupon }) => coupon,
      (coupon) => coupons.push(coupon),
    )
    await doing(server, () =>
      store.setState(
        (draft) => {
          draft.coupon = 'TEA'
        },
        false,
        'coupon typed',
      ),
    )
    // What immer has frozen the client does not try to change.
    await doing(server, () => result.current.call.scan({ item: 'tea', price: 3 }))
    await doing(server, () => result.current.updateGlobal({ coupon: 'CAKE' }))
    await doing(server, () => server.push(Till, { coupon: '', items: [] }))
    expect(writes(server)).toEqual(['TEA', 'CAKE'])
    expect(coupons).toEqual(['TEA', 'CAKE', ''])
    expect(result.current.state).toEqual({ ...EMPTY, total: 3 })
    expect(store.getState().total).toBe(3)
    expect(actions).toEqual(expect.arrayContaining(['coupon typed', 'live/Till/delta', 'live/Till/updater']))
  })
})
