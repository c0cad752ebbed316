/**
 * What is typed, as properties of elements: which input has which `id`, what it shows, who describes it.
 */

import type { FormDraft, Outcome, Picture } from './draft.js'
import type { FieldOptions, FormTools, Problem } from './form-types.js'
import { type BoundEvent, type ErrorProps, type InputProps, type Showing, showing, valueIn } from './input.js'
import { valueAt } from './paths.js'

/** The tools whatever the component is: names are any text. The types of `useForm` know better. */
export type AnyTools = FormTools<Record<string, unknown>, Record<string, unknown>, unknown>

/** What is done with one form's elements. */
export interface Desk {
  /** The form as of a picture of it. */
  tools(picture: Picture<object>): AnyTools
  /** Moves the focus to the first input with a complaint, if it is there already. */
  focusFirst(): boolean
  /** Moves the focus where somebody wanted it, if that is there by now. */
  focusWanted(): void
}

/** What an input calls. It stays the same. */
interface Ears {
  readonly onChange: (event: BoundEvent) => void
  readonly onBlur: () => void
}

type Element = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

/** What is chosen in one gesture is done with then, unlike what is typed. */
const CHOSEN = /^(checkbox|radio|select-one|select-multiple)$/

/** The elements of a form, by ids that begin with `prefix`. */
export function createDesk(draft: FormDraft<object>, prefix: string): Desk {
  /** Every input that was shown, by `id`, with its name: in the order in which they were shown first. */
  const places = new Map<string, string>()
  const ears = new Map<string, Ears>()
  /** What is handed in of inputs that nobody touched, though it is not in the state. */
  const firsts: Record<string, unknown> = {}
  /** The input that is to have the focus as soon as it is there. */
  let wanted = ''

  function idOf(name: string, option?: string): string {
    return `${prefix}${name}${option === undefined ? '' : `=${option}`}`
  }

  function elementOf(id: string): Element | undefined {
    return (document.getElementById(id) as Element | null) ?? undefined
  }

  function inputs(): [id: string, name: string, element: Element][] {
    return [...places].flatMap(([id, name]) => {
      const element = elementOf(id)
      return element ? [[id, name, element] as [string, string, Element]] : []
    })
  }

  function isShown({ isTried, touched }: Picture<object>, name: string): boolean {
    return isTried || touched.has(name)
  }

  function errorOf(picture: Picture<object>, name: string): string | undefined {
    return isShown(picture, name) ? picture.errors[name] : undefined
  }

  function earsOf(name: string, isExtra: boolean, option: string | undefined): Ears {
    const key = idOf(name, option)
    const known = ears.get(key)
    if (known) return known
    const onChange = (event: BoundEvent): void => {
      const { values, extras } = draft.get()
      const before = isExtra ? extras[name] : valueAt(values, name)
      let value = valueIn<unknown>(event, name, before)
      if (option !== undefined) {
        const others = Array.isArray(before) ? before.filter((it) => `${it}` !== option) : undefined
        if (others && event.target.checked) others.push(option)
        value = others ?? (typeof before === 'number' ? Number(option) : option)
      }
      if (isExtra) {
        draft.typedExtra(name, value)
        return
      }
      draft.typed(name, value)
      if (CHOSEN.test(event.target.type ?? '')) draft.touch(name)
    }
    const made = { onChange, onBlur: () => draft.touch(name) }
    ears.set(key, made)
    return made
  }

  function propsOf(
    picture: Picture<object>,
    name: string,
    value: unknown,
    { option, describedBy }: FieldOptions,
    isExtra: boolean,
  ): InputProps & Showing<unknown> {
    const id = idOf(name, option)
    places.set(id, name)
    const error = errorOf(picture, name)
    const described = [error === undefined ? undefined : `${idOf(name)}-error`, describedBy]
    const chosen = Array.isArray(value) ? value.map(String).includes(`${option}`) : `${value}` === option
    return {
      id,
      name,
      ...(option === undefined ? showing(value) : { value: option, checked: chosen }),
      ...earsOf(name, isExtra, option),
      'aria-invalid': error === undefined ? undefined : true,
      'aria-describedby': described.filter(Boolean).join(' ') || undefined,
    } as InputProps & Showing<unknown>
  }

  function problemsOf(picture: Picture<object>): Problem[] {
    // In the order of the page, and then what is not on the page.
    const names = new Set([...places.values(), ...Object.keys(picture.errors)])
    return [...names].flatMap((name) => {
      const error = errorOf(picture, name)
      const id = [...places].find(([, other]) => other === name)?.[0] ?? idOf(name)
      return error === undefined ? [] : { name, error, id, focus: () => want(id) }
    })
  }

  function want(id: string): void {
    wanted = id
    focusWanted()
  }

  function focusWanted(): void {
    const element = wanted && elementOf(wanted)
    if (!element) return
    wanted = ''
    element.focus()
  }

  function submit(extra: object): Promise<Outcome> {
    return draft.submit({ ...firsts, ...draft.get().extras, ...extra })
  }

  /** A browser's form is emptied after its action. What was refused stays; what is controlled shows its value. */
  async function action(): Promise<Outcome> {
    let outcome: Outcome | undefined
    const form = inputs()[0]?.[2].form
    form?.addEventListener(
      'reset',
      (event) => {
        if (outcome?.ok) queueMicrotask(showAgain)
        else event.preventDefault()
      },
      { once: true },
    )
    outcome = await submit({})
    return outcome
  }

  function showAgain(): void {
    const { values, extras } = draft.get()
    for (const [id, name, element] of inputs()) {
      const value = { ...firsts, ...extras }[name] ?? valueAt(values, name)
      const option = id.slice(idOf(name).length + 1)
      if (element instanceof HTMLSelectElement && element.multiple) {
        for (const one of element.options) one.selected = Array.isArray(value) && value.includes(one.value)
      } else if ('checked' in element && /checkbox|radio/.test(element.type)) {
        element.checked = Array.isArray(value)
          ? value.map(String).includes(option)
          : value === true || `${value}` === option
      } else {
        element.value = value === undefined || value === null ? '' : `${value}`
      }
    }
  }

  return {
    focusWanted,
    focusFirst() {
      const picture = draft.get()
      const [first] = inputs()
        .filter(([, name]) => errorOf(picture, name) !== undefined)
        .map(([, , element]) => element)
        .sort((one, other) => (one.compareDocumentPosition(other) & FOLLOWING ? -1 : 1))
      first?.focus()
      return first !== undefined && document.activeElement === first
    },
    tools: (picture) => ({
      values: picture.values as Record<string, unknown> | undefined,
      field: ((name: string, options: FieldOptions = {}) =>
        propsOf(picture, name, valueAt(picture.values, name), options, false)) as AnyTools['field'],
      extra(name, first: unknown = '', options = {}) {
        firsts[name] = first
        const value = name in picture.extras ? picture.extras[name] : first
        return propsOf(picture, name, value, options, true)
      },
      error: (name) => errorOf(picture, name),
      errorProps: (name): ErrorProps => ({ id: `${idOf(name)}-error`, role: 'alert' }),
      set: (name, value) => draft.typed(name, value),
      touched: picture.touched,
      tried: picture.isTried,
      dirty: picture.isDirty,
      pending: picture.isPending,
      submitting: picture.isSubmitting,
      failure: picture.failure,
      problems: problemsOf(picture),
      formProps: {
        noValidate: true,
        onSubmit(event) {
          event.preventDefault()
          void submit({})
        },
      },
      action: action as unknown as AnyTools['action'],
      submit: (extra = {}) => submit(extra),
      flush: draft.flush,
      reset: draft.reset,
    }),
  }
}

/** `Node.DOCUMENT_POSITION_FOLLOWING`, which is not there while rendering on a server. */
const FOLLOWING = 4
