import { offlineOutbox } from '@fluxstack/client/offline'
import { describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import {
  browser,
  cutOff,
  forge,
  leave,
  load,
  loaded,
  lose,
  nothing,
  records,
  stored,
} from './offline-page.js'
import { Counter } from './shapes.js'
import { settled, TestTab, world } from './world.js'

/** A browser in which a page has shown a counter, long enough to be remembered. */
async function shown(user = 'ada') {
  const where = browser()
  const it = await loaded(where, { user })
  it.socket().say({
    type: 'STATE_DELTA',
    componentId: 'live-1',
    payload: { base: 0, version: 1, digest: digest({ count: 7 }), delta: { count: 7 } },
  })
  await it.clock.advance(1000)
  await stored()
  return { it, where }
}

describe('a page that is loaded without a connection', () => {
  test('shows as stale what its components showed last', async () => {
    const { it, where } = await shown()
    leave(it)
    const next = await cutOff(where)
    expect(next.counter.getState().status).toBe('mounting')
    await lose(next)
    expect(next.counter.getState()).toMatchObject({ status: 'stale', state: { count: 7 } })
  })

  test('shows it in another tab too, and after a moment if nothing is heard at all', async () => {
    const { where } = await shown()
    const next = await cutOff({ ...where, tab: new TestTab() })
    await next.clock.advance(1000)
    expect(next.counter.getState()).toMatchObject({ status: 'stale', state: { count: 7 } })
  })

  test('shows at once, if the browser says that there is none, and to handles that come later', async () => {
    const { where } = await shown()
    vi.stubGlobal('navigator', { onLine: false })
    const next = await cutOff(where)
    vi.unstubAllGlobals()
    expect(next.counter.getState()).toMatchObject({ status: 'stale', state: { count: 7 } })
    await lose(next)
    expect(next.client.live(Counter, { componentId: 'b', props: { count: 1 } }).getState().status).toBe(
      'mounting',
    )
  })

  test('shows what will be done by calls that wait over it', async () => {
    const { it, where } = await shown()
    await lose(it)
    it.counter.call.add({ by: 10 }).catch(nothing)
    await stored()
    leave(it)
    const next = await cutOff(where)
    next.counter.configure({ optimistic: { add: (state, { by }) => ({ count: state.count + by }) } })
    await lose(next)
    next.counter.call.add({ by: 100 }).catch(nothing)
    await settled()
    expect(next.counter.getState().state?.count).toBe(107)
  })

  test('shows it again to those who go away and come back', async () => {
    const { it: first, where } = await shown()
    leave(first)
    const it = world({ tab: where.tab, offline: offlineOutbox({ factory: where.factory }) })
    const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
    const goAway = counter.subscribe(nothing)
    await stored()
    await lose(it)
    expect(counter.getState().state?.count).toBe(7)
    goAway()
    await it.clock.advance(100)
    await stored()
    counter.subscribe(nothing)
    expect(counter.getState()).toMatchObject({ status: 'stale', state: { count: 7 } })
    it.client.signOut()
    await settled()
    expect(counter.getState()).toMatchObject({ status: 'mounting', state: undefined })
  })

  test('shows the newest there is, seen a moment ago or long before, by this page', async () => {
    for (const ms of [0, 2000]) {
      const where = browser()
      const it = world({ tab: where.tab, offline: offlineOutbox({ factory: where.factory }) })
      const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
      const goAway = counter.subscribe(nothing)
      await stored()
      it.socket().hello({}, 'token-1', 'ada')
      await settled()
      it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 8 })
      await it.clock.advance(ms)
      await stored()
      goAway()
      await it.clock.advance(100)
      await lose(it)
      counter.subscribe(nothing)
      expect(counter.getState()).toMatchObject({ status: 'stale', state: { count: 8 } })
    }
  })

  test('gives way to what the server says', async () => {
    const { it, where } = await shown()
    leave(it)
    const next = await cutOff(where)
    await lose(next)
    const states: unknown[] = []
    next.counter.subscribe(({ status, state }) => states.push([status, state?.count]))
    await next.clock.advance(20_000)
    next.socket().hello({}, 'token-2', 'ada')
    await settled()
    const [, resume] = next.socket().heard()
    expect(resume).toMatchObject({ payload: { fresh: true } })
    next.socket().say({
      type: 'STATE_UPDATE',
      componentId: 'live-1',
      payload: { state: { count: 9 }, version: 2, digest: digest({ count: 9 }) },
    })
    next.socket().answer(resume, { outcome: 'resumed', version: 2, digest: digest({ count: 9 }) })
    await settled()
    expect(states).toEqual([
      ['stale', 9],
      ['live', 9],
    ])
  })

  test('shows it to nobody else', async () => {
    const { it, where } = await shown()
    leave(it)
    const next = await cutOff(where)
    await lose(next)
    expect(next.counter.getState().status).toBe('stale')
    await next.clock.advance(20_000)
    next.socket().hello({}, 'token-2', 'bea')
    await settled()
    expect(next.counter.getState()).toMatchObject({ status: 'mounting', state: undefined })
    leave(next)
    const third = await cutOff(where)
    await lose(third)
    expect(third.counter.getState().status).toBe('mounting')
  })

  test('shows nothing after a sign-out, or if that is not wanted', async () => {
    const { it, where } = await shown()
    it.client.signOut()
    await stored()
    expect(await records(where.factory, 'pictures')).toEqual([])
    leave(it)
    const next = await cutOff(where)
    await lose(next)
    expect(next.counter.getState().status).toBe('mounting')

    const other = await shown()
    leave(other.it)
    const blind = await cutOff(other.where, { pictures: false })
    await lose(blind)
    expect(blind.counter.getState().status).toBe('mounting')
  })
})

describe('a picture', () => {
  test('is kept of named components only, small ones, and of a known user', async () => {
    const where = browser()
    const it = await load(where, { user: 'ada' })
    const other = it.client.live(Counter, { props: { count: 1 } })
    other.subscribe(nothing)
    const huge = it.client.live(Counter, { componentId: 'huge', props: { count: 1 } })
    huge.subscribe(nothing)
    await settled()
    const mounts = it.socket().heard()
    const state = { count: 1, step: 'x'.repeat(300_000) }
    for (const [index, mount] of mounts.entries()) {
      const of = mount.componentId === 'Counter:huge' ? state : { count: index }
      it.socket().mounted(mount, `live-${index}`, of)
    }
    await it.clock.advance(1000)
    await stored()
    expect(await records(where.factory, 'pictures')).toMatchObject([{ name: 'Counter:a', user: 'ada' }])
  })

  test('that is none is removed', async () => {
    const where = browser()
    await forge(where.factory, 'pictures', [
      { key: '["ada","Counter:a"]', user: 'ada', name: 'Counter:a', text: '[1]', at: 1 },
      { key: 'x', user: 'ada', name: 'Counter:a', text: '{"count":1}', at: 1 },
      { key: '["ada","Counter:b"]', user: 'ada', name: 7, text: '{}', at: 1 },
    ])
    await forge(where.factory, 'users', [{ tab: '', user: 'ada', at: 1 }])
    const it = await cutOff(where)
    await lose(it)
    expect(it.counter.getState().status).toBe('mounting')
    expect(await records(where.factory, 'pictures')).toHaveLength(1)
  })
})
