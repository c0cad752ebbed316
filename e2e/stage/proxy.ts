/** A network between page and server that can die without telling anybody. */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  readonly url: string
  /** Nothing comes through any more, in either direction. No connection is closed. */
  readonly freeze: () => void
  /** Everything comes through again, late. */
  readonly unfreeze: () => void
  readonly close: () => Promise<void>
}

/** Forwards a free port to `port`. */
export async function startProxy(port: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let frozen = false
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // The other end is closed by its own event; that one end broke is the point of this proxy.
    socket.on('error', () => socket.destroy())
    if (frozen) socket.pause()
  }
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    near.on('data', (chunk) => far.write(chunk))
    far.on('data', (chunk) => near.write(chunk))
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    keep(near)
    keep(far)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    freeze() {
      frozen = true
      for (const socket of sockets) socket.pause()
    },
    unfreeze() {
      frozen = false
      for (const socket of sockets) socket.resume()
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
