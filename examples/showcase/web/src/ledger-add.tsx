/** A new entry, put on top. */

import { type Calls, LiveError } from '@fluxstack/client'
import { type FormEvent, useState } from 'react'
import type { LedgerShape } from './live.gen'

export function LedgerAdd({ call }: { readonly call: Calls<LedgerShape> }) {
  const [label, setLabel] = useState('')
  const [complaint, setComplaint] = useState<string>()
  const add = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    try {
      await call.add({ label })
      setLabel('')
      setComplaint(undefined)
    } catch (error) {
      setComplaint(error instanceof LiveError ? (error.fields.label ?? error.message) : String(error))
    }
  }
  return (
    <form className="todo-add" onSubmit={add}>
      <input
        type="text"
        autoComplete="off"
        aria-label="A new entry"
        aria-invalid={complaint !== undefined}
        aria-describedby="ledger-complaint"
        placeholder="What was it for?"
        value={label}
        onChange={({ target }) => setLabel(target.value)}
        data-testid="ledger-label"
      />
      <button type="submit" data-testid="ledger-add">
        Add on top
      </button>
      <p id="ledger-complaint" className="complaint" role="status" data-testid="ledger-complaint">
        {complaint}
      </p>
    </form>
  )
}
