/** What is done to the ledger as a whole, and the way to a row by its number. */

import type { Calls } from '@fluxstack/client'
import { type FormEvent, useState } from 'react'
import type { LedgerShape } from './live.gen'
import { told } from './toasts'

interface ToolsProps {
  readonly call: Calls<LedgerShape>
  readonly isTicking: boolean
  /** The first row in view. */
  readonly first: number
  readonly length: number
  readonly focusRow: (index: number) => void
}

export function LedgerTools({ call, isTicking, first, length, focusRow }: ToolsProps) {
  const [wanted, setWanted] = useState('')
  const go = (event: FormEvent): void => {
    event.preventDefault()
    const index = Math.min(Math.max(Math.trunc(Number(wanted)) || 1, 1), length) - 1
    if (length > 0) focusRow(index)
  }
  return (
    <div className="ledger-tools">
      <form onSubmit={go} className="ledger-go">
        <label htmlFor="ledger-go">Row</label>
        <input
          id="ledger-go"
          type="text"
          autoComplete="off"
          inputMode="numeric"
          value={wanted}
          onChange={({ target }) => setWanted(target.value)}
          data-testid="ledger-go"
        />
        <button type="submit" className="small">
          Go
        </button>
      </form>
      <button
        type="button"
        className="small"
        onClick={() => told(call.insert({ at: first, label: 'Put here' }))}
        data-testid="ledger-insert"
      >
        Insert above
      </button>
      <button
        type="button"
        className="small"
        onClick={() => told(call.shuffleAmounts())}
        data-testid="ledger-shuffle"
      >
        Shuffle amounts
      </button>
      <label className="ledger-tick">
        <input
          type="checkbox"
          checked={isTicking}
          onChange={() => told(call.tick({ on: !isTicking }))}
          data-testid="ledger-tick"
        />
        Changes by itself
      </label>
    </div>
  )
}
