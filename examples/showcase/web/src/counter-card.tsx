/** One counter, and how often it was rendered. */

import { useLive } from '@fluxstack/react'
import { memo } from 'react'
import { Counter } from './live.gen'
import { cameBack } from './outcome'
import { OutcomeNote } from './outcome-note'
import { useRenderCount } from './render-count'
import { Controls, Failure, Skeleton } from './section'
import { told } from './toasts'

interface CardProps {
  readonly number: number
  readonly start: number
  readonly onRemove: (number: number) => void
}

export const CounterCard = memo(function CounterCard({ number, start, onRemove }: CardProps) {
  const counter = useLive(Counter, {
    // So that it is found again when the page is loaded again.
    componentId: `counter-${number}`,
    props: { count: start },
    onResume: cameBack,
  })
  const renders = useRenderCount()
  const name = `Counter ${number}`
  return (
    <article
      className="counter"
      data-testid="counter"
      data-index={number}
      data-status={counter.status}
      aria-label={name}
    >
      <div className="counter-head">
        <h3>{name}</h3>
        <button
          type="button"
          className="quiet icon small"
          aria-label={`Remove ${name}`}
          onClick={() => onRemove(number)}
          data-testid="remove"
        >
          ×
        </button>
      </div>
      {counter.status === 'mounting' && <Skeleton lines={2} />}
      {counter.status === 'failed' && <Failure error={counter.error} retry={counter.reset} />}
      {(counter.status === 'live' || counter.status === 'stale') && (
        <Controls stale={counter.status === 'stale'}>
          <div className="counter-row">
            <button
              type="button"
              aria-label={`Decrement ${name}`}
              onClick={() => told(counter.call.decrement())}
              data-testid="decrement"
            >
              −
            </button>
            <output aria-label={name} data-testid="count">
              {counter.state.count}
            </output>
            <button
              type="button"
              aria-label={`Increment ${name}`}
              onClick={() => told(counter.call.increment())}
              data-testid="increment"
            >
              +
            </button>
          </div>
          <p className="changes">
            <span data-testid="changes">{counter.state.changes}</span>{' '}
            {counter.state.changes === 1 ? 'change' : 'changes'}
          </p>
          <button
            type="button"
            className="quiet small counter-reset"
            aria-label={`Reset ${name} to ${start}`}
            onClick={() => told(counter.call.reset())}
            data-testid="reset"
          >
            Reset
          </button>
        </Controls>
      )}
      <p className="counter-note">
        <OutcomeNote outcome={counter.outcome} />
      </p>
      <p className="renders">
        {/* A new key begins the animation again. */}
        <span key={renders} className="pulse" aria-hidden="true" />
        <span className="renders-word">rendered </span>
        <span data-testid="renders">{renders}</span>×
      </p>
    </article>
  )
})
