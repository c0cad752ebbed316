/**
 * The hook of a store: `useLive`, and beside it what the store and the component have to do with each other.
 *
 * Rendering reads and nothing else; what is kept together is kept together by effects, so that a render that
 * is thrown away leaves nothing behind, a server renders what the store begins with, and strict mode's
 * second effect finds the bond of the first.
 */

import type {
  Component,
  ComponentShape,
  Components,
  LiveHandle,
  OptionalIfEmpty,
  ShapeOf,
  StateOf,
} from '@fluxstack/client'
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import { shallow } from 'zustand/shallow'
import type { LiveOptions } from '../live.js'
import { useLive } from '../use-live.js'
import { type Bond, createBond, type Holder } from './bond.js'
import { recorderOf } from './recorder.js'
import type { BindableStore, BoundLive, GlobalOptions } from './shapes.js'

/** What the bound hook takes: what `useLive` takes, and the store's part. */
export type BoundOptions<C extends ComponentShape, S, G, T> = LiveOptions<C, S> & {
  readonly globalState?: GlobalOptions<C, G, T>
}

/** `useLive` for one store. */
export interface UseBoundLive<G> {
  <C extends ComponentShape, S = StateOf<C>, T = undefined>(
    component: Component<C>,
    options: BoundOptions<C, S, G, T>,
  ): BoundLive<C, S, G, T>
  <C extends ComponentShape>(
    component: Component<C>,
    ...options: OptionalIfEmpty<BoundOptions<C, StateOf<C>, G, undefined>>
  ): BoundLive<C, StateOf<C>, G, undefined>
  <N extends keyof Components, S = StateOf<ShapeOf<N>>, T = undefined>(
    options: { readonly name: N } & BoundOptions<ShapeOf<N>, S, G, T>,
  ): BoundLive<ShapeOf<N>, S, G, T>
}

/**
 * `useLive`, bound to a zustand store. Call it once for a store, beside it. With the slice of `liveSlice` in
 * the store, every component the hook mounts shows in it; without, the hook does everything else.
 *
 * @example
 * export const useLiveTill = bindLive(useTill)
 *
 * const till = useLiveTill(Till, {
 *   globalState: {
 *     selector: ({ coupon }) => coupon,
 *     bind: { coupon: ({ coupon }) => coupon },
 *     updater: ({ coupon, total }) => ({ coupon, total }),
 *   },
 * })
 * return <input value={till.globalState} onChange={(e) => till.updateGlobal({ coupon: e.target.value })} />
 */
export function bindLive<G>(store: BindableStore<G>): UseBoundLive<G> {
  const bonds = new WeakMap<object, Bond>()
  const names = new WeakMap<object, string>()
  const bound: BoundStore<G> = {
    store,
    names,
    bondOf(handle) {
      const known = bonds.get(handle)
      if (known) return known
      const made = createBond(store, handle, () => names.get(handle) ?? '', recorderOf(store))
      bonds.set(handle, made)
      return made
    },
  }
  return useBoundLive.bind(undefined, bound) as unknown as UseBoundLive<G>
}

interface BoundStore<G> {
  readonly store: BindableStore<G>
  /** What handles are called in the store. */
  readonly names: WeakMap<object, string>
  readonly bondOf: <C extends ComponentShape>(handle: LiveHandle<C>) => Bond
}

function useBoundLive<C extends ComponentShape, S, G, T>(
  { store, names, bondOf }: BoundStore<G>,
  first: { readonly name: string } & Partial<BoundOptions<C, S, G, T>>,
  second?: BoundOptions<C, S, G, T>,
): BoundLive<C, S, G, T> {
  const options: Partial<BoundOptions<C, S, G, T>> = second ?? first
  const { componentId, globalState: wanted = {} } = options
  // The overloads say what goes together, and are those of `useLive`.
  const live = useLive(first as unknown as Component<C>, options as LiveOptions<C, S>)
  const { handle } = live
  const base = componentId === undefined ? first.name : `${first.name}:${componentId}`

  useEffect(() => {
    const tracked = recorderOf(store)?.track(base, handle)
    names.set(handle, tracked?.name ?? base)
    return tracked?.leave
  }, [store, names, handle, base])

  const latest = useRef(wanted)
  useEffect(() => {
    latest.current = wanted
    // A binding may have closed over something that this render has changed.
    bondOf(handle).look()
  })
  useEffect(() => bondOf(handle).enter((() => latest.current) as Holder), [bondOf, handle])

  const globalState = useSelected(store, wanted.selector)
  const updateGlobal = useCallback<BoundLive<C, S, G, T>['updateGlobal']>(
    (patch, why) => {
      const next = typeof patch === 'function' ? patch(store.getState()) : patch
      store.setState(next, false, why ?? `live/${names.get(handle) ?? base}/updateGlobal`)
    },
    [store, names, handle, base],
  )
  return useMemo(
    () => ({ ...live, globalState, updateGlobal }) as BoundLive<C, S, G, T>,
    [live, globalState, updateGlobal],
  )
}

/** What is selected; the same object as long as it is shallowly the same. */
function useSelected<G, T>(store: BindableStore<G>, selector: ((global: G) => T) | undefined): T | undefined {
  const committed = useRef<{ readonly selected: T | undefined } | undefined>(undefined)
  const [read, readInitial] = useMemo(() => {
    const look = (get: () => G): (() => T | undefined) => {
      let last: { readonly of: G; readonly selected: T | undefined } | undefined
      return () => {
        const global = get()
        if (last && Object.is(last.of, global)) return last.selected
        const before = last ?? committed.current
        const next = selector?.(global)
        const selected = before && shallow(before.selected, next) ? before.selected : next
        last = { of: global, selected }
        return selected
      }
    }
    return [look(store.getState), look(store.getInitialState)]
  }, [store, selector])
  const selected = useSyncExternalStore(store.subscribe, read, readInitial)
  useEffect(() => {
    committed.current = { selected }
  }, [selected])
  return selected
}
