/**
 * How a component gets its instance, keeps it over lost connections, and lets go of it.
 *
 * idle ──start──► waiting ──open──► mounting ──reply──► mounted ──lost──► away ──open──► asked back
 *   ▲                                  │ refused          ▲                                 │
 *   │                                  ▼                  ├── resumed, replayed, rehydrated ┤
 *   └── stop, from anywhere          failed               └────── mounted afresh ◄── reset ─┘
 *
 * Whatever happens to the connection, what was shown stays on show, as `stale`, until the server has said
 * how it stands; then the outcome is told together with the first state that can be trusted. What an
 * earlier page of this tab left under the same name is asked back in the same way, showing nothing yet.
 *
 * There is an instance exactly while the component is mounted or away. Messages are read where they
 * arrive, not in a promise's continuation: an answer and the first delta may share a frame. What is asked
 * later outdates what was asked before by its turn; what an outdated answer brings is unmounted again.
 */

import { type Snapshot, share, takeSnapshot } from './delta.js'
import { type ErrorCode, isDenied, isPassing, LiveError } from './error.js'
import { enterHall, type Hall } from './hall.js'
import type { Inside } from './inside.js'
import { createInstance, type Instance, type Kept, type Owner, UPDATE_BOTH, unmount } from './instance.js'
import { listeners } from './listeners.js'
import { MOST_IN_DOUBT, MOST_KEPT, REMOUNT_REST_MS } from './numbers.js'
import { createLayers, type Update } from './optimistic.js'
import type { Guest, Port } from './port.js'
import {
  type CallBody,
  type ClientMessage,
  fieldsOf,
  type JsonObject,
  type Made,
  parseStanding,
  type Standing,
} from './protocol.js'
import type { Component, ComponentShape, LiveHandle, LiveStatus, LiveView, ResumeOutcome } from './shape.js'

/** What is shown before anything is. */
const MOUNTING = {
  status: 'mounting',
  state: undefined,
  error: undefined,
  outcome: undefined,
} as const

/** Which component it is. */
export interface Identity {
  readonly component: Pick<Component<ComponentShape>, 'name' | 'schema'>
  /** The client's own name for the instance. */
  readonly name: string
  /** Whether a later page will know the name, and may have the instance. */
  readonly isKept: boolean
}

/** What an application sees of a component, beside its actions. */
type Face<C extends ComponentShape> = Omit<
  LiveHandle<C>,
  'componentId' | 'call' | 'callMethod' | 'write' | 'emit' | 'flush' | 'configure'
>

