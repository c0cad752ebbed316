/**
 * The handles that renders wait for, found again by what is asked for.
 *
 * made ──first render, or preload──► waited for ──committed──► claimed ──unmounted──► gone
 *                                      └── nobody asks for it within UNCLAIMED_MS ──► gone
 *
 * A render that suspends is thrown away with everything its hooks remember, so what it has begun is kept here:
 * by component and `componentId`, or by component and props where there is none. What must stay true: whoever asks
 * for the same gets the same handle as long as anybody has it; a handle nobody shows is let go of; and a promise
 * that somebody waits for is settled before its handle is let go of, so that no page waits for ever.
 */

import type {
  Component,
  ComponentShape,
  LiveClient,
  LiveHandle,
  LiveView,
  MountOptions,
  OptionalIfEmpty,
} from '@fluxstack/client'

/** How long, in ms, something is kept that no page shows; asked for in that time, it is kept as long again. */
const UNCLAIMED_MS = 10_000
/** How many may be kept for one client that no page shows. */
const MOST_UNCLAIMED = 1024

/** A state by what it is the state of, as `dehydrate` gives and `hydrate` takes. */
export type LiveStates = { readonly [key: string]: object }

/** A handle, and what is to be shown of it. */
export interface Entry<C extends ComponentShape = ComponentShape> {
  readonly handle: LiveHandle<C>
  /** As the handle shows itself; and before it has a state, the one a server has rendered with, as `stale`. */
  readonly shown: LiveHandle<C>
  /**
   * Settled when there is something to show, so that React sees it at once. Another one whenever there is not.
   */
  readonly arrival: Promise<void>
  /** Begins to mount it. */
  start(): void
  /** Somebody shows it. Returns how they say that they do not any more. */
  claim(): () => void
}

/** What is kept for one client. */
export interface Entries {
  /** What was asked for, made if it is not there. */
  find<C extends ComponentShape>(component: Component<C>, options: Partial<MountOptions<C>>): Entry<C>
  /** All states there are. */
  states(): LiveStates
  /** States to begin with. */
  seed(states: LiveStates): void
}

const all = new WeakMap<LiveClient, Entries>()

/** What is kept for this client. */
export function entriesOf(client: LiveClient): Entries {
  const known = all.get(client)
  if (known) return known
  const entries = createEntries(client)
  all.set(client, entries)
  return entries
}

function createEntries(client: LiveClient): Entries {
  const entries = new Map<string, Kept>()
  const seeds = new Map<string, object>()
  let watch = (): void => {
    let user = client.getUser()
    watch = () => undefined
    client.subscribeStatus(() => {
      const now = client.getUser()
      // What was rendered for somebody is not for whoever comes after them.
      if (user !== undefined && user !== now) seeds.clear()
      user = now
    })
  }

  function make<C extends ComponentShape>(
    key: string,
    component: Component<C>,
    options: Partial<MountOptions<C>>,
  ): Kept<C> {
    let unclaimed = 0
    for (const { claims } of entries.values()) if (claims === 0) unclaimed += 1
    if (unclaimed >= MOST_UNCLAIMED) {
      throw new Error(
        `${component.name} was not mounted: ${MOST_UNCLAIMED} handles wait that no page shows. If its props change at every render, give it a componentId`,
      )
    }
    // Who asks saw to it that required props are there.
    const handle = client.live(component, ...([options] as OptionalIfEmpty<MountOptions<C>>))
    const entry: Kept<C> = createEntry(handle, {
      seed: () => seeds.get(key) as C['state'] | undefined,
      // Once there is a state of its own, the one to begin with is not shown again.
      arrived: () => seeds.delete(key),
      keep: () => entries.has(key) || entries.set(key, entry as unknown as Kept),
      drop() {
        if (entries.get(key) === (entry as unknown as Kept)) entries.delete(key)
      },
    })
    entries.set(key, entry as unknown as Kept)
    return entry
  }

  return {
    find<C extends ComponentShape>(component: Component<C>, options: Partial<MountOptions<C>>): Entry<C> {
      const { componentId, props } = options
      const which = componentId === undefined ? JSON.stringify(props ?? {}) : `#${componentId}`
      const key = `${component.name} ${which}`
      const known = entries.get(key) as Kept<C> | undefined
      const entry = known ?? make(key, component, options)
      entry.touch()
      return entry
    },
    states() {
      const states = Object.fromEntries(seeds)
      for (const [key, { handle }] of entries) {
        const { state } = handle.getState()
        if (state) states[key] = state
      }
      return states
    },
    seed(states) {
      for (const [key, state] of Object.entries(states)) {
        if (typeof state === 'object' && state !== null) seeds.set(key, state)
      }
      watch()
    },
  }
}

