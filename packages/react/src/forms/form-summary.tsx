/**
 * What is wrong with a form, in one place: for those who do not see where it is.
 */

import type { ReactNode } from 'react'
import type { Problem } from './form-types.js'

/** What a summary shows. */
export interface FormSummaryProps {
  /** What `useForm` gave. */
  readonly form: {
    readonly tried: boolean
    readonly failure: { readonly message: string } | undefined
    readonly problems: readonly Problem[]
  }
  /** What it says first. */
  readonly title: ReactNode
  /** What an input is called. Default: only what is wrong with it. */
  readonly label?: (name: string) => ReactNode
  /** Hears which input was picked, to show the part of the form it is in. The focus follows. */
  readonly onPick?: (name: string) => void
  readonly className?: string
}

/**
 * Shows what is wrong once somebody tried to hand the form in: a list of links to the inputs, read out when it
 * appears.
 *
 * @example
 * <FormSummary form={form} title="Please look at these:" />
 */
export function FormSummary({ form, title, label, onPick, className }: FormSummaryProps): ReactNode {
  const { failure, problems } = form
  if (!failure && !(form.tried && problems.length > 0)) return null
  return (
    <div role="alert" className={className}>
      <p>{failure ? failure.message : title}</p>
      <ul>
        {problems.map(({ name, error, id, focus }) => (
          <li key={name}>
            <a
              href={`#${id}`}
              onClick={(event) => {
                event.preventDefault()
                onPick?.(name)
                focus()
              }}
            >
              {label && <>{label(name)}: </>}
              {error}
            </a>
          </li>
        ))}
      </ul>
    </div>
  )
}
