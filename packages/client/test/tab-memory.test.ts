import { describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import { Bell, Counter, Profile } from './shapes.js'
import { type Frame, settled, TestTab, type World, world } from './world.js'

const nothing = (): void => undefined
const KEY = 'fluxstack ws://test.invalid/'

/** A page of a tab, with one counter named `a`, asked for but not answered. */
async function load(tab = new TestTab(), token = 'token-hello') {
  const it: World = world({ tab })
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  counter.subscribe(nothing)
  await settled()
  it.socket().hello({}, token)
  await settled()
  return { ...it, counter }
}

/** The same, and it is live as `live-1`, with a snapshot. */
async function loaded(tab = new TestTab()) {
  const it = await load(tab, 'token-1')
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: 'signed' } })
  return it
}

/** The page goes, as for a reload. */
function leave(it: World): TestTab {
  it.page.tell('hidden')
  it.page.tell('leaving')
  return it.tab
}

const wholeState = {
  type: 'STATE_UPDATE',
  componentId: 'live-1',
  payload: { state: { count: 7 }, version: 2, digest: digest({ count: 7 }) },
}
const resumed = { outcome: 'resumed', version: 2, digest: digest({ count: 7 }) }
const types = (frames: readonly Frame[]) => frames.map(({ type }) => type)

describe('a page that is loaded again in the same tab', () => {
  test('presents the session, asks back what has a name, and shows nothing before it comes', async () => {
    const it = await load(leave(await loaded()))
    const [session, resume, ...others] = it.socket().heard()
    expect(session).toMatchObject({ type: 'SESSION_RESUME', payload: { token: 'token-1' } })
    expect(resume).toMatchObject({
      type: 'COMPONENT_RESUME',
      componentId: 'live-1',
      payload: {
        component: 'Counter',
        name: 'Counter:a',
        have: 0,
        heard: 0,
        fresh: true,
      },
    })
    expect(others).toEqual([])
    expect(it.counter.getState().status).toBe('mounting')
    it.socket().say(wholeState)
    it.socket().answer(resume, resumed)
    expect(it.counter.getState()).toEqual({
      status: 'live',
      state: { count: 7 },
      outcome: { kind: 'resumed' },
    })
  })

  test('is another load of a page, and the same tab', async () => {
    const first = await loaded()
    const tab = leave(first)
    const before = tab.entry()
    const it = await load(tab)
    it.page.tell('hidden')
    expect(tab.entry()?.tab).toBe(before?.tab)
    const [one, two] = [first, it].map(({ socket }) => new URL(socket().url).searchParams.get('client'))
    expect(one).not.toBe(two)
  })

  test('asks for the whole state if it was not sent', async () => {
    const it = await load(leave(await loaded()))
    const [, resume] = it.socket().heard()
    it.socket().answer(resume, resumed)
    await settled()
    const [ask] = it.socket().heard()
    expect(ask).toMatchObject({ type: 'STATE_RESYNC', componentId: 'live-1' })
    expect(it.counter.getState().status).toBe('mounting')
    it.socket().say(wholeState)
    it.socket().answer(ask)
    expect(it.counter.getState()).toMatchObject({ status: 'live', outcome: { kind: 'resumed' } })
  })

  test('rebuilds from the snapshot it kept, where the server has nothing', async () => {
    const it = await load(leave(await loaded()))
    const [, resume] = it.socket().heard()
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    expect(it.socket().heard()).toMatchObject([
      { type: 'COMPONENT_RESUME', payload: { snapshot: 'signed', fresh: true } },
    ])
  })

  test('mounts afresh where nothing is left, and sends what was called meanwhile', async () => {
    const first = await load(undefined, 'token-1')
    first.socket().mounted(first.socket().heard()[0], 'live-1', { count: 5 })
    const it = await load(leave(first))
    it.counter.call.increment().catch(nothing)
    const [, resume] = it.socket().heard()
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    await settled()
    expect(it.counter.getState().outcome).toEqual({ kind: 'reset', reason: 'NOTHING_KEPT' })
    // It was not meant for anything that is gone: this page has shown nothing before.
    expect(it.socket().heard()).toMatchObject([{ type: 'CALL_ACTION', componentId: 'live-2' }])
  })

  test('sends its props after, if they differ from those of the page before it', async () => {
    const tab = leave(await loaded())
    const it = world({ tab })
    const counter = it.client.live(Counter, { componentId: 'a', props: { count: 9 } })
    counter.subscribe(nothing)
    await settled()
    it.socket().hello({}, 'token-2')
    await settled()
    const [, resume] = it.socket().heard()
    it.socket().say(wholeState)
    it.socket().answer(resume, resumed)
    await settled()
    expect(it.socket().heard()).toMatchObject([{ type: 'PROPS_UPDATE', payload: { props: { count: 9 } } }])
  })

  test('hears events from where the page before it stopped', async () => {
    const ring = (seq: number) => ({
      type: 'COMPONENT_EVENT',
      componentId: 'live-1',
      payload: { event: { type: 'rang', times: seq }, seq },
    })
    const tab = new TestTab()
    const heard: number[] = []
    const open = async () => {
      const it = world({ tab })
      const bell = it.client.live(Bell, { componentId: 'b' })
      bell.on(({ times }) => heard.push(times))
      bell.subscribe(nothing)
      await settled()
      it.socket().hello({}, 'token-1')
      await settled()
      return it
    }
    const first = await open()
    first.socket().mounted(first.socket().heard()[0], 'live-1', { rings: 0 })
    first.socket().say(ring(1), ring(2))
    leave(first)
    const second = await open()
    expect(second.socket().heard()[1]).toMatchObject({ payload: { heard: 2 } })
    second.socket().say(ring(2), ring(3))
    expect(heard).toEqual([1, 2, 3])
  })

  test('does not wait to find out whose the session is, if the page before it said goodbye', async () => {
    const tab = leave(await loaded())
    const it = world({ tab })
    it.client.connect()
    expect(it.sockets).toHaveLength(1)
    const crashed = await loaded()
    await crashed.clock.advance(500)
    crashed.tab.locks.clear()
    const other = world({ tab: crashed.tab })
    other.client.connect()
    expect(other.sockets).toHaveLength(0)
    await settled()
    expect(other.sockets).toHaveLength(1)
  })

  test('is found again after a second reload that came before the first was answered', async () => {
    const second = await load(leave(await loaded()))
    const it = await load(leave(second))
    expect(it.socket().heard()).toMatchObject([
      { type: 'SESSION_RESUME', payload: { token: 'token-1' } },
      { type: 'COMPONENT_RESUME', componentId: 'live-1' },
    ])
  })

  test('may be the same page out of the back/forward cache, which asks as after any lost connection', async () => {
    const it = await loaded()
    leave(it)
    expect(it.tab.locks.size).toBe(0)
    it.page.tell('restored')
    it.page.tell('visible')
    it.socket().hello({}, 'token-2')
    await settled()
    expect(it.socket().heard()).toMatchObject([
      { type: 'SESSION_RESUME' },
      { type: 'COMPONENT_RESUME', payload: { have: 0 } },
    ])
    expect(it.tab.locks.size).toBe(1)
    await it.clock.advance(500)
    expect(it.tab.entry()).toMatchObject({ left: false })
  })
})

