// @vitest-environment jsdom
/** A form library of the author's choice: the adapter of `docs/forms.md`, as it stands there. */
import type { Form } from '@fluxstack/client'
import { type Live, useLive } from '@fluxstack/react'
import { act, cleanup, screen, waitFor } from '@testing-library/react'
import { userEvent } from '@testing-library/user-event'
import type { ReactNode } from 'react'
import { type FieldValues, type Resolver, set, useForm } from 'react-hook-form'
import { afterEach, expect, test } from 'vitest'
import { show } from '../page.js'
import { type Account, Signup, type SignupShape, sent, signingUp } from './signup.js'

afterEach(cleanup)

/** Has the server check the values, and brings its complaints in react-hook-form's shape. */
function liveResolver<T extends FieldValues>(
  change: (args: { values: T }) => Promise<unknown>,
  form: () => Form<T> | undefined,
): Resolver<T> {
  return async (values) => {
    await change({ values })
    const errors = {}
    for (const [name, message] of Object.entries(form()?.errors ?? {}))
      set(errors, name, { type: 'server', message })
    return Object.keys(errors).length > 0 ? { values: {}, errors } : { values, errors: {} }
  }
}

function Page(): ReactNode {
  const signup = useLive(Signup)
  return signup.state ? <Filled signup={signup} first={signup.state.form.values} /> : null
}

function Filled({ signup, first }: { signup: Live<SignupShape>; first: Account }): ReactNode {
  const form = useForm<Account>({
    defaultValues: first,
    mode: 'onChange',
    resolver: liveResolver<Account>(signup.call.change, () => signup.handle.getState().state?.form),
  })
  const { errors } = form.formState
  return (
    <form
      onSubmit={form.handleSubmit((values) => signup.call.submit({ values, password: 'secret' }))}
      noValidate
    >
      <input aria-label="email" {...form.register('email')} />
      <input aria-label="age" type="number" {...form.register('age', { valueAsNumber: true })} />
      {errors.email && <em role="alert">{errors.email.message}</em>}
      <button type="submit">sign up</button>
      <output>{signup.state?.done ? 'done' : signup.state?.form.values.email}</output>
    </form>
  )
}

test('react-hook-form shows what the server says of the values, and hands in what it takes', async () => {
  const user = userEvent.setup({ delay: null })
  const server = signingUp()
  await show(server, <Page />)
  const settled = async (): Promise<void> => {
    await act(() => server.settled())
    await act(() => server.settled())
  }
  await user.type(screen.getByLabelText('email'), 'ada')
  await settled()
  expect(screen.getByRole('alert').textContent).toBe('an address has an @ in it')
  await user.click(screen.getByRole('button'))
  await settled()
  expect(sent(server, 'submit')).toEqual([])
  await user.type(screen.getByLabelText('email'), '@example.com')
  await user.type(screen.getByLabelText('age'), '36')
  await settled()
  expect(screen.queryByRole('alert')).toBeNull()
  expect(screen.getByRole('status').textContent).toBe('ada@example.com')
  await user.click(screen.getByRole('button'))
  await settled()
  expect(sent(server, 'submit')).toMatchObject([{ email: 'ada@example.com', age: 36 }])
  // What comes in the frame of something else shows with the next one.
  await waitFor(() => expect(screen.getByRole('status').textContent).toBe('done'))
})
