// @vitest-environment jsdom
import { bindLive, type LiveSlice, liveSlice } from '@fluxstack/react/zustand'
import { cleanup } from '@testing-library/react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { create } from 'zustand'
import { both, doing, EMPTY, type Shop, shop, Till, tilling, use, writes } from './till.js'

afterEach(cleanup)
afterEach(() => vi.restoreAllMocks())

describe('from the component to the store', () => {
  test('the updater takes over what the component has, first and whenever it changes', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { result } = await use(server, () =>
      useShop(Till, { globalState: { updater: ({ total }) => ({ total }) } }),
    )
    await doing(server, () => result.current.call.scan({ item: 'tea', price: 3 }))
    expect(store.getState()).toEqual({ coupon: '', total: 3 })
    await doing(server, () => server.push(Till, { total: 5 }))
    expect(store.getState().total).toBe(5)
  })

  test('the store is not touched by an updater that says what it says already', async () => {
    const [server, store] = [tilling(), create(() => ({ lines: [] as string[] }))]
    const useShop = bindLive(store)
    await use(server, () =>
      useShop(Till, { globalState: { updater: ({ items }) => ({ lines: [...items] }) } }),
    )
    const heard = vi.fn()
    store.subscribe(heard)
    await doing(server, () => server.push(Till, { note: 'wrapped' }))
    expect(heard).not.toHaveBeenCalled()
    await doing(server, () => server.push(Till, { items: ['tea'] }))
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test('an updater may decline', async () => {
    const [server, store] = [tilling(), shop({ total: 100 })]
    const useShop = bindLive(store)
    await use(server, () =>
      useShop(Till, {
        globalState: {
          updater: ({ total }, global) => {
            if (total > global.total) return { total }
          },
        },
      }),
    )
    await doing(server, () => server.push(Till, { total: 50 }))
    expect(store.getState().total).toBe(100)
    await doing(server, () => server.push(Till, { total: 150 }))
    expect(store.getState().total).toBe(150)
  })

  test('nothing is taken over before the mount or after leaving', async () => {
    const [server, store] = [tilling(), shop({ total: 9 })]
    const useShop = bindLive(store)
    const updater = vi.fn(({ total }: { total: number }) => ({ total }))
    const { unmount } = await use(server, () => useShop(Till, { globalState: { updater } }))
    const times = updater.mock.calls.length
    unmount()
    server.push(Till, { total: 7 })
    await server.settled()
    expect(updater).toHaveBeenCalledTimes(times)
    expect(store.getState().total).toBe(0)
  })
})

describe('from the store to the component', () => {
  test('a change of what is bound is written once, although strict mode runs every effect twice', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { result } = await use(server, () => useShop(Till, { globalState: both }))
    expect(writes(server)).toEqual([])
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    expect(writes(server)).toEqual(['TEA'])
    expect(result.current.state).toEqual({ ...EMPTY, coupon: 'TEA' })
    await doing(server, () => store.setState({ total: 3 }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    expect(writes(server)).toEqual(['TEA'])
  })

  test('works without an updater, and without the rest', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: { bind: { coupon: ({ coupon }) => coupon } } }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    await doing(server, () => store.setState({ coupon: 'CAKE' }))
    expect(writes(server)).toEqual(['TEA', 'CAKE'])
  })

  test('while a write is under way only the last of what follows is written', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, async () => {
      store.setState({ coupon: 'T' })
      await undefined
      for (const coupon of ['TE', 'TEA']) store.setState({ coupon })
    })
    expect(writes(server)).toEqual(['T', 'TEA'])
    expect(store.getState().coupon).toBe('TEA')
  })

  test('what is said in one go is written as one, also if the component leaves at once', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { unmount } = await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, () => {
      for (const coupon of ['T', 'TE', 'TEA']) store.setState({ coupon })
      unmount()
    })
    expect(writes(server)).toEqual(['TEA'])
  })

  test('an echo never goes over what was typed since, whether writes show at once or not', async () => {
    for (const optimisticUpdates of [true, false]) {
      const [server, store] = [tilling(), shop()]
      const useShop = bindLive(store)
      await use(server, () => useShop(Till, { optimisticUpdates, globalState: both }))
      const shown: string[] = []
      store.subscribe(({ coupon }) => shown.push(coupon))
      await doing(server, async () => {
        for (const coupon of ['T', 'TE', 'TEA', 'TEAS']) {
          store.setState({ coupon })
          for (let round = 0; round < 3; round += 1) await undefined
        }
      })
      expect(shown).toEqual(['T', 'TE', 'TEA', 'TEAS'])
      expect(writes(server).at(-1)).toBe('TEAS')
      cleanup()
    }
  })

  test('lists are compared by what is in them', async () => {
    const [server, store] = [tilling(), create(() => ({ bought: ['a'], other: 0 }))]
    const useShop = bindLive(store)
    await use(server, () =>
      useShop(Till, { globalState: { bind: { note: ({ bought }) => bought.map((it) => it).join() } } }),
    )
    await doing(server, () => store.setState({ bought: ['a', 'b'] }))
    await doing(server, () => store.setState({ bought: ['a', 'b'], other: 1 }))
    expect(writes(server, 'note')).toEqual(['a,b'])
  })

  test('undefined is no opinion', async () => {
    const [server, store] = [tilling(), create(() => ({ coupon: undefined as string | undefined }))]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: { bind: { coupon: ({ coupon }) => coupon } } }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    await doing(server, () => store.setState({ coupon: undefined }))
    expect(writes(server)).toEqual(['TEA'])
  })

  test('what a binding closes over may change with a render', async () => {
    const [server, store] = [tilling(), shop({ coupon: 'TEA' })]
    const useShop = bindLive(store)
    const { rerender } = await use(
      server,
      ({ desk }: { desk: string }) =>
        useShop(Till, { globalState: { bind: { coupon: ({ coupon }) => `${coupon}@${desk}` } } }),
      { desk: 'a' },
    )
    await doing(server, () => rerender({ desk: 'b' }))
    expect(writes(server)).toEqual(['TEA@b'])
  })
})

