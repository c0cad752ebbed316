/**
 * FluxStack Live for React: a provider and hooks over `@fluxstack/client`.
 */

export type { EventHandlers, Live, LiveOptions, LiveTools } from './live.js'
export { LiveProvider, useLiveClient } from './provider.js'
export { type ConnectionView, useConnection, useUser } from './use-connection.js'
export { useLive } from './use-live.js'
