/**
 * Rooms: named sets of sessions that hear the same events.
 *
 * An entry point of its own. A room belongs to a component and is entered with a handle on it, so its events
 * are of the component's type. Where the handle has heard up to is kept beside the handle (`hall.ts`); here is
 * what the application wants: to be in a room, until it leaves it. After an interruption the server says what
 * was missed; on an instance that was mounted afresh, what the application had joined is joined again, from
 * where it had heard.
 */

import { complain, LiveError } from './error.js'
import { type Ears, hear } from './hear.js'
import { type Inside, insideOf } from './inside.js'
import { listeners } from './listeners.js'
import type { Port } from './port.js'
import { isObject, type RoomPush, type RoomRequest } from './protocol.js'
import type { ComponentShape, LiveHandle } from './shape.js'

/** What joining brought. */
export interface Joined<E> {
  /** What was said before, as much as was asked for and is kept, oldest first. */
  readonly events: readonly E[]
}

/** One room, seen from one handle. Every function may be passed around. */
export interface Room<E> {
  readonly name: string
  /** Whether the instance is in it: because it was joined, or because the component took it in. */
  readonly joined: boolean
  /** Hears that {@link Room.joined} changed. */
  readonly subscribe: (listener: () => void) => () => void
  /**
   * Joins, and stays until {@link Room.leave}: also over lost connections, and when the component is mounted
   * afresh. `history`: how many of the last events are wanted. Rejects with `FORBIDDEN` where the component does
   * not let its clients in, and with `TOO_MANY_ROOMS`.
   *
   * @example
   * const { events } = await lobby.join({ history: 20 })
   */
  readonly join: (options?: { readonly history?: number | undefined }) => Promise<Joined<E>>
  /** Leaves. Does not reject: whoever cannot leave is not in it. */
  readonly leave: () => Promise<void>
  /**
   * Tells everybody who is in the room; `self`: who emits as well. Sent once: if the answer is lost with the
   * connection it rejects with `DISCONNECTED`, and whether it was heard is unknown.
   */
  readonly emit: (event: E, options?: { readonly self?: boolean | undefined }) => Promise<void>
  /** Hears the events of the room, while the instance is in it. */
  readonly on: (listener: (event: E) => void) => () => void
  /** Hears how many events were missed; `undefined` if nobody can say. */
  readonly onMissed: (listener: (count: number | undefined) => void) => () => void
}

/** A room, and what the entry itself does with it. */
interface Seat {
  readonly face: Room<unknown>
  /** Whether the application wants the instance to be in it, which it may be for another seat too. */
  wants(instanceId: string | undefined): boolean
  /** Something was said of the room. */
  push(push: RoomPush, before: number | undefined): void
  /** The instance is a new one, or rebuilt; or gone. */
  afresh(): void
}

/** The rooms of each handle by name, and those of each client. */
const byHall = new WeakMap<object, Map<string, Seat>>()
const byPort = new WeakMap<Port, Set<Seat>>()

/**
 * The room of this name of a handle's component: the same one each time. Nothing is joined yet.
 *
 * @example
 * const lobby = room(chat, 'lobby')
 * lobby.on((event) => show(event))
 * await lobby.join()
 * await lobby.emit({ type: 'typing' })
 */
export function room<C extends ComponentShape>(handle: LiveHandle<C>, name: string): Room<C['event']> {
  const inside = insideOf(handle)
  const { hall, port } = inside
  let seats = byHall.get(hall)
  if (!seats) {
    const made = new Map<string, Seat>()
    seats = made
    byHall.set(hall, made)
    hall.listen = (push, before) => {
      if (push) made.get(push.roomId)?.push(push, before)
      else for (const seat of made.values()) seat.afresh()
    }
  }
  const known = seats.get(name)
  // The component of the handle has one type of event.
  if (known) return known.face as Room<C['event']>
  const all = byPort.get(port) ?? new Set()
  byPort.set(port, all)
  const seat = takeSeat(inside, name, all)
  seats.set(name, seat)
  all.add(seat)
  return seat.face as Room<C['event']>
}

