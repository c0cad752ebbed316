/** What the tests of forms share: a form of a server that has an opinion on it, and its page. */

import { type Component, component, type Form, LiveError } from '@fluxstack/client'
import { type FakeServer, type FakeServerOptions, fakeServer } from '@fluxstack/client/testing'
import { useLive } from '@fluxstack/react'
import { type FormOptions, FormSummary, useForm } from '@fluxstack/react/forms'
import { act, screen } from '@testing-library/react'
import { userEvent } from '@testing-library/user-event'
import type { ReactNode } from 'react'
import { show } from '../page.js'

export interface Account {
  email: string
  name: string
  age: number | null
  plan: 'free' | 'solo' | 'team'
  newsletter: boolean
  tags: string[]
  lines: { what: string; amount: number | null }[]
}
export interface SignupShape {
  props: Record<never, never>
  state: { form: Form<Account>; done: boolean }
  writable: Record<never, never>
  actions: {
    change(args: { values: Account }): void
    submit(args: { values: Account; password: string }): string
    add(): void
  }
  event: never
}
export const Signup: Component<SignupShape> = component<SignupShape>('Signup')

export const EMPTY: Account = {
  email: '',
  name: '',
  age: null,
  plan: 'free',
  newsletter: false,
  tags: [],
  lines: [{ what: 'tea', amount: 1 }],
}

/** What the server says of values. */
function errorsOf({ email, age, lines }: Account): Record<string, string> {
  const errors: Record<string, string> = {}
  if (!email.includes('@')) errors.email = 'an address has an @ in it'
  if (age === null) errors.age = 'tell us how old you are'
  else if (age < 16) errors.age = 'you must be 16 or older'
  lines.forEach(({ amount }, at) => {
    if (!amount) errors[`lines.${at}.amount`] = 'how many?'
  })
  return errors
}

const formOf = (values: Account, tried: boolean): Form<Account> => ({
  values,
  errors: errorsOf(values),
  tried,
})

export const signingUp = (options?: FakeServerOptions): FakeServer =>
  fakeServer(options).mounted(
    Signup,
    { form: formOf(EMPTY, false), done: false },
    {
      change(state, { values }) {
        state.form = formOf({ ...values, name: values.name.trimStart() }, state.form.tried)
      },
      submit(state, { values, password }) {
        const errors = { ...errorsOf(values), ...((password ?? '').length < 3 && { password: 'too short' }) }
        state.form = formOf(values, true)
        if (Object.keys(errors).length > 0)
          throw new LiveError('INVALID', 'some fields need attention', errors)
        state.done = true
        return `welcome ${values.email}`
      },
      add(state) {
        state.form = formOf(
          { ...state.form.values, lines: [...state.form.values.lines, { what: 'cake', amount: 1 }] },
          state.form.tried,
        )
      },
    },
  )

export type Options = Partial<FormOptions<SignupShape, Account, 'submit'>>

/** Hands out what the form is as of the last render. */
export interface Shown {
  form?: ReturnType<typeof useSignupForm>
}

export function useSignupForm(options: Options = {}) {
  const signup = useLive(Signup, { componentId: 'me' })
  const form = useForm(signup, 'form', { change: 'change', submit: 'submit', ...options })
  return { signup, ...form }
}

export function SignupPage({
  options,
  shown,
  withAction,
}: {
  options?: Options
  shown?: Shown
  withAction?: boolean
}): ReactNode {
  const form = useSignupForm(options)
  if (shown) shown.form = form
  if (!form.values) return <p>…</p>
  const complaint = (name: Parameters<typeof form.error>[0]): ReactNode =>
    form.error(name) && <em {...form.errorProps(name)}>{form.error(name)}</em>
  return (
    <form {...(withAction ? { action: form.action, noValidate: true } : form.formProps)}>
      <FormSummary form={form} title="Please look at these:" />
      <label>
        email <input type="email" {...form.field('email', { describedBy: 'hint' })} />
      </label>
      <span id="hint">we do not write often</span>
      {complaint('email')}
      <label>
        name <input {...form.field('name')} />
      </label>
      <label>
        age <input type="number" {...form.field('age')} />
      </label>
      {complaint('age')}
      <label>
        plan
        <select {...form.field('plan')}>
          <option>free</option>
          <option>solo</option>
          <option>team</option>
        </select>
      </label>
      {(['free', 'solo', 'team'] as const).map((plan) => (
        <label key={plan}>
          {plan} plan <input type="radio" {...form.field('plan', { option: plan })} />
        </label>
      ))}
      <label>
        newsletter <input type="checkbox" {...form.field('newsletter')} />
      </label>
      <label>
        tags
        <select multiple {...form.field('tags')}>
          <option>red</option>
          <option>green</option>
        </select>
      </label>
      {['red', 'green'].map((tag) => (
        <label key={tag}>
          {tag} tag <input type="checkbox" {...form.field('tags', { option: tag })} />
        </label>
      ))}
      <label>
        amount <input type="number" {...form.field('lines.0.amount')} />
      </label>
      {complaint('lines.0.amount')}
      <label>
        password <input type="password" {...form.extra('password')} />
      </label>
      {complaint('password')}
      <button type="submit">sign up</button>
      <output>{`${form.dirty ? 'dirty' : 'clean'} ${form.pending ? 'pending' : 'settled'}`}</output>
      <p data-testid="server">{form.signup.state?.form.values.email}</p>
    </form>
  )
}

/** Renders the page, with somebody who types. */
export async function fillIn(server: FakeServer, props: Parameters<typeof SignupPage>[0] = {}) {
  const user = userEvent.setup({ delay: null })
  const shown: Shown = {}
  const screenful = await show(server, <SignupPage shown={shown} {...props} />)
  const settled = (): Promise<void> => act(() => server.settled())
  return {
    ...screenful,
    user,
    settled,
    form: () => shown.form as NonNullable<Shown['form']>,
    input: (name: string) => screen.getByLabelText<HTMLInputElement>(name, { exact: true }),
    /** Somebody does something, and the server says everything. */
    async by(what: () => Promise<unknown>): Promise<void> {
      await what()
      await settled()
    },
    /** Does something, and waits until the server has said everything. */
    async doing(what: () => unknown): Promise<void> {
      await act(async () => {
        await what()
        await server.settled()
      })
    },
  }
}

/** The values of every call of an action so far. */
export const sent = (server: FakeServer, action = 'change'): Account[] =>
  server.calls
    .filter((call) => call.action === action)
    .map(({ args }) => (args as { values: Account }).values)
