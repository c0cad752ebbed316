/**
 * A form of the server, as inputs want it.
 *
 * What is typed and when it is sent is the work of `draft.ts`; how it becomes properties of elements that of
 * `form-tools.ts`. What must stay true: what is wrong is shown of inputs that were left, and of all once somebody
 * tried to hand the form in; an input with a complaint points to it; and the first of them has the focus when the
 * form was handed in in vain.
 */

import type { ActionResult, ComponentShape, LiveHandle } from '@fluxstack/client'
import { useEffect, useId, useMemo, useRef, useSyncExternalStore } from 'react'
import { type AnyHandle, createFormDraft } from './draft.js'
import { createDesk } from './form-tools.js'
import type { Extras, FormName, FormOptions, FormTools, FormValues, TakesValues } from './form-types.js'
import { watchPage } from './pacer.js'
import { useHeld } from './use-held.js'

/**
 * Fills in a form of a component. The server says what is wrong while it is typed.
 *
 * @example
 * const signup = useLive(Signup)
 * const form = useForm(signup, 'form', { change: 'change', submit: 'submit', debounceMs: 200 })
 * return (
 *   <form {...form.formProps}>
 *     <label>Email <input type="email" {...form.field('email')} /></label>
 *     {form.error('email') && <p {...form.errorProps('email')}>{form.error('email')}</p>}
 *     <button disabled={form.submitting}>Sign up</button>
 *   </form>
 * )
 */
export function useForm<
  C extends ComponentShape,
  F extends FormName<C>,
  S extends TakesValues<C, FormValues<C, F>> = never,
>(
  live: { readonly handle: LiveHandle<C> },
  field: F,
  options: FormOptions<C, FormValues<C, F>, S>,
): FormTools<FormValues<C, F>, Extras<C, S>, ActionResult<C['actions'][S]>> {
  const handle = live.handle as unknown as AnyHandle
  const draft = useHeld(handle, field, () => createFormDraft<object>(handle, field, options))
  const picture = useSyncExternalStore(draft.subscribe, draft.get, draft.getInitial)
  useEffect(() => draft.configure(options))
  useEffect(() => {
    const ignore = watchPage(draft.lookAway, draft.leave)
    return () => {
      ignore()
      draft.leave()
    }
  }, [draft])

  const prefix = useId()
  const desk = useMemo(() => createDesk(draft, prefix), [draft, prefix])
  const tools = useMemo(() => desk.tools(picture), [desk, picture])

  const { refusals, values } = picture
  const answered = useRef({ refusals, values })
  // Without dependencies, because the input may be on a page of the form that is shown only now.
  useEffect(() => {
    desk.focusWanted()
    const { current } = answered
    if (current.refusals === refusals) {
      current.values = values
      return
    }
    // Who types on has found what is wrong.
    const isOver = tools.problems.length === 0 || current.values !== values
    if (isOver || desk.focusFirst()) answered.current = { refusals, values }
  })

  const isGuarded = options.guard === true && picture.isDirty
  useEffect(() => {
    if (!isGuarded) return undefined
    const ask = (event: Event): void => event.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [isGuarded])

  // Names and actions are any text from here on; the types above know which there are.
  return tools as unknown as FormTools<FormValues<C, F>, Extras<C, S>, ActionResult<C['actions'][S]>>
}
