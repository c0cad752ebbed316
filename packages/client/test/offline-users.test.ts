import { offlineOutbox } from '@fluxstack/client/offline'
import { authenticate, signIn } from '@fluxstack/client/sign-in'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import {
  actions,
  browser,
  comeBack,
  cutOff,
  leave,
  load,
  loaded,
  lose,
  nothing,
  type OfflinePage,
  type PageOptions,
  records,
  resumed,
  stored,
} from './offline-page.js'
import { Counter } from './shapes.js'
import { type Frame, settled, world } from './world.js'

/** A browser that has no database for us. */
const noDatabase = {
  open() {
    throw new DOMException('not here', 'SecurityError')
  },
} as unknown as IDBFactory

afterEach(() => {
  vi.restoreAllMocks()
})

/** A page of Ada's that has lost its connection, and two calls she made then. */
async function adaAway(
  options: PageOptions = {},
): Promise<OfflinePage & { where: ReturnType<typeof browser> }> {
  const where = browser()
  const it = await loaded(where, { ...options, user: 'ada' })
  await lose(it)
  for (const by of [1, 2]) it.counter.call.add({ by }).catch(nothing)
  await stored()
  return { ...it, where }
}

describe('what a user has called', () => {
  test('carries who it was, and is sent as that user on a later page', async () => {
    const first = await adaAway()
    expect(await records(first.factory)).toMatchObject([{ user: 'ada' }, { user: 'ada' }])
    leave(first)
    const it = await cutOff(first.where)
    expect(it.outbox.getState().pending).toBe(2)
    expect(actions(await comeBack(it, 5, 'ada'))).toEqual([1, 2].map((by) => ['add', { by }]))
  })

  test('is never sent as another, who comes with the page, and is gone then', async () => {
    const first = await adaAway()
    leave(first)
    const it = await load(first.where, { user: 'bea' })
    it.socket().answer(it.socket().heard()[1], { outcome: 'resumed', version: 0, digest: 0 })
    await stored()
    expect(actions(it.socket().heard())).toEqual([])
    expect(it.outbox.getState()).toMatchObject({ pending: 0, conflicts: [] })
    expect(await records(first.factory)).toEqual([])
    expect(it.told()).toEqual([])
  })

  test('is never sent as another who signs in on the same page', async () => {
    const it = await adaAway()
    const waiting = it.counter.call.add({ by: 3 })
    const refused = expect(waiting).rejects.toMatchObject({ code: 'DISCONNECTED' })
    expect(actions(await comeBack(it, 5, 'bea'))).toEqual([])
    await refused
    expect(await records(it.factory)).toEqual([])
  })

  test('waits while nobody is signed in any more, and for nobody else', async () => {
    const first = await adaAway()
    leave(first)
    const it = await load(first.where, {})
    const [, resume] = it.socket().heard()
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-2', { count: 5 })
    await stored()
    expect(actions(it.socket().heard())).toEqual([])
    expect(it.outbox.getState().pending).toBe(0)
    expect(await records(first.factory)).toHaveLength(2)
    expect(it.told()).toEqual([])
    // Ada is back. Her instance is not, so she has to decide.
    await lose(it)
    await comeBack(it, 5, 'ada')
    await stored()
    expect(it.told()).toEqual([1, 2].map((by) => ['add', { by }, 'DISCONNECTED']))
  })

  test('before anybody was known to be here is of whoever turns out to be', async () => {
    const where = browser()
    const it = await cutOff(where)
    it.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    it.socket().hello({}, 'token-1', 'ada')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
    await stored()
    expect(actions(it.socket().heard())).toEqual([['add', { by: 1 }]])
    expect(await records(where.factory)).toMatchObject([{ user: 'ada' }])
  })

  test('is forgotten at sign-out, wherever in the browser it is, and told to nobody', async () => {
    const first = await adaAway()
    leave(first)
    const other = await loaded({ ...browser(), factory: first.factory }, { user: 'ada' })
    expect(await records(first.factory)).toHaveLength(2)
    other.client.signOut()
    await stored()
    expect(await records(first.factory)).toEqual([])
    expect(await records(first.factory, 'users')).toHaveLength(1)
    expect(await records(first.factory, 'pictures')).toEqual([])
    expect(other.told()).toEqual([])
  })

  test('and what is undecided is forgotten at sign-out too', async () => {
    const it = await adaAway({ maxAge: 60_000 })
    await it.clock.advance(60_000)
    await stored()
    expect(it.outbox.getState().conflicts).toHaveLength(2)
    it.client.signOut()
    await stored()
    expect(it.outbox.getState().conflicts).toEqual([])
    expect(await records(it.factory)).toEqual([])
  })
})

