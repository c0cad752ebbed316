/**
 * One writable field, as an input wants it.
 *
 * What is typed shows at once. One write is under way at a time, and what was typed meanwhile follows as
 * one more, so a slow network costs neither letters nor order. When the last one was taken, the server's
 * value shows again; when it was refused, what was typed stays, with the complaint beside it.
 */

import { type ComponentShape, LiveError, type LiveHandle, type WritableName } from '@fluxstack/client'
import { useCallback, useMemo, useRef, useState, useSyncExternalStore } from 'react'

/** A field, its setter, and what is wrong with what was typed last. */
export interface Bound<T> {
  /** What to show: what was typed last, or what the server holds; undefined before the mount. */
  readonly value: T | undefined
  /** Takes a value, or the change event of an input. */
  readonly onChange: (input: T | BoundEvent) => void
  /** The server's complaint about the last write, until the next. */
  readonly error: string | undefined
}

/** As much of a change event as is looked at. */
export interface BoundEvent {
  readonly target: { readonly value: string; readonly type?: string; readonly checked?: boolean }
}

interface Draft<T> {
  readonly value: T
  readonly error: string | undefined
}

/**
 * Binds an input to a field the component declared writable.
 *
 * @example
 * const profile = useLive(Profile)
 * const name = useBound(profile, 'name')
 * return <input value={name.value ?? ''} onChange={name.onChange} aria-invalid={name.error !== undefined} />
 */
export function useBound<C extends ComponentShape, K extends WritableName<C>>(
  live: { readonly handle: LiveHandle<C> },
  field: K,
): Bound<C['writable'][K]> {
  type T = C['writable'][K]
  const { handle } = live
  const read = (): T | undefined => (handle.getState().state as { [P in K]?: T } | undefined)?.[field]
  const held = useSyncExternalStore(handle.subscribe, read, () => undefined)
  const [draft, setDraft] = useState<Draft<T>>()
  const next = useRef<{ value: T } | undefined>(undefined)
  const writing = useRef(false)

  const onChange = useCallback(
    async (input: T | BoundEvent) => {
      next.current = { value: valueIn<T>(input) }
      setDraft({ value: next.current.value, error: undefined })
      if (writing.current) return
      writing.current = true
      while (next.current) {
        const { value }: { value: T } = next.current
        next.current = undefined
        const error = await handle.write(field, value).then(
          () => undefined,
          (cause: unknown) => complaint(cause, field),
        )
        if (!next.current) setDraft(error === undefined ? undefined : { value, error })
      }
      writing.current = false
    },
    [handle, field],
  )

  return useMemo(
    () => ({
      value: draft ? draft.value : held,
      error: draft?.error,
      onChange: (input) => void onChange(input),
    }),
    [draft, held, onChange],
  )
}

function valueIn<T>(input: T | BoundEvent): T {
  if (typeof input !== 'object' || input === null || !('target' in input)) return input as T
  const { type, value, checked } = (input as BoundEvent).target
  if (type === 'checkbox') return checked as T
  return (type === 'number' || type === 'range' ? Number(value) : value) as T
}

function complaint(cause: unknown, field: string): string {
  if (cause instanceof LiveError) return cause.fields[field] ?? cause.message
  return String(cause)
}
