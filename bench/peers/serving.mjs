// What the three servers have in common: where they listen, and when they end.
//
// The bench starts them, reads their address from the first line of their output, and ends their input when it is
// done, whatever ended it. Nothing of a server's own settings stands here.

import process from 'node:process'

export const HOST = '127.0.0.1'

// Connections that may wait to be accepted: all of a crowd. The servers of the bench have the same.
export const BACKLOG = 4096

// What the counters of the live server have beside their count, so that everybody sends the same to begin with.
export const LABEL = 'a counter'

// Says where the server is, and ends with whoever started it.
export function serving(server) {
  const { address, port } = server.address()
  process.stdout.write(`${address}:${port}\n`)
  process.stdin.on('end', () => process.exit(0))
  process.stdin.on('close', () => process.exit(0))
  process.stdin.resume()
}
