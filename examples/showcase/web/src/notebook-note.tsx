/** One note. Rendered when it changes, and not when others do. */

import type { Calls } from '@fluxstack/client'
import { memo } from 'react'
import type { Note, NotebookShape } from './live.gen'
import { told } from './toasts'

interface NoteProps {
  readonly note: Note
  readonly call: Calls<NotebookShape>
}

export const NotebookNote = memo(function NotebookNote({ note: { id, text }, call }: NoteProps) {
  return (
    <li className="note" data-testid="note">
      <span className="note-words">{text}</span>
      <button
        type="button"
        className="quiet icon small"
        aria-label={`Remove ${text}`}
        onClick={() => told(call.remove({ id }))}
        data-testid="note-remove"
      >
        ×
      </button>
    </li>
  )
})
