/**
 * What the fake server knows of a component that was scripted, and of an instance that was mounted.
 */

import { digest } from './digest.js'
import type { FakeTurns } from './fake-optimistic.js'
import type { JsonObject } from './protocol.js'

/** What was said of a component with `mounted`. */
export interface Script {
  readonly shared: ((props: unknown) => string) | undefined
  readonly state: (props: unknown) => JsonObject
  readonly actions: Readonly<Record<string, ((...args: unknown[]) => unknown) | undefined>>
  readonly paced: ReadonlySet<string>
  readonly windowed: ReadonlySet<string>
}

/** One instance. */
export interface Instance extends FakeTurns {
  /** What it is shared by, if it is, and by how many handles of this client. */
  readonly key: string | undefined
  mounts: number
  /** The client's own names for it. */
  readonly names: string[]
  version: number
  /** The number of the last event. */
  seq: number
  /** Rebuilt, and nobody was told yet. */
  isRebuilt: boolean
  /** What was pushed, with the version or the number that it led to. */
  readonly pushed: { readonly version?: number; readonly seq?: number; readonly frame: unknown }[]
  readonly answers: Map<string, JsonObject>
}

/** An instance that was mounted just now. */
export function newInstance(
  id: string,
  component: string,
  key: string | undefined,
  name: string,
  state: JsonObject,
): Instance {
  return {
    id,
    component,
    key,
    mounts: 1,
    names: [name],
    state: copy(state),
    heldBack: {},
    owed: [],
    version: 0,
    seq: 0,
    isRebuilt: false,
    pushed: [],
    answers: new Map(),
  }
}

/** What the answer to a mount says of it, which is told that this is its state. */
export function made({ id, version, seq, key }: Instance, state: JsonObject): JsonObject {
  const shared = key === undefined ? {} : { shared: true }
  return { componentId: id, initialState: state, version, digest: digest(state), seq, ...shared }
}

/** Those fields that are not as they were. */
export function differing(fields: JsonObject, before: JsonObject): JsonObject {
  const differs = (name: string): boolean => JSON.stringify(fields[name]) !== JSON.stringify(before[name])
  return Object.fromEntries(
    Object.keys(fields)
      .filter(differs)
      .map((name) => [name, fields[name]]),
  )
}

/** The same as JSON has it. */
export function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
