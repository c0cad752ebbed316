/** The last thing a moderator said to everybody, in whichever room one talks. */

import type { LiveHandle } from '@fluxstack/client'
import { useRoom } from '@fluxstack/react/rooms'
import { useState } from 'react'
import type { ChatEvent, ChatShape } from './live.gen'

export function Announcement({ handle }: { readonly handle: LiveHandle<ChatShape> }) {
  const [heard, hear] = useState<ChatEvent>()
  // Whoever comes late is told the last one: the room keeps it.
  const { history } = useRoom(handle, 'announcements', { history: 1, onEvent: hear })
  const last = heard ?? history.at(-1)
  return (
    <div role="status" aria-live="polite" data-testid="announcement">
      {last?.type === 'announced' && (
        <p className="announcement">
          <strong>{last.by}:</strong> {last.text}
        </p>
      )}
    </div>
  )
}
