/** What moderators may do. The page lets everybody try, because it is the server that decides. */

import type { Calls } from '@fluxstack/client'
import { type FormEvent, useId, useState } from 'react'
import type { ChatShape } from './live.gen'
import { told } from './toasts'

export function ChatModeration({ call }: { readonly call: Calls<ChatShape> }) {
  const [words, type] = useState('')
  const id = useId()

  function announce(event: FormEvent): void {
    event.preventDefault()
    told(call.announce({ text: words }).then(() => type('')))
  }

  return (
    <details className="moderation">
      <summary data-testid="moderation">For moderators</summary>
      <p className="hint" id={id}>
        Everybody may try; the server decides who may. Announcements are heard in every room.
      </p>
      <form onSubmit={announce}>
        <input
          type="text"
          aria-label="An announcement, or a topic"
          aria-describedby={id}
          placeholder="An announcement, or a topic…"
          value={words}
          onChange={(event) => type(event.target.value)}
          autoComplete="off"
          data-testid="moderation-words"
        />
        <button type="submit" data-testid="announce">
          Announce
        </button>
        <button
          type="button"
          onClick={() => told(call.turnTo({ topic: words }).then(() => type('')))}
          data-testid="turn-to"
        >
          Set topic
        </button>
        <button
          type="button"
          aria-label="Clear messages"
          onClick={() => told(call.clear())}
          data-testid="clear"
        >
          Clear
        </button>
      </form>
    </details>
  )
}
