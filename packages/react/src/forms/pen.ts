/**
 * Writes one field of one handle: one write at a time, and of what is typed meanwhile the last.
 *
 * typed ──paced──► due ──none under way──► written ──taken──► nothing left to show
 *                                                  └─refused─► shown, with the complaint
 *
 * What must stay true: nothing typed is lost, an answer is only told if nothing was typed since, and what was
 * typed last is written last.
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
  /** Takes what was typed. */
  typed(value: T, pacing: Pacing): void
  /** Writes what was typed, as soon as the write before it is answered. */
  flush(): void
  /** Writes what was typed: nobody will be there to wait for an answer. */
  leave(): void
}

/** Nothing was typed. `show` gets what to show, made from what is shown. */
export function createPen<C extends ComponentShape, K extends WritableName<C>>(
  handle: LiveHandle<C>,
  field: K,
  show: (next: (last: Draft<C['writable'][K]> | undefined) => Draft<C['writable'][K]> | undefined) => void,
): Pen<C['writable'][K]> {
  type T = C['writable'][K]
  const pacer = createPacer(flush)
  let next: { readonly value: T } | undefined
  let isDue = false
  let isWriting = false
  /** Counts writes, because only the last one's answer is told. */
  let writes = 0

  async function write(): Promise<void> {
    if (!next) return
    const { value } = next
    next = undefined
    writes += 1
    const mine = writes
    const error = await handle.write(field, value).then(
      () => undefined,
      (cause: Partial<LiveError>) => cause.fields?.[field] ?? cause.message,
    )
    if (next || mine !== writes) return
    const { generation } = handle
    show(() => (error === undefined ? undefined : { value, error, isPending: false, generation }))
  }

  async function writeAll(): Promise<void> {
    isWriting = true
    while (next && isDue) {
      isDue = false
      await write()
    }
    isWriting = false
  }

  function flush(): void {
    pacer.stop()
    if (!next) return
    isDue = true
    show((last) => last && { ...last, isPending: true })
    if (!isWriting) void writeAll()
  }

  return {
    typed(value, pacing) {
      next = { value }
      const isPending = (pacing.syncOn ?? 'change') === 'change'
      show(() => ({ value, error: undefined, isPending, generation: 0 }))
      pacer.typed(pacing)
    },
    flush,
    leave() {
      pacer.stop()
      void write()
    },
  }
}
