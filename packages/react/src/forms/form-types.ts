/**
 * The types of `useForm`: what it takes, what it gives, and which names and actions fit a form.
 */

import type { ActionArgs, ActionName, ComponentShape, Form, LiveError } from '@fluxstack/client'
import type { Outcome } from './draft.js'
import type { ErrorProps, InputProps, Showing } from './input.js'
import type { Pacing } from './pacer.js'
import type { FieldPath, ValueAt } from './paths.js'

/** The fields of a component that are forms. */
export type FormName<C extends ComponentShape> = {
  [K in keyof C['state'] & string]: C['state'][K] extends Form<infer _> ? K : never
}[keyof C['state'] & string]

/** What is filled in in one of them. */
export type FormValues<C extends ComponentShape, F extends FormName<C>> =
  C['state'][F] extends Form<infer T> ? T : never

/** The actions that take the values of a form. */
export type TakesValues<C extends ComponentShape, T> = {
  [K in ActionName<C>]: ActionArgs<C['actions'][K]> extends readonly [infer A]
    ? T extends (A extends { readonly values: infer V } ? V : never)
      ? K
      : never
    : never
}[ActionName<C>]

/** What an action takes beside the values. */
export type Extras<C extends ComponentShape, K extends ActionName<C>> =
  ActionArgs<C['actions'][K]> extends readonly [infer A] ? Omit<A, 'values'> : Record<never, never>

/** How a form is filled in. */
export interface FormOptions<C extends ComponentShape, T, S extends ActionName<C>> extends Pacing {
  /** The action that takes the values while they are typed. */
  readonly change: TakesValues<C, T>
  /** The action that takes them for good, and answers `INVALID` with what is wrong. */
  readonly submit?: S | undefined
  /** Asks before the page is left with something filled in that was not handed in. Default false. */
  readonly guard?: boolean | undefined
}

/** How one input is shown. */
export interface FieldOptions {
  /** Which of several inputs with this name it is: of radio buttons, or of checkboxes for a list. */
  readonly option?: string | undefined
  /** The `id` of what else describes the input: a hint. */
  readonly describedBy?: string | undefined
}

/** One of several inputs with one name. */
export interface OptionProps extends InputProps {
  readonly value: string
  readonly checked: boolean
}

/** Something that is wrong, for a summary. */
export interface Problem {
  readonly name: string
  readonly error: string
  /** The `id` of its input. */
  readonly id: string
  /** Moves the focus there, as soon as it is there. */
  readonly focus: () => void
}

/** For `<form action>`, and for `useActionState`, whose state it makes the {@link Outcome}. */
export interface FormAction<R> {
  (entries: FormData): Promise<void>
  (previous: unknown, entries: FormData): Promise<Outcome<R>>
}

/** A form, as of this render. */
export interface FormTools<T, E, R> {
  /** What is filled in; undefined before the mount. */
  readonly values: T | undefined
  /** Everything for an input: `<input {...form.field('email')} />`. Checkboxes, selects and numbers too. */
  field<P extends FieldPath<T>>(name: P, options: FieldOptions & { readonly option: string }): OptionProps
  field<P extends FieldPath<T>>(name: P, options?: FieldOptions): InputProps & Showing<ValueAt<T, P>>
  /** The same for what is handed in and never in the state, such as a password. It begins with `first`. */
  extra<N extends keyof E & string>(name: N, first?: E[N], options?: FieldOptions): InputProps & Showing<E[N]>
  /** What is wrong with it, if somebody shall see that by now. */
  error(name: FieldPath<T> | (keyof E & string)): string | undefined
  /** For the element that shows the error. */
  errorProps(name: FieldPath<T> | (keyof E & string)): ErrorProps
  /** Fills in something, as if it was typed. */
  set<P extends FieldPath<T>>(name: P, value: ValueAt<T, P>): void
  /** The inputs that were left. */
  readonly touched: ReadonlySet<string>
  /** Somebody tried to hand it in. */
  readonly tried: boolean
  /** Something is filled in that was not, and is not handed in. */
  readonly dirty: boolean
  /** Something is on its way to the server. */
  readonly pending: boolean
  /** It is being handed in. */
  readonly submitting: boolean
  /** Why the server did nothing, if that was not about a field. */
  readonly failure: LiveError | undefined
  /** What is wrong, of all that somebody shall see: for a summary. */
  readonly problems: readonly Problem[]
  /** For `<form {...form.formProps}>`. */
  readonly formProps: {
    readonly noValidate: true
    readonly onSubmit: (event: { preventDefault(): void }) => void
  }
  /** For `<form action={form.action} noValidate>`. What is filled in stays there when it is refused. */
  readonly action: FormAction<R>
  /** Hands it in. Never rejects: the outcome says what came of it. */
  submit(extra?: Partial<E>): Promise<Outcome<R>>
  /** Sends what was typed, now. */
  flush(): void
  /** Fills in again what was there at the beginning. */
  reset(): void
}
