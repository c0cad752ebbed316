/** What the connection does, at the bottom of the page. */

import { useSyncExternalStore } from 'react'
import { type Phase, stats, tap, usePhase } from './client'
import { SHORT, useWorst } from './outcome'

const WORDS: Readonly<Record<Phase, string>> = {
  connecting: 'Connecting…',
  live: 'Connected',
  reconnecting: 'Reconnecting…',
  closed: 'Closed',
}

export function StatusBar() {
  const phase = usePhase()
  const worst = useWorst()
  const { latency, lastDeltaBytes, resyncs, reconnects } = useSyncExternalStore(stats.subscribe, stats.get)
  // The client pings when it is quiet, and with a clock on the page it never is; then a request counts.
  const roundTrip = useSyncExternalStore(tap.subscribe, tap.roundTrip)
  const delay = latency ?? roundTrip
  return (
    <footer className="status-bar">
      <p className="status" role="status" data-testid="status" data-status={phase}>
        {WORDS[phase]}
        {phase === 'live' && worst && (
          <span className="outcome" data-testid="homecoming" data-outcome={worst}>
            {SHORT[worst]}
          </span>
        )}
      </p>
      <dl>
        <Figure name="Latency" id="latency" value={delay === undefined ? '–' : `${delay.toFixed(1)} ms`} />
        <Figure name="Last delta" id="delta-bytes" value={`${lastDeltaBytes} B`} />
        <Figure name="Resyncs" id="resyncs" value={String(resyncs)} />
        <Figure name="Reconnects" id="reconnects" value={String(reconnects)} />
      </dl>
    </footer>
  )
}

function Figure(props: { readonly name: string; readonly id: string; readonly value: string }) {
  return (
    <div className="figure">
      <dt>{props.name}</dt>
      <dd data-testid={props.id}>{props.value}</dd>
    </div>
  )
}