describe('what is left behind', () => {
  test('is unmounted if the new page does not want it within 10 s', async () => {
    const first = await loaded()
    const other = first.client.live(Profile, { componentId: 'p' })
    const unnamed = first.client.live(Profile)
    for (const handle of [other, unnamed]) handle.subscribe(nothing)
    await settled()
    const [one, two] = first.socket().heard()
    first.socket().mounted(one, 'live-2', { name: 'Ada', saved: 0 })
    first.socket().mounted(two, 'live-3', { name: 'Ada', saved: 0 })
    const it = await load(leave(first))
    const said = it.socket().heard()
    expect(types(said)).toEqual(['SESSION_RESUME', 'COMPONENT_RESUME'])
    for (let second = 0; second < 10; second += 1) {
      it.socket().say({ type: 'COMPONENT_PONG' })
      expect(it.socket().heard()).toEqual([])
      await it.clock.advance(1000)
    }
    const gone = it.socket().heard()
    expect(gone.map(({ type, componentId }) => [type, componentId])).toEqual([
      ['COMPONENT_UNMOUNT', 'live-2'],
      ['COMPONENT_UNMOUNT', 'live-3'],
    ])
  })

  test('without a name, or without leave to be kept, is mounted afresh', async () => {
    const tab = new TestTab()
    const open = async () => {
      const it = world({ tab })
      it.client.live(Profile).subscribe(nothing)
      it.client.live(Profile, { componentId: 'p', persistState: false }).subscribe(nothing)
      await settled()
      it.socket().hello({}, 'token-1')
      await settled()
      return it
    }
    const first = await open()
    first
      .socket()
      .heard()
      .forEach((mount, index) => {
        first.socket().mounted(mount, `live-${index}`, { name: 'Ada', saved: 0 })
      })
    const it = await open()
    expect(types(it.socket().heard())).toEqual(['COMPONENT_MOUNT', 'COMPONENT_MOUNT'])
    leave(first)
    expect(types((await open()).socket().heard())).toEqual([
      'SESSION_RESUME',
      'COMPONENT_MOUNT',
      'COMPONENT_MOUNT',
    ])
    expect(JSON.stringify(tab.entry())).not.toContain('props')
  })
})

