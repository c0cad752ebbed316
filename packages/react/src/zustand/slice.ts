/**
 * What an author puts into a store, and what they keep out of its storage.
 */

import type { Component, ComponentShape, LiveClient, LiveHandle } from '@fluxstack/client'
import type { PersistStorage } from 'zustand/middleware'
import { shallow } from 'zustand/shallow'
import { createRecorder, type LiveSliceOptions, recorderOf } from './recorder.js'
import type { LiveSlice } from './shapes.js'

/** Of what zustand hands to a slice, as much as is used: every middleware has it. */
type Creator = (
  set: (patch: LiveSlice, replace: false, action: string) => unknown,
  get: unknown,
  store: { setState(patch: LiveSlice, replace: false, action: string): unknown },
) => LiveSlice

/**
 * A slice for a zustand store, `liveComponents`: every component that is mounted through the hook of
 * `bindLive`, or given to {@link trackLive}, with its events and its conflicts. Redux DevTools shows each
 * change by name: `live/Till/delta`.
 *
 * @example
 * const useTill = create<TillState & LiveSlice>()(
 *   devtools((...store) => ({ ...liveSlice(client)(...store), coupon: '', total: 0 })),
 * )
 */
export function liveSlice(client: LiveClient, options: LiveSliceOptions = {}): Creator {
  return (_set, _get, store) => ({
    // Its `setState` when it is wanted: by then the middleware around it is there.
    liveComponents: createRecorder(
      client,
      (liveComponents, action) => store.setState({ liveComponents }, false, action),
      options,
    ),
  })
}

/**
 * Has a handle in the slice that no hook of `bindLive` mounted, and keeps it mounted. Returns how to stop.
 *
 * @example
 * useEffect(() => trackLive(useTill, Clock, clock.handle), [clock.handle])
 */
export function trackLive<C extends ComponentShape>(
  store: { getInitialState(): LiveSlice },
  component: Component<C>,
  handle: LiveHandle<C>,
): () => void {
  const recorder = recorderOf(store)
  if (!recorder) throw new Error('trackLive: the store has no liveSlice(client)')
  return recorder.track(component.name, handle).leave
}

/**
 * The state without the live slice, for `partialize` of zustand's `persist`: what is live is the server's to
 * bring back.
 *
 * @example
 * persist(creator, { name: 'till', partialize: withoutLive })
 */
export function withoutLive<G extends object>(state: G): Omit<G, 'liveComponents'> {
  const { liveComponents: _live, ...rest } = state as G & Partial<LiveSlice>
  return rest
}

/**
 * A storage for `persist` that is written only when what is kept has changed. Without it every delta would
 * write the same again.
 *
 * @example
 * persist(creator, {
 *   name: 'till',
 *   partialize: withoutLive,
 *   storage: changesOnly(createJSONStorage(() => localStorage)),
 * })
 */
export function changesOnly<S>(storage: PersistStorage<S> | undefined): PersistStorage<S> | undefined {
  if (!storage) return undefined
  const written = new Map<string, { readonly state: S; readonly version?: number }>()
  return {
    getItem: (name) => storage.getItem(name),
    setItem(name, value) {
      const last = written.get(name)
      if (last && last.version === value.version && shallow(last.state, value.state)) return undefined
      const done = storage.setItem(name, value)
      written.set(name, value)
      return done
    },
    removeItem(name) {
      written.delete(name)
      return storage.removeItem(name)
    },
  }
}
