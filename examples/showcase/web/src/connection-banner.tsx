/** Says that the connection is away, and how it went when it is back; and that the page has grown old. */

import type { ResumeOutcome } from '@fluxstack/client'
import { useConnection } from '@fluxstack/react'
import { useEffect, useRef, useState } from 'react'
import { usePhase } from './client'
import { useWorst } from './outcome'
import { announce } from './toasts'

const NEWS: Readonly<Record<ResumeOutcome['kind'], string>> = {
  resumed: 'Connected again. Everything went on where it was.',
  replayed: 'Connected again. What you missed was caught up.',
  rehydrated: 'Connected again. What was gone was rebuilt from its snapshot.',
  reset: 'Connected again. Some components began anew: nothing of them was kept.',
}

export function ConnectionBanner() {
  const phase = usePhase()
  const worst = useWorst()
  const wasAway = useRef(false)

  useEffect(() => {
    if (phase === 'reconnecting') wasAway.current = true
    if (phase !== 'live' || !wasAway.current || !worst) return
    wasAway.current = false
    announce(NEWS[worst])
  }, [phase, worst])

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

/** Never loads the page anew by itself, and goes away if told to: somebody may be typing. */
export function OutdatedBanner() {
  const { outdated } = useConnection()
  const [isPutOff, putOff] = useState(false)
  if (!outdated || isPutOff) return null
  return (
    <div role="status" className="banner" data-testid="outdated">
      <p>
        <strong>There is a newer page.</strong>
      </p>
      <button type="button" className="small" onClick={() => location.reload()}>
        Load it anew
      </button>
      <button type="button" className="quiet small" onClick={() => putOff(true)}>
        Later
      </button>
    </div>
  )
}
