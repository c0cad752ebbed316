/**
 * One writable field, as an input wants it.
 *
 * What is typed shows at once. One write is under way at a time, and what was typed meanwhile follows as
 * one more, so a slow network costs neither letters nor order. When the last one was taken, the server's
 * value shows again; when it was refused, what was typed stays, with the complaint beside it, as long as
 * the instance that refused it is there. A write whose answer was lost with the connection is still under
 * way: the handle sends it again.
 */

import type { ComponentShape, LiveError, LiveHandle, WritableName } from '@fluxstack/client'
import { useCallback, useMemo, useState, useSyncExternalStore } from 'react'

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
  /** Which handle and field it was typed for. */
  readonly pen: Pen<T>
  /** Which instance refused it. */
  readonly generation: number
}

/** Writes one field of one handle, one write at a time. */
interface Pen<T> {
  next: { readonly value: T } | undefined
  isWriting: boolean
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
  const shown = useSyncExternalStore(handle.subscribe, read, () => undefined)
  const age = (): number => handle.generation
  const generation = useSyncExternalStore(handle.subscribe, age, age)
  // Should React forget it, a letter that is on its way does not wait for the one before it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another pen for another handle or field
  const pen = useMemo((): Pen<T> => ({ next: undefined, isWriting: false }), [handle, field])
  const [drafted, setDraft] = useState<Draft<T>>()
  // A complaint of an instance that is gone is about a value that is gone.
  const isMeant = drafted?.pen === pen && (drafted.error === undefined || drafted.generation === generation)
  const draft = isMeant ? drafted : undefined

  const onChange = useCallback(
    async (input: T | BoundEvent) => {
      pen.next = { value: valueIn<T>(input) }
      setDraft({ ...pen.next, error: undefined, pen, generation: 0 })
      if (pen.isWriting) return
      pen.isWriting = true
      while (pen.next) {
        const { value }: { value: T } = pen.next
        pen.next = undefined
        const error = await handle.write(field, value).then(
          () => undefined,
          (cause: Partial<LiveError>) => cause.fields?.[field] ?? cause.message,
        )
        if (pen.next) continue
        const { generation } = handle
        const next = error === undefined ? undefined : { value, error, pen, generation }
        // What is typed for another handle by now is not ours.
        setDraft((last) => (last?.pen === pen ? next : last))
      }
      pen.isWriting = false
    },
    [handle, field, pen],
  )

  return useMemo(
    () => ({ value: draft ? draft.value : shown, error: draft?.error, onChange }),
    [draft, shown, onChange],
  )
}

function valueIn<T>(input: T | BoundEvent): T {
  const target = (input as BoundEvent | null | undefined)?.target
  if (!target) return input as T
  const { type, value, checked } = target
  if (type === 'checkbox') return checked as T
  return (type === 'number' || type === 'range' ? Number(value) : value) as T
}