function takeSeat({ hall, call, face }: Inside, name: string, all: ReadonlySet<Seat>): Seat {
  const events = listeners<[event: unknown]>()
  const misses = listeners<[count: number | undefined]>()
  const changes = listeners<[]>()
  const ears: Ears = { event: events.tell, missed: misses.tell }
  let isWanted = false
  let isIn = hall.heard.has(name)
  /** Joinings that are under way. */
  let joining = 0
  /** The last that was heard, also when the instance is another one. */
  let last = hall.heard.get(name)

  /** Says what changed, if anything did. */
  function look(): void {
    last = hall.heard.get(name) ?? last
    if (isIn === hall.heard.has(name)) return
    isIn = !isIn
    changes.tell()
  }

  /** Some of what was said up to `seq` is not kept any more. */
  function lose(before: number, seq: number): void {
    // Where the numbers began anew, nobody knows how many.
    if (before !== seq) misses.tell(seq > before ? seq - before : undefined)
  }

  /** Asks until there is an answer: an instance that is gone may have taken the question with it. */
  async function ask(request: RoomRequest, answered: (result: unknown) => void): Promise<unknown> {
    for (;;) {
      try {
        return await call(request, { answered })
      } catch (error) {
        if (!(error instanceof LiveError) || error.code !== 'DISCONNECTED') throw error
      }
    }
  }

  /** Takes what joining brought, at once: the first event may be in the same frame. */
  function enter(result: unknown, since: number | undefined): void {
    const { seq, recovered, events } = joinedOf(result)
    let at = hall.heard.get(name) ?? since ?? seq
    if (since !== undefined) {
      for (const [number, event] of events) at = hear({ seq: number, event }, at, ears)
      if (recovered === false) lose(at, seq)
    }
    hall.heard.set(name, recovered === false ? seq : Math.max(at, seq))
    look()
  }

  async function join(history?: number, since?: number): Promise<unknown> {
    isWanted = true
    joining += 1
    try {
      const request: RoomRequest = { type: 'ROOM_JOIN', roomId: name, payload: { since, history } }
      return await ask(request, (result) => enter(result, since))
    } catch (error) {
      // What has no instance now has one later, perhaps; what was refused stays refused.
      if (face.instanceId !== undefined) isWanted = false
      throw error
    } finally {
      joining -= 1
    }
  }

  function left(): void {
    hall.heard.delete(name)
    last = undefined
    look()
  }

  const seat: Seat = {
    face: {
      name,
      get joined() {
        return hall.heard.has(name)
      },
      subscribe: changes.add,
      join: async ({ history } = {}) => {
        const { events } = joinedOf(await join(history))
        return { events: events.map(([, event]) => event) }
      },
      async leave() {
        isWanted = false
        const id = face.instanceId
        // Another handle of the page may have the same instance, and want it to stay.
        const stays = [...all].some((other) => other !== seat && other.face.name === name && other.wants(id))
        if (!stays && hall.heard.has(name)) {
          await ask({ type: 'ROOM_LEAVE', roomId: name }, () => undefined).catch(() => undefined)
        }
        if (!isWanted) left()
      },
      async emit(event, { self } = {}) {
        await call({ type: 'ROOM_EMIT', roomId: name, payload: { event, self: self || undefined } })
      },
      on: events.add,
      onMissed: misses.add,
    },
    wants: (id) => isWanted && id !== undefined && face.instanceId === id,
    push({ type, payload }, before) {
      const seq = Number(payload.seq) || 0
      if (type === 'ROOM_LEFT') isWanted = false
      else if (before !== undefined) {
        if (type === 'ROOM_EVENT') hear(payload, before, ears)
        else if (payload.recovered === false) lose(before, seq)
      }
      look()
    },
    afresh() {
      const since = last
      look()
      if (face.instanceId === undefined) last = undefined
      else if (isWanted && joining === 0) join(undefined, since).catch((error) => complain(error, name))
    },
  }
  return seat
}

function joinedOf(result: unknown): {
  readonly seq: number
  readonly recovered: unknown
  readonly events: readonly (readonly [seq: unknown, event: unknown])[]
} {
  const { seq, recovered, events } = isObject(result) ? result : {}
  const all: readonly unknown[] = Array.isArray(events) ? events : []
  const isPair = (item: unknown): item is [unknown, unknown] => Array.isArray(item) && item.length === 2
  return { seq: Number(seq) || 0, recovered, events: all.filter(isPair) }
}
