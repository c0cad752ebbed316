import { fakeServer } from '@fluxstack/client/testing'
import { describe, expect, test } from 'vitest'
import { batch } from '../src/batch.js'
import { digest } from '../src/digest.js'
import { counting, cutAndBack, resumed } from './coming-back.js'
import { Counter, Todos } from './shapes.js'
import { type Frame, settled } from './world.js'

const nothing = (): void => undefined

/** A counter as `live-1` and todos as `live-t`. */
async function both() {
  const it = await counting()
  const todos = it.client.live(Todos, { componentId: 't' })
  todos.subscribe(nothing)
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-t', { items: [], total: 0 })
  const said = async (): Promise<Frame[]> => {
    await settled()
    return it.socket().heard()
  }
  return { ...it, todos, said }
}

const add = (componentId: string, by: number, callId: string) => ({
  componentId,
  action: 'add',
  payload: { by },
  callId: expect.stringMatching(new RegExp(`-${callId}$`)),
})
const todosBack = { outcome: 'resumed', version: 0, digest: digest({ items: [], total: 0 }), seq: 0 }

describe('a batch', () => {
  test('leaves as one message, between the calls around it, and each call is answered', async () => {
    const it = await both()
    void it.counter.call.add({ by: 1 })
    const outcome = batch(
      it.client,
      [
        [it.counter, 'add', { by: 2 }],
        [it.todos, 'push', { text: 'tea' }],
        [it.counter, 'increment'],
      ],
      { atomic: true },
    )
    void it.counter.call.add({ by: 3 })
    const [first, together, last] = await it.said()
    expect([first?.type, last?.type]).toEqual(['CALL_ACTION', 'CALL_ACTION'])
    expect(together).toMatchObject({ type: 'CALL_BATCH', payload: { atomic: true } })
    expect((together?.payload as Frame | undefined)?.calls).toEqual([
      add('live-1', 2, '2'),
      { ...add('live-1', 2, '4'), action: 'increment', payload: {} },
      { ...add('live-t', 2, '3'), action: 'push', payload: { text: 'tea' } },
    ])
    it.socket().answer(together, {
      results: [
        { success: true, result: 7 },
        { success: true },
        { success: false, error: 'no tea', code: 'INVALID', fields: { text: 'is wrong' } },
      ],
    })
    const [added, pushed, counted] = await outcome
    expect(added).toEqual({ ok: true, result: 7 })
    expect(pushed).toMatchObject({ ok: false, error: { code: 'INVALID', fields: { text: 'is wrong' } } })
    expect(counted).toEqual({ ok: true, result: undefined })
  })

  test('that is refused as a whole is so for each call', async () => {
    const it = await both()
    const outcome = batch(it.client, [
      [it.counter, 'increment'],
      [it.todos, 'clear'],
    ])
    it.socket().refuse((await it.said())[0], 'TOO_LARGE')
    expect(await outcome).toMatchObject([
      { ok: false, error: { code: 'TOO_LARGE' } },
      { ok: false, error: { code: 'TOO_LARGE' } },
    ])
  })

  test('whose answer was lost leaves again, whole for each handle, under the names it had', async () => {
    const it = await both()
    const outcome = batch(it.client, [
      [it.counter, 'add', { by: 1 }],
      [it.todos, 'clear'],
      [it.counter, 'add', { by: 2 }],
    ])
    await it.said()
    const [, one, two] = await cutAndBack(it)
    it.socket().answer(one, { ...resumed(5, 0), seq: 0 })
    const [again] = await it.said()
    expect(again?.payload).toEqual({ calls: [add('live-1', 1, '1'), add('live-1', 2, '3')] })
    it.socket().answer(two, todosBack)
    const [rest] = await it.said()
    expect(rest?.payload).toMatchObject({ calls: [{ componentId: 'live-t', action: 'clear' }] })
    it.socket().answer(again, {
      results: [
        { success: true, result: 6 },
        { success: true, result: 8 },
      ],
    })
    it.socket().answer(rest, { results: [{ success: true }] })
    expect(await outcome).toEqual([
      { ok: true, result: 6 },
      { ok: true, result: undefined },
      { ok: true, result: 8 },
    ])
  })

  test('loses the calls of an instance that is gone, and no others', async () => {
    const it = await both()
    const outcome = batch(it.client, [
      [it.counter, 'increment'],
      [it.todos, 'clear'],
    ])
    await it.said()
    const [, one, two] = await cutAndBack(it)
    it.socket().refuse(one, 'NOTHING_KEPT')
    it.socket().answer(two, todosBack)
    const said = await it.said()
    it.socket().mounted(
      said.find(({ type }) => type === 'COMPONENT_MOUNT'),
      'live-9',
      { count: 0 },
    )
    it.socket().answer(
      said.find(({ type }) => type === 'CALL_BATCH'),
      { results: [{ success: true }] },
    )
    expect(await outcome).toMatchObject([{ ok: false, error: { code: 'DISCONNECTED' } }, { ok: true }])
  })

  test('does not wait for a handle that nobody has mounted', async () => {
    const it = await both()
    const idle = it.client.live(Counter, { props: { count: 1 } })
    const outcome = batch(it.client, [
      [idle, 'increment'],
      [it.counter, 'increment'],
    ])
    const [together] = await it.said()
    it.socket().answer(together, { results: [{ success: true }] })
    expect(await outcome).toMatchObject([{ ok: false, error: { code: 'NOT_MOUNTED' } }, { ok: true }])
  })

  test('is done later if the server has no time, call by call', async () => {
    const it = await both()
    const outcome = batch(it.client, [[it.counter, 'increment']])
    it.socket().refuse((await it.said())[0], 'BUSY')
    await it.clock.advance(125)
    const [again] = await it.said()
    expect(again).toMatchObject({ type: 'CALL_BATCH' })
    it.socket().answer(again, { results: [{ success: true }] })
    expect(await outcome).toEqual([{ ok: true, result: undefined }])
  })

  test('of nothing is done at once', async () => {
    expect(await batch((await both()).client, [])).toEqual([])
  })

  test('is of handles of one client', async () => {
    const [one, other] = [await both(), await both()]
    await expect(batch(one.client, [[other.counter, 'increment']])).rejects.toThrow('one client')
  })
})

describe('the fake server', () => {
  const counters = () =>
    fakeServer().mounted(Counter, ({ count }) => ({ count }), {
      add: (state, { by }) => (state.count += by),
    })

  test.each([
    [false, 8, [{ ok: true, result: 8 }, { ok: false }]],
    [
      true,
      5,
      [
        { ok: false, error: { code: 'ROLLED_BACK' } },
        { ok: false, error: { code: 'NOT_CALLABLE' } },
      ],
    ],
  ])('does all or what it can (atomic: %s)', async (atomic, count, outcome) => {
    const server = counters()
    const counter = server.client.live(Counter, { props: { count: 5 } })
    counter.subscribe(nothing)
    const done = batch(
      server.client,
      [
        [counter, 'add', { by: 3 }],
        [counter, 'increment'],
      ],
      { atomic },
    )
    expect(await done).toMatchObject(outcome)
    expect(counter.getState().state).toEqual({ count })
  })
})
