/** One counter for everybody, and who is looking at it. */

import { useLive } from '@fluxstack/react'
import { Tally } from './live.gen'
import { cameBack } from './outcome'
import { People } from './people'
import { Controls, Failure, Section, Skeleton } from './section'
import { told } from './toasts'
import { useIntroduction } from './visitor'

export function TallyPanel() {
  const tally = useLive(Tally, { componentId: 'tally', onResume: cameBack })
  const me = useIntroduction(tally)
  return (
    <Section
      title="Tally"
      source="tally.rs"
      outcome={tally.outcome}
      about="There is one of it on this server. Whoever clicks, everybody sees it."
    >
      {tally.status === 'mounting' && <Skeleton lines={4} />}
      {tally.status === 'failed' && <Failure error={tally.error} retry={tally.reset} />}
      {(tally.status === 'live' || tally.status === 'stale') && (
        <Controls stale={tally.status === 'stale'}>
          <div className="tally" data-testid="tally">
            <button
              type="button"
              aria-label="One less for everybody"
              onClick={() => told(tally.call.decrement())}
              data-testid="tally-decrement"
            >
              −
            </button>
            <output aria-label="Tally" data-testid="tally-count">
              {tally.state.count}
            </output>
            <button
              type="button"
              aria-label="One more for everybody"
              onClick={() => told(tally.call.increment())}
              data-testid="tally-increment"
            >
              +
            </button>
          </div>
          <People online={tally.state.online} me={me} />
        </Controls>
      )}
    </Section>
  )
}
