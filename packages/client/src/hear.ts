/**
 * Events by number: nothing is told twice, and nothing that is missing goes unmentioned.
 */

import type { JsonObject } from './protocol.js'

/** Who is told. */
export interface Ears {
  /** Something was announced. */
  event(event: unknown): void
  /** So many events were dropped. */
  missed(count: number): void
}

/** Takes in an event, or the news that some were dropped. Returns the number of the last there was. */
export function hear({ event, seq, missed }: JsonObject, heard: number, ears?: Ears): number {
  if (typeof missed === 'number') {
    ears?.missed(missed)
    return heard + missed
  }
  const number = typeof seq === 'number' ? seq : heard + 1
  if (number <= heard) return heard
  if (number > heard + 1) ears?.missed(number - heard - 1)
  // What was not meant for us has a number and nothing else.
  if (event !== undefined) ears?.event(event)
  return number
}
