/**
 * What the page knows of the shop, in a store of its own: the coupon, which anything on the page may change,
 * and the total, which the server says. Open Redux DevTools to see the till and the store in one place.
 */

import { bindLive, type LiveSlice, liveSlice } from '@fluxstack/react/zustand'
import { create } from 'zustand'
import { devtools } from 'zustand/middleware'
import { client } from './client'

interface Shop extends LiveSlice {
  readonly coupon: string
  /** In cents. */
  readonly total: number
}

export const useShop = create<Shop>()(
  devtools((...store) => ({ ...liveSlice(client)(...store), coupon: '', total: 0 }), {
    name: 'shop',
    // Also in the built page, so that visitors can look.
    enabled: true,
  }),
)

export const useLiveShop = bindLive(useShop)

/** Cents, as people write them. */
export function price(cents: number): string {
  return `€ ${(cents / 100).toFixed(2)}`
}
