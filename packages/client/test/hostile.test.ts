import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { parseFrame } from '../src/protocol.js'
import { Counter } from './shapes.js'
import { settled, world } from './world.js'

const nothing = (): void => undefined
const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const inState = (payload: string): string =>
  `{"type":"STATE_DELTA","componentId":"live-1","payload":${payload}}`

const FRAMES: unknown[] = [
  undefined,
  null,
  7,
  '',
  'null',
  '7',
  '"text"',
  '{',
  '[]',
  '[null,7,"x",[[]],{}]',
  '{"type":null}',
  '{"type":"__proto__"}',
  '{"__proto__":{"type":"COMPONENT_PONG"}}',
  '{"type":"CONNECTION_ESTABLISHED","limits":{"calls":-1,"rate":"x","batch":0,"burst":null}}',
  '{"type":"ACTION_RESPONSE","requestId":{},"success":true}',
  '{"type":"ACTION_RESPONSE","requestId":"nobody asked","success":true}',
  '{"type":"STATE_UPDATE"}',
  '{"type":"STATE_UPDATE","componentId":"nobody","payload":{}}',
  '{"type":"COMPONENT_EVENT","componentId":"live-1","payload":null}',
  '{"type":"ERROR","code":7,"error":{}}',
  new ArrayBuffer(8),
  deep(100_000),
  `{"type":"COMPONENT_EVENT","componentId":"live-1","payload":{"event":${deep(100_000)}}}`,
]

/** Frames that name the instance and cannot be applied: it has to ask for the whole state. */
const BROKEN: string[] = [
  '{"type":"STATE_UPDATE","componentId":"live-1","payload":null}',
  `{"type":"STATE_UPDATE","componentId":"live-1","payload":{"version":9,"digest":1,"state":{"count":${deep(100_000)}}}}`,
  inState('null'),
  inState('{}'),
  inState('{"base":0,"version":1,"digest":1,"delta":[]}'),
  inState('{"base":0,"version":1,"digest":1,"splice":{"count":[[0,0]]}}'),
  inState('{"base":0,"version":1,"digest":1,"splice":{"count":[[99,1]]}}'),
  inState('{"base":0,"version":1,"digest":1,"merge":{"count":[{},[]]}}'),
  inState('{"base":0,"version":1,"digest":1,"delta":{"__proto__":{"polluted":true}}}'),
  inState(`{"base":0,"version":1,"digest":1,"delta":{"count":${deep(100_000)}}}`),
]

async function counting() {
  const it = world()
  const counter = it.client.live(Counter, { props: { count: 5 } })
  counter.subscribe(nothing)
  it.socket().hello()
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  return { ...it, counter }
}

test('frames that are no messages are ignored', async () => {
  const complaint = vi.spyOn(console, 'error').mockImplementation(nothing)
  const { client, counter, socket } = await counting()
  for (const frame of FRAMES) socket().events.frame(frame)
  await settled()
  expect(client.getStatus()).toBe('open')
  expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 5 } })
  expect(socket().heard()).toEqual([])
  complaint.mockRestore()
})

test.each(BROKEN)('a state that cannot be applied makes the client ask, not crash: %.80s', async (frame) => {
  const { counter, socket } = await counting()
  socket().events.frame(frame)
  await settled()
  expect(socket().heard()).toMatchObject([{ type: 'STATE_RESYNC', componentId: 'live-1' }])
  expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 5 } })
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

test('a bad message in a batch does not cost the good ones', () => {
  const good = { type: 'COMPONENT_PONG' }
  expect(parseFrame(JSON.stringify([null, good, { type: 'NONSENSE' }, 7, good]))).toEqual([good, good])
})

test('no text makes the parser throw', () => {
  const types = [
    'STATE_UPDATE',
    'STATE_DELTA',
    'ERROR',
    'ACTION_RESPONSE',
    'COMPONENT_EVENT',
    'CONNECTION_ESTABLISHED',
  ]
  const message = fc.record(
    {
      type: fc.constantFrom(...types),
      componentId: fc.jsonValue(),
      payload: fc.jsonValue(),
      requestId: fc.jsonValue(),
      fields: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        message.map((it) => JSON.stringify(it)),
      ),
      (text) => Array.isArray(parseFrame(text)),
    ),
  )
})