interface Kept<C extends ComponentShape = ComponentShape> extends Entry<C> {
  readonly claims: number
  /** It was asked for. */
  touch(): void
}

/** Where an entry is kept. */
interface Place<C extends ComponentShape> {
  seed(): C['state'] | undefined
  arrived(): void
  /** Lets it be found, unless another is found already. */
  keep(): void
  drop(): void
}

function createEntry<C extends ComponentShape>(handle: LiveHandle<C>, place: Place<C>): Kept<C> {
  let claims = 0
  let isWanted = true
  let timer: ReturnType<typeof setTimeout> | undefined
  let leave: (() => void) | undefined
  let isThere = false
  let settle: () => void = () => undefined
  let arrival: Promise<void> & { status?: string; value?: undefined } = Promise.resolve()
  let early: LiveView<C> | undefined
  /** What was rendered by a server, or is to be. */
  let first: LiveView<C> | undefined
  let isTakenOver = false

  function expect(): void {
    const mine: typeof arrival = new Promise<void>((then) => {
      settle = () => {
        // What React writes on a promise it has seen settled: a render need not wait to find that out.
        mine.status = 'fulfilled'
        mine.value = undefined
        then()
      }
    })
    arrival = mine
  }

  function look(): void {
    if (handle.getState().status !== 'mounting') place.arrived()
    const isHere = show().status !== 'mounting'
    if (isHere === isThere) return
    isThere = isHere
    if (isHere) settle()
    else expect()
  }

  function show(): LiveView<C> {
    const view = handle.getState()
    const seed = view.status === 'mounting' ? place.seed() : undefined
    if (!seed) return view
    early = stale(early, seed)
    return early
  }

  function restart(): void {
    clearTimeout(timer)
    timer = setTimeout(expire, UNCLAIMED_MS)
    // A server that has rendered need not stay up for it.
    if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.()
  }

  function expire(): void {
    if (claims > 0) return
    if (isWanted) {
      isWanted = false
      // Whoever still waits asks again, which says that it is wanted.
      const wake = settle
      if (!isThere) expect()
      wake()
      restart()
      return
    }
    place.drop()
    release()
    settle()
  }

  function release(): void {
    leave?.()
    leave = undefined
  }

  expect()
  restart()
  return {
    handle,
    // On top of the handle, whose getters a copy would not have.
    shown: Object.assign(Object.create(handle) as LiveHandle<C>, {
      getState: show,
      getInitialState() {
        const seed = place.seed()
        const { state } = handle.getState()
        // What a page takes over stays what it was rendered with.
        if (seed) first = stale(first, seed)
        else if (state && (!first || !isTakenOver)) first = stale(first, state)
        isTakenOver ||= seed !== undefined
        return first ?? handle.getInitialState()
      },
    }),
    get arrival() {
      look()
      return arrival
    },
    get claims() {
      return claims
    },
    touch() {
      isWanted = true
    },
    start() {
      if (claims === 0) leave ??= handle.subscribe(look)
      look()
    },
    claim() {
      claims += 1
      clearTimeout(timer)
      place.keep()
      // Before what kept it alive lets go, whoever claims it has subscribed.
      const unwatch = handle.subscribe(look)
      look()
      release()
      return () => {
        claims -= 1
        unwatch()
        if (claims === 0) place.drop()
      }
    },
  }
}

/** That this state is the last that is known: `before`, if it says so. */
function stale<C extends ComponentShape>(before: LiveView<C> | undefined, state: C['state']): LiveView<C> {
  return before?.state === state
    ? before
    : ({ status: 'stale', state, error: undefined, outcome: undefined } as LiveView<C>)
}
