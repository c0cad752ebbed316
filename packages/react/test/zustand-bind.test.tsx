// @vitest-environment jsdom
import type { LiveConflict } from '@fluxstack/react/zustand'
import { bindLive, type LiveSlice, liveSlice } from '@fluxstack/react/zustand'
import { act, cleanup } from '@testing-library/react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { create, type StoreApi, type UseBoundStore } from 'zustand'
import { doing, EMPTY, Till, tilling, use, writes } from './till.js'

afterEach(cleanup)
afterEach(() => vi.restoreAllMocks())

interface Shop {
  coupon: string
  total: number
}
type ShopStore = UseBoundStore<StoreApi<Shop>>
const shop = (first: Partial<Shop> = {}): ShopStore =>
  create<Shop>()(() => ({ coupon: '', total: 0, ...first }))

/** Both directions of the coupon, one of the total. */
const both = {
  bind: { coupon: (global: Shop) => global.coupon },
  updater: ({ coupon, total }: { coupon: string; total: number }) => ({ coupon, total }),
}

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

describe('who wins', () => {
  const watched = (): { conflicts: LiveConflict[]; onConflict: (conflict: LiveConflict) => void } => {
    const conflicts: LiveConflict[] = []
    return { conflicts, onConflict: (conflict) => conflicts.push(conflict) }
  }

  test('a refusal goes to the store and is told', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { conflicts, onConflict } = watched()
    await use(server, () => useShop(Till, { globalState: { ...both, onConflict } }))
    server.refuse('INVALID', 'no such coupon', { coupon: 'unknown' })
    await doing(server, () => store.setState({ coupon: 'FREE' }))
    expect(store.getState().coupon).toBe('')
    expect(writes(server)).toEqual(['FREE'])
    expect(conflicts).toEqual([
      {
        component: 'Till',
        field: 'coupon',
        reason: 'refused',
        winner: 'server',
        global: 'FREE',
        server: '',
        error: { code: 'INVALID', message: 'no such coupon', fields: { coupon: 'unknown' } },
        at: expect.any(Number),
      },
    ])
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    expect(writes(server)).toEqual(['FREE', 'TEA'])
  })

  test('without an updater the store keeps what was refused, and it is not written again', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { conflicts, onConflict } = watched()
    await use(server, () => useShop(Till, { globalState: { bind: both.bind, onConflict } }))
    server.refuse('INVALID')
    await doing(server, () => store.setState({ coupon: 'FREE' }))
    await doing(server, () => store.setState({ total: 1 }))
    await doing(server, () => server.push(Till, { total: 1 }))
    expect(store.getState().coupon).toBe('FREE')
    expect(writes(server)).toEqual(['FREE'])
    expect(conflicts.map(({ reason }) => reason)).toEqual(['refused'])
  })

  test("the server's change of a bound field goes to the store and is not written back", async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { conflicts, onConflict } = watched()
    await use(server, () => useShop(Till, { globalState: { ...both, onConflict } }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    await doing(server, () => server.push(Till, { coupon: '' }))
    expect(store.getState().coupon).toBe('')
    expect(writes(server)).toEqual(['TEA'])
    expect(conflicts).toEqual([])
  })

  test('a change that the updater does not take over is told', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { conflicts, onConflict } = watched()
    await use(server, () => useShop(Till, { globalState: { bind: both.bind, onConflict } }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    await doing(server, () => server.push(Till, { coupon: 'VOID' }))
    expect(conflicts).toMatchObject([{ reason: 'changed', winner: 'server', global: 'TEA', server: 'VOID' }])
    expect(writes(server)).toEqual(['TEA'])
  })

  test('when both changed at once the server has the last word', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, () => {
      server.push(Till, { coupon: 'THEIRS' })
      store.setState({ coupon: 'OURS' })
    })
    const { result } = await use(server, () => useShop(Till))
    expect(result.current.status).toBe('live')
    expect(store.getState().coupon).toBe(writes(server).at(-1))
  })
})

