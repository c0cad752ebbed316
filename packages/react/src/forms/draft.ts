/**
 * What somebody types into a form, until the server has it: and after, in case the server loses it.
 *
 * typed ──paced──► due ──no change under way──► changed ──answered──► the server's value shows
 *                                                   └──refused───► what was typed stays, to be sent again
 *
 * The values belong to the server, which has an opinion on them while they are typed. Here is only what is
 * newer than that, laid over it. One change is under way at a time and has all that was typed, so a slow network
 * costs neither letters nor order, and a fast typist no frames.
 *
 * What must stay true: nothing typed is lost over a lost connection, an instance that was rebuilt, or one that
 * had to be mounted afresh, which is offered what was typed into the one before; and nothing is kept when the
 * user is gone. React's transitions never hold back what is typed, which is why this is a store of its own.
 */

import type { Form, LiveError } from '@fluxstack/client'
import { createPacer, type Pacing } from './pacer.js'
import { valueAt, withValueAt } from './paths.js'

/** What a form shows. Replaced, never changed. */
export interface Picture<T> {
  /** What is filled in; undefined before the mount. */
  readonly values: T | undefined
  /** What is wrong with it, by name, whether or not anybody shall see it yet. */
  readonly errors: Readonly<Record<string, string | undefined>>
  /** Inputs that were left. */
  readonly touched: ReadonlySet<string>
  /** Somebody tried to hand it in. */
  readonly isTried: boolean
  /** Something is filled in that was not, and is not handed in. */
  readonly isDirty: boolean
  /** Something is on its way to the server. */
  readonly isPending: boolean
  /** It is being handed in. */
  readonly isSubmitting: boolean
  /** Why the server did nothing, if that was not about a field. */
  readonly failure: LiveError | undefined
  /** What is handed in and never in the state: passwords. */
  readonly extras: Readonly<Record<string, unknown>>
  /** How often it was handed in in vain. */
  readonly refusals: number
}

const NONE = {}

const INITIAL: Picture<never> = {
  values: undefined,
  errors: NONE,
  touched: new Set(),
  isTried: false,
  isDirty: false,
  isPending: false,
  isSubmitting: false,
  failure: undefined,
  extras: NONE,
  refusals: 0,
}

/** How it is sent. */
export interface Ways extends Pacing {
  /** The action that takes values while they are typed. */
  readonly change: string
  /** The action that takes them for good. */
  readonly submit?: string | undefined
}

/** What came of handing it in. */
export type Outcome<R = unknown> =
  | { readonly ok: true; readonly result: R }
  | { readonly ok: false; readonly error: LiveError }

/** What is typed into one form of one handle. */
export interface FormDraft<T> {
  get(): Picture<T>
  getInitial(): Picture<T>
  subscribe(listener: () => void): () => void
  /** How it is sent from now on. */
  configure(ways: Ways): void
  typed(path: string, value: unknown): void
  typedExtra(name: string, value: unknown): void
  /** The input was left. */
  touch(path: string): void
  /** Sends what was typed, once the change before it is answered. */
  flush(): void
  /** The same when somebody looks elsewhere: unless that is `manual`. */
  lookAway(): void
  /** Sends what was typed, unless that is `manual`: nobody will be there to wait for an answer. */
  leave(): void
  submit(extra: object): Promise<Outcome>
  /** Fills in again what was there at the beginning. */
  reset(): void
}

/** What of a handle is needed, whatever component it is of. */
export interface AnyHandle {
  readonly generation: number
  getState(): { readonly status: string; readonly state: object | undefined }
  subscribe(listener: () => void): () => void
  optimisticUpdate(update: (state: object) => object): () => void
  callMethod(name: string, args: object): Promise<unknown>
}