describe('the entry', () => {
  test('has a version, a token, and what is known by name', async () => {
    const it = await loaded()
    await it.clock.advance(500)
    expect(it.tab.entry()).toEqual({
      v: 1,
      at: it.tab.now(),
      tab: expect.any(String),
      left: false,
      token: 'token-1',
      instances: { 'Counter:a': { id: 'live-1', heard: 0, props: '{"count":5}', snapshot: 'signed' } },
    })
    leave(it)
    expect(it.tab.entry()).toMatchObject({ left: true })
  })

  test('belongs to one server', async () => {
    const it = await loaded()
    leave(it)
    const other = world({ tab: it.tab, url: 'ws://other.invalid/' })
    other.client.live(Counter, { componentId: 'a', props: { count: 5 } }).subscribe(nothing)
    await settled()
    other.socket().hello({}, 'token-9')
    await settled()
    expect(types(other.socket().heard())).toEqual(['COMPONENT_MOUNT'])
  })

  test('is written twice a second at most', async () => {
    const it = await loaded()
    const write = vi.spyOn(it.tab, 'write')
    for (let n = 0; n < 40; n += 1) {
      it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: `signed-${n}` } })
      await it.clock.advance(50)
    }
    expect(write.mock.calls.length).toBeLessThanOrEqual(4)
    expect(JSON.stringify(it.tab.entry())).toContain('signed-')
  })

  test('is written at once when the page is hidden', async () => {
    const it = await loaded()
    expect(it.tab.entry()).toBeUndefined()
    it.page.tell('hidden')
    expect(it.tab.entry()).toMatchObject({ token: 'token-1' })
  })

  test('has no room for large snapshots', async () => {
    const it = await loaded()
    const snapshot = 'x'.repeat(65_537)
    it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot } })
    leave(it)
    expect(it.tab.entry()).toMatchObject({ instances: { 'Counter:a': { id: 'live-1' } } })
    expect(JSON.stringify(it.tab.entry()).length).toBeLessThan(500)
  })

  test('is not written without a session', async () => {
    const it = world()
    it.client.live(Counter, { componentId: 'a', props: { count: 5 } }).subscribe(nothing)
    it.socket().hello()
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    leave(it)
    expect(it.tab.entry()).toBeUndefined()
  })

  test('is good for a day', async () => {
    const tab = leave(await loaded())
    tab.sleep(24 * 60 * 60 * 1000 - 1)
    expect(types((await load(tab)).socket().heard())).toEqual(['SESSION_RESUME', 'COMPONENT_RESUME'])
    const old = leave(await loaded())
    old.sleep(24 * 60 * 60 * 1000)
    expect(types((await load(old)).socket().heard())).toEqual(['COMPONENT_MOUNT'])
  })

  test.each([
    '',
    '{{{',
    'null',
    '7',
    '[]',
    '{"v":2}',
    '{"v":1}',
    '{"v":1,"at":1e15}',
    '{"v":1,"at":1e15,"tab":7,"token":{},"instances":{"Counter:a":null,"b":7,"c":{"id":9}}}',
  ])('that is no entry of ours is discarded: %s', async (text) => {
    const told = vi.spyOn(console, 'debug').mockImplementation(nothing)
    const tab = new TestTab()
    tab.stored.set(KEY, text)
    const it = await load(tab)
    const mount = it.socket().heard().at(-1)
    it.socket().mounted(mount, 'live-1', { count: 5 })
    expect(it.counter.getState().status).toBe('live')
    await it.clock.advance(1000)
    expect(tab.entry()).toMatchObject({ v: 1, instances: { 'Counter:a': { id: 'live-1' } } })
    told.mockRestore()
  })

  test('that cannot be written is missed by nobody but the console, once', async () => {
    const told = vi.spyOn(console, 'debug').mockImplementation(nothing)
    const it = await loaded()
    it.page.tell('hidden')
    it.tab.full = new DOMException('no room', 'QuotaExceededError')
    for (let round = 0; round < 3; round += 1) it.page.tell('hidden')
    expect(told).toHaveBeenCalledTimes(1)
    // Rather nothing than something old.
    expect(it.tab.entry()).toBeUndefined()
    expect(it.counter.getState().status).toBe('live')
    told.mockRestore()
  })

  test('that cannot even be read is none', async () => {
    const told = vi.spyOn(console, 'debug').mockImplementation(nothing)
    const tab = new TestTab()
    tab.read = () => {
      throw new DOMException('not here', 'SecurityError')
    }
    const it = await load(tab)
    expect(types(it.socket().heard())).toEqual(['COMPONENT_MOUNT'])
    told.mockRestore()
  })
})

