/** A chat, and which of its rooms is shown. */

import { type FormEvent, useId, useState } from 'react'
import { ChatRoom } from './chat-room'
import { Section } from './section'

/** Rooms that are always there to choose from. */
const ROOMS = ['lobby', 'garden']
/** As the server has it. */
const LONGEST_ROOM = 24

/** What was typed, as the name of a room. */
function named(typed: string): string {
  return typed
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, LONGEST_ROOM)
}

function first(): string {
  return named(new URLSearchParams(location.search).get('room') ?? '') || 'lobby'
}

export function ChatPanel() {
  const [room, enter] = useState(first)
  const [others, remember] = useState<readonly string[]>(() => (ROOMS.includes(room) ? [] : [room]))
  const [typed, type] = useState('')
  const id = useId()

  function open(event: FormEvent): void {
    event.preventDefault()
    const asked = named(typed)
    type('')
    if (asked === '') return
    enter(asked)
    if (!ROOMS.includes(asked) && !others.includes(asked)) remember([...others, asked])
  }

  return (
    <Section
      title="Chat"
      source="chat.rs"
      className="tall"
      about="Each room is one instance, shared by everybody in it. Whoever comes late gets what was said before."
    >
      <div className="rooms">
        <fieldset className="segments">
          <legend className="visually-hidden">Room</legend>
          {[...ROOMS, ...others].map((name) => (
            <label key={name}>
              <input
                type="radio"
                name="room"
                className="visually-hidden"
                checked={name === room}
                onChange={() => enter(name)}
                data-testid={`room-${name}`}
              />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
        <form className="room-other" onSubmit={open}>
          <label className="visually-hidden" htmlFor={id}>
            Another room
          </label>
          <input
            id={id}
            type="text"
            placeholder="Another room…"
            value={typed}
            maxLength={LONGEST_ROOM}
            autoComplete="off"
            onChange={(event) => type(event.target.value)}
            data-testid="room-other"
          />
          <button type="submit" data-testid="room-open">
            Go
          </button>
        </form>
      </div>
      <ChatRoom key={room} room={room} />
    </Section>
  )
}
