/**
 * Shows what went wrong where a component failed, and how to try again.
 *
 * It catches what the server or the client said (`LiveError`) and nothing else: a mistake of the page goes on to
 * whoever is there for those.
 */

import { LiveError } from '@fluxstack/client'
import { Component, type ErrorInfo, type ReactNode } from 'react'
import { onRecovery, remount } from './use-live-suspense.js'

/** What a {@link LiveErrorBoundary} takes. */
export interface LiveErrorBoundaryProps {
  readonly children?: ReactNode
  /** What to show instead. Default: the message, as an alert, and a button to try again. */
  readonly fallback?: ReactNode | ((error: LiveError, retry: () => void) => ReactNode)
  /** Hears every error that was caught. */
  readonly onError?: (error: LiveError, info: ErrorInfo) => void
}

/**
 * Catches what components below it failed with. Trying again mounts the one that failed afresh; one that may be
 * mounted again because somebody has signed in comes back by itself. Give it a `key` that
 * changes with the page, so that no page begins with the error of another.
 *
 * @example
 * <LiveErrorBoundary fallback={(error, retry) => <button onClick={retry}>{error.message}</button>}>
 *   <Suspense fallback={<p>…</p>}><Cart /></Suspense>
 * </LiveErrorBoundary>
 */
export class LiveErrorBoundary extends Component<LiveErrorBoundaryProps, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined }

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error }
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    if (!(error instanceof LiveError)) return
    this.forget()
    this.forget = onRecovery(error, this.again)
    this.props.onError?.(error, info)
  }

  override componentWillUnmount(): void {
    this.forget()
  }

  private forget = (): void => undefined

  private readonly retry = (): void => {
    const { error } = this.state
    if (error instanceof LiveError) remount(error)
    this.again()
  }

  private readonly again = (): void => {
    // Not before its children have subscribed: nobody else keeps what came back.
    this.setState({ error: undefined }, () => this.forget())
  }

  override render(): ReactNode {
    const { error } = this.state
    const { children, fallback } = this.props
    if (error === undefined) return children
    if (!(error instanceof LiveError)) throw error
    if (typeof fallback === 'function') return fallback(error, this.retry)
    if (fallback !== undefined) return fallback
    return (
      <div role="alert">
        <p>{error.message}</p>
        <button type="button" onClick={this.retry}>
          Try again
        </button>
      </div>
    )
  }
}