describe('a tab that was duplicated', () => {
  test('leaves the session to the original, and rebuilds from what it has a snapshot of', async () => {
    const original = await loaded()
    const bell = original.client.live(Bell, { componentId: 'b' })
    bell.subscribe(nothing)
    await settled()
    original.socket().mounted(original.socket().heard()[0], 'live-2', { rings: 0 })
    await original.clock.advance(500)
    const it = await load(original.tab.copy(), 'token-copy')
    it.client.live(Bell, { componentId: 'b' }).subscribe(nothing)
    await settled()
    const [resume, mount, ...others] = it.socket().heard()
    expect(resume).toMatchObject({ type: 'COMPONENT_RESUME', componentId: 'live-1' })
    expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT', componentId: 'Bell:b' })
    expect(others).toEqual([])
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    expect(it.socket().heard()).toMatchObject([{ payload: { snapshot: 'signed' } }])
    await it.clock.advance(500)
    // From here on they are two tabs.
    expect(it.tab.entry()).toMatchObject({ token: 'token-copy' })
    expect(it.tab.entry()?.tab).not.toBe(original.tab.entry()?.tab)
    expect(it.tab.locks.size).toBe(2)
  })

  test('does not unmount what belongs to the original', async () => {
    const original = await loaded()
    await original.clock.advance(500)
    const it = world({ tab: original.tab.copy() })
    it.client.connect()
    await settled()
    it.socket().hello({}, 'token-copy')
    for (let second = 0; second < 12; second += 1) {
      it.socket().say({ type: 'COMPONENT_PONG' })
      await it.clock.advance(1000)
    }
    expect(types(it.socket().heard())).not.toContain('SESSION_RESUME')
  })

  test('is told by the server where there are no locks', async () => {
    const tab = new TestTab()
    tab.canLock = false
    const original = await loaded(tab)
    await original.clock.advance(500)
    const it = await load(original.tab.copy(), 'token-copy')
    const [session, resume] = it.socket().heard()
    expect(session).toMatchObject({ type: 'SESSION_RESUME', payload: { token: 'token-1' } })
    it.socket().refuse(session, 'SESSION_IN_USE')
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    expect(it.socket().heard()).toMatchObject([{ payload: { snapshot: 'signed' } }])
    await it.clock.advance(500)
    expect(it.tab.entry()).toMatchObject({ token: 'token-copy' })
    expect(it.tab.entry()?.tab).not.toBe(original.tab.entry()?.tab)
  })

  test('is not mistaken for one whose page crashed', async () => {
    const crashed = await loaded()
    await crashed.clock.advance(500)
    // A crash leaves no mark, and no lock either.
    crashed.tab.locks.clear()
    const it = await load(crashed.tab)
    expect(it.socket().heard()).toMatchObject([
      { type: 'SESSION_RESUME', payload: { token: 'token-1' } },
      { type: 'COMPONENT_RESUME' },
    ])
  })
})

describe('signing out', () => {
  test('unmounts everything, forgets it, and mounts again in a new session', async () => {
    const it = await loaded()
    await it.clock.advance(500)
    const seen: unknown[] = []
    it.counter.subscribe((view) => seen.push(view.status))
    it.socket().events.closed(1006)
    const call = it.counter.call.increment()
    await it.clock.advance(125)
    it.socket().hello({}, 'token-2')
    await settled()
    const said = it.socket().heard()
    it.socket().answer(said[0], { token: 'token-3', known: true })
    it.socket().answer(said[1], { outcome: 'resumed', version: 0, digest: digest({ count: 5 }) })
    it.client.signOut()
    expect(it.counter.getState()).toMatchObject({ status: 'mounting', state: undefined })
    expect(it.tab.entry()).toBeUndefined()
    const old = it.socket()
    await settled()
    expect(types(old.heard())).toEqual(['CALL_ACTION', 'COMPONENT_UNMOUNT'])
    expect(old.closed).toBe(true)
    await expect(call).rejects.toMatchObject({ code: 'DISCONNECTED' })
    it.socket().hello({}, 'token-4')
    await settled()
    const [mount, ...others] = it.socket().heard()
    expect(mount).toMatchObject({ type: 'COMPONENT_MOUNT' })
    expect(others).toEqual([])
    it.socket().mounted(mount, 'live-2', { count: 5 })
    expect(it.counter.getState()).toMatchObject({ status: 'live', outcome: undefined })
    expect(seen.at(-2)).toBe('mounting')
    leave(it)
    expect(it.tab.entry()).toMatchObject({
      token: 'token-4',
      instances: { 'Counter:a': { id: 'live-2', heard: 0, props: '{"count":5}' } },
    })
  })

  test('without a connection is good for the next one', async () => {
    const it = await loaded()
    it.socket().events.closed(1006)
    it.client.signOut()
    await settled()
    it.socket().hello({}, 'token-2')
    await settled()
    expect(types(it.socket().heard())).toEqual(['COMPONENT_MOUNT'])
  })
})
