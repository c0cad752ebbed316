/** Names and values of forms, as the compiler knows them. */

import type { Form, LiveError } from '@fluxstack/client'
import { useLive } from '@fluxstack/react'
import {
  type FieldPath,
  FormSummary,
  type Outcome,
  useBound,
  useForm,
  type ValueAt,
} from '@fluxstack/react/forms'
import { useActionState } from 'react'
import { expectTypeOf, test } from 'vitest'
import { Profile } from '../../../client/test/shapes.js'
import { type Account, Signup } from './signup.js'

interface Address {
  city: string
  zip: number | null
}
interface Order {
  name: string
  address: Address
  lines: { what: string; amount: number; gift?: { from: string } }[]
  tags: string[]
}

test('names reach into what is filled in', () => {
  expectTypeOf<
    | 'name'
    | 'address'
    | 'address.city'
    | 'address.zip'
    | 'lines'
    | `lines.${number}`
    | `lines.${number}.what`
    | `lines.${number}.amount`
    | `lines.${number}.gift`
    | 'tags'
    | `tags.${number}`
  >().toExtend<FieldPath<Order>>()
  expectTypeOf<'lines.0.nothing'>().not.toExtend<FieldPath<Order>>()
  expectTypeOf<'adress'>().not.toExtend<FieldPath<Order>>()
  expectTypeOf<ValueAt<Order, 'address.zip'>>().toEqualTypeOf<number | null>()
  expectTypeOf<ValueAt<Order, 'lines.3.amount'>>().toEqualTypeOf<number>()
  expectTypeOf<ValueAt<Order, 'tags.1'>>().toEqualTypeOf<string>()
})

test('useForm knows the names, the values and the actions of its form', () => {
  const signup = useLive(Signup)
  const form = useForm(signup, 'form', {
    change: 'change',
    submit: 'submit',
    debounceMs: 200,
    syncOn: 'blur',
  })
  expectTypeOf(form.values).toEqualTypeOf<Account | undefined>()
  expectTypeOf(form.field('email').value).toEqualTypeOf<string>()
  expectTypeOf(form.field('age').value).toEqualTypeOf<number | ''>()
  expectTypeOf(form.field('newsletter').checked).toEqualTypeOf<boolean>()
  expectTypeOf(form.field('tags').value).toEqualTypeOf<string[] | ''>()
  expectTypeOf(form.field('plan', { option: 'solo' }).checked).toEqualTypeOf<boolean>()
  expectTypeOf(form.error('lines.0.amount')).toEqualTypeOf<string | undefined>()
  expectTypeOf(form.failure).toEqualTypeOf<LiveError | undefined>()
  form.set('age', 36)
  form.set('lines.0.amount', null)
  ;<form {...form.formProps}>
    <FormSummary form={form} title="no" />
    <input {...form.field('email')} />
    <input type="checkbox" {...form.field('newsletter')} />
    <select {...form.field('plan')} />
    <select multiple {...form.field('tags')} />
    <input type="password" {...form.extra('password')} />
    <p {...form.errorProps('password')} />
  </form>
  // @ts-expect-error no such name
  form.field('mail')
  // @ts-expect-error an age is a number, or nothing
  form.set('age', '36')
  // @ts-expect-error the values are not handed in apart from the rest
  form.extra('values')
  // @ts-expect-error no form
  useForm(signup, 'done', { change: 'change' })
  // @ts-expect-error no action takes values by this name
  useForm(signup, 'form', { change: 'add' })
  // @ts-expect-error no such way
  useForm(signup, 'form', { change: 'change', syncOn: 'never' })
})

test('handing in answers what the action answers', async () => {
  const signup = useLive(Signup)
  const form = useForm(signup, 'form', { change: 'change', submit: 'submit' })
  const outcome = await form.submit({ password: 'secret' })
  expectTypeOf(outcome).toEqualTypeOf<Outcome<string>>()
  if (outcome.ok) expectTypeOf(outcome.result).toEqualTypeOf<string>()
  else expectTypeOf(outcome.error).toEqualTypeOf<LiveError>()
  ;<form action={form.action} />
  const [state, action, isPending] = useActionState(form.action, undefined)
  expectTypeOf(state).toEqualTypeOf<Outcome<string> | undefined>()
  expectTypeOf(isPending).toEqualTypeOf<boolean>()
  ;<form action={action} />
  // @ts-expect-error a password is text
  form.submit({ password: 7 })
})

test('useBound gives an input what it takes', () => {
  const profile = useLive(Profile)
  const name = useBound(profile, 'name', { debounceMs: 300, throttleMs: 1000, syncOn: 'change', id: 'name' })
  expectTypeOf(name.props.value).toEqualTypeOf<string>()
  expectTypeOf(name.dirty).toEqualTypeOf<boolean>()
  ;<input {...name.props} />
  ;<textarea {...name.props} />
  ;<p {...name.errorProps}>{name.error}</p>
  // @ts-expect-error no checkbox
  name.props.checked
})

test('a form of the generated file is a form', () => {
  expectTypeOf<Form<Account>['values']>().toEqualTypeOf<Account>()
})
