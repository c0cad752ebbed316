/**
 * One writable field, as an input wants it.
 *
 * What is typed shows at once, and no older answer is shown over it. One write is under way at a time, and what
 * was typed meanwhile follows as one more, so a slow network costs neither letters nor order. When the last one
 * was taken, the server's value shows again; when it was refused, what was typed stays, with the complaint
 * beside it, as long as the instance that refused it is there. A write whose answer was lost with the connection
 * is still under way: the handle sends it again. When the user is gone, so is what was typed.
 */

import type { ComponentShape, LiveHandle, WritableName } from '@fluxstack/client'
import { useCallback, useEffect, useId, useMemo, useSyncExternalStore } from 'react'
import { useLatest } from '../use-latest.js'
import { type BoundEvent, type ErrorProps, type InputProps, type Showing, showing, valueIn } from './input.js'
import { type Pacing, watchPage } from './pacer.js'
import { createPen } from './pen.js'
import { useHeld } from './use-held.js'

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
  const pen = useHeld(handle, field, () => createPen(handle, field, options))
  const draft = useSyncExternalStore(pen.subscribe, pen.get, () => undefined)
  useEffect(() => pen.configure(options))
  useEffect(() => {
    const ignore = watchPage(pen.lookAway, pen.leave, pen.flush)
    return () => {
      ignore()
      pen.leave()
    }
  }, [pen])

  const before = useLatest(() => shown)
  const onChange = useCallback(
    (input: T | BoundEvent) => pen.typed(valueIn<T>(input, field, before())),
    [field, pen, before],
  )
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
      onBlur: pen.lookAway,
      'aria-invalid': error === undefined ? undefined : true,
      'aria-describedby': error === undefined ? undefined : errorProps.id,
    }
    return {
      value,
      onChange,
      onBlur: pen.lookAway,
      error,
      dirty: draft !== undefined,
      pending: draft?.isPending === true,
      flush: pen.flush,
      errorProps,
      props: { ...props, ...showing(value as T | undefined) },
    }
  }, [draft, shown, onChange, pen, id, field])
}
