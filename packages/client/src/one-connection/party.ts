/**
 * The connections of one page to one server, and whether this page leads the tabs that share it.
 *
 * page ──its first connection──► waits for the leader's lock ──held──► leads ──left, or stolen from──► waits …
 *
 * One connection (a seat):
 *
 * asking ──this page leads, or a leader said `open`──► riding ──the leader is another──► over: the client connects anew
 *   └──nobody answers──► steals the lock ──nobody answers──► a socket of its own
 *
 * The lock says who leads: it is given back by the browser whatever happens to a page, and whoever is next in
 * line has it at once and says so in the hall. A leader that holds it and does not answer, because the browser
 * has stopped it, is stolen from. What must stay true: a connection is told frames of one channel only, so when
 * its leader is gone it is over; one that has heard nothing yet may ask another leader instead.
 *
 * Who somebody is may hang on the cookies that the socket was opened with. So a page whose client leaves a
 * connection on purpose, or is sent away, stays apart from sockets that were dialled before: it has its own,
 * until it leads and dials another.
 */

import type { Clock, CreateSocket, Socket, SocketEvents } from '../environment.js'
import { ANSWER_MS } from '../heartbeat.js'
import { CLOSE_SIGNED_OUT } from '../numbers.js'
import { type Followers, followers } from './leader.js'
import { CLOSE_ABNORMAL, type Ride, type SharedSocket, sharedSocket } from './socket.js'
import type { TabChannel, Tabs } from './tabs.js'
import { type HallWord, readDown, readHall, type UpWord } from './words.js'

/** A leader that says nothing for so long, in ms, and up to so much more, is not waited for. */
const ASK_MS = 1000
const ASK_SPREAD_MS = 500
/** Characters after which a follower says that it took them. */
const TAKEN_AT_ONCE = 64 << 10
/** How a client asks whether its connection is dead. */
const PING = '{"type":"COMPONENT_PING"}'
/** Timers may ring so much too early, in ms. */
const EARLY_MS = 10
/** How a client hears that its credentials are not good. */
const CLOSE_REFUSED = 4403

/** What parties live on. */
export interface PartyWorld {
  readonly tabs: Tabs
  readonly clock: Clock
  readonly random: () => number
  readonly newId: () => string
  /** Makes real sockets. */
  readonly createSocket: CreateSocket
  /** Tells the clients that a socket may be dead, and another one there already. */
  readonly renew: () => void
  /** Whether clients are just being told something about the page. */
  readonly isTelling: () => boolean
}

/** The connections of one page to one server. */
export interface Party {
  /** Makes a connection, to this address and with this query. */
  enter(url: string, query: string, events: SocketEvents): Socket
}

/** A ride with another tab, which is told what was taken. */
type SeatRide = Ride & { readonly took?: (length: number) => void }

/** One connection. */
interface Seat {
  readonly pipe: string
  readonly query: string
  readonly url: string
  readonly events: SocketEvents
  /** The leader it rides with; nothing while it asks. */
  leader: string | undefined
  hasHeard: boolean
  /** When its client asked whether it is dead, if it has heard nothing since. */
  askedAt: number | undefined
  isOver: boolean
  ride: SeatRide | undefined
  channel: TabChannel | undefined
  /** Its own socket, where nobody takes it along. */
  socket: Socket | undefined
  unlock: (() => void) | undefined
  /** Whether it may ask: its lock is held. */
  isKnown: boolean
  cancel: (() => void) | undefined
}

interface Lead {
  readonly name: string
  readonly socket: SharedSocket
  readonly followers: Followers
}

