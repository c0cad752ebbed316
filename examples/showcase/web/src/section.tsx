/** What all sections have in common: a frame, something to see while mounting, a way out of a failure. */

import type { LiveError, ResumeOutcome } from '@fluxstack/client'
import { type ReactNode, useId } from 'react'
import { OutcomeNote } from './outcome-note'

export function Section(props: {
  readonly title: string
  readonly about: string
  /** The Rust file it is made of. */
  readonly source: string
  readonly className?: string
  /** Of its component, if it is made of one. */
  readonly outcome?: ResumeOutcome | undefined
  readonly children: ReactNode
}) {
  const title = useId()
  return (
    <section className={`section ${props.className ?? ''}`} aria-labelledby={title}>
      <div className="section-head">
        <h2 id={title}>{props.title}</h2>
        <code className="source">{props.source}</code>
        <OutcomeNote outcome={props.outcome} />
        <p className="about">{props.about}</p>
      </div>
      {props.children}
    </section>
  )
}

/** Stands where something will be, so that nothing jumps when it comes. */
export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div className="skeleton" aria-busy="true">
      <span className="visually-hidden">Loading…</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are alike and never move
        <span key={line} className="skeleton-line" />
      ))}
    </div>
  )
}

/** The server refused. Says why, and tries again if asked to. */
export function Failure({ error, retry }: { readonly error: LiveError; readonly retry: () => void }) {
  return (
    <div role="alert" className="failure">
      <p>
        <strong>This did not work.</strong> {error.message}
      </p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  )
}

/** Controls that mean nothing while the connection is away. Shown, dimmed, and not to be used. */
export function Controls({ stale, children }: { readonly stale: boolean; readonly children: ReactNode }) {
  return (
    <fieldset className="controls" disabled={stale} data-stale={stale}>
      {children}
    </fieldset>
  )
}
