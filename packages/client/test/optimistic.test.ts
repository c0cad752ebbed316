import { LiveError, type MountOptions } from '@fluxstack/client'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { describe, expect, test, vi } from 'vitest'
import { Counter, type CounterShape, Profile, Todos } from './shapes.js'
import { TestClock, TestPage } from './world.js'

function increment(state: { count: number }): void {
  state.count += 1
}

/** A counter whose client knows what its actions do, and what was shown of it. */
async function counting(options: Partial<MountOptions<CounterShape>> = {}) {
  const clock = new TestClock()
  const server = fakeServer({ clock }).mounted(
    Counter,
    { count: 5 },
    {
      increment,
      add: (state, { by }) => {
        if (by > 100) throw new LiveError('INVALID', 'too much', { by: 'too much' })
        state.count += by
        return state.count
      },
      explode: () => undefined,
    },
  )
  const counter = server.client.live(Counter, {
    props: { count: 5 },
    optimistic: {
      increment: ({ count }) => ({ count: count + 1 }),
      add: ({ count }, { by }) => ({ count: count + by }),
    },
    ...options,
  })
  const seen: unknown[] = []
  counter.subscribe(({ state }) => seen.push(state?.count))
  await server.settled()
  return { clock, server, counter, seen }
}

const asked = (server: FakeServer): [action: string, args: unknown][] =>
  server.calls.map(({ action, args }) => [action, args])

describe('an action whose effect is known', () => {
  test('shows it at once, and only once when it is done', async () => {
    const { server, counter, seen } = await counting()
    const done = counter.call.add({ by: 2 })
    expect([counter.getState().state?.count, counter.pending]).toEqual([7, 1])
    expect(await done).toBe(7)
    expect([counter.getState().state?.count, counter.pending]).toEqual([7, 0])
    await server.settled()
    // The last one tells that nothing is pending any more.
    expect(seen).toEqual([5, 7, 7])
  })

  test('that is refused takes it back, and says why', async () => {
    const { counter, seen } = await counting()
    const refused = counter.call.add({ by: 101 })
    expect(counter.getState().state?.count).toBe(106)
    await expect(refused).rejects.toMatchObject({ code: 'INVALID', fields: { by: 'too much' } })
    expect(counter.getState()).toMatchObject({ status: 'live', state: { count: 5 } })
    expect(seen).toEqual([5, 106, 5])
  })

  test('is laid anew over what others do meanwhile, in the order of the calls', async () => {
    const { clock, server, counter } = await counting()
    server.latency(100)
    const first = counter.call.add({ by: 1 })
    const second = counter.call.add({ by: 10 })
    expect(counter.getState().state?.count).toBe(16)
    server.push(Counter, { count: 1000 })
    await clock.advance(60)
    expect([counter.getState().state?.count, counter.pending]).toEqual([1011, 2])
    await clock.advance(100)
    expect([await first, await second]).toEqual([1001, 1011])
    expect([counter.getState().state?.count, counter.pending]).toEqual([1011, 0])
  })

  test('shows while the connection is away, and once it is back', async () => {
    const { clock, server, counter, seen } = await counting()
    server.disconnect()
    const done = counter.call.increment()
    expect(counter.getState()).toMatchObject({ status: 'stale', state: { count: 6 } })
    server.reconnect()
    await clock.advance(1000)
    await done
    expect([counter.getState().state?.count, counter.pending]).toEqual([6, 0])
    expect(seen.filter((count) => count !== 5 && count !== 6)).toEqual([])
  })

  test('changes nothing that it does not change', async () => {
    const server = fakeServer().mounted(Todos, { items: [{ id: 1, text: 'tea', done: false }], total: 1 })
    const todos = server.client.live(Todos, {
      optimistic: { push: ({ items }, { text }) => ({ items: [...items, { id: 0, text, done: false }] }) },
    })
    todos.subscribe(() => undefined)
    await server.settled()
    const before = todos.getState().state?.items[0]
    server.disconnect()
    void todos.call.push({ text: 'milk' }).catch(() => undefined)
    const { items } = todos.getState().state ?? {}
    expect(items?.map(({ text }) => text)).toEqual(['tea', 'milk'])
    expect(items?.[0]).toBe(before)
  })

  test('whose effect cannot be made out is called all the same', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { counter } = await counting({
      optimistic: {
        add: () => {
          throw new Error('no idea')
        },
      },
    })
    const done = counter.call.add({ by: 3 })
    expect(counter.getState().state?.count).toBe(5)
    expect(await done).toBe(8)
    expect([counter.getState().state?.count, counter.pending]).toEqual([8, 0])
    expect(said).toHaveBeenCalledWith('[fluxstack] an optimistic update failed:', expect.any(Error))
    said.mockRestore()
  })

  test('is not shown early where that is not wanted', async () => {
    const { counter } = await counting({ optimisticUpdates: false })
    const done = counter.call.increment()
    expect([counter.getState().state?.count, counter.pending]).toEqual([5, 0])
    await done
    expect(counter.getState().state?.count).toBe(6)
  })

  test('that cannot be made is not shown', async () => {
    const { counter } = await counting()
    const leave = counter.subscribe(() => undefined)
    leave()
    const other = fakeServer()
      .mounted(Counter, { count: 0 })
      .client.live(Counter, {
        props: { count: 0 },
        optimistic: { increment: ({ count }) => ({ count: count + 1 }) },
      })
    await expect(other.call.increment()).rejects.toMatchObject({ code: 'NOT_MOUNTED' })
    expect(other.pending).toBe(0)
  })

  test('is gone with the instance that it was meant for, whose state is never called live again', async () => {
    const { clock, server, counter } = await counting()
    await counter.call.increment()
    const shown: string[] = []
    counter.subscribe(({ status, state }) => shown.push(`${status} ${state?.count}`))
    server.disconnect()
    const lost = counter.call.add({ by: 2 })
    const why = expect(lost).rejects.toMatchObject({ code: 'DISCONNECTED' })
    server.restart()
    await clock.advance(1000)
    await why
    expect([counter.getState().state?.count, counter.pending]).toEqual([5, 0])
    expect(shown.filter((view) => view.startsWith('live'))).toEqual(['live 5'])
  })
})

