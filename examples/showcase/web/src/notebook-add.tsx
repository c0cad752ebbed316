/** Where a note is written, and where notes are looked for. */

import { type Calls, LiveError } from '@fluxstack/client'
import { type FormEvent, useId, useState } from 'react'
import type { NotebookShape } from './live.gen'
import { told } from './toasts'

/** The page names its notes itself: it speaks of them before the server has heard of them. */
function newId(): string {
  const numbers = crypto.getRandomValues(new Uint32Array(3))
  return Array.from(numbers, (number) => number.toString(36)).join('-')
}

export function NotebookAdd({ call }: { readonly call: Calls<NotebookShape> }) {
  const [text, setText] = useState('')
  const [complaint, complain] = useState<string>()
  const complaintId = useId()

  async function add(event: FormEvent): Promise<void> {
    event.preventDefault()
    // It is on the list already, so there is nothing to wait for.
    setText('')
    complain(undefined)
    try {
      await call.add({ id: newId(), text })
    } catch (cause) {
      complain(cause instanceof LiveError ? (cause.fields.text ?? cause.message) : String(cause))
    }
  }

  return (
    <form className="note-add" onSubmit={(event) => void add(event)}>
      <input
        type="text"
        aria-label="A note"
        placeholder="Write something down"
        value={text}
        onChange={(event) => setText(event.target.value)}
        aria-invalid={complaint !== undefined}
        aria-describedby={complaintId}
        autoComplete="off"
        data-testid="note-text"
      />
      <button type="submit" className="primary" disabled={text.trim() === ''} data-testid="note-add">
        Note
      </button>
      <input
        type="search"
        aria-label="Look for notes"
        placeholder="Search"
        onChange={(event) => told(call.search({ text: event.target.value }))}
        data-testid="note-search"
      />
      <p id={complaintId} className="complaint" aria-live="polite" data-testid="note-complaint">
        {complaint}
      </p>
    </form>
  )
}
