/**
 * Writes down in the store what happens to live components: the live half of the slice.
 *
 * It owns the picture and puts it into the store, never the other way round: what a middleware restores, an
 * author overwrites or a debugger travels back to is gone with the next thing that happens. The picture is
 * replaced where it changed and nowhere else, and whatever grows in it has a bound. Whoever is tracked twice
 * is in it once. While nothing is tracked nothing is subscribed to, so that a store which was made to render
 * on a server holds on to nothing.
 */

import type { ComponentShape, LiveClient, LiveHandle, LiveView } from '@fluxstack/client'
import type { StatsKeeper } from '@fluxstack/client/stats'
import type { LiveComponents, LiveConflict, LiveEntry } from './shapes.js'

/** What the slice can be told. */
export interface LiveSliceOptions {
  /** The numbers of the connection: the `liveStats()` that the client was made with. */
  readonly stats?: StatsKeeper
  /** How many events are kept. Default 100. */
  readonly events?: number
  /** How many conflicts are kept. Default 20. */
  readonly conflicts?: number
}

/** Writes down. */
export interface Recorder {
  /** From here until the returned function is called the handle is in the store. Gives the name it has there. */
  track(name: string, handle: AnyHandle): { readonly name: string; readonly leave: () => void }
  conflict(conflict: LiveConflict): void
}

/** A handle of whatever component. */
export type AnyHandle = Pick<
  LiveHandle<ComponentShape>,
  'getState' | 'subscribe' | 'on' | 'pending' | 'fingerprint' | 'instanceId' | 'generation' | 'componentId'
>

interface Tracked {
  readonly name: string
  holders: number
  readonly leave: () => void
}

type View = LiveView<ComponentShape>

const MOST_EVENTS = 100
const MOST_CONFLICTS = 20

/** By the part of the initial state that is theirs: that one stays with the store through every middleware. */
const recorders = new WeakMap<object, Recorder>()

/** The recorder of a store, if it has the slice. */
export function recorderOf(store: { getInitialState(): unknown }): Recorder | undefined {
  const { liveComponents } = Object(store.getInitialState()) as { liveComponents?: object }
  return liveComponents && recorders.get(liveComponents)
}

/** A recorder, and the picture before anything happened. */
export function createRecorder(
  client: LiveClient,
  set: (next: LiveComponents, action: string) => void,
  { stats, events: mostEvents = MOST_EVENTS, conflicts: mostConflicts = MOST_CONFLICTS }: LiveSliceOptions,
): LiveComponents {
  const first: LiveComponents = {
    connection: client.getStatus(),
    components: {},
    events: [],
    conflicts: [],
    performance: { updates: 0 },
  }
  let picture = first
  const all = new Map<AnyHandle, Tracked>()
  let unwatch: (() => void) | undefined

  function change(part: Partial<LiveComponents>, action: string): void {
    picture = { ...picture, ...part }
    set(picture, `live/${action}`)
  }

  function watch(): void {
    const leaveStatus = client.subscribeStatus(seeConnection)
    const leaveStats = stats?.subscribe(seeStats)
    unwatch = () => {
      leaveStatus()
      leaveStats?.()
    }
    seeConnection()
  }

  function seeConnection(): void {
    const connection = client.getStatus()
    if (connection !== picture.connection) change({ connection }, `connection/${connection}`)
  }

  function seeStats(): void {
    change({ performance: { ...stats?.get(), updates: picture.performance.updates } }, 'performance')
  }

  /** A name that nobody has: theirs, or with a number. */
  function free(name: string): string {
    const taken = new Set([...all.values()].map((tracked) => tracked.name))
    let number = 1
    while (taken.has(number === 1 ? name : `${name}#${number}`)) number += 1
    return number === 1 ? name : `${name}#${number}`
  }

  function begin(base: string, handle: AnyHandle): Tracked {
    const name = free(base)
    let seen: View | undefined
    const see = (view: View): void => {
      const before = picture.components[name]
      const entry = entryOf(handle, view, seen?.error === view.error ? before?.error : undefined)
      seen = view
      if (before && isSame(before, entry)) return
      const isUpdate = before?.state !== entry.state && entry.state !== undefined
      const { performance } = picture
      change(
        {
          components: { ...picture.components, [name]: entry },
          ...(isUpdate && { performance: { ...performance, updates: performance.updates + 1 } }),
        },
        `${name}/${whatHappened(before, entry, view)}`,
      )
    }
    const leaveEvents = handle.on((event) => {
      const events = lastOf(picture.events, { component: name, event, at: Date.now() }, mostEvents)
      change({ events }, `${name}/event`)
    })
    const leaveViews = handle.subscribe(see)
    const tracked: Tracked = {
      name,
      holders: 0,
      leave() {
        leaveEvents()
        leaveViews()
        all.delete(handle)
        if (all.size === 0) unwatch?.()
        const { [name]: _gone, ...components } = picture.components
        change({ components }, `${name}/unmounted`)
      },
    }
    all.set(handle, tracked)
    if (all.size === 1) watch()
    see(handle.getState())
    return tracked
  }

  recorders.set(first, {
    track(base, handle) {
      const tracked = all.get(handle) ?? begin(base, handle)
      tracked.holders += 1
      let isHeld = true
      return {
        name: tracked.name,
        leave() {
          if (!isHeld) return
          isHeld = false
          tracked.holders -= 1
          // Strict mode lets go and takes hold again at once.
          queueMicrotask(() => {
            if (tracked.holders === 0 && all.get(handle) === tracked) tracked.leave()
          })
        },
      }
    },
    conflict(conflict) {
      const conflicts = lastOf(picture.conflicts, conflict, mostConflicts)
      change({ conflicts }, `${conflict.component}/conflict`)
    },
  })
  return first
}

function entryOf(handle: AnyHandle, { status, state, error }: View, told: LiveEntry['error']): LiveEntry {
  const { pending, fingerprint, instanceId } = handle
  const plain = error && { code: error.code, message: error.message, fields: error.fields }
  return { status, state, error: plain && (told ?? plain), pending, fingerprint, instanceId }
}

function isSame(a: LiveEntry, b: LiveEntry): boolean {
  return (Object.keys(a) as (keyof LiveEntry)[]).every((key) => Object.is(a[key], b[key]))
}

/** A change, in one word. */
function whatHappened(before: LiveEntry | undefined, now: LiveEntry, { outcome }: View): string {
  if (before?.status !== now.status) {
    if (now.status !== 'live') return now.status
    return before?.status === 'stale' && outcome ? outcome.kind : 'mounted'
  }
  if (before.state === now.state) return 'pending'
  return now.pending > before.pending ? 'guess' : 'delta'
}

function lastOf<T>(list: readonly T[], next: T, most: number): readonly T[] {
  return [...list, next].slice(-Math.max(1, most))
}
