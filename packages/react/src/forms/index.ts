/**
 * Forms over a component's state: what is typed shows at once, what is wrong with it the server says.
 */

export type { BoundEvent, ErrorProps, InputProps, Showing } from './input.js'
export type { Pacing, SyncOn } from './pacer.js'
export { type Bound, type BoundOptions, useBound } from './use-bound.js'
