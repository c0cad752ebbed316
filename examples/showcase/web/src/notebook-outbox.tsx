/** How much waits to be sent, and what could not be: to be tried again, or left. */

import type { Conflict } from '@fluxstack/client/offline'
import { OfflineIndicator, useOutbox } from '@fluxstack/react/offline'
import { outbox } from './outbox'

export function NotebookOutbox() {
  const { pending, conflicts } = useOutbox(outbox)
  return (
    <div className="outbox">
      <OfflineIndicator data-testid="outbox" data-pending={pending} />
      {conflicts.length > 0 && (
        <ul className="conflicts" aria-label="Could not be made">
          {conflicts.map((conflict) => (
            <li key={conflict.call.id} className="conflict" data-testid="conflict">
              <p>
                <strong>{titleOf(conflict)}</strong> {conflict.reason.fields.text ?? conflict.reason.message}
              </p>
              <button type="button" className="small" onClick={conflict.retry}>
                Try again
              </button>
              <button type="button" className="quiet small" onClick={conflict.discard}>
                Forget it
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function titleOf({ call: { component, action, payload } }: Conflict): string {
  const { text } = Object(payload) as { text?: unknown }
  return typeof text === 'string' ? `${action}: “${text}”` : `${component} ${action}`
}
