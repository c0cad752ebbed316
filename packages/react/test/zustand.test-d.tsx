import type { LiveClient, LiveError } from '@fluxstack/client'
import {
  bindLive,
  changesOnly,
  type LiveConflict,
  type LiveEntry,
  type LiveSlice,
  liveSlice,
  trackLive,
  withoutLive,
} from '@fluxstack/react/zustand'
import { describe, expectTypeOf, test } from 'vitest'
import { create, createStore } from 'zustand'
import { createJSONStorage, devtools, persist, subscribeWithSelector } from 'zustand/middleware'
import { immer } from 'zustand/middleware/immer'
import { Counter } from '../../client/test/shapes.js'
import { Till, type TillShape } from './till.js'

declare const client: LiveClient
interface Shop {
  coupon: string
  total: number
  clear: () => void
}
const plain = create<Shop>()((set) => ({ coupon: '', total: 0, clear: () => set({ coupon: '' }) }))
const useShop = bindLive(plain)

describe('the bound hook', () => {
  test('gives what useLive gives, with the state typed by its status', () => {
    const till = useShop(Till)
    expectTypeOf(till.state).toEqualTypeOf<Readonly<TillShape['state']> | undefined>()
    expectTypeOf(till.globalState).toEqualTypeOf<undefined>()
    expectTypeOf(till.call.scan({ item: 'tea', price: 1 })).toEqualTypeOf<Promise<void>>()
    // @ts-expect-error there may be no state yet
    till.state.total
    if (till.status === 'failed') expectTypeOf(till.error).toEqualTypeOf<LiveError>()
    if (till.status === 'live') expectTypeOf(till.state).toEqualTypeOf<Readonly<TillShape['state']>>()
    // @ts-expect-error changing the state is an action's work
    if (till.status === 'live') till.state.total = 1
  })

  test('has what was selected, of the store and of the component', () => {
    const till = useShop(Till, {
      select: (state) => state.items.length,
      globalState: { selector: (global) => ({ has: global.coupon !== '' }) },
    })
    expectTypeOf(till.globalState).toEqualTypeOf<{ has: boolean }>()
    expectTypeOf(till.state).toEqualTypeOf<number | undefined>()
    // @ts-expect-error no such field in the store
    useShop(Till, { globalState: { selector: (global) => global.nothing } })
  })

  test('demands the props that are required', () => {
    useShop(Counter, { props: { count: 1 } })
    // @ts-expect-error the props are missing
    useShop(Counter)
    // @ts-expect-error the props are missing
    useShop(Counter, { globalState: {} })
    const counter = useShop({
      name: 'Counter',
      props: { count: 1 },
      globalState: { selector: ({ total }) => total },
    })
    expectTypeOf(counter.globalState).toEqualTypeOf<number>()
    expectTypeOf(counter.state?.count).toEqualTypeOf<number | undefined>()
  })

  test('binds writable fields to values of their type, and nothing else', () => {
    useShop(Till, { globalState: { bind: { coupon: (global) => global.coupon } } })
    useShop(Till, { globalState: { bind: { note: (global) => global.coupon || undefined } } })
    // @ts-expect-error the total is the component's own
    useShop(Till, { globalState: { bind: { total: (global) => global.total } } })
    // @ts-expect-error a coupon is a string
    useShop(Till, { globalState: { bind: { coupon: (global) => global.total } } })
    // @ts-expect-error a counter has nothing to write
    useShop(Counter, { props: { count: 1 }, globalState: { bind: { count: () => 1 } } })
  })

  test('takes updaters that make a part of the store, or nothing', () => {
    useShop(Till, { globalState: { updater: ({ coupon, total }) => ({ coupon, total }) } })
    useShop(Till, {
      globalState: {
        updater: (state, global) => {
          expectTypeOf(state).toEqualTypeOf<Readonly<TillShape['state']>>()
          expectTypeOf(global).toEqualTypeOf<Shop>()
          if (state.total > global.total) return { total: state.total }
        },
        onConflict: (conflict) => expectTypeOf(conflict).toEqualTypeOf<LiveConflict>(),
      },
    })
    // @ts-expect-error a total is a number
    useShop(Till, { globalState: { updater: ({ coupon }) => ({ total: coupon }) } })
  })

  test('updates the store with a part of it', () => {
    const { updateGlobal } = useShop(Till)
    updateGlobal({ coupon: 'TEA' })
    updateGlobal(({ total }) => ({ total: total + 1 }), 'one more')
    // @ts-expect-error a coupon is a string
    updateGlobal({ coupon: 1 })
    // @ts-expect-error no such field
    updateGlobal({ discount: 1 })
  })
})

describe('the slice', () => {
  interface Mixed extends LiveSlice {
    coupon: string
  }

  test('goes into every store', () => {
    createStore<LiveSlice>()(liveSlice(client))
    create<Mixed>()((...a) => ({ ...liveSlice(client)(...a), coupon: '' }))
    create<Mixed>()(devtools((...a) => ({ ...liveSlice(client)(...a), coupon: '' })))
    create<Mixed>()(immer((...a) => ({ ...liveSlice(client)(...a), coupon: '' })))
    create<Mixed>()(subscribeWithSelector((...a) => ({ ...liveSlice(client)(...a), coupon: '' })))
    create<Mixed>()(
      persist((...a) => ({ ...liveSlice(client)(...a), coupon: '' }), {
        name: 'shop',
        partialize: withoutLive,
        storage: changesOnly(createJSONStorage(() => localStorage)),
      }),
    )
  })

  test('and every store can be bound', () => {
    const store = create<Mixed>()(
      devtools(
        persist(subscribeWithSelector(immer((...a) => ({ ...liveSlice(client)(...a), coupon: '' }))), {
          name: 'shop',
          partialize: withoutLive,
        }),
      ),
    )
    const useMixed = bindLive(store)
    const till = useMixed(Till, {
      globalState: { selector: ({ liveComponents }) => liveComponents.components },
    })
    expectTypeOf(till.globalState).toEqualTypeOf<Readonly<Record<string, LiveEntry>>>()
    till.updateGlobal({ coupon: 'TEA' })
    const vanilla = bindLive(createStore<{ coupon: string }>()(() => ({ coupon: '' })))
    vanilla(Till, { globalState: { bind: { coupon: ({ coupon }) => coupon } } })
    trackLive(store, Till, till.handle)
    // @ts-expect-error that store has no slice
    trackLive(plain, Till, till.handle)
  })

  test('stays out of what is kept', () => {
    const kept = withoutLive({ coupon: '', liveComponents: {} })
    expectTypeOf(kept).toEqualTypeOf<{ coupon: string }>()
  })
})
