/** A labelled input with the server's complaint about what is in it. */

import type { Bound } from '@fluxstack/react/forms'
import { type InputHTMLAttributes, useId } from 'react'

type FieldProps<T> = Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'> & {
  readonly label: string
  readonly hint: string
  readonly bound: Bound<T>
  /** A complaint from elsewhere: saving found something that typing did not. */
  readonly complaint: string | undefined
  readonly onTouched: () => void
  readonly id: string
}

export function Field<T extends string | number>(props: FieldProps<T>) {
  const { label, hint, bound, complaint, onTouched, id, ...input } = props
  const unique = useId()
  const wrong = bound.error ?? complaint
  const about = `${unique}-about`
  return (
    <div className="field">
      <label htmlFor={unique}>{label}</label>
      <input
        {...input}
        id={unique}
        value={bound.value ?? ''}
        onChange={(event) => {
          onTouched()
          bound.onChange(event)
        }}
        aria-invalid={wrong !== undefined}
        aria-describedby={about}
        data-testid={id}
      />
      <p
        id={about}
        className={wrong === undefined ? 'hint' : 'complaint'}
        aria-live="polite"
        data-testid={`${id}-complaint`}
      >
        {wrong ?? hint}
      </p>
    </div>
  )
}
