/** Says that the connection is away, and when it is back. */

import { useEffect, useRef } from 'react'
import { usePhase } from './client'
import { announce } from './toasts'

export function ConnectionBanner() {
  const phase = usePhase()
  const wasAway = useRef(false)

  useEffect(() => {
    if (phase === 'live' && wasAway.current) announce('Connected again. Components started afresh.')
    wasAway.current = phase === 'reconnecting'
  }, [phase])

  if (phase !== 'reconnecting') return null
  return (
    <div role="alert" className="banner" data-testid="banner">
      <span className="spinner" aria-hidden="true" />
      <p>
        <strong>Reconnecting…</strong> This is the last the server said.
      </p>
    </div>
  )
}
