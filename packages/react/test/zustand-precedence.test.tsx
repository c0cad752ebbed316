// @vitest-environment jsdom
import type { LiveConflict } from '@fluxstack/react/zustand'
import { bindLive } from '@fluxstack/react/zustand'
import { act, cleanup } from '@testing-library/react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { both, doing, EMPTY, shop, Till, tilling, use, writes } from './till.js'

afterEach(cleanup)
afterEach(() => vi.restoreAllMocks())

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
