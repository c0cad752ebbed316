/** A thousand rows on the server. A change sends what changed, and renders one row. */

import { useLive } from '@fluxstack/react'
import { useDeferredValue, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { type Census, census } from './census'
import { tap } from './client'
import { type Todo, Todos } from './live.gen'
import { cameBack } from './outcome'
import { Controls, Failure, Section, Skeleton } from './section'
import { told } from './toasts'
import { TodoAdd } from './todo-add'
import { type Filter, TodoFilter, type Which } from './todo-filter'
import { TodoRow } from './todo-row'

export function TodoList() {
  const todos = useLive(Todos, { componentId: 'todos', onResume: cameBack })
  const [filter, setFilter] = useState<Filter>({ which: 'all', words: '' })
  const [rows] = useState(census)
  const deferred = useDeferredValue(filter)
  const items = todos.state?.items
  const shown = useMemo(() => items?.filter((todo) => fits(todo, deferred)), [items, deferred])

  const before = useRef(items)
  // After every render, and after the rows' own effects: what they counted belongs to this render.
  useEffect(() => {
    rows.done(before.current !== items)
    before.current = items
  })

  return (
    <Section
      title="Things to do"
      source="todos.rs"
      className="tall"
      outcome={todos.outcome}
      about="A list of a thousand rows. Adding one sends one row, and React renders one."
    >
      {todos.status === 'mounting' && <Skeleton lines={14} />}
      {todos.status === 'failed' && <Failure error={todos.error} retry={todos.reset} />}
      {(todos.status === 'live' || todos.status === 'stale') && shown && (
        <>
          <TodoAdd call={todos.call} stale={todos.status === 'stale'} />
          <TodoFilter value={filter} onChange={setFilter} />
          <Controls stale={todos.status === 'stale'}>
            <ul className="todos" aria-label="Things to do" data-testid="todos">
              {shown.map((todo) => (
                <TodoRow key={todo.id} todo={todo} call={todos.call} onRendered={rows.count} />
              ))}
              {shown.length === 0 && <li className="empty">Nothing here.</li>}
            </ul>
            <div className="todo-foot">
              <p className="muted">
                <strong data-testid="todo-open">{todos.state.open}</strong> open of{' '}
                <span data-testid="todo-total">{todos.state.items.length}</span>
                {' · '}
                <LastChange instanceId={todos.instanceId} rows={rows} />
              </p>
              <button
                type="button"
                className="quiet small"
                onClick={() => told(todos.call.clearDone())}
                data-testid="todo-clear"
              >
                Clear done
              </button>
            </div>
          </Controls>
        </>
      )}
    </Section>
  )
}

function LastChange({
  instanceId,
  rows,
}: {
  readonly instanceId: string | undefined
  readonly rows: Census
}) {
  const bytes = useSyncExternalStore(tap.subscribe, () => tap.deltaBytes(instanceId))
  const rendered = useSyncExternalStore(rows.subscribe, rows.last)
  if (bytes === undefined) return <span data-testid="todo-change">no change yet</span>
  return (
    <span data-testid="todo-change">
      last change: <span data-testid="todo-bytes">{bytes}</span> bytes, {rendered}{' '}
      {rendered === 1 ? 'row' : 'rows'} rendered
    </span>
  )
}

const SHOWS: Readonly<Record<Which, (todo: Todo) => boolean>> = {
  all: () => true,
  open: (todo) => !todo.done,
  done: (todo) => todo.done,
}

function fits(todo: Todo, { which, words }: Filter): boolean {
  return SHOWS[which](todo) && todo.text.toLowerCase().includes(words.trim().toLowerCase())
}
