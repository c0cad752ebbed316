/** What became of components when the page came back, in the page's words, and of all of them together. */

import type { ResumeOutcome } from '@fluxstack/client'
import { useSyncExternalStore } from 'react'
import { client } from './client'

/** The kinds, the better the earlier. */
const KINDS = ['resumed', 'replayed', 'rehydrated', 'reset'] as const

type Kind = ResumeOutcome['kind']

/** In a word or two, for the status bar. */
export const SHORT: Readonly<Record<Kind, string>> = {
  resumed: 'went on',
  replayed: 'caught up',
  rehydrated: 'rebuilt',
  reset: 'began anew',
}

/** Why nothing was left, where more can be said than the code does. */
const REASONS: Readonly<Record<string, string>> = {
  NOTHING_KEPT: 'nothing was kept',
  SESSION_EXPIRED: 'away for too long',
  SESSION_REFUSED: 'unknown to this server',
  SESSION_IN_USE: 'another tab has the first',
}

/** In a few words, for a card. */
export function inWords(outcome: ResumeOutcome): string {
  switch (outcome.kind) {
    case 'resumed':
      return 'went on where it was'
    case 'replayed':
      return outcome.frames === 1 ? '1 change caught up' : `${outcome.frames} changes caught up`
    case 'rehydrated':
      return 'rebuilt from its snapshot'
    case 'reset':
      return `began anew: ${REASONS[outcome.reason] ?? `the server said ${outcome.reason}`}`
    default:
      return outcome satisfies never
  }
}

const listeners = new Set<() => void>()
let worst: Kind | undefined

function settle(kind: Kind | undefined): void {
  worst = kind
  for (const listener of listeners) listener()
}

// Each coming back is judged on its own; what the last one brought is read until there is a next one.
let wasOpen = false
client.subscribeStatus(() => {
  const isOpen = client.getStatus() === 'open'
  if (isOpen && !wasOpen) settle(undefined)
  wasOpen = isOpen
})

/** For `onResume` of every component on the page. */
export function cameBack({ kind }: ResumeOutcome): void {
  if (worst === undefined || KINDS.indexOf(kind) > KINDS.indexOf(worst)) settle(kind)
}

/** The worst that happened to any component when the page came back last. */
export function useWorst(): Kind | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    () => worst,
  )
}
