import { bindLive, changesOnly, type LiveSlice, liveSlice, withoutLive } from '@fluxstack/react/zustand'
import { create } from 'zustand'
import { createJSONStorage, devtools, persist } from 'zustand/middleware'
import { immer } from 'zustand/middleware/immer'
import { client } from './till-client.js'

interface Shop extends LiveSlice {
  coupon: string
  total: number
}

export const useShop = create<Shop>()(
  devtools((...store) => ({ ...liveSlice(client)(...store), coupon: '', total: 0 })),
)
export const useLiveShop = bindLive(useShop)

export const useKeptShop = create<Shop>()(
  devtools(
    persist(
      immer((...store) => ({ ...liveSlice(client)(...store), coupon: '', total: 0 })),
      {
        name: 'shop',
        partialize: withoutLive,
        storage: changesOnly(createJSONStorage(() => localStorage)),
      },
    ),
  ),
)
