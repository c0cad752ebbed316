/**
 * When what was typed is sent: at once, after a while, when the input is left, or when somebody says so.
 *
 * What waits is never lost: it is sent at the latest when the page is hidden or left, and when a form is
 * submitted, before whatever the submission does. What is `manual` waits for `flush` and for the submission alone.
 */

/** When what was typed is sent. */
export type SyncOn = 'change' | 'blur' | 'manual'

/** How patient a field is. */
export interface Pacing {
  /** Sent while typing (the default), when the input is left, or by `flush` and a submission only. */
  readonly syncOn?: SyncOn | undefined
  /** With `change`: sent once nothing was typed for so many ms. */
  readonly debounceMs?: number | undefined
  /** With `change`: sent at most every so many ms; with `debounceMs`: how long it may be put off. */
  readonly throttleMs?: number | undefined
}

/** A clock for one field, or one form. */
export interface Pacer {
  /** Something was typed. */
  typed(pacing: Pacing): void
  /** What was typed is being sent, or is not to be sent. */
  stop(): void
}

/** Nothing was typed. `due` hears that it is time. */
export function createPacer(due: () => void): Pacer {
  let timer: ReturnType<typeof setTimeout> | undefined
  let firstAt: number | undefined
  let dueAt = Number.NEGATIVE_INFINITY

  function stop(): void {
    clearTimeout(timer)
    firstAt = undefined
  }

  function fire(): void {
    stop()
    dueAt = Date.now()
    due()
  }

  return {
    stop,
    typed({ syncOn = 'change', debounceMs = 0, throttleMs = 0 }) {
      if (syncOn !== 'change') return
      const now = Date.now()
      firstAt ??= now
      const latest = (debounceMs > 0 ? firstAt : dueAt) + throttleMs - now
      const wait = debounceMs > 0 && throttleMs > 0 ? Math.min(debounceMs, latest) : debounceMs || latest
      clearTimeout(timer)
      if (wait <= 0) fire()
      else timer = setTimeout(fire, wait)
    },
  }
}

/** Before the listeners of others: the connection of a page that is left closes then. */
const FIRST = { capture: true }

/**
 * Calls `hidden` when the page is hidden, `left` when it is left for good, perhaps, and `submitted` before any
 * form is. Returns how to end that.
 */
export function watchPage(hidden: () => void, left: () => void, submitted?: () => void): () => void {
  const seen = (): void => {
    if (document.visibilityState === 'hidden') hidden()
  }
  if (submitted) window.addEventListener('submit', submitted, FIRST)
  window.addEventListener('pagehide', left, FIRST)
  document.addEventListener('visibilitychange', seen, FIRST)
  return () => {
    if (submitted) window.removeEventListener('submit', submitted, FIRST)
    window.removeEventListener('pagehide', left, FIRST)
    document.removeEventListener('visibilitychange', seen, FIRST)
  }
}
