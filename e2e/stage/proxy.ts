/** A network between page and server that can die without telling anybody, and do worse. */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Network {
  readonly url: string
  /** Nothing comes through any more, in either direction. No connection is closed. */
  readonly freeze: () => void
  /** Everything comes through again, late. */
  readonly unfreeze: () => void
  /** Every connection is closed, at both ends. New ones may be made. */
  readonly cut: () => void
  /** The page's end of every connection is closed, and the server is not told. New ones may be made. */
  readonly abandon: () => void
  /** The connections there are stay open, and nothing comes through them any more. New ones work. */
  readonly strand: () => void
  /** What the server says on the connections there are is lost on the way. What the page says arrives. */
  readonly deafen: () => void
  /** No connection brings more bytes a second to the server than this; undefined: as fast as it goes. */
  readonly limit: (rate: number | undefined) => void
  /** What was lost on its way to the page. */
  readonly lost: () => string
  /**
   * Every connection is closed, and new ones are answered with this status of HTTP; undefined: let in. With
   * `sparesPages` only sockets are refused: the files of a page come, as from a service worker.
   */
  readonly refuse: (status: string | undefined, sparesPages?: boolean) => void
  /** How many connections were refused. */
  readonly refused: () => number
  readonly close: () => Promise<void>
}

/** How late a timer may be, in ms. */
const LATE_MS = 200

interface Pair {
  readonly near: Socket
  readonly far: Socket
  isAbandoned: boolean
  isDeaf: boolean
  isMute: boolean
}

/** Forwards a free port to `port`. */
export async function startProxy(port: number): Promise<Network> {
  const pairs = new Set<Pair>()
  let isFrozen = false
  let rate: number | undefined
  let refusal: string | undefined
  let sparesPages = false
  let refused = 0
  let lost = ''

  const server = createServer((near) => {
    // The other end is closed by its own event; that one end broke is the point of this proxy.
    near.on('error', () => near.destroy())
    if (refusal === undefined) {
      forward(near)
      return
    }
    if (!sparesPages) refused += 1
    // Told when it has asked: a refusal that nobody asked for is a broken connection.
    near.once('data', (asked: Buffer) => {
      if (sparesPages && !/upgrade: websocket/i.test(asked.toString())) forward(near, asked)
      else near.end(`HTTP/1.1 ${refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    })
  })

  function forward(near: Socket, asked?: Buffer): void {
    const far = connect(port, '127.0.0.1')
    const pair: Pair = { near, far, isAbandoned: false, isDeaf: false, isMute: false }
    pairs.add(pair)
    /** When what has come may be through, if the rate is limited. */
    let due = 0
    far.on('error', () => far.destroy())
    if (asked) far.write(asked)
    near.on('data', (chunk) => {
      if (pair.isMute) return
      const isFull = !far.write(chunk)
      const now = performance.now()
      // What a late timer cost is made up for.
      due = rate === undefined ? now : Math.max(due, now - LATE_MS) + (1000 * chunk.length) / rate
      if (due > now + 1) {
        near.pause()
        setTimeout(() => isFrozen || near.resume(), due - now)
      } else if (isFull) {
        near.pause()
        far.once('drain', () => isFrozen || near.resume())
      }
    })
    far.on('data', (chunk) => {
      if (pair.isDeaf) lost += chunk.toString()
      else if (!near.destroyed) near.write(chunk)
    })
    near.on('close', () => {
      if (!pair.isAbandoned) far.destroy()
    })
    far.on('close', () => {
      near.destroy()
      pairs.delete(pair)
    })
    if (isFrozen) for (const socket of [near, far]) socket.pause()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  function setFrozen(to: boolean): void {
    isFrozen = to
    for (const { near, far } of pairs) for (const socket of [near, far]) to ? socket.pause() : socket.resume()
  }
  function cut(): void {
    for (const { near, far } of pairs) for (const socket of [near, far]) socket.destroy()
  }

  return {
    url: `http://127.0.0.1:${address.port}`,
    freeze: () => setFrozen(true),
    unfreeze: () => setFrozen(false),
    cut,
    abandon() {
      for (const pair of pairs) {
        pair.isAbandoned = true
        pair.near.destroy()
      }
    },
    strand() {
      for (const pair of pairs) pair.isDeaf = pair.isMute = true
    },
    deafen() {
      for (const pair of pairs) pair.isDeaf = true
    },
    limit(to) {
      rate = to
    },
    lost: () => lost,
    refuse(status, onlySockets = false) {
      refusal = status
      sparesPages = onlySockets
      if (status !== undefined) cut()
    },
    refused: () => refused,
    async close() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
