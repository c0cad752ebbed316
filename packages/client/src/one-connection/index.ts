/**
 * One connection per browser: the tabs of an origin share a socket to a server, and each keeps a connection,
 * a session and state of its own on it.
 *
 * An entry point of its own; it is a socket like any other to the client, which knows nothing of tabs. One of
 * them leads: it has the real socket, and passes on what the others and the server say to each other. When it is
 * closed, killed or left, the next one leads at once, and every tab comes back with its session, as after any
 * loss of a connection. Where tabs cannot share, and where the server carries no channels, each has a socket.
 */

import {
  browserPage,
  browserSocket,
  type Clock,
  type CreateSocket,
  type Page,
  type PageEvent,
  randomId,
  systemClock,
} from '../environment.js'
import { createParty, type Party } from './party.js'
import { browserTabs, type Tabs } from './tabs.js'
import { WORDS_VERSION } from './words.js'

export type { LockEvents, TabChannel, Tabs } from './tabs.js'

/** How tabs share. Everything has a sensible value already. */
export interface OneConnectionOptions {
  /**
   * Tabs share a socket with those of the same scope. Cookies are read when the socket is opened, so a page that knows
   * its user by a cookie gives who that is, and one that was loaded after signing in does not sit down with those from
   * before. Default: all tabs of the origin.
   */
  readonly scope?: string
  /** Makes the real socket; for tests and other transports. */
  readonly createSocket?: CreateSocket
  /** The other tabs; for tests. */
  readonly tabs?: Tabs
  /** The page; for tests. */
  readonly page?: Page
  /** Time; for tests. */
  readonly clock?: Clock
  /** A number in [0, 1); for tests. */
  readonly random?: () => number
  /** 32 hex digits nobody can guess; for tests. */
  readonly newId?: () => string
}

/** What {@link oneConnection} gives a client. */
export interface OneConnection {
  /** Makes what the client takes for sockets. */
  readonly createSocket: CreateSocket
  /** The page, which also says when another tab has taken over, so that nobody waits before connecting anew. */
  readonly page: Page
}

/**
 * Has the tabs of this browser share a socket.
 *
 * @example
 * const client = createLiveClient({ ...oneConnection() })
 */
export function oneConnection(options: OneConnectionOptions = {}): OneConnection {
  const { scope = '', tabs = browserTabs, page = browserPage, createSocket = browserSocket } = options
  const { clock = systemClock, random = Math.random, newId = randomId } = options
  const watchers = new Set<(event: PageEvent) => void>()
  const parties = new Map<string, Party>()
  let telling = 0
  const renew = (): void => {
    for (const watcher of [...watchers]) watcher('online')
  }

  return {
    createSocket(url, events) {
      if (!tabs.isPossible) return createSocket(url, events)
      const end = `${url}?`.indexOf('?')
      const base = url.slice(0, end)
      let party = parties.get(base)
      if (!party) {
        const name = `fluxstack one ${WORDS_VERSION} ${base} ${scope}`
        party = createParty(name, base, {
          tabs,
          clock,
          random,
          newId,
          createSocket,
          renew,
          isTelling: () => telling > 0,
        })
        parties.set(base, party)
      }
      return party.enter(url, url.slice(end + 1), events)
    },
    page: {
      get visible() {
        return page.visible
      },
      watch(listener) {
        // One more of its own, so that whoever watches twice is told twice.
        const watcher = (event: PageEvent): void => {
          telling += 1
          try {
            listener(event)
          } finally {
            telling -= 1
          }
        }
        watchers.add(watcher)
        const unwatch = page.watch(watcher)
        return () => {
          watchers.delete(watcher)
          unwatch()
        }
      },
    },
  }
}
