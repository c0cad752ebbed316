/** A form in three steps, judged as a whole while it is filled in. Which step is open is state as well. */

import { useLive } from '@fluxstack/react'
import { type ErrorProps, FormSummary, useForm } from '@fluxstack/react/forms'
import type { ReactNode } from 'react'
import { useFormStatus } from 'react-dom'
import { type Account, Signup } from './live.gen'
import { cameBack } from './outcome'
import { Failure, Section, Skeleton } from './section'
import { announce } from './toasts'

const STEPS = ['Who you are', 'What you take', 'What you hear'] as const
const WHERE: readonly (readonly (keyof Account)[])[] = [['email', 'name'], ['age', 'plan'], ['newsletter']]
const PLANS = ['free', 'solo', 'team'] as const
const LABELS: Readonly<Record<keyof Account, string>> = {
  email: 'Email',
  name: 'Name',
  age: 'Age',
  plan: 'Plan',
  newsletter: 'Newsletter',
}

export function SignupForm() {
  const signup = useLive(Signup, { componentId: 'signup', onResume: cameBack })
  const form = useForm(signup, 'form', { change: 'change', submit: 'submit', debounceMs: 150 })
  const { step = 0, done = false } = signup.state ?? {}
  const stale = signup.status === 'stale'

  function go(to: number): void {
    form.flush()
    void signup.call.go({ step: to })
  }

  async function handIn(entries: FormData): Promise<void> {
    const outcome = await form.action(undefined, entries)
    if (outcome.ok) return
    // Where the first thing is that is wrong; the focus follows.
    const wrong = WHERE.flat().find((name) => name in outcome.error.fields)
    if (wrong) goTo(wrong)
  }

  function goTo(name: string): void {
    go(WHERE.findIndex((names) => names.some((it) => it === name)))
  }

  function again(): void {
    signup.call.reset().catch((cause: Error) => announce(cause.message, 'bad'))
  }

  /** What a line needs to know of its input. */
  const line = (name: keyof Account) => ({
    label: LABELS[name],
    input: form.field(name),
    error: form.error(name),
    errorProps: form.errorProps(name),
  })

  return (
    <Section
      title="Sign up"
      source="signup.rs"
      outcome={signup.outcome}
      about="Three steps, one form. Half filled, it survives a lost connection, a reload and a restart."
    >
      {signup.status === 'mounting' && <Skeleton lines={9} />}
      {signup.status === 'failed' && <Failure error={signup.error} retry={signup.reset} />}
      {signup.state && done && (
        <div className="signup" data-testid="signup-done">
          <p className="greeting" role="status">
            Welcome, {signup.state.form.values.name}.
          </p>
          <button type="button" onClick={again} data-testid="signup-again">
            Another one
          </button>
        </div>
      )}
      {signup.state && !done && (
        <form className="signup" action={handIn} noValidate data-testid="signup" data-pending={form.pending}>
          <ol className="steps">
            {STEPS.map((name, at) => (
              <li key={name}>
                <button
                  type="button"
                  className="quiet small"
                  aria-current={at === step ? 'step' : undefined}
                  onClick={() => go(at)}
                >
                  {at + 1} {name}
                </button>
              </li>
            ))}
          </ol>
          <FormSummary
            form={form}
            title="Something is missing still:"
            label={(name) => LABELS[name as keyof Account]}
            onPick={goTo}
            className="failure"
          />
          {step === 0 && (
            <>
              <Line {...line('email')}>
                <input type="email" autoComplete="email" {...form.field('email')} />
              </Line>
              <Line {...line('name')}>
                <input type="text" autoComplete="name" {...form.field('name')} />
              </Line>
            </>
          )}
          {step === 1 && (
            <>
              <Line {...line('age')}>
                <input type="number" inputMode="numeric" min={0} max={150} {...form.field('age')} />
              </Line>
              <fieldset className="choices">
                <legend>Plan</legend>
                {PLANS.map((plan) => (
                  <label key={plan}>
                    <input type="radio" {...form.field('plan', { option: plan })} /> {plan}
                  </label>
                ))}
              </fieldset>
            </>
          )}
          {step === 2 && (
            <Line {...line('newsletter')}>
              <input type="checkbox" {...form.field('newsletter')} />
            </Line>
          )}
          <div className="profile-foot">
            {step < STEPS.length - 1 ? (
              <button type="button" onClick={() => go(step + 1)} data-testid="signup-next">
                Next
              </button>
            ) : (
              <HandIn stale={stale} />
            )}
            <p className="muted" role="status" data-testid="signup-note">
              {stale
                ? 'Kept here until the server is back'
                : form.pending
                  ? 'Saving…'
                  : form.dirty
                    ? 'Kept'
                    : ''}
            </p>
          </div>
        </form>
      )}
    </Section>
  )
}

interface LineProps {
  readonly label: string
  readonly input: { readonly id: string }
  readonly error: string | undefined
  readonly errorProps: ErrorProps
  readonly children: ReactNode
}

/** A label, an input, and what is wrong with it. */
function Line({ label, input, error, errorProps, children }: LineProps) {
  return (
    <div className="field">
      <label htmlFor={input.id}>{label}</label>
      {children}
      {error !== undefined && (
        <p className="complaint" {...errorProps}>
          {error}
        </p>
      )}
    </div>
  )
}

function HandIn({ stale }: { readonly stale: boolean }) {
  const { pending } = useFormStatus()
  return (
    <button type="submit" className="primary" disabled={stale || pending} data-testid="signup-submit">
      {pending ? 'Signing up…' : 'Sign up'}
    </button>
  )
}
