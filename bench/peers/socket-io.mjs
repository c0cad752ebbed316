// Socket.IO, as its documentation starts a server: on Node's HTTP server, with its defaults.
//
// It does what the live server does: a counter for each that a client mounts, kept here; a call raises it, the change
// is delivered as an event, and the acknowledgement is the reply. What is said in the room goes to all others in it.

import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { BACKLOG, HOST, LABEL, serving } from './serving.mjs'

const ROOM = 'room'

const http = createServer()
const io = new Server(http)

io.on('connection', (socket) => {
  const counters = new Map()
  socket.on('mount', (slot, reply) => {
    const counter = { count: 0, step: 1, label: LABEL }
    counters.set(slot, counter)
    reply(counter)
  })
  socket.on('unmount', (slot, reply) => {
    counters.delete(slot)
    reply()
  })
  socket.on('increment', (slot, reply) => {
    const counter = counters.get(slot)
    counter.count += counter.step
    socket.emit('state', { slot, count: counter.count })
    reply(counter.count)
  })
  socket.on('join', (reply) => {
    socket.join(ROOM)
    reply()
  })
  socket.on('leave', (reply) => {
    socket.leave(ROOM)
    reply()
  })
  socket.on('tell', (said, reply) => {
    socket.to(ROOM).emit('said', said)
    reply(said.number)
  })
})

http.listen({ port: 0, host: HOST, backlog: BACKLOG }, () => serving(http))
