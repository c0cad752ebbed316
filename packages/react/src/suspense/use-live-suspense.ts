/**
 * The hook for pages that are built of Suspense and error boundaries: it always has a state.
 *
 * It waits by suspending and fails by throwing; everything else is as with `useLive`. What must stay true: a render
 * that is thrown away loses nothing (`entries.ts` keeps it), a page that is rendered on a server connects to
 * nothing, and a change within a transition shows what was there until the new is.
 */

import type {
  Component,
  ComponentShape,
  Components,
  LiveClient,
  LiveError,
  LiveHandle,
  MountOptions,
  OptionalIfEmpty,
  ShapeOf,
  StateOf,
} from '@fluxstack/client'
import { use, useEffect, useMemo, useSyncExternalStore } from 'react'
import type { LiveOptions, LiveTools } from '../live.js'
import { useLiveClient } from '../provider.js'
import { useEvents, useView } from '../use-live.js'
import { type Entry, entriesOf } from './entries.js'

/** What `useLiveSuspense` gives: what `useLive` gives, and always with a state. */
export type LiveSuspense<C extends ComponentShape, S = StateOf<C>> = LiveTools<C> & {
  readonly status: 'live' | 'stale'
  readonly loading: false
  readonly state: S
  readonly error: undefined
}

/**
 * Mounts a component of the server and shows it. Suspends until there is a state, and throws the `LiveError` of a
 * component that failed to the nearest error boundary.
 *
 * Uses with the same `componentId` are one instance, and so are uses without any and with the same props: what is
 * asked for names what is waited for. Other props without a `componentId` are another instance; with one they go to
 * the server, as with `useLive`.
 *
 * @example
 * const counter = useLiveSuspense(Counter, { props: { count: 5 } })
 * return <button onClick={counter.call.increment}>{counter.state.count}</button>
 */
export function useLiveSuspense<C extends ComponentShape, S = StateOf<C>>(
  component: Component<C>,
  options: LiveOptions<C, S>,
): LiveSuspense<C, S>
/**
 * The same without options, for components that need no props.
 *
 * @example
 * const todos = useLiveSuspense(Todos)
 */
export function useLiveSuspense<C extends ComponentShape>(
  component: Component<C>,
  ...options: OptionalIfEmpty<LiveOptions<C>>
): LiveSuspense<C>
/**
 * The same by name, typed by the generated file.
 *
 * @example
 * const count = useLiveSuspense({ name: 'Counter', props: { count: 5 }, select: (state) => state.count })
 */
export function useLiveSuspense<N extends keyof Components, S = StateOf<ShapeOf<N>>>(
  options: { readonly name: N } & LiveOptions<ShapeOf<N>, S>,
): LiveSuspense<ShapeOf<N>, S>
export function useLiveSuspense<C extends ComponentShape, S>(
  firstOption: { readonly name: string; readonly schema?: number } & Partial<LiveOptions<C, S>>,
  second?: LiveOptions<C, S>,
): LiveSuspense<C, S> {
  const { name } = firstOption
  const options: Partial<LiveOptions<C, S>> = second ?? firstOption
  const client = useLiveClient()
  // True on a server, and while the page takes over what one has rendered.
  const isStatic = useSyncExternalStore(
    neverChanges,
    () => false,
    () => true,
  )
  const entry = entriesOf(client).find(firstOption as unknown as Component<C>, options)
  awaitState(name, entry, isStatic)
  const { handle } = entry
  const view = useView(entry.shown, options)
  const connected = useSyncExternalStore(
    client.subscribeStatus,
    () => client.getStatus() === 'open',
    () => false,
  )
  useEffect(() => entry.claim(), [entry])
  useConfiguration(handle, options)
  useEvents(handle, options)

  return useMemo(() => {
    const { status } = view
    // That there is a state, and no error, was waited for.
    return {
      ...handle,
      ...view,
      handle,
      connected,
      loading: false,
      stale: status === 'stale',
    } as LiveSuspense<C, S>
  }, [handle, view, connected])
}

const neverChanges = (): (() => void) => () => undefined

/** What failed with which error. */
const failed = new WeakMap<object, Pick<LiveHandle<ComponentShape>, 'reset' | 'subscribe' | 'getState'>>()

/** Suspends until there is something to show, and throws what is to be thrown. */
function awaitState<C extends ComponentShape>(name: string, entry: Entry<C>, isStatic: boolean): void {
  const { shown, handle } = entry
  const isRendered = isStatic && shown.getInitialState().state !== undefined
  if (isStatic && !isRendered && !globalThis.document) {
    throw new Error(
      `useLiveSuspense(${name}) has no state to render on a server with: preload it there, or give hydrate() one. Until then the nearest <Suspense> shows its fallback`,
    )
  }
  if (shown.getState().status === 'mounting') entry.start()
  // Always, also where nothing is waited for: without it React would not know which hooks come after it.
  use(entry.arrival)
  if (isRendered) return
  // React may still know the one before, which was settled so that somebody asks again.
  if (shown.getState().status === 'mounting') throw entry.arrival
  const { error } = shown.getState()
  if (!error) return
  failed.set(error, handle)
  throw error
}

/**
 * Gives a component that failed a new instance: what an error boundary does before it renders its children again.
 * `LiveErrorBoundary` does it by itself.
 *
 * @example
 * <ErrorBoundary onReset={({ args: [error] }) => remount(error)} …>
 */
export function remount(error: LiveError): void {
  failed.get(error)?.reset()
}

/** Hears that what failed with this error has come back by itself, as it does once somebody has signed in. */
export function onRecovery(error: LiveError, recovered: () => void): () => void {
  const handle = failed.get(error)
  const look = (): void => {
    if (handle?.getState().state && handle.getState().error === undefined) recovered()
  }
  return handle?.subscribe(look) ?? (() => undefined)
}

/** Props of a named instance go to the server; of others they are part of which instance it is. */
function useConfiguration<C extends ComponentShape>(
  handle: LiveHandle<C>,
  options: Partial<MountOptions<C>>,
): void {
  const { props } = options
  const written = JSON.stringify(props)
  // biome-ignore lint/correctness/useExhaustiveDependencies: props are compared as JSON
  useEffect(() => {
    if (props !== undefined) handle.setProps(props)
  }, [handle, written])
  useEffect(() => handle.configure(options))
}

/**
 * Begins to mount a component that will be shown soon, so that it need not be waited for then, or all of a page at
 * once instead of one after the other. Resolves when there is something to show, also if that is an error: the hook
 * throws it. What nobody shows within some ten seconds is let go of.
 *
 * @example
 * <a href="/cart" onPointerEnter={() => preload(client, Cart)}>cart</a>
 */
export async function preload<C extends ComponentShape>(
  client: LiveClient,
  component: Component<C>,
  ...[options]: OptionalIfEmpty<MountOptions<C>>
): Promise<void> {
  const entry = entriesOf(client).find<C>(component, options ?? {})
  let last: Promise<void> | undefined
  entry.start()
  // It may be settled only so that whoever wants it asks again; the last one is not followed by another.
  while (entry.shown.getState().status === 'mounting' && last !== entry.arrival) {
    last = entry.arrival
    await last
  }
}
