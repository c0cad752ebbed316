/**
 * The rooms one instance is in, and how far it has heard in each.
 *
 * Only what a page needs that joins no room itself: the server may take an instance into rooms, and what it
 * says to everybody comes in the room `*`. What applications do with rooms is in `rooms.ts`, an entry of its
 * own, which listens here.
 *
 * An event names a room and no instance, so each instance looks for itself whether it is meant; and what is
 * sent again for one of them reaches them all, so numbers decide what was told already.
 */

import { type Ears, hear } from './hear.js'
import { EVERYBODY } from './numbers.js'
import type { RoomPush } from './protocol.js'

/** The rooms of one handle. */
export interface Hall {
  /** The number of the last event heard in each room the instance is in. */
  readonly heard: Map<string, number>
  /**
   * Hears what was said, and the number that was the last before it. Without either: the instance is new, or
   * was rebuilt, and may not be in the rooms it was in.
   */
  listen?: (push?: RoomPush, before?: number) => void
}

/** The server said something of a room, or of this instance in one. */
export function enterHall({ heard, listen }: Hall, push: RoomPush, everybody: Ears): void {
  const { type, roomId, payload } = push
  const seq = Number(payload.seq)
  const before = heard.get(roomId)
  const ears = roomId === EVERYBODY ? everybody : undefined
  if (type === 'ROOM_LEFT') {
    heard.delete(roomId)
  } else if (type === 'ROOM_EVENT') {
    if (before !== undefined || ears) heard.set(roomId, hear(payload, before ?? seq - 1, ears))
  } else if (before === undefined || !payload.recovered) {
    if (seq > (before ?? seq)) ears?.missed(seq - Number(before))
    heard.set(roomId, seq)
  }
  listen?.(push, before)
}
