/**
 * A component and a store, kept together in both directions.
 *
 *              updater, when the component's state changes
 *   component ────────────────────────────────────────────► store
 *             ◄────────────────────────────────────────────
 *              bind, when what is selected of the store changes
 *
 * There is one bond for a handle and a store, however many hooks show the handle; hooks are its holders. An
 * updater sees the state as it will be: in a bound field what the store wants, as long as that is on its
 * way, so that an echo of what was typed a moment ago never goes over what was typed since. When it has
 * arrived, or was refused, the updater sees what the server has. Nothing is set that says the same already.
 *
 * What keeps updater and binding from chasing each other is in `bound-field.ts`; here it is only said which
 * changes of the store are an answer to a write: those made while one is under way, or has just come back.
 */

import { type BoundField, type Cause, createField } from './bound-field.js'
import type { AnyHandle, Recorder } from './recorder.js'
import { same } from './same.js'
import type { BindableStore, LiveConflict } from './shapes.js'

/** What one hook wants of a bond; read when it is needed, because every render may want something else. */
export type Holder = () => {
  readonly updater?: ((state: never, global: never) => unknown) | undefined
  readonly bind?: Readonly<Record<string, ((global: never) => unknown) | undefined>> | undefined
  readonly onConflict?: ((conflict: LiveConflict) => void) | undefined
}

/** A handle whose fields can be written by name. */
export interface WritableHandle extends AnyHandle {
  write(field: never, value: never): Promise<void>
}

/** A component and a store. */
export interface Bond {
  /** Keeps both together until the returned function is called. */
  enter(holder: Holder): () => void
  /** Looks again at what the holders want. */
  look(): void
}

type Fields = Readonly<Record<string, unknown>>
/** Who changes the store at this moment, if it is an updater. Of one store: a bond may set off another. */
interface Stage {
  cause: Cause | undefined
}

const stages = new WeakMap<object, Stage>()

/** A bond without holders; `name` is what the component is called in conflicts and actions. */
export function createBond<G>(
  store: BindableStore<G>,
  handle: WritableHandle,
  name: () => string,
  recorder: Recorder | undefined,
): Bond {
  const stage: Stage = stages.get(store) ?? { cause: undefined }
  stages.set(store, stage)
  const holders = new Set<Holder>()
  const fields = new Map<string, BoundField>()
  let leave: (() => void)[] = []
  /** The state that the updaters saw last. */
  let seen: object | undefined
  /** A write has just come back, and what follows is an answer to it. */
  let isSettling = false
  /** What the store has to say has not been written yet. */
  let isDue = false

  function pickOf(field: string): ((global: never) => unknown) | undefined {
    let pick: ((global: never) => unknown) | undefined
    for (const holder of holders) pick = holder().bind?.[field] ?? pick
    return pick
  }

  function fieldOf(field: string): BoundField {
    const known = fields.get(field)
    if (known) return known
    const made = createField({
      name: field,
      handle,
      isHeld: () => pickOf(field) !== undefined,
      select: (global) => pickOf(field)?.(global as never),
      initial: () => store.getInitialState(),
      disagreed(conflict) {
        const told = { ...conflict, component: name(), at: Date.now() }
        recorder?.conflict(told)
        for (const holder of [...holders]) holder().onConflict?.(told)
      },
      lost() {
        isSettling = true
        try {
          update()
        } finally {
          isSettling = false
        }
      },
    })
    fields.set(field, made)
    return made
  }

  function look(): void {
    const names = new Set<string>()
    for (const holder of holders) for (const field of Object.keys(holder().bind ?? {})) names.add(field)
    for (const field of names) fieldOf(field).look(store.getState(), stage.cause)
    if (isDue || names.size === 0) return
    isDue = true
    queueMicrotask(consider)
  }

  /**
   * Store to server. Not before whoever changes the store is through: they may change it again, and what shows
   * because of it would be in the store before its cause is in a debugger.
   */
  function consider(): void {
    if (!isDue) return
    isDue = false
    for (const field of fields.values()) field.consider()
  }

  function see(): void {
    // What the store has to say after an absence is said first.
    const changed = [...fields.values()].filter((field) => field.meet())
    if (handle.getState().state !== seen) update()
    for (const field of changed) field.judge()
  }

  /** Server to store. */
  function update(): void {
    const { state } = handle.getState()
    seen = state
    if (!state) return
    const wanted: Record<string, unknown> = { ...state }
    for (const field of fields.values()) if (field.isOnItsWay()) wanted[field.name] = field.value()
    const isAnswer = isSettling || [...fields.values()].some((field) => field.isWriting())
    for (const holder of [...holders]) {
      const global = store.getState()
      set(global, holder().updater?.(wanted as never, global as never), isAnswer)
    }
  }

  function set(global: G, patch: unknown, isAnswer: boolean): void {
    const before = global as Fields
    const differing = Object.entries(Object(patch) as Fields).filter(
      ([key, value]) => !same(before[key], value),
    )
    if (differing.length === 0) return
    const outer = stage.cause
    const keys = differing.map(([key]) => key)
    stage.cause = { keys, isAnswer: isAnswer || outer?.isAnswer === true }
    try {
      // What is left of a part of the state is a part of the state.
      store.setState(Object.fromEntries(differing) as Partial<G>, false, `live/${name()}/updater`)
    } finally {
      stage.cause = outer
    }
  }

  return {
    look,
    enter(holder) {
      holders.add(holder)
      if (holders.size === 1) leave = [handle.subscribe(see), store.subscribe(look)]
      // Of a state that the others know this one has seen nothing.
      seen = undefined
      look()
      see()
      return () => {
        consider()
        holders.delete(holder)
        if (holders.size > 0) return
        for (const way of leave) way()
      }
    },
  }
}
