/**
 * What the leading tab does for the others: passes on what they and the server say to each other.
 *
 * A follower that is gone says nothing, so each holds a lock by the name of its pipe while it is there, and
 * the leader waits for it. A follower that does not take what it is sent is let go of: what waits for it
 * waits in the browser's memory, and there is a bound to that.
 */

import type { SharedSocket } from './socket.js'
import type { TabChannel, Tabs } from './tabs.js'
import { type DownWord, type HallWord, readUp } from './words.js'

/** Characters that a follower may owe having taken. */
export const MOST_OWED: number = 4 << 20
/** How a client hears that it reads too slowly. */
const CLOSE_TOO_SLOW = 4430

/** The followers of one leader. */
export interface Followers {
  /** How many connections of other tabs there are. */
  readonly size: number
  /** A connection of another tab wants a channel. */
  take(pipe: string, query: string): void
  /** Lets go of all, without a word. */
  close(): void
}

interface Follower {
  letGo(): void
}

/** No followers yet, of a leader of this name. */
export function followers(
  { name, leader, tabs, socket }: { name: string; leader: string; tabs: Tabs; socket: SharedSocket },
  hall: (word: HallWord) => void,
  changed: () => void,
): Followers {
  const all = new Map<string, Follower>()

  function take(pipe: string, query: string): void {
    const place = `${name} ${pipe}`
    let owed = 0
    const say = (word: DownWord): void => channel.post(word)
    const letGo = (): void => {
      ride?.close()
      unlock()
      channel.close()
    }
    const drop = (): void => {
      if (!all.delete(pipe)) return
      letGo()
      changed()
    }
    const shut = (code: number): void => {
      if (!all.has(pipe)) return
      say(['shut', leader, code])
      drop()
    }
    const ride = socket.open(query, {
      frame(text) {
        owed += text.length
        if (owed > MOST_OWED) shut(CLOSE_TOO_SLOW)
        else say(['frame', leader, text])
      },
      closed: shut,
      full() {
        hall(['full', pipe])
        drop()
      },
    })
    if (!ride) {
      hall(['full', pipe])
      return
    }
    const channel: TabChannel = tabs.channel(place, (said) => {
      const word = readUp(said)
      if (word?.[0] === 'send') ride.send(word[1])
      else if (word?.[0] === 'took') owed = Math.max(0, owed - word[1])
      else if (word?.[0] === 'end') drop()
    })
    const unlock = tabs.lock(place, { held: drop, lost: drop })
    all.set(pipe, { letGo })
    say(['open', leader])
  }

  return {
    get size() {
      return all.size
    },
    take(pipe, query) {
      // Asked twice, because two leaders were heard of: it has been told, or will be.
      if (!all.has(pipe)) take(pipe, query)
    },
    close() {
      for (const { letGo } of all.values()) letGo()
      all.clear()
    },
  }
}