describe('after an absence', () => {
  test('a change of the store is written when the connection is back', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    act(() => server.disconnect())
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    expect(writes(server)).toEqual([])
    await doing(server, () => server.reconnect())
    expect(writes(server)).toEqual(['TEA'])
    expect(store.getState().coupon).toBe('TEA')
  })

  test('a store that did not change takes what the server has', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    act(() => server.disconnect())
    server.push(Till, { coupon: 'THEIRS' })
    await doing(server, () => server.reconnect())
    expect(store.getState().coupon).toBe('THEIRS')
    expect(writes(server)).toEqual(['TEA'])
  })

  test('if both changed the store is written, and that is told', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const onConflict = vi.fn()
    await use(server, () => useShop(Till, { globalState: { ...both, onConflict } }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    act(() => server.disconnect())
    server.push(Till, { coupon: 'THEIRS' })
    await doing(server, () => store.setState({ coupon: 'OURS' }))
    await doing(server, () => server.reconnect())
    expect(writes(server)).toEqual(['TEA', 'OURS'])
    expect(store.getState().coupon).toBe('OURS')
    expect(onConflict.mock.calls).toMatchObject([
      [{ reason: 'both', winner: 'store', global: 'OURS', server: 'THEIRS' }],
    ])
  })

  test('a change back to what it was long ago is a change', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, async () => {
      server.push(Till, { coupon: 'THEIRS' })
      while (store.getState().coupon === '') await undefined
      server.disconnect()
      store.setState({ coupon: '' })
    })
    await doing(server, () => server.reconnect())
    expect(writes(server)).toEqual([''])
    expect(store.getState().coupon).toBe('')
  })

  test('a write whose answer was lost is done once', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, async () => {
      server.lose(1)
      store.setState({ coupon: 'TEA' })
      await server.settled()
      server.disconnect()
      store.setState({ coupon: 'CAKE' })
      server.reconnect()
    })
    expect(store.getState().coupon).toBe('CAKE')
    expect(new Set(writes(server))).toEqual(new Set(['TEA', 'CAKE']))
    expect(writes(server).at(-1)).toBe('CAKE')
  })

  test('a new instance hears what the store has, if anybody has touched it', async () => {
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { result } = await use(server, () => useShop(Till, { globalState: both }))
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    await doing(server, () => server.restart())
    expect(result.current.outcome?.kind).toBe('reset')
    expect(writes(server)).toEqual(['TEA', 'TEA'])
    expect([result.current.state?.coupon, store.getState().coupon]).toEqual(['TEA', 'TEA'])
  })

  test('a store that nobody has touched takes what the instance has, from the first mount on', async () => {
    const server = tilling().mounted(Till, { ...EMPTY, coupon: 'DAILY' })
    const store = shop()
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    expect(store.getState().coupon).toBe('DAILY')
    expect(writes(server)).toEqual([])
  })

  test('a store that was filled before is written at the first mount', async () => {
    const [server, store] = [tilling(), shop()]
    store.setState({ coupon: 'KEPT' })
    const useShop = bindLive(store)
    const { result } = await use(server, () => useShop(Till, { globalState: both }))
    expect(writes(server)).toEqual(['KEPT'])
    expect([result.current.state?.coupon, store.getState().coupon]).toEqual(['KEPT', 'KEPT'])
  })

  test('what the store had to say to a connection that hung is said again, not taken back', async () => {
    const [server, store] = [tilling({ timeout: 20 }), shop()]
    const useShop = bindLive(store)
    await use(server, () => useShop(Till, { globalState: both }))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    server.lose(1)
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    await doing(server, () => server.disconnect())
    await act(() => vi.advanceTimersByTimeAsync(100))
    vi.useRealTimers()
    expect(store.getState().coupon).toBe('TEA')
    await doing(server, () => server.reconnect())
    expect(store.getState().coupon).toBe('TEA')
  })
})

describe('updater and binding against each other', () => {
  test('are stopped, and both are named', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const onConflict = vi.fn()
    await use(server, () =>
      useShop(Till, {
        globalState: {
          bind: { note: ({ coupon }) => coupon },
          updater: ({ note }) => (note === '' ? {} : { coupon: `${note}!` }),
          onConflict,
        },
      }),
    )
    await doing(server, () => store.setState({ coupon: 'TEA' }))
    for (let round = 0; round < 5; round += 1) await doing(server, () => undefined)
    const many = writes(server, 'note').length
    expect(many).toBeGreaterThan(2)
    expect(many).toBeLessThan(30)
    expect(complaint).toHaveBeenCalledTimes(1)
    expect(complaint.mock.calls[0]?.[0]).toMatch(/"note".*"coupon"/)
    expect(onConflict.mock.calls.filter(([{ reason }]) => reason === 'loop')).toHaveLength(1)
    await doing(server, () => undefined)
    expect(writes(server, 'note')).toHaveLength(many)
  })

  test('are stopped when it takes two components to go in a circle', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () => {
      useShop(Till, {
        globalState: {
          bind: { note: ({ coupon }) => coupon },
          updater: ({ note }) => ({ total: Number(note) }),
        },
      })
      useShop(Till, {
        globalState: {
          bind: { coupon: ({ total }) => `${total}` },
          updater: ({ coupon }) => (coupon === '' ? {} : { coupon: `${Number(coupon) + 1}` }),
        },
      })
    })
    await doing(server, () => store.setState({ coupon: '1' }))
    for (let round = 0; round < 20; round += 1) await doing(server, () => undefined)
    const many = writes(server).length
    expect(many).toBeGreaterThan(2)
    expect(many).toBeLessThan(30)
    expect(complaint).toHaveBeenCalledTimes(1)
    await doing(server, () => undefined)
    expect(writes(server)).toHaveLength(many)
  })

  test('of two components may agree too', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    const { result } = await use(server, () => [
      useShop(Till, {
        globalState: { bind: both.bind, updater: ({ coupon }) => ({ coupon: coupon.toUpperCase() }) },
      }),
      useShop(Till, {
        globalState: { bind: both.bind, updater: ({ coupon }) => ({ coupon: coupon.toLowerCase() }) },
      }),
    ])
    await doing(server, () => store.setState({ coupon: 'Tea' }))
    const { coupon } = store.getState()
    expect(result.current.map(({ state }) => state?.coupon)).toEqual([coupon, coupon])
    expect(complaint).not.toHaveBeenCalled()
  })

  test('may agree after a word or two, at any speed of typing', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const [server, store] = [tilling(), shop()]
    const useShop = bindLive(store)
    await use(server, () =>
      useShop(Till, {
        globalState: { bind: both.bind, updater: ({ coupon }) => ({ coupon: coupon.toUpperCase() }) },
      }),
    )
    for (let letter = 0; letter < 40; letter += 1) {
      await doing(server, () => store.setState(({ coupon }) => ({ coupon: `${coupon}x` })))
    }
    expect(store.getState().coupon).toBe('X'.repeat(40))
    expect(writes(server).at(-1)).toBe('X'.repeat(40))
    expect(complaint).not.toHaveBeenCalled()
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