describe('optimisticUpdate', () => {
  test('shows until the calls made with it are answered', async () => {
    const { counter } = await counting({ optimistic: {} })
    counter.optimisticUpdate(({ count }) => ({ count: count + 3 }))
    const all = Promise.all([counter.call.increment(), counter.call.add({ by: 2 })])
    expect([counter.getState().state?.count, counter.pending]).toEqual([8, 2])
    await all
    expect([counter.getState().state?.count, counter.pending]).toEqual([8, 0])
  })

  test('without a call is taken back at once, for nothing would end it', async () => {
    const { server, counter, seen } = await counting()
    counter.optimisticUpdate(() => ({ count: 100 }))
    expect(counter.getState().state?.count).toBe(100)
    await server.settled()
    expect(seen).toEqual([5, 100, 5])
  })

  test('can be taken back', async () => {
    const { server, counter } = await counting({ optimistic: {} })
    server.disconnect()
    const takeBack = counter.optimisticUpdate(() => ({ count: 100 }))
    const call = counter.call.increment().catch(() => undefined)
    takeBack()
    takeBack()
    expect(counter.getState().state?.count).toBe(5)
    server.restart()
    await call
  })

  test('stands for a call that is put off as well', async () => {
    const { clock, counter } = await counting({ optimistic: {}, debounceMs: 50 })
    counter.optimisticUpdate(({ count }) => ({ count: count + 3 }))
    const done = counter.call.add({ by: 3 })
    await clock.advance(40)
    expect(counter.getState().state?.count).toBe(8)
    await clock.advance(20)
    expect(await done).toBe(8)
    expect([counter.getState().state?.count, counter.pending]).toEqual([8, 0])
  })
})

