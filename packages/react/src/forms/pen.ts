/**
 * Writes one field of one handle: one write at a time, and of what is typed meanwhile the last.
 *
 * typed ──paced──► due ──none under way──► written ──taken──► nothing left to show
 *                                                  └─refused─► shown, with the complaint
 *
 * What must stay true: nothing typed is lost, an answer is only told if nothing was typed since, what was typed
 * last is written last, and nothing is kept when the user is gone: the next one neither sees nor writes it.
 */

import type { ComponentShape, LiveError, LiveHandle, WritableName } from '@fluxstack/client'
import { createPacer, type Pacing } from './pacer.js'

/** What is shown instead of the server's value. */
export interface Draft<T> {
  readonly value: T
  /** Why the server did not take it. */
  readonly error: string | undefined
  /** It is on its way, or will be by itself. */
  readonly isPending: boolean
  /** Which instance refused it. */
  readonly generation: number
}

/** What writes. */
export interface Pen<T> {
  /** What was typed and is not taken. */
  get(): Draft<T> | undefined
  subscribe(listener: () => void): () => void
  /** When it writes from now on. */
  configure(pacing: Pacing): void
  /** Takes what was typed. */
  typed(value: T): void
  /** Writes what was typed, as soon as the write before it is answered. */
  flush(): void
  /** The same when somebody looks elsewhere: unless that is `manual`. */
  lookAway(): void
  /** Writes what was typed, unless that is `manual`: nobody will be there to wait for an answer. */
  leave(): void
}

/** Nothing was typed. */
export function createPen<C extends ComponentShape, K extends WritableName<C>>(
  handle: LiveHandle<C>,
  field: K,
  firstPacing: Pacing,
): Pen<C['writable'][K]> {
  type T = C['writable'][K]
  const listeners = new Set<() => void>()
  const pacer = createPacer(flush)
  let pacing = firstPacing
  let draft: Draft<T> | undefined
  let next: { readonly value: T } | undefined
  let isDue = false
  let isWriting = false
  /** Counts writes, because only the last one's answer is told. */
  let writes = 0
  /** Counts users: what becomes of what one of them wrote is not the next one's business. */
  let user = 0
  /** Whether there was anything to type over when the handle was looked at last, and of which instance. */
  let isThere = false
  let { generation } = handle
  let leaveHandle = (): void => undefined

  function show(now: Draft<T> | undefined): void {
    if (now === draft) return
    draft = now
    for (const listener of [...listeners]) listener()
  }

  /** The handle shows something else. */
  function heard(): void {
    const wasThere = isThere
    isThere = handle.getState().state !== undefined
    ;({ generation } = handle)
    // The user is gone, or everybody has left: nobody else shall find what was typed.
    if (wasThere && !isThere) forget()
    // A complaint of an instance that is gone is about a value that is gone.
    else if (draft?.error !== undefined && draft.generation !== generation) show(undefined)
  }

  function forget(): void {
    pacer.stop()
    next = undefined
    isDue = isWriting = false
    user += 1
    show(undefined)
  }

  async function write(): Promise<void> {
    if (!next) return
    const { value } = next
    next = undefined
    writes += 1
    const mine = writes
    const owner = user
    const error = await handle.write(field, value).then(
      () => undefined,
      (cause: Partial<LiveError>) => cause.fields?.[field] ?? cause.message,
    )
    if (next || mine !== writes || owner !== user) return
    show(error === undefined ? undefined : { value, error, isPending: false, generation: handle.generation })
  }

  async function writeAll(): Promise<void> {
    const owner = user
    isWriting = true
    while (owner === user && next && isDue) {
      isDue = false
      await write()
    }
    if (owner === user) isWriting = false
  }

  function flush(): void {
    pacer.stop()
    if (!next) return
    isDue = true
    if (draft) show({ ...draft, isPending: true })
    if (!isWriting) void writeAll()
  }

  return {
    get: () => draft,
    subscribe(listener) {
      listeners.add(listener)
      if (listeners.size === 1) {
        // Nobody was there to hear whose instance this is.
        if (handle.generation !== generation) forget()
        leaveHandle = handle.subscribe(heard)
      }
      heard()
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) leaveHandle()
      }
    },
    configure(now) {
      pacing = now
    },
    typed(value) {
      next = { value }
      const isPending = (pacing.syncOn ?? 'change') === 'change'
      show({ value, error: undefined, isPending, generation: 0 })
      pacer.typed(pacing)
    },
    flush,
    lookAway() {
      if (pacing.syncOn !== 'manual') flush()
    },
    leave() {
      if (pacing.syncOn === 'manual') return
      pacer.stop()
      void write()
    },
  }
}
