/**
 * The rooms of the fake server. They keep everything that was said in them, and let everybody in.
 */

import { LiveError } from './error.js'

/** An event, as somebody emits it. */
export interface FakeEmission<I> {
  /** Who emits it, if it is an instance of this client. */
  readonly by?: I
  /** Whether who emits it hears it as well. */
  readonly isHeardByAll: boolean
}

/** All rooms. */
export interface FakeRooms<I> {
  join(instance: I, name: string, want: { since?: number | undefined; history?: number | undefined }): unknown
  leave(instance: I, name: string): undefined
  emit(component: string, name: string, event: unknown, emission: FakeEmission<I>): unknown
  /** Takes an instance in, and tells the client, unless it is in already. */
  take(instance: I, name: string): void
  /** Takes an instance in, of which nobody is told. */
  admit(instance: I, name: string): void
  put(instance: I, name: string): void
  /** The instance is gone. */
  forget(instance: I): void
  /** The client is back, and has heard so much. */
  back(instance: I, heard: Readonly<Record<string, number>>): void
}

interface Room<I> {
  readonly component: string
  readonly name: string
  readonly events: unknown[]
  readonly inside: Set<I>
}

/** No rooms. `isHere` says whether the client has the instance at this moment. */
export function fakeRooms<I extends { readonly id: string; readonly component: string }>(
  say: (message: unknown) => void,
  isHere: (instance: I) => boolean,
): FakeRooms<I> {
  const all = new Map<string, Room<I>>()

  function find(component: string, name: string): Room<I> {
    const key = `${component} ${name}`
    const room = all.get(key) ?? { component, name, events: [], inside: new Set<I>() }
    all.set(key, room)
    return room
  }

  function tell({ component, name }: Room<I>, payload: unknown): void {
    say({ type: 'ROOM_EVENT', component, roomId: name, payload })
  }

  function mustBeIn(instance: I, room: Room<I>): void {
    if (!room.inside.has(instance)) throw new LiveError('NOT_A_MEMBER', 'the instance is not in that room')
  }

  const rooms: FakeRooms<I> = {
    join(instance, name, { since, history = 0 }) {
      const { events, inside } = find(instance.component, name)
      inside.add(instance)
      const from = since ?? Math.max(0, events.length - history)
      const numbered = events.map((event, index) => [index + 1, event]).slice(from)
      const recovered = since === undefined ? {} : { recovered: true }
      return { seq: events.length, events: numbered, ...recovered }
    },
    leave(instance, name) {
      const room = find(instance.component, name)
      mustBeIn(instance, room)
      room.inside.delete(instance)
    },
    emit(component, name, event, { by, isHeardByAll }) {
      const room = find(component, name)
      if (by) mustBeIn(by, room)
      const seq = room.events.push(event)
      if ([...room.inside].some(isHere)) tell(room, isHeardByAll ? { event, seq } : { seq })
      return { seq }
    },
    take(instance, name) {
      const { events, inside } = find(instance.component, name)
      if (inside.has(instance)) return
      inside.add(instance)
      const payload = { seq: events.length }
      if (isHere(instance)) say({ type: 'ROOM_JOINED', componentId: instance.id, roomId: name, payload })
    },
    admit: (instance, name) => void find(instance.component, name).inside.add(instance),
    put(instance, name) {
      const isIn = find(instance.component, name).inside.delete(instance)
      if (isIn && isHere(instance)) say({ type: 'ROOM_LEFT', componentId: instance.id, roomId: name })
    },
    forget(instance) {
      for (const { inside } of all.values()) inside.delete(instance)
    },
    back(instance, heard) {
      for (const room of all.values()) {
        if (!room.inside.has(instance)) continue
        const since = heard[room.name]
        const payload = since === undefined ? { seq: room.events.length } : { seq: since, recovered: true }
        say({ type: 'ROOM_JOINED', componentId: instance.id, roomId: room.name, payload })
        const missed = room.events.slice(payload.seq)
        for (const [index, event] of missed.entries()) tell(room, { event, seq: payload.seq + index + 1 })
      }
    },
  }
  return rooms
}
