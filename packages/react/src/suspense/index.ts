/**
 * FluxStack Live for pages built of Suspense: a hook that always has a state, an error boundary, preloading, and
 * what a page rendered on a server begins with.
 */

export type { LiveStates } from './entries.js'
export { LiveErrorBoundary, type LiveErrorBoundaryProps } from './error-boundary.js'
export { dehydrate, hydrate } from './server-states.js'
export { type LiveSuspense, preload, remount, useLiveSuspense } from './use-live-suspense.js'
