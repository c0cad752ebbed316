/** A small note on what became of one component when the page came back last. */

import type { ResumeOutcome } from '@fluxstack/client'
import { inWords } from './outcome'

export function OutcomeNote({ outcome }: { readonly outcome: ResumeOutcome | undefined }) {
  if (!outcome) return null
  return (
    <span className="outcome" data-testid="outcome" data-outcome={outcome.kind}>
      {inWords(outcome)}
    </span>
  )
}
