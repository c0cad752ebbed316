/** Several counters, each with its own instance on the server. `?counters=20` says how many. */

import { useCallback, useState } from 'react'
import { CounterCard } from './counter-card'
import { Section } from './section'

/** Counters without `?counters=`. */
const USUALLY = 4
/** More than this would be a table, and the server allows a connection a thousand instances. */
const MOST = 200

interface Shown {
  /** Numbers of the counters on the page; a number is never used twice. */
  readonly numbers: readonly number[]
  readonly next: number
}

function first(): Shown {
  const asked = Number(new URLSearchParams(location.search).get('counters') ?? USUALLY)
  const count = Number.isInteger(asked) ? Math.min(Math.max(asked, 0), MOST) : USUALLY
  return { numbers: Array.from({ length: count }, (_, index) => index + 1), next: count + 1 }
}

/** 0, 10, 20, … so that one can see that each was asked for its own. */
function startOf(number: number): number {
  return (number - 1) * 10
}

export function Counters() {
  const [{ numbers }, change] = useState(first)
  const add = (): void => change(({ numbers, next }) => ({ numbers: [...numbers, next], next: next + 1 }))
  // One function for all, so that a card is not rendered because another came or went.
  const remove = useCallback(
    (number: number) =>
      change(({ numbers, next }) => ({ numbers: numbers.filter((other) => other !== number), next })),
    [],
  )
  return (
    <Section
      title="Counters"
      source="counter.rs"
      className="wide"
      about="Independent instances of one component. Click as fast as you can; only the clicked card renders."
    >
      <ul className="counters">
        {numbers.map((number) => (
          <li key={number}>
            <CounterCard number={number} start={startOf(number)} onRemove={remove} />
          </li>
        ))}
        <li className="counter-more">
          <button type="button" onClick={add} disabled={numbers.length >= MOST} data-testid="add-counter">
            <span aria-hidden="true">+</span> Add counter
          </button>
        </li>
      </ul>
    </Section>
  )
}
