/** Who is here, as the server says: whoever closes their page vanishes by itself. */

import type { Present, Visitor } from './live.gen'

/** Colours to tell people apart; as many as `people.css` has. */
const TONES = 8

/** The same name has the same colour everywhere on the page, and on everybody's. */
export function toneOf(name: string): number {
  let sum = 0
  for (const sign of name) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 9973
  return sum % TONES
}

interface PeopleProps {
  readonly online: Readonly<Record<string, Present<Visitor>>>
  /** The visitor's own key. */
  readonly me: string | undefined
}

export function People({ online, me }: PeopleProps) {
  const people = Object.entries(online).sort(([, a], [, b]) => a.since - b.since)
  return (
    <ul className="people" aria-label="Who is here" data-testid="people">
      {people.map(([key, { with: visitor }]) => (
        <li
          key={key}
          className="person"
          data-tone={toneOf(visitor.name)}
          data-mine={key === me}
          data-testid="person"
        >
          <span className="person-name">{visitor.name}</span>
          {visitor.moderator && <span className="person-note">moderator</span>}
          {key === me && <span className="person-note">you</span>}
        </li>
      ))}
    </ul>
  )
}
