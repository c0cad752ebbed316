/**
 * FluxStack Live for React: a provider and hooks over `@fluxstack/client`.
 */

export type { EventHandlers, Live, LiveOptions, LiveTools } from './live.js'
export { type ConnectionView, LiveProvider, useConnection, useLiveClient, useUser } from './provider.js'
export { useLive } from './use-live.js'
