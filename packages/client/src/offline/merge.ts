/**
 * Two calls that become one: which may, what comes of them, and how they are shown.
 */

import type { Guess } from '../optimistic.js'
import type { CallBody } from '../protocol.js'
import type { Entry } from './entry.js'
import type { Merge } from './policy.js'

/** Whether a call that waits can still be another one of its action. */
export function isOpenTo({ body, sentTo, isQueued }: Entry, newer: Entry): boolean {
  return (
    isQueued &&
    sentTo === undefined &&
    actionOf(body) !== undefined &&
    actionOf(body) === actionOf(newer.body)
  )
}

function actionOf(body: CallBody): string | undefined {
  return body.type === 'CALL_ACTION' ? body.action : undefined
}

/** What the two ask together, if they can be one and the author wants that. */
export function mergedBody(last: Entry, newer: Entry, merge: Merge<unknown>): CallBody | undefined {
  const { body } = last
  if (!isOpenTo(last, newer) || body.type !== 'CALL_ACTION' || newer.body.type !== 'CALL_ACTION')
    return undefined
  let payload: unknown
  try {
    payload = merge(body.payload, newer.body.payload)
  } catch (cause) {
    console.error(`[fluxstack] merging two calls of ${body.action} failed, both are sent:`, cause)
  }
  // Written down now: changing it afterwards changes nothing.
  return payload === undefined ? undefined : (JSON.parse(JSON.stringify({ ...body, payload })) as CallBody)
}

/** Two calls that became one are shown until it is answered. */
export function both(a: Guess | undefined, b: Guess | undefined): Guess | undefined {
  if (!a || !b) return a ?? b
  return {
    set id(id: string) {
      a.id = b.id = id
    },
    settle(held) {
      a.settle(held)
      b.settle(held)
    },
  }
}
