/**
 * The hook: mounts a component while somebody looks at it, and re-renders when what they look at changes.
 *
 * The store is the handle; this file subscribes to it and adds nothing to remember. What must stay true:
 * strict mode's double effect costs one mount (the handle's grace sees to that), a render that is thrown
 * away mounts nothing, rendering on a server shows `mounting`, and the functions given out never change
 * while the component is the same.
 */

import type {
  Component,
  ComponentShape,
  Components,
  LiveClient,
  LiveHandle,
  LiveView,
  MountOptions,
  OptionalIfEmpty,
  ShapeOf,
  StateOf,
} from '@fluxstack/client'
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type { Live, LiveOptions } from './live.js'
import { perFrame } from './per-frame.js'
import { useLiveClient } from './provider.js'

/**
 * Mounts a component of the server and shows it.
 *
 * Each use is its own instance, unless a `componentId` says which. New `props` (compared as JSON) go to
 * the server, which takes them in place or mounts again.
 *
 * @example
 * const counter = useLive(Counter, { props: { count: 5 } })
 * if (counter.status === 'mounting') return <p>…</p>
 * if (counter.status === 'failed') return <p role="alert">{counter.error.message}</p>
 * return <button onClick={counter.call.increment}>{counter.state.count}</button>
 */
export function useLive<C extends ComponentShape, S = StateOf<C>>(
  component: Component<C>,
  options: LiveOptions<C, S>,
): Live<C, S>
/**
 * The same without options, for components that need no props.
 *
 * @example
 * const todos = useLive(Todos)
 */
export function useLive<C extends ComponentShape>(
  component: Component<C>,
  ...options: OptionalIfEmpty<LiveOptions<C>>
): Live<C>
/**
 * The same by name, typed by the generated file.
 *
 * @example
 * const count = useLive({ name: 'Counter', props: { count: 5 }, select: (state) => state.count })
 */
export function useLive<N extends keyof Components, S = StateOf<ShapeOf<N>>>(
  options: { readonly name: N } & LiveOptions<ShapeOf<N>, S>,
): Live<ShapeOf<N>, S>
export function useLive<C extends ComponentShape, S>(
  first: { readonly name: string; readonly schema?: number } & Partial<LiveOptions<C, S>>,
  second?: LiveOptions<C, S>,
): Live<C, S> {
  // A component is an object with a name, and so is the one-argument form.
  const options: Partial<LiveOptions<C, S>> = second ?? first
  const client = useLiveClient()
  const handle = useHandle(client, first as unknown as Component<C>, options)
  const view = useView(handle, options)
  const connected = useSyncExternalStore(
    client.subscribeStatus,
    () => client.getStatus() === 'open',
    () => false,
  )
  useEvents(handle, options)

  return useMemo(() => {
    const { status } = view
    // The view is a discriminated union already; `loading` and `stale` say the same as its status. Of the
    // handle the type names what is for rendering.
    return {
      ...handle,
      ...view,
      handle,
      connected,
      loading: status === 'mounting',
      stale: status === 'stale',
    } as Live<C, S>
  }, [handle, view, connected])
}

/** What of a view the hook shows. */
type Shown<C extends ComponentShape, S> = {
  readonly [K in keyof LiveView<C>]: K extends 'state' ? S | undefined : LiveView<C>[K]
}

function useHandle<C extends ComponentShape>(
  client: LiveClient,
  component: Component<C>,
  options: Partial<MountOptions<C>>,
): LiveHandle<C> {
  const { name } = component
  const { componentId, props } = options
  const key = [client, name, componentId]
  // The overloads of useLive saw to it that required props are there.
  const make = () => ({
    key,
    handle: client.live(component, ...([options] as OptionalIfEmpty<MountOptions<C>>)),
  })
  // State, not a memo: React may forget a memo, and a forgotten handle would be a lost instance.
  const [held, hold] = useState(make)
  const wanted = held.key.every((part, index) => part === key[index]) ? held : make()
  if (wanted !== held) hold(wanted)
  const { handle } = wanted
  const written = JSON.stringify(props)
  // biome-ignore lint/correctness/useExhaustiveDependencies: props are compared as JSON
  useEffect(() => {
    if (props !== undefined) handle.setProps(props)
  }, [handle, written])
  useEffect(() => handle.configure(options))
  return handle
}

/** What a handle shows, or the selected part of it. */
export function useView<C extends ComponentShape, S>(
  handle: LiveHandle<C>,
  { select, isEqual = Object.is }: Partial<LiveOptions<C, S>>,
): Shown<C, S> {
  const committed = useRef<Shown<C, S> | undefined>(undefined)
  const [read, readInitial] = useMemo(() => {
    let seen: LiveView<C> | undefined
    let shown = committed.current
    const look = (view: LiveView<C>): Shown<C, S> => {
      if (!select) return view as Shown<C, S>
      if (view === seen && shown) return shown
      seen = view
      const state = view.state && select(view.state)
      const isSame =
        shown &&
        shown.status === view.status &&
        shown.error === view.error &&
        shown.outcome === view.outcome &&
        (shown.state === undefined || state === undefined
          ? shown.state === state
          : isEqual(shown.state, state))
      shown = isSame ? shown : { ...view, state }
      return shown as Shown<C, S>
    }
    return [() => look(handle.getState()), () => look(handle.getInitialState())]
  }, [handle, select, isEqual])
  const subscribe = useMemo(() => perFrame(handle), [handle])
  const view = useSyncExternalStore(subscribe, read, readInitial)
  useEffect(() => {
    committed.current = view
  }, [view])
  return view
}

/** Tells what a handle announces. */
export function useEvents<C extends ComponentShape, S>(
  handle: LiveHandle<C>,
  options: Partial<LiveOptions<C, S>>,
): void {
  // Whoever is told is the last that was committed.
  const latest = useRef(options)
  useEffect(() => {
    latest.current = options
  })
  useEffect(() => {
    const deafen = handle.on((event) => {
      const { onEvent, eventHandlers } = latest.current
      onEvent?.(event)
      const { type } = Object(event) as { type: string }
      const byType = (eventHandlers ?? {}) as Record<string, ((event: C['event']) => void) | undefined>
      if (Object.hasOwn(byType, type)) byType[type]?.(event)
    })
    const leave = handle.onResume((outcome) => latest.current.onResume?.(outcome))
    return () => {
      deafen()
      leave()
    }
  }, [handle])
}