/** Nothing was typed yet. */
export function createFormDraft<T extends object>(
  handle: AnyHandle,
  field: string,
  firstWays: Ways,
): FormDraft<T> {
  const listeners = new Set<() => void>()
  const pacer = createPacer(flush)
  let ways = firstWays
  /** What was typed and is not confirmed. */
  const drafts = new Map<string, unknown>()
  /** The names of everything that was typed since the beginning. */
  let mine = new Set<string>()
  /** What was there then. */
  let base: T | undefined
  let { touched, extras, errors } = INITIAL as Picture<T>
  /** Inputs that were left with something that nobody has judged yet: what is wrong is about what was there before. */
  let unjudged: ReadonlySet<string> = touched
  /** What was said of fields in an answer, and is not in the state. */
  let refused = errors
  /** What the errors that are shown were made of. */
  let sources: unknown[] = []
  let failure: LiveError | undefined
  let isTried = false
  let refusals = 0
  /** Something was typed that no change took along. */
  let isUnsent = false
  let isDue = false
  let changes = 0
  let submission: Promise<Outcome> | undefined
  /** Counts users: what becomes of what one of them sent is not the next one's business. */
  let user = 0
  let { generation } = handle
  let leaveHandle = (): void => undefined
  let picture: Picture<T> = INITIAL
  changed()

  function served(): Form<T> | undefined {
    return formIn(handle.getState().state)
  }

  function formIn(state: object | undefined): Form<T> | undefined {
    return (state as Record<string, Form<T> | undefined> | undefined)?.[field]
  }

  function overlaid(values: T, over: ReadonlyMap<string, unknown>): T {
    let next = values
    for (const [path, value] of over) next = withValueAt(next, path, value)
    return next
  }

  function see(): Picture<T> {
    const form = served()
    const values = form && overlaid(form.values, drafts)
    if (form?.errors !== sources[0] || refused !== sources[1]) {
      sources = [form?.errors, refused]
      errors = { ...form?.errors, ...refused }
    }
    return {
      values: isSame(values, picture.values) ? picture.values : values,
      errors,
      touched,
      isTried: isTried || form?.tried === true,
      isDirty: [...mine].some((path) => !isSame(valueAt(values, path), valueAt(base, path))),
      isPending: changes > 0 || submission !== undefined || (isUnsent && ways.syncOn !== 'manual'),
      isSubmitting: submission !== undefined,
      failure,
      extras,
      refusals,
    }
  }

  /** Shows what is different, if anything is. */
  function changed(): void {
    const next = see()
    if (mine.size === 0) base = next.values
    const keys = Object.keys(next) as (keyof Picture<T>)[]
    if (keys.every((key) => next[key] === picture[key])) return
    picture = next
    for (const listener of [...listeners]) listener()
  }

  /** The handle shows something else. */
  function heard(): void {
    if (!served()) {
      // The user is gone, or everybody has left: nobody else shall find what was typed.
      if (picture.values) abandon()
    } else if (handle.generation !== generation) {
      // What is shown belongs to the last instance still.
      if (handle.getState().status !== 'live') return
      generation = handle.generation
      offerAgain()
    }
    changed()
  }

  /** Another instance is there, which knows nothing of what was typed into the one before. */
  function offerAgain(): void {
    drafts.clear()
    for (const path of mine) {
      // A row that was typed into is offered with the list it is in.
      const [top = ''] = path.split('.')
      drafts.set(top, valueAt(picture.values, top))
    }
    changes = 0
    refused = NONE
    // What the new one has is shown in a moment.
    queueMicrotask(offer)
  }

  /** Sends what the server does not have, for which nobody asked. */
  function offer(): void {
    confirm(drafts, false)
    isUnsent = drafts.size > 0
    changed()
    leave()
  }

  function leave(): void {
    if (ways.syncOn === 'manual') return
    pacer.stop()
    send()
  }

  /** Somebody else is there, or nobody. */
  function abandon(): void {
    forget()
    user += 1
    changes = 0
    isDue = false
    submission = undefined
  }

  function forget(): void {
    pacer.stop()
    drafts.clear()
    isUnsent = isTried = false
    ;({ touched, extras } = INITIAL as Picture<T>)
    unjudged = touched
    refused = NONE
    failure = undefined
    mine = new Set()
    generation = handle.generation
  }

  /** Calls an action with all that is filled in, which everybody on the page sees at once. */
  function call(action: string, extra: object): { done: Promise<unknown>; sent: Map<string, unknown> } {
    pacer.stop()
    const sent = new Map(drafts)
    isUnsent = isDue = false
    if (sent.size > 0) {
      handle.optimisticUpdate((state) => {
        const form = formIn(state)
        return form ? { [field]: { ...form, values: overlaid(form.values, sent) } } : {}
      })
    }
    return { done: handle.callMethod(action, { ...extra, values: picture.values }), sent }
  }

  /** The server has said what it thinks of everything. */
  function judged(): void {
    if (isUnsent || changes > 0 || unjudged.size === 0) return
    touched = new Set([...touched, ...unjudged])
    unjudged = INITIAL.touched
  }

  /** What of it the server has, or has made something else of, is not ours any more. */
  function confirm(sent: ReadonlyMap<string, unknown>, isTaken: boolean): void {
    const values = served()?.values
    for (const [path, value] of sent) {
      const isLatest = drafts.has(path) && drafts.get(path) === value
      if (isLatest && (isTaken || isSame(valueAt(values, path), value))) drafts.delete(path)
    }
  }

  function send(): void {
    if (!isUnsent || picture.values === undefined) return
    const owner = user
    const life = generation
    changes += 1
    changed()
    const { done, sent } = call(ways.change, {})
    const settled = (error?: LiveError): void => {
      if (owner !== user || life !== generation) return
      changes -= 1
      confirm(sent, !error)
      if (error) complain(error, sent)
      if (isDue && changes === 0) send()
      judged()
      changed()
    }
    done.then(() => settled(), settled)
  }

  function complain(error: LiveError, sent: ReadonlyMap<string, unknown>): void {
    const { values: unreadable, ...fields }: Record<string, string> = error.fields ?? {}
    const [path] = sent.keys()
    // Values that are no such values: what was typed last is to blame, if it is known what that was.
    if (unreadable !== undefined && path !== undefined && sent.size === 1) fields[path] = unreadable
    if (Object.keys(fields).length === 0) failure = error
    else refused = { ...refused, ...fields }
  }

  /** What was said of it is not about what is there now. */
  function pardon(path: string): void {
    if (path in refused) {
      const { [path]: _, ...others } = refused
      refused = others
    }
    failure = undefined
  }

  function flush(): void {
    pacer.stop()
    if (changes > 0) isDue = isUnsent
    else send()
  }

  function lookAway(): void {
    if (ways.syncOn !== 'manual') flush()
  }

  async function handIn(action: string, extra: object): Promise<Outcome> {
    const { done, sent } = call(action, extra)
    const owner = user
    try {
      const result = await done
      if (owner !== user) return { ok: true, result }
      confirm(sent, true)
      isTried = false
      ;({ touched, extras } = INITIAL as Picture<T>)
      mine = new Set(drafts.keys())
      base = served()?.values
      return { ok: true, result }
    } catch (cause) {
      const error = cause as LiveError
      if (owner !== user) return { ok: false, error }
      confirm(sent, false)
      complain(error, sent)
      refusals += 1
      return { ok: false, error }
    }
  }

  return {
    get: () => picture,
    getInitial: () => INITIAL,
    subscribe(listener) {
      listeners.add(listener)
      if (listeners.size === 1) {
        // Nobody was there to hear whose instance this is.
        if (handle.generation !== generation) abandon()
        leaveHandle = handle.subscribe(heard)
      }
      heard()
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) leaveHandle()
      }
    },
    configure(next) {
      ways = next
    },
    typed(path, value) {
      drafts.set(path, value)
      mine.add(path)
      pardon(path)
      isUnsent = true
      changed()
      pacer.typed(ways)
    },
    typedExtra(name, value) {
      extras = { ...extras, [name]: value }
      pardon(name)
      changed()
    },
    touch(path) {
      if (!touched.has(path)) unjudged = new Set(unjudged).add(path)
      lookAway()
      judged()
      changed()
    },
    flush,
    lookAway,
    leave,
    submit(extra) {
      const { submit } = ways
      if (submit === undefined) throw new Error('this form has no `submit`: name the action in `useForm`')
      isTried = true
      refused = NONE
      failure = undefined
      if (submission) return submission
      const handed = handIn(submit, extra).finally(() => {
        if (submission === handed) submission = undefined
        changed()
      })
      submission = handed
      changed()
      return handed
    },
    reset() {
      const before = base
      const typed = mine
      forget()
      for (const path of typed) drafts.set(path, valueAt(before, path))
      offer()
    },
  }
}

/** Whether two values are the same to a server. */
function isSame(one: unknown, other: unknown): boolean {
  return Object.is(one, other) || JSON.stringify(one) === JSON.stringify(other)
}
