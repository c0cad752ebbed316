/** The server's time, and a stopwatch that runs there. */

import { useLive } from '@fluxstack/react'
import { Clock } from './live.gen'
import { cameBack } from './outcome'
import { Controls, Failure, Section, Skeleton } from './section'
import { told } from './toasts'

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })

export function ClockPanel() {
  const clock = useLive(Clock, { componentId: 'clock', onResume: cameBack })
  return (
    <Section
      title="Clock"
      source="clock.rs"
      outcome={clock.outcome}
      about="Nobody asks for these changes: the server makes them, once a second and ten times a second."
    >
      {clock.status === 'mounting' && <Skeleton lines={5} />}
      {clock.status === 'failed' && <Failure error={clock.error} retry={clock.reset} />}
      {(clock.status === 'live' || clock.status === 'stale') && (
        <Controls stale={clock.status === 'stale'}>
          <div className="clock">
            <div>
              <time className="clock-time" dateTime={new Date(clock.state.now).toISOString()}>
                {TIME.format(clock.state.now)}
              </time>
              <p className="muted">
                {DAY.format(clock.state.now)} · mounted{' '}
                <span data-testid="clock-ticks">{clock.state.ticks}</span> s ago
              </p>
            </div>
            <div className="stopwatch">
              <span role="timer" aria-label="Stopwatch" data-testid="stopwatch">
                {stopwatch(clock.state.tenths)}
              </span>
              <button type="button" onClick={() => told(clock.call.toggle())} data-testid="stopwatch-toggle">
                {clock.state.running ? 'Stop' : 'Start'}
              </button>
              <button
                type="button"
                className="quiet"
                aria-label="Clear the stopwatch"
                onClick={() => told(clock.call.clear())}
              >
                Clear
              </button>
            </div>
          </div>
        </Controls>
      )}
    </Section>
  )
}

function stopwatch(tenths: number): string {
  const seconds = Math.floor(tenths / 10)
  const minutes = String(Math.floor(seconds / 60)).padStart(2, '0')
  return `${minutes}:${String(seconds % 60).padStart(2, '0')}.${tenths % 10}`
}
