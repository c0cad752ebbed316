/**
 * The lists of the fake server that are read in part. It has them whole; clients are told their length and their last
 * edits, and read their rows.
 */

import { LiveError } from './error.js'
import type { JsonObject, ListRequest } from './protocol.js'
import type { Windowed } from './shape.js'
import { difference } from './window-rows.js'

/** Edits that are told. */
const MOST = 16
/** Rows that are answered to one read. */
const MOST_ROWS = 512
/** How much further a list counts that was rebuilt, so that no revision is one of before. */
const REBUILT = 1_000

/** As much of an instance as is needed here. */
interface Owner {
  readonly component: string
  readonly state: JsonObject
}

/** All lists. */
export interface FakeWindows<I extends Owner> {
  /** Those of the fields, as clients are told them; all of the state, if nothing else is said. */
  shown(instance: I, fields?: JsonObject): JsonObject
  /** The answer to a read. */
  read(instance: I, request: ListRequest): unknown
  /** The instance was rebuilt from what was stored. */
  rebuilt(instance: I): void
}

/** No lists. `windowed` says which fields of a component are. */
export function fakeWindows<I extends Owner>(
  windowed: (component: string) => ReadonlySet<string>,
): FakeWindows<I> {
  const told = new WeakMap<
    I,
    Map<string, { readonly of: unknown; readonly rows: readonly string[]; readonly list: Windowed<unknown> }>
  >()

  function rowsOf(instance: I, name: string): readonly unknown[] {
    const rows = instance.state[name]
    return Array.isArray(rows) ? rows : []
  }

  /** The list as it is told now. */
  function list(instance: I, name: string): Windowed<unknown> {
    const all = told.get(instance) ?? new Map()
    told.set(instance, all)
    const before = all.get(name)
    const of = instance.state[name]
    if (before && before.of === of) return before.list
    const rows = rowsOf(instance, name).map((row) => JSON.stringify(row))
    const edits = before ? difference(before.rows, rows) : []
    if (before && edits.length === 0) return before.list
    const rev = before ? before.list.rev + 1 : 0
    const news = edits.map((edit) => [rev, ...edit] as const)
    const next = { length: rows.length, rev, edits: [...(before?.list.edits ?? []), ...news].slice(-MOST) }
    all.set(name, { of, rows, list: next })
    return next
  }

  return {
    shown(instance, fields = instance.state) {
      const names = Object.keys(fields).filter((name) => windowed(instance.component).has(name))
      return { ...fields, ...Object.fromEntries(names.map((name) => [name, list(instance, name)])) }
    },
    read(instance, { property, payload: { from, count } }) {
      if (!windowed(instance.component).has(property)) {
        throw new LiveError('NOT_FOUND', 'there is no list of this name that is read in part')
      }
      const { length, rev } = list(instance, property)
      const first = Math.min(from, length)
      const rows = rowsOf(instance, property).slice(first, first + Math.min(count, MOST_ROWS))
      return { from: first, length, rev, rows }
    },
    rebuilt(instance) {
      for (const [name, { list, ...rest }] of told.get(instance) ?? []) {
        told.get(instance)?.set(name, { ...rest, list: { ...list, rev: list.rev + REBUILT, edits: [] } })
      }
    },
  }
}