describe('the hook', () => {
  test('shows what it selects, and renders when that changes and at no other time', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    let renders = 0
    const { result } = await use(server, () => {
      renders += 1
      return useShop(Till, {
        select: ({ total }) => total,
        globalState: { selector: ({ coupon }) => ({ coupon }) },
      })
    })
    const before = renders
    const { globalState } = result.current
    await doing(server, () => store.setState({ total: 3 }))
    expect(renders).toBe(before)
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    expect(renders).toBeGreaterThan(before)
    expect(globalState).toEqual({ coupon: '' })
    expect(result.current.globalState).toEqual({ coupon: 'TEA' })
  })

  test('keeps the selected object while it says the same, although the selector is another every time', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { result, rerender } = await use(server, () =>
      useShop(Till, { globalState: { selector: ({ coupon }) => ({ coupon }) } }),
    )
    const before = result.current.globalState
    rerender()
    expect(result.current.globalState).toBe(before)
  })

  test('updates the store, by a patch or by a function, and stays the same function', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { result } = await use(server, () => useShop(Till, { globalState: both }))
    const { updateGlobal } = result.current
    await doing(server, () => updateGlobal({ coupon: 'TEA' }))
    await doing(server, () => updateGlobal(({ total }) => ({ total: total + 2 })))
    expect(store.getState()).toEqual({ coupon: 'TEA', total: 2 })
    expect(result.current.updateGlobal).toBe(updateGlobal)
    expect(writes(server)).toEqual(['TEA'])
  })

  test('has one bond for a handle, however many show it', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => {
      useShop(Till, { componentId: 'desk', globalState: both })
      useShop(Till, { componentId: 'desk', globalState: both })
    })
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    expect(writes(server)).toEqual(['TEA'])
  })

  test('tells several components of one store', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { result } = await use(server, () => [
      useShop(Till, { globalState: { bind: { coupon: ({ coupon }) => coupon } } }),
      useShop(Till, { globalState: { bind: { note: ({ coupon }) => coupon } } }),
    ])
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    const [first, second] = result.current
    expect([first?.state?.coupon, second?.state?.note]).toEqual(['TEA', 'TEA'])
  })

  test('goes on where it was when it is shown again, with a named instance', async () => {
    const server = tilling()
    const store = create<Shop & LiveSlice>()((...a) => ({
      ...liveSlice(server.client)(...a),
      coupon: '',
      total: 0,
    }))
    const useShop = bindLive(store)
    const hook = ({ on }: { on: boolean }) => {
      useShop(Till, { componentId: 'kept' })
      useShop(Till, { componentId: on ? 'kept' : 'other', globalState: { bind: both.bind } })
    }
    const { rerender } = await use(server, hook, { on: true })
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    await doing(server, () => rerender({ on: false }))
    await doing(server, () => server.push(Till, { coupon: 'THEIRS' }))
    const before = writes(server).length
    await doing(server, () => rerender({ on: true }))
    // The store has not changed meanwhile, so it has nothing to say.
    expect(writes(server)).toHaveLength(before)
  })
})
