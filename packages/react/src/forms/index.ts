/**
 * Forms over a component's state: what is typed shows at once, what is wrong with it the server says.
 */

export type { Outcome } from './draft.js'
export { FormSummary, type FormSummaryProps } from './form-summary.js'
export type {
  Extras,
  FieldOptions,
  FormAction,
  FormName,
  FormOptions,
  FormTools,
  FormValues,
  OptionProps,
  Problem,
  TakesValues,
} from './form-types.js'
export type { BoundEvent, ErrorProps, InputProps, Showing } from './input.js'
export type { Pacing, SyncOn } from './pacer.js'
export type { FieldPath, ValueAt } from './paths.js'
export { type Bound, type BoundOptions, useBound } from './use-bound.js'
export { useForm } from './use-form.js'
