// The `ws` library with nothing around it, as its documentation uses it, and the words of the live protocol.
//
// What a server in JavaScript would cost that knew nothing but this one application. It sends the bytes that the live
// server sends, in as many frames: `../src/servers/floor.rs` is the same in Rust.

import { randomUUID } from 'node:crypto'
import { WebSocketServer } from 'ws'
import { BACKLOG, HOST, LABEL, serving } from './serving.mjs'

const ROOM = 'room'
const DIGEST = 2583777045
// As long as those of the live server, which signs them.
const TOKEN =
  'AQAFc3RvcmUBAAAAAAAAAAAAAAAAAAAAAAAAAADUuJOpaa5Apa0c0wfPlZAOAAAAAAAAAAAAAAAAAAAAAAAAAaIFB9xLEOyCVw5eeSRiceS_jKeeQBU9AHTHUOPlJAVW_a1phTo'
const SNAPSHOT =
  'AQAFYmVuY2gCAAAAB0NvdW50ZXJGpmNZYdFFn5Gts3JBf2e-DSVWCEeuSvih04fTiM7AJQAAAAAAAAAAAAAAAQAAAAEAAAGiBRLLr3sidmVyc2lvbiI6MCwicHJvcHMiOnt9LCJzdGF0ZSI6eyJjb3VudCI6MCwic3RlcCI6MSwibGFiZWwiOiJhIGNvdW50ZXIifSwic2VlbiI6W10sImV2ZW50cyI6MH3EXbYDs4FYo0YdRiyRmPJuK-CN7eQZhkdmhPcZvyrnYw'

let seq = 1_700_000_000_000
const members = new Set()

function hello(resumes) {
  return {
    type: 'CONNECTION_ESTABLISHED',
    connectionId: `conn-${randomUUID()}`,
    authenticated: false,
    protocol: { version: 3, max: 3 },
    features: {
      delta: true,
      batch: true,
      compression: false,
      encryption: false,
      offlineQueue: false,
      loadBalancing: false,
    },
    limits: { frame: 1048576, batch: 64, calls: 1048576, instances: 1048576, rate: 0, burst: 1000 },
    caps: ['optimistic', 'quiet', 'window', 'channels'],
    session: resumes ? { token: TOKEN, grace: 60000 } : undefined,
    timestamp: Date.now(),
  }
}

function mounted(request, componentId, initialState) {
  return {
    type: 'MESSAGE_RESPONSE',
    originalType: 'COMPONENT_MOUNT',
    componentId: request.componentId,
    success: true,
    result: { componentId, initialState, version: 0, digest: DIGEST },
    requestId: request.requestId,
    timestamp: Date.now(),
  }
}

function answered(request, result) {
  return {
    type: 'ACTION_RESPONSE',
    originalType: 'CALL_ACTION',
    componentId: request.componentId,
    success: true,
    result,
    requestId: request.requestId,
    timestamp: Date.now(),
  }
}

const server = new WebSocketServer({ port: 0, host: HOST, backlog: BACKLOG }, () => serving(server))

server.on('connection', (socket, upgrade) => {
  const caps = new URL(upgrade.url, 'ws://server').searchParams.get('caps') ?? ''
  const resumes = caps.split(',').includes('resume')
  const components = new Map()
  const say = (message) => socket.send(JSON.stringify(message))
  say(hello(resumes))
  socket.on('close', () => members.delete(socket))
  socket.on('message', (frame) => {
    const request = JSON.parse(frame)
    switch (request.type) {
      case 'COMPONENT_MOUNT': {
        const componentId = `live-${randomUUID()}`
        if (request.payload.component === 'Room') {
          components.set(componentId, null)
          members.add(socket)
          const joined = {
            type: 'ROOM_JOINED',
            componentId,
            roomId: ROOM,
            payload: { seq },
            timestamp: Date.now(),
          }
          say([mounted(request, componentId, { open: true }), joined])
        } else {
          const state = { count: 0, step: 1, label: LABEL }
          components.set(componentId, { state, version: 0 })
          const mount = mounted(request, componentId, state)
          const payload = { version: 0, snapshot: SNAPSHOT }
          const snapshot = { type: 'STATE_SNAPSHOT', componentId, payload, timestamp: Date.now() }
          say(resumes ? [mount, snapshot] : mount)
        }
        break
      }
      case 'COMPONENT_UNMOUNT': {
        if (components.get(request.componentId) === null) members.delete(socket)
        components.delete(request.componentId)
        say({
          type: 'MESSAGE_RESPONSE',
          originalType: 'COMPONENT_UNMOUNT',
          componentId: request.componentId,
          success: true,
          requestId: request.requestId,
          timestamp: Date.now(),
        })
        break
      }
      case 'CALL_ACTION': {
        const component = components.get(request.componentId)
        if (request.action === 'increment') {
          const { state } = component
          state.count += state.step
          const base = component.version
          component.version += 1
          const delta = {
            type: 'STATE_DELTA',
            componentId: request.componentId,
            payload: { base, version: component.version, digest: DIGEST, delta: { count: state.count } },
            timestamp: Date.now(),
          }
          say([delta, answered(request, state.count)])
        } else if (request.action === 'tell') {
          const { from, number, text } = request.payload
          seq += 1
          const event = JSON.stringify({
            type: 'ROOM_EVENT',
            component: 'Room',
            roomId: ROOM,
            payload: { event: { from, number, text }, seq },
            timestamp: Date.now(),
          })
          for (const member of members) {
            if (member !== socket) member.send(event)
          }
          say(answered(request, number))
        }
        break
      }
      case 'COMPONENT_PING':
        say({ type: 'COMPONENT_PONG', success: true, requestId: request.requestId, timestamp: Date.now() })
        break
    }
  })
})
