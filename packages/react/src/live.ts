/**
 * The types of `useLive`: what it takes and what it gives.
 */

import type {
  ComponentShape,
  LiveError,
  LiveHandle,
  MountOptions,
  ResumeOutcome,
  StateOf,
} from '@fluxstack/client'

/** Listeners by the `type` of the event they want. */
export type EventHandlers<E> = {
  readonly [T in E extends { readonly type: infer U extends string } ? U : never]?: (
    event: Extract<E, { readonly type: T }>,
  ) => void
}

/** What `useLive` takes: what mounting takes, and how to look at it. */
export type LiveOptions<C extends ComponentShape, S = StateOf<C>> = MountOptions<C> & {
  /** The part of the state this component needs. It re-renders only when that part changes. */
  readonly select?: (state: StateOf<C>) => S
  /** When two selected parts count as the same. Default `Object.is`. */
  readonly isEqual?: (a: S, b: S) => boolean
  /** Hears every event. */
  readonly onEvent?: (event: C['event']) => void
  /** Hears events by their `type`. */
  readonly eventHandlers?: EventHandlers<C['event']>
  /** Hears what became of the instance each time the client came back, once it is shown. */
  readonly onResume?: (outcome: ResumeOutcome) => void
}

/** The part of {@link Live} that does not depend on the status. */
export interface LiveTools<C extends ComponentShape>
  extends Pick<
    LiveHandle<C>,
    | 'call'
    | 'callMethod'
    | 'write'
    | 'emit'
    | 'reset'
    | 'subscribe'
    | 'componentId'
    | 'optimisticUpdate'
    | 'flush'
  > {
  /** Whether the connection is open. */
  readonly connected: boolean
  /** Whether what is shown is the last that was known; the same as the status `stale`. */
  readonly stale: boolean
  /** What became of the instance when the client came back last; undefined if it never was away. */
  readonly outcome: ResumeOutcome | undefined
  /** The server's id of the instance, as of this render. */
  readonly instanceId: string | undefined
  /** The digest of the shown state, as of this render. */
  readonly fingerprint: string | undefined
  /** The handle itself: for zustand's `useStore`, for `useBound` of `@fluxstack/react/forms`, for passing on. */
  readonly handle: LiveHandle<C>
}

/** What `useLive` gives. Check `status` (or `loading`) and the compiler knows whether there is a state. */
export type Live<C extends ComponentShape, S = StateOf<C>> = LiveTools<C> &
  (
    | {
        readonly status: 'mounting'
        readonly loading: true
        readonly state: undefined
        readonly error: undefined
      }
    | {
        readonly status: 'live' | 'stale'
        readonly loading: false
        readonly state: S
        readonly error: undefined
      }
    | {
        readonly status: 'failed'
        readonly loading: false
        readonly state: S | undefined
        readonly error: LiveError
      }
  )
