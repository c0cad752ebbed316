/** A field on which everybody sees where the others point. */

import { useLive } from '@fluxstack/react'
import { type CSSProperties, type KeyboardEvent, type PointerEvent, useMemo, useRef } from 'react'
import { type Cursor, Cursors } from './live.gen'
import { cameBack } from './outcome'
import { People, toneOf } from './people'
import { pointing } from './pointing'
import { Failure, Section, Skeleton } from './section'
import { useIntroduction } from './visitor'

/** The far edge of the field, as the server counts. */
const EDGE = 1000
/** How far an arrow key goes. */
const STEP = 25

const ARROWS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
}

export function CursorField() {
  const field = useLive(Cursors, { componentId: 'cursors', onResume: cameBack })
  const me = useIntroduction(field)
  const { call, status } = field
  const pointer = useMemo(() => pointing(call), [call])
  const here = useRef<Cursor>({ x: EDGE / 2, y: EDGE / 2 })

  function go(x: number, y: number): void {
    here.current = { x: clamped(x), y: clamped(y) }
    pointer.to(here.current)
  }

  function follow(event: PointerEvent<HTMLElement>): void {
    const box = event.currentTarget.getBoundingClientRect()
    go(((event.clientX - box.left) / box.width) * EDGE, ((event.clientY - box.top) / box.height) * EDGE)
  }

  function step(event: KeyboardEvent): void {
    const arrow = ARROWS[event.key]
    if (event.key === 'Escape') pointer.away()
    if (!arrow) return
    event.preventDefault()
    go(here.current.x + arrow[0], here.current.y + arrow[1])
  }

  return (
    <Section
      title="Cursors"
      source="cursors.rs"
      outcome={field.outcome}
      about="Move over the field, or go there with the Tab key and use the arrows. The rings are where the server says everybody is."
    >
      {status === 'mounting' && <Skeleton lines={8} />}
      {status === 'failed' && <Failure error={field.error} retry={field.reset} />}
      {(status === 'live' || status === 'stale') && (
        <>
          <div
            role="application"
            aria-label="Field of cursors: arrow keys move yours, Escape takes it away"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys
            tabIndex={0}
            className="field-of-cursors"
            data-stale={status === 'stale'}
            data-testid="cursor-field"
            onPointerMove={follow}
            onPointerDown={follow}
            onPointerLeave={pointer.away}
            onKeyDown={step}
            onBlur={pointer.away}
          >
            {Object.entries(field.state.cursors).map(([key, { x, y }]) => {
              const name = field.state.online[key]?.with.name ?? ''
              return (
                <div
                  key={key}
                  className="cursor"
                  data-tone={toneOf(name)}
                  data-mine={key === me}
                  data-at={`${x},${y}`}
                  data-flipped={x > EDGE * 0.6}
                  data-testid="cursor"
                  style={{ '--x': x / EDGE, '--y': y / EDGE } as CSSProperties}
                >
                  <span className="cursor-name">{key === me ? 'you' : name}</span>
                </div>
              )
            })}
          </div>
          <People online={field.state.online} me={me} />
        </>
      )}
    </Section>
  )
}

function clamped(place: number): number {
  return Math.min(Math.max(Math.round(place), 0), EDGE)
}
