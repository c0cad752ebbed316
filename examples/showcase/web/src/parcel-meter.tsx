/** Counts while a parcel is sent, so that one sees how long an action takes beside half a gigabyte. */

import { useEffect, useState } from 'react'
import { Controls } from './section'
import { told } from './toasts'

/** Between two counts, in ms. While a page asks, less of a file is on its way, so it does not ask all the time. */
const EVERY = 2000

interface ParcelMeterProps {
  readonly count: number
  readonly call: { tap(): Promise<number> }
  readonly isSending: boolean
  readonly stale: boolean
}

/** In ms. */
interface RoundTrips {
  readonly last: number
  readonly longest: number
}

export function ParcelMeter({ count, call, isSending, stale }: ParcelMeterProps) {
  const [took, know] = useState<RoundTrips>()

  useEffect(() => {
    if (!isSending) return undefined
    know(undefined)
    // What a lost connection leaves unanswered has its place elsewhere on the page.
    const timer = setInterval(() => void timed(call).then(know, () => undefined), EVERY)
    return () => clearInterval(timer)
  }, [isSending, call])

  return (
    <Controls stale={stale}>
      <div className="meter">
        <output aria-label="Counted" data-testid="parcel-count">
          {count}
        </output>
        <p className="hint">
          Counts every other second while it is sent.{' '}
          {took && (
            <>
              Answered in <strong data-testid="parcel-took">{took.last.toFixed(1)} ms</strong>, at most{' '}
              <span data-testid="parcel-longest">{took.longest.toFixed(1)} ms</span>.
            </>
          )}
        </p>
        <button
          type="button"
          aria-label="Count once"
          onClick={() => told(timed(call).then(know))}
          data-testid="parcel-tap"
        >
          Count
        </button>
      </div>
    </Controls>
  )
}

/** Counts once. Brings what is known of the round trips by then. */
async function timed(
  call: ParcelMeterProps['call'],
): Promise<(before: RoundTrips | undefined) => RoundTrips> {
  const begun = performance.now()
  await call.tap()
  const last = performance.now() - begun
  return (before) => ({ last, longest: Math.max(last, before?.longest ?? 0) })
}
