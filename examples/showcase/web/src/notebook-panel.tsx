/** Notes that can be taken without a connection. What is written then waits, and is sent when there is one. */

import type { StateOf } from '@fluxstack/client'
import { useLive } from '@fluxstack/react'
import { Notebook, type NotebookShape } from './live.gen'
import { NotebookAdd } from './notebook-add'
import { NotebookNote } from './notebook-note'
import { NotebookOutbox } from './notebook-outbox'
import { cameBack } from './outcome'
import { Failure, Section, Skeleton } from './section'
import { told } from './toasts'

type State = StateOf<NotebookShape>

/** What each action will do, shown before the server has said so. */
const OPTIMISTIC = {
  add: ({ notes }: State, { id, text }: { id?: string | null; text: string }) => ({
    notes: [...notes, { id: id ?? '', text }],
  }),
  rename: ({ notes }: State, { id, text }: { id: string; text: string }) => ({
    notes: notes.map((note) => (note.id === id ? { id, text } : note)),
  }),
  remove: ({ notes }: State, { id }: { id: string }) => ({
    notes: notes.filter((note) => note.id !== id),
  }),
}

export function NotebookPanel() {
  const notebook = useLive(Notebook, {
    componentId: 'notebook',
    props: { name: 'Field notes' },
    optimistic: OPTIMISTIC,
    onResume: cameBack,
  })
  const { state, call } = notebook
  const found = state?.found
  const shown = found ? state.notes.filter(({ id }) => found.includes(id)) : state?.notes
  return (
    <Section
      title="Notebook"
      source="notebook.rs"
      className="wide notebook"
      outcome={notebook.outcome}
      about="Switch off the network and go on writing; load the page anew if you like. What waits is sent once there is a connection, in order and once."
    >
      <NotebookOutbox />
      {notebook.status === 'mounting' && <Skeleton lines={4} />}
      {notebook.status === 'failed' && <Failure error={notebook.error} retry={notebook.reset} />}
      {state && shown && (
        <>
          <NotebookAdd call={call} />
          <ul
            className="notes"
            aria-label="Notes"
            data-testid="notes"
            data-status={notebook.status}
            data-pending={notebook.handle.pending}
          >
            {shown.map((note) => (
              <NotebookNote key={note.id} note={note} call={call} />
            ))}
            {shown.length === 0 && <li className="empty">Nothing here.</li>}
          </ul>
          <div className="todo-foot">
            <p className="muted">
              <strong data-testid="note-total">{state.notes.length}</strong>{' '}
              {state.notes.length === 1 ? 'note' : 'notes'}
            </p>
            <button type="button" className="small" onClick={() => told(call.bump())} data-testid="bump">
              Bump, if online: <span data-testid="bumps">{state.bumps}</span>
            </button>
          </div>
        </>
      )}
    </Section>
  )
}
