/**
 * One writable field, as an input wants it.
 *
 * What is typed shows at once, and no older answer is shown over it. One write is under way at a time, and what
 * was typed meanwhile follows as one more, so a slow network costs neither letters nor order. When the last one
 * was taken, the server's value shows again; when it was refused, what was typed stays, with the complaint
 * beside it, as long as the instance that refused it is there. A write whose answer was lost with the connection
 * is still under way: the handle sends it again.
 */

import type { ComponentShape, LiveHandle, WritableName } from '@fluxstack/client'
import { useCallback, useEffect, useId, useMemo, useState, useSyncExternalStore } from 'react'
import { useLatest } from '../use-latest.js'
import { type BoundEvent, type ErrorProps, type InputProps, type Showing, showing, valueIn } from './input.js'
import { type Pacing, watchPage } from './pacer.js'
import { createPen, type Draft, type Pen } from './pen.js'

/** A field, its setter, and what is wrong with what was typed last. */
export interface Bound<T> {
  /** What to show: what was typed last, or what the server holds; undefined before the mount. */
  readonly value: T | undefined
  /** Takes a value, or the change event of an input. */
  readonly onChange: (input: T | BoundEvent) => void
  /** The input was left: what was typed is sent, unless that is `manual`. */
  readonly onBlur: () => void
  /** The server's complaint about the last write, until the next. */
  readonly error: string | undefined
  /** Whether something else was typed than what the server has taken. */
  readonly dirty: boolean
  /** Whether what was typed is on its way, or will be by itself. */
  readonly pending: boolean
  /** Sends what was typed, now. */
  readonly flush: () => void
  /** Everything for the input: `<input {...name.props} />`. */
  readonly props: InputProps & Showing<T>
  /** For the element that shows `error`. */
  readonly errorProps: ErrorProps
}

/** How a field is bound. */
export interface BoundOptions extends Pacing {
  /** The `id` of the input. Default: one of its own. */
  readonly id?: string | undefined
}

/** What was typed last, and with which pen: for which handle and field. */
interface Drafted<T> {
  readonly draft: Draft<T> | undefined
  readonly pen: Pen<T>
}

/**
 * Binds an input to a field the component declared writable.
 *
 * @example
 * const profile = useLive(Profile)
 * const name = useBound(profile, 'name', { debounceMs: 300 })
 * return (
 *   <label>
 *     Name <input {...name.props} />
 *     {name.error && <span {...name.errorProps}>{name.error}</span>}
 *   </label>
 * )
 */
export function useBound<C extends ComponentShape, K extends WritableName<C>>(
  live: { readonly handle: LiveHandle<C> },
  field: K,
  options: BoundOptions = {},
): Bound<C['writable'][K]> {
  type T = C['writable'][K]
  const { handle } = live
  const read = (): T | undefined => (handle.getState().state as { [P in K]?: T } | undefined)?.[field]
  const shown = useSyncExternalStore(handle.subscribe, read, () => undefined)
  const age = (): number => handle.generation
  const generation = useSyncExternalStore(handle.subscribe, age, age)
  const [drafted, setDraft] = useState<Drafted<T>>()
  const latest = useLatest(() => ({ shown, options }))
  const pen = useMemo(() => {
    const pen = createPen(handle, field, (next) =>
      setDraft((last) => {
        // What was typed for another handle is not ours.
        const draft = next(last?.pen === pen ? last.draft : undefined)
        return draft || last?.pen === pen ? { draft, pen } : last
      }),
    )
    return pen
  }, [handle, field])
  useEffect(() => {
    const ignore = watchPage(pen.flush, pen.leave, pen.flush)
    return () => {
      ignore()
      pen.leave()
    }
  }, [pen])

  const onChange = useCallback(
    (input: T | BoundEvent) => {
      const { shown, options } = latest()
      pen.typed(valueIn<T>(input, field, shown), options)
    },
    [field, pen, latest],
  )
  const onBlur = useCallback(() => {
    if (latest().options.syncOn !== 'manual') pen.flush()
  }, [pen, latest])

  const last = drafted?.pen === pen ? drafted.draft : undefined
  // A complaint of an instance that is gone is about a value that is gone.
  const draft = last && (last.error === undefined || last.generation === generation) ? last : undefined
  const ownId = useId()
  const { id = ownId } = options
  return useMemo((): Bound<T> => {
    const value = draft ? draft.value : shown
    const error = draft?.error
    const errorProps: ErrorProps = { id: `${id}-error`, role: 'alert' }
    const props: InputProps = {
      id,
      name: field,
      onChange,
      onBlur,
      'aria-invalid': error === undefined ? undefined : true,
      'aria-describedby': error === undefined ? undefined : errorProps.id,
    }
    return {
      value,
      onChange,
      onBlur,
      error,
      dirty: draft !== undefined,
      pending: draft?.isPending === true,
      flush: pen.flush,
      errorProps,
      props: { ...props, ...showing(value as T | undefined) },
    }
  }, [draft, shown, onChange, onBlur, pen, id, field])
}
