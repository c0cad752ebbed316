/**
 * Forms over a component's state: what is typed shows at once, what is wrong with it the server says.
 */

export { type Bound, type BoundEvent, useBound } from './use-bound.js'
