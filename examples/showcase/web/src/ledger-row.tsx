/** One entry. Until it was read, as much room as it is likely to take. */

import type { Calls } from '@fluxstack/client'
import type { VirtualRowProps } from '@fluxstack/react/virtual-list'
import { memo } from 'react'
import type { Entry, LedgerShape } from './live.gen'
import { told } from './toasts'

interface RowProps {
  readonly row: Entry | undefined
  /** Whether it has changed, and is being read again. */
  readonly isOld: boolean
  readonly props: VirtualRowProps
  readonly call: Calls<LedgerShape>
}

const MONEY = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })

/** Rendered when something of it changes, and not when its neighbours do. */
export const LedgerRow = memo(function LedgerRow({ row, isOld, props, call }: RowProps) {
  if (!row) {
    return (
      <li {...props} className="entry" data-testid="entry" data-missing="true">
        <span className="entry-words">
          <span className="entry-line" />
        </span>
      </li>
    )
  }
  const { id, label, note, amount } = row
  return (
    <li {...props} className="entry" data-testid="entry" data-id={id} data-old={isOld}>
      <span className="entry-words">
        <span className="entry-label">{label}</span>
        {note && <span className="entry-note">{note}</span>}
      </span>
      <span className="entry-amount" data-spent={amount < 0}>
        {MONEY.format(amount / 100)}
      </span>
      <span className="entry-tools">
        <button
          type="button"
          className="quiet icon small"
          aria-label={`Move ${label} to the top`}
          onClick={() => told(call.move({ id, to: 0 }))}
          data-testid="entry-move"
        >
          ↑
        </button>
        <button
          type="button"
          className="quiet icon small"
          aria-label={`Remove ${label}`}
          onClick={() => told(call.remove({ id }))}
          data-testid="entry-remove"
        >
          ×
        </button>
      </span>
    </li>
  )
})