/** What a page with credentials has said, as its server sees it. */
const asked = (it: OfflinePage, type: string, frames = it.socket().heard()) =>
  frames.find((frame) => frame.type === type)

/** A page that signs in with credentials; as nobody, unless told otherwise. */
async function signedIn(where = browser(), user?: string, options: PageOptions = {}): Promise<OfflinePage> {
  const it = await load(where, { ...options, client: { auth: signIn(user ? { token: user } : undefined) } })
  const said = it.socket().heard()
  if (user) it.socket().answer(asked(it, 'AUTH', said), { userId: user, token: 'token-a', changed: false })
  it.socket().mounted(asked(it, 'COMPONENT_MOUNT', said), 'live-1', { count: 42 })
  await stored()
  await it.clock.advance(1000)
  await stored()
  return it
}

/** Somebody signs in on the page. */
async function becomes(it: OfflinePage, userId: string, changed: boolean): Promise<void> {
  void authenticate(it.client, { token: userId })
  await settled()
  it.socket().answer(asked(it, 'AUTH'), { userId, token: 'token-b', changed })
}

/** The connection is lost, and the next one, of this user, has nothing of what was there. */
async function backWithNothing(it: OfflinePage, user?: string): Promise<Frame[]> {
  await lose(it)
  it.page.tell('online')
  await it.clock.advance(20_000)
  it.socket().hello({}, 'token-9', user)
  await settled()
  const next = it.socket().heard()
  const resume = asked(it, 'COMPONENT_RESUME', next)
  if (resume) it.socket().refuse(resume, 'NOTHING_KEPT')
  await settled()
  next.push(...it.socket().heard())
  for (const mount of next.filter(({ type }) => type === 'COMPONENT_MOUNT'))
    it.socket().mounted(mount, `live-9-${String(mount.componentId)}`, { count: 5 })
  await stored()
  return [...next, ...it.socket().heard()]
}

describe('somebody who signs in where nobody was', () => {
  test('is not asked about calls that were answered while what is written down was read', async () => {
    const it = await signedIn()
    const calls = [1, 2].map((by) => it.counter.call.add({ by }))
    await stored()
    const said = it.socket().heard()
    expect(actions(said)).toEqual([1, 2].map((by) => ['add', { by }]))
    await becomes(it, 'ada', false)
    await settled()
    for (const call of said) it.socket().answer(call, 6)
    await Promise.all(calls)
    await stored()
    expect(actions(it.socket().heard())).toEqual([])
    expect(actions(await backWithNothing(it, 'ada'))).toEqual([])
    expect(it.told()).toEqual([])
    expect(it.outbox.getState()).toMatchObject({ pending: 0, conflicts: [] })
  })

  test('has made what nobody had, and whoever comes next has not', async () => {
    const where = browser()
    const it = await signedIn(where)
    await lose(it)
    it.counter.call.add({ by: 1 }).catch(nothing)
    await stored()
    expect(await records(where.factory)).toMatchObject([{ user: null }])
    it.page.tell('online')
    await it.clock.advance(20_000)
    it.socket().hello({}, 'token-2', 'ada')
    await stored()
    expect(await records(where.factory)).toMatchObject([{ user: 'ada' }])
    expect(actions(await backWithNothing(it, 'bea'))).toEqual([])
    expect(await records(where.factory)).toEqual([])
  })
})

