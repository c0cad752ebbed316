/**
 * The offline outbox in React: how much waits, and a line that says so. An entry point of its own.
 *
 * What must stay true: the line is in the page before it has anything to say, or a screen reader would not
 * read it; and nothing renders unless what it shows has changed.
 */

import { type OfflineOutbox, type OutboxState, type OutboxView, outboxOf } from '@fluxstack/client/offline'
import { type ComponentProps, type ReactNode, useSyncExternalStore } from 'react'
import { useLiveClient } from './provider.js'

/** What the outbox is doing. `conflict`: nothing waits, and something was not done. */
export type OutboxPhase = 'idle' | 'offline' | 'syncing' | 'conflict'

/** What {@link OfflineIndicator} takes, and what else a `div` takes. */
export interface OfflineIndicatorProps extends Omit<ComponentProps<'div'>, 'children'> {
  /** What to show instead of the words there are. */
  readonly children?: (state: OutboxState, phase: OutboxPhase) => ReactNode
}

/**
 * Shows an outbox. Re-renders when anything in its state changes.
 *
 * @example
 * const { pending, conflicts } = useOutbox(outbox)
 * return conflicts.map(({ call, retry }) => <button onClick={retry}>again: {call.action}</button>)
 */
export function useOutbox(outbox: OutboxView): OutboxState {
  return useSyncExternalStore(outbox.subscribe, outbox.getState, outbox.getInitialState)
}

/**
 * How many calls wait for their answers, of one component or of all. Re-renders when the number changes.
 *
 * @example
 * const pending = usePending(Notebook)
 * return pending > 0 ? <span>{pending} not saved yet</span> : null
 */
export function usePending(component?: { readonly name: string }): number {
  const { subscribe, getState, getInitialState } = useClientOutbox()
  const count = ({ pending, byComponent }: OutboxState): number =>
    component ? (byComponent[component.name] ?? 0) : pending
  return useSyncExternalStore(
    subscribe,
    () => count(getState()),
    () => count(getInitialState()),
  )
}

/**
 * Says how many changes wait, that they are being sent, and that some were not done; otherwise nothing. Without
 * style: `fluxstack-offline` is its class, `data-phase` says which of them it is.
 *
 * @example
 * <OfflineIndicator className="banner" />
 * <OfflineIndicator>{({ pending }) => pending > 0 && <b>{pending} to be sent</b>}</OfflineIndicator>
 */
export function OfflineIndicator({ children, className, ...others }: OfflineIndicatorProps): ReactNode {
  const state = useOutbox(useClientOutbox())
  const phase = phaseOf(state)
  return (
    <div
      role="status"
      aria-live="polite"
      {...others}
      className={className ? `fluxstack-offline ${className}` : 'fluxstack-offline'}
      data-phase={phase}
    >
      {children ? children(state, phase) : words(state)}
    </div>
  )
}

function useClientOutbox(): OfflineOutbox {
  const outbox = outboxOf(useLiveClient())
  if (!outbox) throw new Error('the client has no outbox: createLiveClient({ offline: offlineOutbox() })')
  return outbox
}

function phaseOf({ offline, syncing, conflicts }: OutboxState): OutboxPhase {
  if (offline) return 'offline'
  if (syncing) return 'syncing'
  return conflicts.length > 0 ? 'conflict' : 'idle'
}

function words({ pending, offline, syncing, conflicts, memoryOnly }: OutboxState): ReactNode {
  const undone = conflicts.length
  return (
    <>
      {offline && (
        <span className="fluxstack-offline-pending">
          {pending === 0 ? 'Offline.' : `Offline. ${changes(pending)} to be sent.`}
          {pending > 0 && memoryOnly && ' Keep this page open, or it is lost.'}
        </span>
      )}
      {syncing && <span className="fluxstack-offline-syncing">Sending {changes(pending)}…</span>}
      {undone > 0 && (
        <span className="fluxstack-offline-conflicts">
          {(offline || syncing) && ' '}
          {`${changes(undone)} could not be made.`}
        </span>
      )}
    </>
  )
}

function changes(count: number): string {
  return count === 1 ? '1 change' : `${count} changes`
}
