/**
 * Live components in a zustand store, both ways. An entry point of its own, with zustand as a peer.
 *
 * `liveSlice` shows the components in the store, `bindLive` gives a `useLive` that keeps fields and store
 * together. Each works without the other. How it is used, and who wins when both sides disagree, is in
 * `docs/zustand.md`.
 */

export { type BoundOptions, bindLive, type UseBoundLive } from './bind-live.js'
export type { LiveSliceOptions } from './recorder.js'
export type {
  BindableStore,
  BoundLive,
  GlobalOptions,
  LiveComponents,
  LiveConflict,
  LiveEntry,
  LiveEvent,
  LivePerformance,
  LiveSlice,
} from './shapes.js'
export { changesOnly, liveSlice, trackLive, withoutLive } from './slice.js'
