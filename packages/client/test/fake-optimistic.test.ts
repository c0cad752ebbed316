import { type FakeServer, type FakeServerOptions, fakeServer } from '@fluxstack/client/testing'
import { describe, expect, test } from 'vitest'
import { portOf } from '../src/inside.js'
import type { ClientMessage } from '../src/protocol.js'
import { Bell, Counter } from './shapes.js'

const nothing = (): void => undefined

/** A mounted counter, and the way to ask as a client does that shows already what it asks for. */
async function optimistic(options: FakeServerOptions = {}, paced: readonly ('count' | 'step')[] = []) {
  const server = fakeServer(options)
    .mounted(
      Counter,
      { count: 0, step: 1 },
      {
        increment: (state) => {
          state.count += 1
        },
        add: (state, { by }) => {
          if (by > 9) state.step = by
          state.count += by
          return state.count
        },
        explode: () => undefined,
      },
      { paced },
    )
    .mounted(Bell, { rings: 0 })
  const counter = server.client.live(Counter, { props: { count: 0 } })
  counter.subscribe(nothing)
  await server.settled()
  const { ask } = portOf(server.client)
  /** What is said because of it, without what the reply says beside its outcome. */
  async function said(message: Record<string, unknown>): Promise<unknown[]> {
    const before = server.sent.length
    ask({ componentId: counter.instanceId, ...message } as unknown as ClientMessage)
    await server.settled()
    return told(server, before)
  }
  const call = (action: string, callId: string, payload: unknown = {}): Record<string, unknown> => ({
    type: 'CALL_ACTION',
    action,
    payload,
    optimistic: true,
    callId,
  })
  return { server, counter, said, call }
}

function told(server: FakeServer, from: number): unknown[] {
  return server.sent.slice(from).map((message) => {
    const { type, payload, success, result, held } = message as Record<string, Record<string, unknown>>
    if (type === ('CALL_DONE' as unknown)) return { done: payload?.callIds }
    if (type === ('STATE_DELTA' as unknown)) return { delta: payload?.delta, base: payload?.base }
    if (type === ('STATE_UPDATE' as unknown)) return { state: payload?.state }
    return success === undefined
      ? { type }
      : { success, ...(result !== undefined && { result }), ...(held !== undefined && { held }) }
  })
}

