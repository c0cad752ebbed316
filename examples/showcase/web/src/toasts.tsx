/** Short notices above the status bar, and the one place where a refused call ends up. */

import { LiveError } from '@fluxstack/client'
import { useSyncExternalStore } from 'react'

/** How long a notice stays, in ms: long enough to be read twice. */
const STAY_MS = 5000
/** More than this at a time is a wall, not a notice. */
const MOST = 3

interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: 'good' | 'bad'
}

const listeners = new Set<() => void>()
let toasts: readonly Toast[] = []
let lastId = 0

function show(next: readonly Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

/** Shows a notice for a while. The same text twice in a row is shown once, for longer. */
export function announce(text: string, tone: Toast['tone'] = 'good'): void {
  lastId += 1
  const id = lastId
  show([...toasts.filter((toast) => toast.text !== text), { id, text, tone }].slice(-MOST))
  setTimeout(() => show(toasts.filter((toast) => toast.id !== id)), STAY_MS)
}

/** Says so if a call was refused. */
export function told(call: Promise<unknown>): void {
  call.catch((cause: unknown) => announce(cause instanceof LiveError ? cause.message : String(cause), 'bad'))
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
  return (
    <div className="toasts" role="status" aria-live="polite" data-testid="toasts">
      {shown.map(({ id, text, tone }) => (
        <p key={id} className="toast" data-tone={tone}>
          {text}
        </p>
      ))}
    </div>
  )
}