/** A party without connections. All pages with the same name share what is at `base`. */
export function createParty(name: string, base: string, world: PartyWorld): Party {
  const { clock, tabs } = world
  const seats = new Set<Seat>()
  let hall: TabChannel | undefined
  let unlock: (() => void) | undefined
  let unwatch: (() => void) | undefined
  let lead: Lead | undefined
  /** Who leads, by what was heard last. */
  let leader: string | undefined
  let isPlain = false
  /** Whether this page stays apart from the sockets there are. */
  let isApart = false

  function begin(): void {
    if (hall) return
    hall = tabs.channel(name, (said) => {
      const word = readHall(said)
      if (word) onHall(word)
    })
    unwatch = tabs.onLeave(leave)
    queue()
  }

  /** Stands in line for the leader's lock, or takes it. */
  function queue(steal = false): void {
    let wasHeld = false
    unlock?.()
    unlock = tabs.lock(
      name,
      {
        held() {
          wasHeld = true
          takeOver()
        },
        lost() {
          resign()
          // Stolen from: next in line again. Never held: the browser gives no locks to this page.
          if (wasHeld && hall) queue()
        },
      },
      steal,
    )
  }

  function takeOver(): void {
    const own = world.newId()
    const say = (word: HallWord): void => hall?.post(word)
    const socket = sharedSocket(
      { url: `${base}?channels=1`, createSocket: world.createSocket, clock },
      () => {
        say(['plain'])
        onPlain()
      },
    )
    lead = { name: own, socket, followers: followers({ name, leader: own, tabs, socket }, say, endIfEmpty) }
    leader = own
    isApart = false
    if ([...seats].some((seat) => !seat.socket)) socket.dial()
    say(['lead', own])
    handOver()
  }

  /** Leads no more; another may. */
  function resign(next?: string): void {
    const before = lead
    if (before) {
      lead = undefined
      before.followers.close()
      before.socket.close()
    }
    if (!before && next === undefined) return
    leader = next
    handOver()
  }

  function onHall(word: HallWord): void {
    if (word[0] === 'ask') {
      if (isPlain) hall?.post(['plain'])
      lead?.followers.take(word[1], word[2])
    } else if (word[0] === 'plain') {
      onPlain()
    } else if (word[0] === 'full') {
      for (const seat of seats) if (seat.pipe === word[1] && !seat.hasHeard) goAlone(seat)
    } else if (word[1] !== leader) {
      // If this page led, it was stolen from, and hears of it from the lock as well.
      resign(word[1])
    }
  }

  /** There is another leader, or none. */
  function handOver(): void {
    const over: Seat[] = []
    for (const seat of [...seats]) {
      if (seat.socket || (seat.leader && seat.leader === leader)) continue
      if (seat.hasHeard) over.push(seat)
      else askAgain(seat)
    }
    if (over.length === 0) return
    for (const seat of over) letGo(seat)
    // Clients that look find it dead, and connect anew without waiting. The others are told.
    world.renew()
    for (const seat of over) if (seats.delete(seat)) seat.events.closed(CLOSE_ABNORMAL)
    endIfEmpty()
  }

  /** This page's connections, those to come too, are none of what was dialled before now. */
  function stayApart(): void {
    isApart = true
    freshen()
    for (const seat of seats) {
      if (seat.hasHeard || seat.socket) continue
      if (isApart) goAlone(seat)
      else askAgain(seat)
    }
  }

  /** Once nobody needs the socket that this page has for all, the next may be for itself as well. */
  function freshen(): void {
    const isNeeded = lead?.followers.size || [...seats].some(({ hasHeard, ride }) => hasHeard && ride)
    if (!isApart || !lead || isNeeded) return
    lead.socket.close()
    isApart = false
  }

  /** Whether the client that lets go of this one has another already, and no reason but that it wants to. */
  function isLeftOnPurpose(seat: Seat): boolean {
    const { askedAt = clock.now() } = seat
    const isSilent = clock.now() - askedAt >= ANSWER_MS - EARLY_MS
    if (isSilent || isDead(seat) || world.isTelling()) return false
    return [...seats].some((other) => other !== seat && !other.hasHeard)
  }

  function isDead(seat: Seat): boolean {
    const socket = seat.socket ?? (seat.leader === lead?.name ? lead?.socket : undefined)
    return seat.isOver || socket?.dead === true
  }

  function askAgain(seat: Seat): void {
    if (seat.isOver) return
    seat.leader = undefined
    seat.ride = undefined
    seat.cancel?.()
    seat.cancel = clock.after(patience(), () => {
      seat.cancel = clock.after(patience(), () => goAlone(seat))
      queue(true)
    })
    if (lead) board(seat, lead)
    else if (!seat.unlock) knock(seat)
    else ask(seat)
  }

  function ask(seat: Seat): void {
    if (seat.isKnown && !seat.leader) hall?.post(['ask', seat.pipe, seat.query])
  }

  function patience(): number {
    return ASK_MS + world.random() * ASK_SPREAD_MS
  }

  /** Opens a pipe for whoever leads. Asks when its lock is held, so that nobody takes the seat for empty. */
  function knock(seat: Seat): void {
    const place = `${name} ${seat.pipe}`
    seat.channel = tabs.channel(place, (said) => onPipe(seat, said))
    seat.unlock = tabs.lock(place, {
      held() {
        seat.isKnown = true
        ask(seat)
      },
      lost: () => goAlone(seat),
    })
  }

  /** This page leads. */
  function board(seat: Seat, { name: own, socket }: Lead): void {
    hangUp(seat)
    const ride = socket.open(seat.query, {
      frame: (text) => tell(seat, text),
      closed: (code) => close(seat, code),
      full: () => goAlone(seat),
    })
    seat.leader = own
    seat.ride = ride
    if (!ride) goAlone(seat)
  }

  function onPipe(seat: Seat, said: unknown): void {
    const word = readDown(said)
    if (!word) return
    if (word[0] === 'open') {
      // An older leader may answer late.
      if (seat.leader || (leader !== undefined && leader !== word[1])) return
      seat.leader = leader = word[1]
      seat.cancel?.()
      seat.ride = ridePipe(seat)
    } else if (word[1] === seat.leader) {
      if (word[0] === 'frame') tell(seat, word[2])
      else close(seat, word[2])
    }
  }

  function ridePipe({ channel }: Seat): SeatRide {
    let taken = 0
    const say = (word: UpWord): void => channel?.post(word)
    return {
      send: (frame) => say(['send', frame]),
      close: () => say(['end']),
      took(length) {
        taken += length
        if (taken < TAKEN_AT_ONCE) return
        say(['took', taken])
        taken = 0
      },
    }
  }

  /** A socket of its own. */
  function goAlone(seat: Seat): void {
    if (seat.isOver || seat.socket) return
    seat.ride?.close()
    hangUp(seat)
    seat.leader = seat.ride = undefined
    try {
      seat.socket = world.createSocket(seat.url, {
        frame: (text) => tell(seat, text),
        closed: (code) => close(seat, code),
      })
    } catch (cause) {
      console.error('[fluxstack] no socket:', cause)
      clock.after(0, () => close(seat, CLOSE_ABNORMAL))
    }
  }

  function onPlain(): void {
    isPlain = true
    for (const seat of [...seats]) if (!seat.hasHeard) goAlone(seat)
    resign()
  }

  function tell(seat: Seat, text: unknown): void {
    if (seat.isOver) return
    seat.hasHeard = true
    seat.askedAt = undefined
    const { ride } = seat
    seat.events.frame(text)
    // It may be over by what it was told.
    if (!seat.isOver) ride?.took?.(`${text}`.length)
  }

  /** The other side has closed it. */
  function close(seat: Seat, code: number): void {
    if (seat.isOver) return
    letGo(seat)
    const isMine = seats.delete(seat)
    if (code === CLOSE_SIGNED_OUT || code === CLOSE_REFUSED) stayApart()
    if (isMine) seat.events.closed(code)
    endIfEmpty()
  }

  /** Without pipe and alarm. */
  function hangUp(seat: Seat): void {
    seat.cancel?.()
    seat.channel?.close()
    seat.unlock?.()
    seat.cancel = seat.channel = seat.unlock = undefined
    seat.isKnown = false
  }

  function letGo(seat: Seat): void {
    seat.isOver = true
    seat.ride?.close()
    hangUp(seat)
    seat.socket?.close()
  }

  /** The page is left, or stopped where it is. */
  function leave(): void {
    const before = [...seats]
    seats.clear()
    for (const seat of before) letGo(seat)
    lead?.followers.close()
    end()
    for (const seat of before) seat.events.closed(CLOSE_ABNORMAL)
  }

  function endIfEmpty(): void {
    if (seats.size === 0 && !lead?.followers.size) end()
    else freshen()
  }

  function end(): void {
    const before = [lead?.socket.close, hall?.close, unwatch, unlock]
    hall = unlock = unwatch = lead = leader = undefined
    for (const finish of before) finish?.()
  }

  return {
    enter(url, query, events) {
      if (isPlain) return world.createSocket(url, events)
      const seat: Seat = {
        pipe: world.newId(),
        query,
        url,
        events,
        leader: undefined,
        hasHeard: false,
        askedAt: undefined,
        isOver: false,
        ride: undefined,
        channel: undefined,
        socket: undefined,
        unlock: undefined,
        isKnown: false,
        cancel: undefined,
      }
      seats.add(seat)
      begin()
      if (isApart) stayApart()
      else askAgain(seat)
      return {
        send(frame) {
          if (frame === PING) seat.askedAt ??= clock.now()
          if (!seat.isOver) (seat.ride ?? seat.socket)?.send(frame)
        },
        close() {
          const isOnPurpose = isLeftOnPurpose(seat)
          if (!seat.isOver) letGo(seat)
          seats.delete(seat)
          if (isOnPurpose) stayApart()
          endIfEmpty()
        },
        get dead() {
          return isDead(seat)
        },
      }
    },
  }
}
