/** Where a new thing to do is typed. */

import { type Calls, LiveError } from '@fluxstack/client'
import { type FormEvent, useId, useState } from 'react'
import type { TodosShape } from './live.gen'

export function TodoAdd({ call, stale }: { readonly call: Calls<TodosShape>; readonly stale: boolean }) {
  const [text, setText] = useState('')
  const [complaint, complain] = useState<string>()
  const complaintId = useId()

  async function add(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (stale) return
    try {
      await call.add({ text })
      complain(undefined)
      // What was typed while the server thought stays.
      setText((typed) => (typed === text ? '' : typed))
    } catch (cause) {
      complain(cause instanceof LiveError ? (cause.fields.text ?? cause.message) : String(cause))
    }
  }

  return (
    <form className="todo-add" onSubmit={(event) => void add(event)}>
      <input
        type="text"
        aria-label="What is to be done?"
        placeholder="What is to be done?"
        value={text}
        onChange={(event) => setText(event.target.value)}
        aria-invalid={complaint !== undefined}
        aria-describedby={complaintId}
        autoComplete="off"
        data-testid="todo-text"
      />
      <button type="submit" className="primary" disabled={stale} data-testid="todo-add">
        Add
      </button>
      <p id={complaintId} className="complaint" aria-live="polite" data-testid="todo-complaint">
        {complaint}
      </p>
    </form>
  )
}
