/**
 * What inputs say and want to be told: the one place that knows checkboxes from selects.
 */

/** As much of a change event as is looked at. */
export interface BoundEvent {
  readonly target: {
    readonly value: string
    readonly type?: string
    readonly checked?: boolean
    readonly multiple?: boolean
    readonly selectedOptions?: Iterable<{ readonly value: string }>
  }
}

/** What an `<input>`, a `<select>` or a `<textarea>` takes to show a value. */
export type Showing<T> = [T] extends [boolean | null | undefined]
  ? { readonly checked: boolean }
  : { readonly value: Extract<T, string | number | readonly string[]> | '' }

/** What every bound input gets, whatever it shows. */
export interface InputProps {
  readonly id: string
  readonly name: string
  readonly onChange: (event: BoundEvent) => void
  readonly onBlur: () => void
  readonly 'aria-invalid': true | undefined
  readonly 'aria-describedby': string | undefined
}

/** What the element with the complaint gets, so that the input can point to it. */
export interface ErrorProps {
  readonly id: string
  readonly role: 'alert'
}

/** How an input shows a value. */
export function showing<T>(value: T | undefined): Showing<T> {
  // Whether it is a checkbox the value decides; the type says the same of it.
  return (typeof value === 'boolean' ? { checked: value } : { value: value ?? '' }) as unknown as Showing<T>
}

/**
 * The value in a change event, or the value itself. Text is a number where a number is expected: in an input
 * for numbers, and where there was one (`before`). Without a number it is `null`, which is what the server
 * takes for nothing.
 */
export function valueIn<T>(input: T | BoundEvent, name: string, before?: unknown): T {
  const target = (input as BoundEvent | null | undefined)?.target
  if (!target) return input as T
  const { type, value, checked, multiple, selectedOptions } = target
  if (type === 'file') {
    throw new TypeError(`"${name}" is a file: no state holds files. Upload it, and send the name it got`)
  }
  if (type === 'checkbox') return checked as T
  if (multiple && selectedOptions) return Array.from(selectedOptions, (option) => option.value) as T
  if (type === 'number' || type === 'range' || typeof before === 'number') {
    const number = value.trim() === '' ? Number.NaN : Number(value)
    return (Number.isNaN(number) ? null : number) as T
  }
  return value as T
}
