/**
 * A part of a long list, kept in step: what `#[state(window)]` is for. An entry point of its own.
 *
 * The state says how long the list is and where it changed; its rows are read here, those near what is shown, and
 * are let go of when they are far away. What is held is moved with every edit, so that the same rows stay in view,
 * and only what an edit made old is read again. One read is under way at a time; what it brings may be older than what
 * the state says by then, and is moved with the edits that came meanwhile, or thrown away if they are not known.
 *
 * A list that is sent whole has all rows at hand, and is seen in the same way.
 */

import { isGone, isPassing, LiveError } from './error.js'
import { type Inside, insideOf } from './inside.js'
import { listeners } from './listeners.js'
import { isObject, type ListRequest } from './protocol.js'
import { parseRows, parseWindowed } from './protocol-list.js'
import type { ComponentShape, LiveHandle, Windowed } from './shape.js'
import {
  difference,
  type Edit,
  type Held,
  isFresh,
  type Keys,
  leads,
  moveKeys,
  NOTHING,
  newKeys,
  shifted,
  spliced,
  stretch,
} from './window-rows.js'

/** The most rows that are read at once. The server may answer with fewer. */
const MOST = 256
/** Rows that are at hand already and are read again rather than asking twice. */
const BRIDGE = 16

/** The type of a row of a list, however it is sent. */
export type RowOf<List> =
  List extends Windowed<infer Row> ? Row : List extends readonly (infer Row)[] ? Row : never

/** The names of the fields that are lists. */
export type ListField<C extends ComponentShape> = {
  [K in keyof C['state'] & string]: C['state'][K] extends Windowed<unknown> | readonly unknown[] ? K : never
}[keyof C['state'] & string]

/** What is known of a list at one moment. Never changed: what changes is another one. */
export interface ListSnapshot<Row> {
  /** How many rows the list has. */
  readonly length: number
  /** The place of the first of {@link ListSnapshot.rows}. */
  readonly from: number
  /** The rows at hand, `undefined` where one is still to be read. */
  readonly rows: readonly (Row | undefined)[]
  /** The row at a place, if it is at hand. */
  readonly row: (place: number) => Row | undefined
  /** Whether what {@link ListSnapshot.row} gives was replaced, and is being read again. */
  readonly isOld: (place: number) => boolean
  /** What tells the row at a place apart, at hand or not: the same number wherever edits move it. */
  readonly key: (place: number) => number
  /** Where the row with this number is now, -1 if it is gone. */
  readonly placeOf: (key: number) => number
  /** Whether all rows that are about to be shown are at hand, as the list has them now. */
  readonly isReady: boolean
  /** Changes exactly when a place has another key. */
  readonly keys: object
  /** Why rows cannot be read. */
  readonly error: LiveError | undefined
}

/** A part of a list. Every function may be passed around. */
export interface ListWindow<Row> {
  /** Says which rows are about to be shown: those from `from` to before `to`. They, and some around them, are read. */
  readonly show: (from: number, to: number) => void
  /** Hears every change, and keeps the component mounted. */
  readonly subscribe: (listener: () => void) => () => void
  /** What is known now: the same object until something changes. */
  readonly getSnapshot: () => ListSnapshot<Row>
}

/** How a part of a list is held. */
export interface ListWindowOptions<Row> {
  /** How many rows before and behind what is shown are read as well; twice as many are held. Default 50. */
  readonly overscan?: number | undefined
  /** What tells the rows of a list apart that is sent whole, such as an id. Default: which object it is. */
  readonly getKey?: ((row: Row) => unknown) | undefined
}

/** As much of a handle as is needed here. */
interface Source {
  readonly instanceId: string | undefined
  readonly generation: number
  getState(): { readonly state: unknown; readonly status: string }
  subscribe(listener: () => void): () => void
}

interface Reading {
  /** The first place that was asked for. */
  readonly first: number
  /** What happened to the list since it was asked for, each edit with the revision that it led to. */
  readonly edits: (readonly [rev: number, edit: Edit])[]
  /** Something happened that nobody can say. */
  isLost: boolean
}