describe('a fake server, to a client that guesses', () => {
  test('says what it can in its hello', async () => {
    const { server } = await optimistic()
    const caps = ['optimistic', 'quiet', 'upload', 'window']
    expect(server.sent[0]).toMatchObject({ type: 'CONNECTION_ESTABLISHED', caps })
    expect((await optimistic({ caps: [] })).server.sent[0]).toMatchObject({ caps: [] })
  })

  test('says that a call is done directly before the state, and then answers', async () => {
    const { said, call } = await optimistic()
    expect(await said(call('add', 'a-1', { by: 2 }))).toEqual([
      { done: ['a-1'] },
      { delta: { count: 2 }, base: 0 },
      { success: true, result: 2 },
    ])
    expect(await said({ ...call('add', 'a-2', { by: 2 }), optimistic: undefined })).toEqual([
      { delta: { count: 4 }, base: 1 },
      { success: true, result: 4 },
    ])
  })

  test('only answers a call that changes nothing, that it has done before, or that it refuses', async () => {
    const { server, said, call } = await optimistic()
    expect(await said(call('explode', 'a-1'))).toEqual([{ success: true }])
    await said(call('add', 'a-2', { by: 2 }))
    expect(await said(call('add', 'a-2', { by: 2 }))).toEqual([{ success: true, result: 2 }])
    server.refuse('FORBIDDEN')
    expect(await said(call('add', 'a-3', { by: 2 }))).toEqual([{ success: false }])
  })

  test('says nothing of it if it is an older one', async () => {
    const { said, call } = await optimistic({ caps: [] })
    expect(await said(call('increment', 'a-1'))).toEqual([
      { delta: { count: 1 }, base: 0 },
      { success: true },
    ])
  })

  test('lets a call wait whose field is paced, until that is released', async () => {
    const { server, said, call } = await optimistic({}, ['count'])
    expect(await said(call('increment', 'a-1'))).toEqual([{ success: true, held: true }])
    // The other field goes on its way, and says nothing of the call, which is not told whole.
    expect(await said(call('add', 'a-2', { by: 10 }))).toEqual([
      { delta: { step: 10 }, base: 0 },
      { success: true, result: 11, held: true },
    ])
    const before = server.sent.length
    server.release(Counter)
    expect(told(server, before)).toEqual([{ done: ['a-1', 'a-2'] }, { delta: { count: 11 }, base: 1 }])
  })

  test('does an atomic batch in one turn, and says nothing of one that is undone', async () => {
    const { said, call, counter } = await optimistic()
    const batch = (...calls: unknown[]) => ({ type: 'CALL_BATCH', payload: { calls, atomic: true } })
    const one = { ...call('increment', 'a-1'), componentId: counter.instanceId }
    const two = { ...call('increment', 'a-2'), componentId: counter.instanceId }
    const bad = { ...call('vanish', 'a-3'), componentId: counter.instanceId }
    const [done, delta] = await said(batch(one, two))
    expect([done, delta]).toEqual([{ done: ['a-1', 'a-2'] }, { delta: { count: 2 }, base: 0 }])
    const undone = await said(batch({ ...one, callId: 'a-4' }, bad))
    expect(undone).toHaveLength(1)
    expect(counter.getState().state).toMatchObject({ count: 2 })
  })

  test('says to who comes back which of the calls in doubt are done', async () => {
    const { server, counter, said, call } = await optimistic()
    await said(call('increment', 'a-1'))
    const before = server.sent.length
    portOf(server.client).ask({
      type: 'COMPONENT_RESUME',
      componentId: counter.instanceId as string,
      payload: { component: 'Counter', name: 'Counter:a', have: 1, heard: 0, doubt: ['a-1', 'a-2'] },
    } as ClientMessage)
    await server.settled()
    expect(server.sent[before]).toMatchObject({ result: { outcome: 'resumed', done: ['a-1'] } })
  })
})

describe('a fake server, to a client that wants quiet', () => {
  const quiet = (on: boolean) => ({ type: 'QUIET', componentId: undefined, payload: { on } })

  test('keeps what it has to say, and says it merged when it is over', async () => {
    const { server, counter, said } = await optimistic()
    server.client.live(Bell).subscribe(nothing)
    await server.settled()
    await said(quiet(true))
    const before = server.sent.length
    server.push(Counter, { count: 1 })
    server.event(Bell, { type: 'rang', times: 1 })
    server.push(Counter, { count: 2 })
    server.push(Counter, { step: 5 })
    server.event(Bell, { type: 'rang', times: 2 })
    expect(told(server, before)).toEqual([])
    await said(quiet(false))
    expect(told(server, before)).toEqual([
      { delta: { count: 2, step: 5 }, base: 0 },
      { type: 'COMPONENT_EVENT' },
      { type: 'COMPONENT_EVENT' },
      { success: true },
    ])
    expect(counter.getState().state).toEqual({ count: 2, step: 5 })
  })

  test('merges a whole state with what comes after it', async () => {
    const { server, counter, said } = await optimistic()
    await said(quiet(true))
    const before = server.sent.length
    server.push(Counter, { count: 1 })
    server.update(Counter, { count: 7, step: 2 })
    server.push(Counter, { count: 8 })
    await said(quiet(false))
    expect(told(server, before)).toEqual([{ state: { count: 8, step: 2 } }, { success: true }])
    expect(counter.getState().state).toEqual({ count: 8, step: 2 })
  })

  test('takes along with an answer what is before it', async () => {
    const { server, said, call } = await optimistic()
    await said(quiet(true))
    const before = server.sent.length
    server.push(Counter, { count: 5 })
    await said(call('increment', 'a-1'))
    expect(told(server, before)).toEqual([
      { done: ['a-1'] },
      { delta: { count: 6 }, base: 0 },
      { success: true },
    ])
  })

  test('is not quiet on a new connection', async () => {
    const { server, counter, said } = await optimistic()
    await said(quiet(true))
    server.disconnect()
    server.reconnect()
    await server.settled()
    server.push(Counter, { count: 5 })
    await server.settled()
    expect(counter.getState().state).toMatchObject({ count: 5 })
  })
})
