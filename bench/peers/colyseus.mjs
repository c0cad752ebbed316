// Colyseus, as its documentation starts a server: rooms on the WebSocket transport, with its defaults.
//
// It does what the live server does, in its own way: a room for each client, whose state counts. A request raises the
// count and is answered at once; the change is delivered with the next patch, which is sent every 50 ms. What is said
// in the hall goes to all others in it.

import { Room, Server } from '@colyseus/core'
import { schema, t } from '@colyseus/schema'
import { WebSocketTransport } from '@colyseus/ws-transport'
import { BACKLOG, HOST, LABEL, serving } from './serving.mjs'

const Count = schema({ count: t.number(), step: t.number(), label: t.string() }, 'Count')
const Open = schema({ open: t.boolean() }, 'Open')

class Counter extends Room {
  state = new Count({ count: 0, step: 1, label: LABEL })

  messages = {
    increment: () => {
      this.state.count += this.state.step
      return this.state.count
    },
  }
}

class Hall extends Room {
  state = new Open({ open: true })

  messages = {
    tell: (client, said) => {
      this.broadcast('said', said, { except: client })
      return said.number
    },
  }
}

const transport = new WebSocketTransport()
// The banner would be the first line.
const server = new Server({ transport, greet: false })
server.define('counter', Counter)
server.define('hall', Hall)
await server.listen(0, HOST, BACKLOG)
serving(transport.server)
