/**
 * Calls that outlive their page.
 */

import type { MakeLine } from './calls.js'

/** Keeps calls over a reload. Made by `indexedDbCalls`. */
export interface DurableCalls {
  /** Makes lines whose calls are kept. */
  readonly line: MakeLine
  /** Finds what earlier pages of this tab left. Never rejects. */
  open(tab: string): Promise<void>
  /** Whether something was left for the instance of this name, and not taken yet. */
  has(name: string): boolean
  /** Nothing may be known any more. */
  forget(): void
}