/**
 * A part of the list `field` of a component. Nothing is read until somebody subscribes and says what is shown.
 *
 * @example
 * const rows = listWindow(ledger, 'rows')
 * rows.subscribe(() => draw(rows.getSnapshot()))
 * rows.show(4_000, 4_040)
 */
export function listWindow<C extends ComponentShape, K extends ListField<C>>(
  handle: LiveHandle<C>,
  field: K,
  { overscan = 50, getKey }: ListWindowOptions<RowOf<C['state'][K]>> = {},
): ListWindow<RowOf<C['state'][K]>> {
  type Row = RowOf<C['state'][K]>
  // What a list of this field holds is the generated type's promise.
  const keyOf = getKey as ((row: unknown) => unknown) | undefined
  const isSame = (before: unknown, after: unknown): boolean =>
    Object.is(before, after) || (keyOf !== undefined && Object.is(keyOf(before), keyOf(after)))
  return openWindow(handle, insideOf(handle), field, overscan, isSame) as ListWindow<Row>
}

function openWindow(
  handle: Source,
  { port, call }: Inside,
  property: string,
  overscan: number,
  isSameRow: (before: unknown, after: unknown) => boolean,
): ListWindow<unknown> {
  const changes = listeners<[]>()
  let leave: (() => void) | undefined
  let cancelPause: (() => void) | undefined
  /** What the state says; an array, if the list is sent whole. */
  let list: Windowed<unknown> | readonly unknown[] = NO_ROWS
  let generation: number | undefined
  let held: Held<unknown> = NOTHING
  let keys: Keys = newKeys(0)
  /** What is shown, from its first place to before its last. */
  let [from, to] = [0, 0]
  let reading: Reading | undefined
  /** Rows came that are newer than the state, which is on its way. */
  let isAhead = false
  let tries = 0
  let error: LiveError | undefined
  /** What the snapshot shows. */
  let last: Held<unknown>
  let snapshot = picture()

  /** Takes in what the state says now. */
  function look(): void {
    const { state, status } = handle.getState()
    const said = isObject(state) ? state[property] : undefined
    // A component without a state has no list either, and one that was mounted afresh has another.
    const next = said === list ? list : isArray(said) ? said : (parseWindowed(said) ?? NO_ROWS)
    const isSame = generation === handle.generation
    if (next !== list || !isSame) {
      const edits = isSame ? editsTo(next) : undefined
      if (edits) edits.forEach(apply)
      else {
        held = NOTHING
        keys = newKeys(next.length, keys.next)
      }
      if (!isSame) reading = undefined
      list = next
      isAhead = false
      generation = handle.generation
      if (isArray(next)) held = { from: 0, rows: next, fresh: next.map(() => true) }
      else hold()
    }
    if (status !== 'live') error = undefined
    tell()
    read()
  }

  /** What leads from the list there was to the next one. */
  function editsTo(next: typeof list): Edit[] | undefined {
    if (isArray(list) && isArray(next)) return [...difference(list, next, isSameRow)]
    if (isArray(list) || isArray(next)) return undefined
    const { rev, length } = list
    if (next.rev === rev) return []
    const news = next.edits.filter(([led]) => led > rev)
    if (next.rev > rev && new Set(news.map(([led]) => led)).size === next.rev - rev) {
      const edits = news.map(([, ...edit]): Edit => edit)
      if (leads(edits, length, next.length)) {
        for (const [led, ...edit] of news) reading?.edits.push([led, edit])
        return edits
      }
    }
    if (reading) reading.isLost = true
    // Nobody knows what happened: every row is old, and stays until it was read again.
    return [[0, length, next.length]]
  }

  function apply(edit: Edit): void {
    held = spliced(held, edit)
    keys = moveKeys(keys, [edit])
    const count = to - from
    from = shifted(from, edit)
    to = from + count
  }

  /** Lets go of what is far from what is shown, and of the places of what has not been read. */
  function hold(read?: Held<unknown>): void {
    const first = Math.max(0, from - 2 * overscan)
    held = stretch(first, Math.max(first, Math.min(list.length, to + 2 * overscan)), held, read)
  }

  /** The first place whose row is to be read. */
  function missing(): number | undefined {
    if (isArray(list) || to <= from) return undefined
    const end = Math.min(list.length, to + overscan)
    for (let place = Math.max(0, from - overscan); place < end; place += 1)
      if (!isFresh(held, place)) return place
    return undefined
  }

  function read(): void {
    const componentId = handle.instanceId
    if (isArray(list) || !leave || reading || cancelPause || isAhead || error || componentId === undefined)
      return
    const first = missing()
    if (first === undefined) return
    const end = Math.min(list.length, to + overscan)
    let last = first
    for (let at = first + 1; at < Math.min(end, first + MOST) && at - last <= BRIDGE; at += 1) {
      if (!isFresh(held, at)) last = at
    }
    const body: ListRequest = {
      type: 'LIST_READ',
      property,
      payload: { from: first, count: last + 1 - first },
    }
    const mine: Reading = { first, edits: [], isLost: false }
    reading = mine
    // Not in line with the calls: what is asked here is worth nothing later.
    port.ask(
      { ...body, componentId },
      {
        answered(result) {
          // It may be about an instance that is gone.
          if (reading !== mine) return
          reading = undefined
          tries = 0
          take(result, mine)
        },
        failed(why) {
          if (reading !== mine) return
          reading = undefined
          if (isPassing(why) || why.code === 'TIMEOUT') {
            cancelPause = port.later(tries++, () => {
              cancelPause = undefined
              read()
            })
          } else if (isGone(why)) {
            // A call that finds the instance gone has it brought back.
            call(body).catch(() => undefined)
          } else if (why.code !== 'DISCONNECTED') {
            error = why
            tell()
          }
        },
      },
    )
  }

  /** Rows came. */
  function take(result: unknown, { first, edits, isLost }: Reading): void {
    if (isArray(list)) return
    const came = parseRows(result)
    if (!came) {
      error = new LiveError('BAD_MESSAGE', 'the rows cannot be read: is the server older than this page?')
    } else if (came.rev > list.rev) {
      // The state that leads there is on its way.
      isAhead = true
    } else if (!isLost || came.rev === list.rev) {
      const { from, rows, rev } = came
      let read: Held<unknown> = { from, rows, fresh: rows.map(() => true) }
      for (const [led, edit] of edits) if (led > rev) read = spliced(read, edit)
      hold(read)
      // Nothing where something was to be: asking again would bring the same.
      isAhead = rev === list.rev && missing() === first
    }
    tell()
    read()
  }

  function tell(): void {
    const { all } = keys
    if (all === snapshot.keys && held === last && error === snapshot.error) return
    snapshot = picture()
    changes.tell()
  }

  function picture(): ListSnapshot<unknown> {
    const [{ from, rows, fresh }, { all }] = [held, keys]
    last = held
    return {
      length: all.length,
      from,
      rows,
      row: (place) => rows[place - from],
      isOld: (place) => rows[place - from] !== undefined && !fresh[place - from],
      key: (place) => all[place] ?? -1,
      placeOf: (key) => all.indexOf(key),
      isReady: missing() === undefined,
      keys: all,
      error,
    }
  }

  look()
  return {
    show(first, end) {
      if (first === from && end === to) return
      from = first
      to = end
      if (!isArray(list)) hold()
      read()
    },
    subscribe(listener) {
      const part = changes.add(listener)
      if (!leave) {
        leave = handle.subscribe(look)
        look()
      }
      return () => {
        part()
        if (changes.size() > 0) return
        leave?.()
        leave = undefined
        cancelPause?.()
        cancelPause = undefined
      }
    },
    getSnapshot: () => snapshot,
  }
}

/** A list that is not there. */
const NO_ROWS: readonly unknown[] = []

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