describe('a field that is written', () => {
  async function profile() {
    const clock = new TestClock()
    const server = fakeServer({ clock }).mounted(Profile, { name: 'Ada', saved: 0 })
    const handle = server.client.live(Profile)
    handle.subscribe(() => undefined)
    await server.settled()
    const name = (): string | undefined => handle.getState().state?.name
    return { clock, server, handle, name }
  }

  test('shows what was written, whatever older echo comes', async () => {
    const { clock, server, handle, name } = await profile()
    server.latency(100)
    const letters: Promise<void>[] = []
    for (const typed of ['B', 'Bo', 'Bob']) {
      letters.push(handle.write('name', typed))
      expect(name()).toBe(typed)
      await clock.advance(30)
      expect(name()).toBe(typed)
    }
    for (let ms = 0; ms < 200; ms += 10) {
      await clock.advance(10)
      expect(name()).toBe('Bob')
    }
    await Promise.all(letters)
    expect(handle.pending).toBe(0)
  })

  test('is not rendered again when it was guessed right, then or later', async () => {
    const server = fakeServer().mounted(
      Todos,
      { items: [], total: 0 },
      {
        push: (state, { text }) => {
          state.items = [...state.items, { id: 1, text, done: false }]
        },
      },
    )
    const todos = server.client.live(Todos, {
      optimistic: { push: ({ items }, { text }) => ({ items: [...items, { id: 1, text, done: false }] }) },
    })
    todos.subscribe(() => undefined)
    await server.settled()
    const done = todos.call.push({ text: 'tea' })
    const guessed = todos.getState()
    await done
    expect(todos.getState()).toBe(guessed)
    server.push(Todos, { total: 7 })
    await server.settled()
    expect(todos.getState().state?.total).toBe(7)
    expect(todos.getState().state?.items).toBe(guessed.state?.items)
  })

  test('goes back to what the server holds when it is refused', async () => {
    const { server, handle, name } = await profile()
    server.refuse('INVALID', 'too short', { name: 'too short' })
    const refused = handle.write('name', 'B')
    expect(name()).toBe('B')
    await expect(refused).rejects.toMatchObject({ fields: { name: 'too short' } })
    expect(name()).toBe('Ada')
  })
})

describe('a debounced action', () => {
  test('is called once, with the last arguments, when it is left alone; all get its answer', async () => {
    const { clock, server, counter } = await counting({ debounceMs: { add: 50 } })
    const answers = [counter.call.add({ by: 1 }), counter.call.add({ by: 2 })]
    await clock.advance(40)
    answers.push(counter.call.add({ by: 3 }))
    await clock.advance(40)
    expect(asked(server)).toEqual([])
    // What is shown is what the one that is made will do.
    expect([counter.getState().state?.count, counter.pending]).toEqual([8, 1])
    await clock.advance(10)
    expect(await Promise.all(answers)).toEqual([8, 8, 8])
    expect(asked(server)).toEqual([['add', { by: 3 }]])
  })

  test('is written down when it is called', async () => {
    const { clock, server, counter } = await counting({ debounceMs: 50 })
    const args = { by: 1 }
    void counter.call.add(args)
    args.by = 99
    await clock.advance(50)
    expect(asked(server)).toEqual([['add', { by: 1 }]])
  })

  test('goes before an action that is not, so that their order stays', async () => {
    const { server, counter } = await counting({ debounceMs: { add: 50 } })
    void counter.call.add({ by: 1 })
    await counter.call.increment()
    expect(asked(server)).toEqual([
      ['add', { by: 1 }],
      ['increment', {}],
    ])
  })

  test('is put off for no longer than the throttle says', async () => {
    const { clock, server, counter } = await counting({ debounceMs: 50, throttleMs: 100 })
    for (let by = 1; by <= 9; by += 1) {
      void counter.call.add({ by })
      await clock.advance(30)
    }
    expect(asked(server).slice(0, 2)).toEqual([
      ['add', { by: 4 }],
      ['add', { by: 8 }],
    ])
  })

  test.each([
    ['flush', 'is called when told to'],
    ['leave', 'is called when nobody looks any more'],
    ['hidden', 'is called when the page is hidden'],
  ])('%s: %s', async (what) => {
    const { clock, server, counter } = await counting({ debounceMs: 5000 })
    const page = new TestPage()
    const other = fakeServer({ clock, page }).mounted(Counter, { count: 0 }, { increment })
    const handle = other.client.live(Counter, { props: { count: 0 }, debounceMs: 5000 })
    const leave = handle.subscribe(() => undefined)
    await other.settled()
    void handle.call.increment()
    await other.settled()
    expect(asked(other)).toEqual([])
    if (what === 'flush') handle.flush()
    if (what === 'leave') leave()
    if (what === 'hidden') page.tell('hidden')
    await other.settled()
    expect(asked(other)).toEqual([['increment', {}]])
    expect([asked(server), counter.pending]).toEqual([[], 0])
  })
})

test('a throttled action is called at once, then at most so often, and the last of a series always', async () => {
  const { clock, server, counter } = await counting({ throttleMs: { add: 100 } })
  for (let by = 1; by <= 25; by += 1) {
    void counter.call.add({ by })
    await clock.advance(10)
  }
  await clock.advance(200)
  expect(asked(server).map(([, args]) => args)).toEqual([{ by: 1 }, { by: 10 }, { by: 20 }, { by: 25 }])
})