describe('somebody who takes over from another', () => {
  test('finds no calls, conflicts and pictures of theirs in the browser, however they sign in', async () => {
    for (const how of ['with credentials', 'with the connection']) {
      const where = browser()
      const it = await signedIn(where, 'ada')
      await lose(it)
      it.counter.call.add({ by: 1 }).catch(nothing)
      await stored()
      expect(await records(where.factory, 'pictures')).toMatchObject([{ user: 'ada' }])
      it.page.tell('online')
      await it.clock.advance(20_000)
      it.socket().hello({}, 'token-2')
      await settled()
      const said = it.socket().heard()
      if (how === 'with credentials') {
        it.socket().answer(asked(it, 'AUTH', said), { userId: 'ada', token: 'token-a', changed: false })
        it.socket().answer(asked(it, 'COMPONENT_RESUME', said), { ...resumed, digest: digest({ count: 42 }) })
        await stored()
        it.socket().refuse(asked(it, 'CALL_ACTION'), 'CONFLICT')
        await stored()
        expect(await records(where.factory)).toMatchObject([{ user: 'ada', failed: { code: 'CONFLICT' } }])
        await becomes(it, 'bea', true)
      } else {
        it.socket().answer(asked(it, 'AUTH', said), { userId: 'bea', token: 'token-b', changed: false })
      }
      await stored()
      expect([how, await records(where.factory), await records(where.factory, 'pictures')]).toEqual([
        how,
        [],
        [],
      ])
      expect(await records(where.factory, 'users')).toMatchObject([{ user: 'bea' }, { user: 'bea' }])
      expect(it.outbox.getState()).toMatchObject({ pending: 0, conflicts: [] })
    }
  })

  test('finds nothing of theirs either if nobody was there in between', async () => {
    const first = await adaAway()
    await first.clock.advance(1000)
    leave(first)
    leave(await loaded(first.where))
    expect(await records(first.factory)).toHaveLength(2)
    const it = await loaded(first.where, { user: 'bea' })
    expect(await records(first.factory)).toEqual([])
    expect(await records(first.factory, 'pictures')).toEqual([])
    expect(it.told()).toEqual([])
  })

  test('does not send what was never written down, and was called before anybody was known', async () => {
    for (const factory of [undefined, null]) {
      vi.spyOn(console, 'warn').mockImplementation(nothing)
      const options = factory === null ? { factory: noDatabase } : {}
      const it = await cutOff(browser(), options)
      const nameless = it.client.live(Counter, { props: { count: 1 } })
      nameless.subscribe(nothing)
      for (const { call } of [it.counter, nameless]) call.add({ by: 1 }).catch(nothing)
      await stored()
      it.socket().hello({}, 'token-1', 'ada')
      await settled()
      expect(it.client.getUser()).toBe('ada')
      it.socket().heard()
      const sent = actions(await backWithNothing(it, 'bea'))
      expect(sent).toEqual([])
      expect(it.outbox.getState()).toMatchObject({ pending: 0, conflicts: [] })
    }
  })
})

describe('a user who signs out', () => {
  test('before the page knows that they were here is forgotten all the same', async () => {
    const first = await adaAway()
    await first.clock.advance(1000)
    await stored()
    leave(first)
    const outbox = offlineOutbox({ factory: first.factory })
    const it = world({ tab: first.where.tab, offline: outbox })
    it.client.signOut()
    it.client.connect()
    await stored()
    expect(outbox.getState()).toMatchObject({ pending: 0, conflicts: [] })
    expect(await records(first.factory)).toEqual([])
    expect(await records(first.factory, 'pictures')).toEqual([])
  })
})