/** A component that is idle, and the way to call it. */
export function createLifecycle<C extends ComponentShape>(
  port: Port,
  { component: { name: component, schema }, name, isKept }: Identity,
  firstProps: C['props'],
  flush: () => void,
  updateOf: (body: CallBody) => Update | undefined,
): Inside & { readonly face: Face<C> } {
  type View = LiveView<C>
  const { session } = port
  const guess = (body: CallBody) => layers.guess(updateOf(body))
  const layers = createLayers(
    () => paint(),
    () => instance?.isOutOfStep(),
  )
  const line = port.line(port, { name, isKept, gone, guess, picture })
  const views = listeners<[view: View, previous: View]>()
  const events = listeners<[event: C['event']]>()
  const misses = listeners<[count: number]>()
  const outcomes = listeners<[outcome: ResumeOutcome]>()
  let at: 'idle' | 'waiting' | 'mounting' | 'mounted' | 'away' | 'failed' = 'idle'
  let instance: Instance | undefined
  let props = firstProps
  /** The props the instance has or will have, as JSON. */
  let given = ''
  let view: View = MOUNTING
  /** What the server has, proven. */
  let shown: Snapshot | undefined
  /** What is shown is what the server holds, as far as it has said how it stands. */
  let isInStep = false
  /** What is shown may be in what is replayed: only the answer says which of it. Until then, that waits here. */
  let isInDoubt = false
  let caughtUp: Snapshot | undefined
  /** How many guesses the listeners know of. */
  let pending = 0
  /** What became of it, to be told with the next state that can be trusted. */
  let news: ResumeOutcome | undefined
  /** Counts changes of phase, so that an outdated answer is known. */
  let turn = 0
  /** Times in a row that the server said: later. */
  let tries = 0
  let generation = 0
  /** The instance that calls made while disconnected were meant for. */
  let meantFor: string | undefined
  let remountedAt = -REMOUNT_REST_MS
  let cancelStop: (() => void) | undefined
  /** Why nothing can be called at this very moment. */
  let refusal: LiveError | undefined

  const guest: Guest = {
    name,
    kept() {
      if (!instance || !isKept) return instance && { id: instance.id }
      // One that is too large is as good as none.
      const { id, heard, snapshot = '', shared } = instance
      return { id, heard, props: given, snapshot: snapshot.length > MOST_KEPT ? '' : snapshot, shared }
    },
    opened() {
      const left = port.left.get(name)
      if (!instance && isKept && session.isActive() && left?.props !== undefined) {
        port.left.delete(name)
        given = left.props
        instance = take({ heard: 0, ...left })
      }
      if (!instance) mount()
      else if (session.isActive()) comeBack()
      else mountAfresh('NOTHING_KEPT')
    },
    lost() {
      enter(instance ? 'away' : 'waiting')
      paint()
    },
    flush,
    closed() {
      broken(new LiveError('CLOSED', 'the client was closed'))
    },
    forget: () => end('waiting', 'the user has signed out', 'DISCONNECTED'),
    signedIn() {
      if (view.error && isDenied(view.error)) remount()
    },
    room(push) {
      const isOurs = push.componentId ? push.componentId === instance?.id : push.component === component
      if (instance && isOurs) enterHall(hall, push, owner)
    },
  }

  const owner: Owner = {
    show(next, done) {
      if (isInDoubt) {
        caughtUp = next
        return next
      }
      layers.done(done)
      isInStep = at === 'mounted'
      // What was guessed right keeps its identity, so that nothing is rendered again for it.
      shown = pending > 0 ? { ...next, state: share(view.state, next.state) as JsonObject } : next
      line.saw?.(next.state)
      paint()
      return shown
    },
    event: events.tell,
    missed: misses.tell,
    gone,
    broken,
  }
  const hall: Hall = { heard: new Map() }

  /** Shows what there is, as what it is. */
  function paint(failure = view.error): void {
    const error = at === 'failed' ? failure : undefined
    const isLive = at === 'mounted' && isInStep
    const status: LiveStatus = error ? 'failed' : isLive ? 'live' : shown ? 'stale' : 'mounting'
    const told = error || isLive ? news : undefined
    if (told) news = undefined
    const state = shown && layers.over(shown.state, view.state as JsonObject | undefined)
    const others = pending
    pending = layers.size()
    if (told || status !== view.status || state !== view.state || error !== view.error) {
      // Proven equal to what the server holds; that it has the generated shape is the server's promise.
      replace({ status, state, error, outcome: told ?? view.outcome } as View)
    } else if (pending !== others) views.tell(view, view)
    if (told) outcomes.tell(told)
  }

  /** Of a version below all others: nothing of it is proven. */
  function picture(state: JsonObject | undefined): void {
    if (view.error || (shown && shown.version >= 0)) return
    shown = state && takeSnapshot(state, -1)
    paint()
  }

  function replace(next: View): void {
    const previous = view
    view = next
    views.tell(view, previous)
  }

  // How it gets an instance, and gets it back.

  function mount(): void {
    enter('mounting')
    given = written()
    const payload = { component, props: props ?? {}, schema }
    request({ type: 'COMPONENT_MOUNT', componentId: name, payload }, mount, broken)
  }

  function mountAfresh(reason: ErrorCode): void {
    news = { kind: 'reset', reason }
    mount()
  }

  /** Asks for an instance that the server may still have, or can rebuild from a snapshot. */
  function comeBack(snapshot?: string): void {
    if (!instance) return
    enter('away')
    isInDoubt = layers.size() > 0
    if (!isInDoubt) catchUp()
    const payload = {
      component,
      name,
      ...instance.position(),
      schema,
      snapshot,
      props: instance.shared && (JSON.parse(given) as unknown),
      rooms: hall.heard.size > 0 ? Object.fromEntries(hall.heard) : undefined,
      doubt: isInDoubt ? layers.doubt(MOST_IN_DOUBT) : undefined,
    }
    request(
      { type: 'COMPONENT_RESUME', componentId: instance.id, payload },
      () => comeBack(snapshot),
      (error) => {
        const { code } = error
        if (code === 'CLIENT_OUTDATED') broken(error)
        // Ours may be good where the server has none, or none that it can use.
        else if (!snapshot && instance?.snapshot) comeBack(instance.snapshot)
        else mountAfresh((code === 'NOTHING_KEPT' && session.refusal()) || code)
      },
    )
  }

  /** Asks for an instance; again later, where that may help. */
  function request(message: ClientMessage, again: () => void, refused: (error: LiveError) => void): void {
    const mine = turn
    const known = instance
    port.ask(message, {
      answered(result) {
        const standing = parseStanding(result)
        if (mine !== turn) {
          // What is known was unmounted when it was left.
          const id = standing?.made?.id
          if (id && id !== known?.id) unmount(port, id)
        } else if (standing && !standing.outcome === !known) {
          stand(standing, known)
        } else {
          refused(new LiveError('BAD_MESSAGE', `the answer cannot be read: ${UPDATE_BOTH}`))
        }
      },
      failed(error) {
        if (mine !== turn) return
        const { code } = error
        // Nothing was done; or an instance is asked back, which may be done again: it may have gone to rest
        // this very moment.
        if (isPassing(error) || (known && (code === 'TIMEOUT' || code === 'REHYDRATION_REQUIRED'))) {
          port.later(tries++, () => mine === turn && again())
        } else refused(error)
      },
    })
  }

  /** The server has said how it stands with the instance it has made, or else with the known one. */
  function stand({ made, outcome, outdated, done, ...proof }: Standing, known: Instance | undefined): void {
    if (outdated === true) port.outdated()
    tries = 0
    news = outcome ?? news
    layers.done(done, true)
    if (made) caughtUp = undefined
    catchUp()
    isInDoubt = false
    // Without an instance of its own, the answer is about the one that was asked for.
    const current = made ? renew(known, made) : (known as Instance)
    if (!known) {
      generation += 1
      // While what is shown is still what they were meant for.
      if (meantFor !== undefined && meantFor !== current.id) {
        line.renew(new LiveError('DISCONNECTED', 'the call was not sent: the component was mounted afresh'))
      }
    }
    at = 'mounted'
    instance = current
    meantFor = current.id
    // First, so that they keep their place before calls made by whoever sees the state now.
    line.open(meantFor, known !== undefined, current.shared)
    if (made) {
      if (!known) hall.heard.clear()
      hall.listen?.()
      current.begin(made.whole, shown?.state)
    } else if (current.prove(proof)) {
      isInStep = true
      paint()
    }
    if (written() !== given) sendProps()
    port.touch()
  }

  function catchUp(): void {
    shown = caughtUp ?? shown
    caughtUp = undefined
  }

  function renew(known: Instance | undefined, { whole, ...kept }: Made): Instance {
    known?.leave(false)
    if (known && kept.heard > known.heard) misses.tell(kept.heard - known.heard)
    return take({ ...kept, snapshot: known?.snapshot })
  }

  function take(kept: Kept): Instance {
    return createInstance(kept, component, port, owner)
  }

  // How it loses it.

  function gone(error: LiveError): void {
    const now = port.clock.now()
    if (now - remountedAt < REMOUNT_REST_MS) {
      broken(error)
    } else {
      remountedAt = now
      if (error.code === 'REHYDRATION_REQUIRED' && session.isActive()) comeBack()
      else mountAfresh(error.code)
      paint()
    }
  }

  function broken(error: LiveError): void {
    if (error.code === 'CLIENT_OUTDATED') port.outdated()
    // Who may not have it has it no more.
    enter('failed', !isDenied(error))
    paint(error)
    line.renew(error)
  }

  function remount(): void {
    // Whoever wanted a new instance means the new one.
    meantFor = undefined
    enter('waiting', true)
    line.renew()
    layers.clear()
    paint()
    if (port.isOpen()) mount()
  }

  /** As if nothing had ever been shown. */
  function end(next: 'idle' | 'waiting', why: string, code: ErrorCode): void {
    enter(next, true)
    refusal = new LiveError(code, `the call was not sent: ${why}`)
    flush()
    line.renew(refusal)
    refusal = undefined
    layers.clear()
    meantFor = shown = news = undefined
    hall.heard.clear()
    hall.listen?.()
    if (view !== MOUNTING) replace(MOUNTING)
  }

  /** Every change of phase but the one to mounted goes through here; `tell` the server if it matters to it. */
  function enter(next: typeof at, tell = false): void {
    line.shut()
    turn += 1
    at = next
    isInStep = false
    if (next === 'away') return
    instance?.leave(tell && port.isOpen())
    instance = undefined
  }

  // Props.

  function written(): string {
    return JSON.stringify(props ?? {})
  }

  function sendProps(): void {
    const mine = generation
    given = written()
    flush()
    line
      .enter({ type: 'PROPS_UPDATE', payload: { props } })
      .then(
        (result) => fieldsOf(result).remount,
        // Mounting with them tells the application what is wrong with them.
        () => true,
      )
      .then((wantsRemount) => {
        if (wantsRemount === true && at === 'mounted' && mine === generation) remount()
      })
  }

  return {
    port,
    hall,
    guest,
    face: {
      get instanceId() {
        return at === 'mounted' ? instance?.id : undefined
      },
      get fingerprint() {
        return shown?.digest.toString(16).padStart(8, '0')
      },
      get generation() {
        return generation
      },
      get pending() {
        return layers.size()
      },
      optimisticUpdate: layers.lay,
      getState: () => view,
      getInitialState: () => MOUNTING,
      subscribe(listener) {
        const leave = views.add(listener)
        cancelStop?.()
        cancelStop = undefined
        if (at === 'idle') {
          at = 'waiting'
          port.join(guest)
        }
        return () => {
          leave()
          if (views.size() > 0) return
          flush()
          cancelStop ??= port.clock.after(port.grace, () => {
            cancelStop = undefined
            port.part(guest)
            end('idle', 'nobody subscribes', 'NOT_MOUNTED')
          })
        }
      },
      on: events.add,
      onMissed: misses.add,
      onResume: outcomes.add,
      reset() {
        if (at === 'mounted' || at === 'failed') remount()
      },
      setProps(next) {
        const before = written()
        props = next
        if (written() === before) return
        if (at === 'mounted') sendProps()
        // Perhaps it failed because of the old ones.
        else if (at === 'failed') remount()
      },
    },
    guess,
    async call(body, options) {
      const given = { ...options, guess: options?.guess ?? guess(body) }
      try {
        const why = refusal ?? view.error
        if (why) throw why
        if (at === 'idle') throw new LiveError('NOT_MOUNTED', `${component} is not mounted: subscribe first`)
        return await line.enter(body, given)
      } catch (error) {
        given.guess?.settle()
        throw error
      }
    },
  }
}
