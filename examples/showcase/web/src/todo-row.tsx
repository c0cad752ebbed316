/** One thing to do. Rendered when it changes, and not when its neighbours do. */

import type { Calls } from '@fluxstack/client'
import { memo, useEffect } from 'react'
import type { Todo, TodosShape } from './live.gen'
import { useRenderCount } from './render-count'
import { told } from './toasts'

interface RowProps {
  /** The same object as long as nothing in it changed. */
  readonly todo: Todo
  /** The same object for as long as the list is mounted. */
  readonly call: Calls<TodosShape>
  readonly onRendered: () => void
}

export const TodoRow = memo(function TodoRow({ todo, call, onRendered }: RowProps) {
  const renders = useRenderCount()
  // Without dependencies: it runs after each render, and that is what it counts.
  useEffect(onRendered)
  const { id, text, done } = todo
  return (
    <li className="todo" data-testid="todo-row" data-id={id} data-done={done} data-renders={renders}>
      <label>
        <input type="checkbox" checked={done} onChange={() => told(call.toggle({ id }))} />
        <span className="todo-words">{text}</span>
      </label>
      {renders > 1 && <span key={renders} className="pulse" aria-hidden="true" />}
      <button
        type="button"
        className="quiet icon small"
        aria-label={`Remove ${text}`}
        onClick={() => told(call.remove({ id }))}
        data-testid="todo-remove"
      >
        ×
      </button>
    </li>
  )
})
