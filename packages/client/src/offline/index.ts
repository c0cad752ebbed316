/**
 * The offline outbox: an entry point of its own, which a page that does not ask for it does not pay for.
 */

export type { Conflict, ConflictCall } from './conflicts.js'
export { type OfflineOptions, type OfflineOutbox, offlineOutbox, outboxOf } from './outbox.js'
export { type ActionPolicies, type ActionPolicy, type ComponentPolicy, type Merge, policy } from './policy.js'
export type { OutboxState, OutboxView } from './state.js'
