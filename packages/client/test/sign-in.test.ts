import { LiveError } from '@fluxstack/client'
import { authenticate, signIn } from '@fluxstack/client/sign-in'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { counting, cutAndBack, delta, resumed } from './coming-back.js'
import { Counter } from './shapes.js'
import { type Frame, settled, type World, type WorldOptions, world } from './world.js'

const nothing = (): void => undefined

afterEach(() => {
  vi.restoreAllMocks()
})

/** The answer to good credentials. */
function accept(it: World, request: Frame | undefined, userId?: string, more: Frame = {}): void {
  it.socket().say({
    type: 'AUTH_RESPONSE',
    originalType: 'AUTH',
    success: true,
    authenticated: userId !== undefined,
    payload: { userId },
    result: { userId, changed: false, ...more },
    requestId: request?.requestId,
  })
}

/** A counter on a page with these options, and what it said after the hello. */
async function page(options: WorldOptions) {
  const reasons: string[] = []
  const it: World = world({ auth: signIn(), onSignedOut: ({ code }) => reasons.push(code), ...options })
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  counter.subscribe(nothing)
  await settled()
  it.socket().hello({}, 'token-hello')
  await settled()
  return { ...it, counter, said: it.socket().heard(), reasons }
}

/** Who is signed in, each time that it is somebody else. */
function users(it: World): (string | undefined)[] {
  const told: (string | undefined)[] = []
  let last = it.client.getUser()
  it.client.subscribeStatus(() => {
    if (last !== it.client.getUser()) told.push(it.client.getUser())
    last = it.client.getUser()
  })
  return told
}

const types = (frames: readonly Frame[]) => frames.map(({ type }) => type)

describe('credentials', () => {
  test('are said before anything else, in the same frame, and again on every connection', async () => {
    const it = await page({ auth: signIn({ token: 'ada' }) })
    expect(it.said).toMatchObject([{ type: 'AUTH', payload: { token: 'ada' } }, { type: 'COMPONENT_MOUNT' }])
    expect(it.socket().frames).toHaveLength(1)
    accept(it, it.said[0], 'ada', { token: 'token-ada' })
    it.socket().mounted(it.said[1], 'live-1', { count: 5 })
    expect(it.client.getUser()).toBe('ada')
    const said = await cutAndBack(it)
    expect(said).toMatchObject([
      { type: 'AUTH', payload: { token: 'ada' } },
      // The token that the session got when it became ada's.
      { type: 'SESSION_RESUME', payload: { token: 'token-ada' } },
      { type: 'COMPONENT_RESUME' },
    ])
  })

  test('may come from a function, at once or later, that is asked each time', async () => {
    let asked = 0
    const it = await page({
      auth: signIn(async () => {
        asked += 1
        return { token: `ticket-${asked}` }
      }),
    })
    expect(it.said[0]).toMatchObject({ type: 'AUTH', payload: { token: 'ticket-1' } })
    accept(it, it.said[0], 'ada')
    it.socket().mounted(it.said[1], 'live-1', { count: 5 })
    expect((await cutAndBack(it))[0]).toMatchObject({ payload: { token: 'ticket-2' } })
  })

  test('that take their time are waited for, and nothing is asked before them', async () => {
    let give: (credentials: { token: string }) => void = nothing
    const it = await page({ auth: signIn(() => new Promise((resolve) => (give = resolve))) })
    const late = it.client.live(Counter, { props: { count: 1 } })
    late.subscribe(nothing)
    await settled()
    expect([it.said, it.socket().heard()]).toEqual([[], []])
    give({ token: 'ada' })
    await settled()
    expect(types(it.socket().heard())).toEqual(['AUTH', 'COMPONENT_MOUNT', 'COMPONENT_MOUNT'])
  })

  test('that come when the connection is another one are not said', async () => {
    const gives: ((credentials: { token: string }) => void)[] = []
    const it = await page({ auth: signIn(() => new Promise((resolve) => gives.push(resolve))) })
    expect(await cutAndBack(it)).toEqual([])
    gives[0]?.({ token: 'old' })
    await settled()
    expect(it.socket().heard()).toEqual([])
    gives[1]?.({ token: 'new' })
    await settled()
    expect(it.socket().heard()).toMatchObject([{ payload: { token: 'new' } }, { type: 'COMPONENT_MOUNT' }])
  })

  test('that nobody has are not said', async () => {
    expect(types((await page({ auth: signIn(() => undefined) })).said)).toEqual(['COMPONENT_MOUNT'])
    expect(types((await page({ auth: signIn(async () => null) })).said)).toEqual(['COMPONENT_MOUNT'])
  })

  test('that cannot be had are complained about, and the page goes on without', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(nothing)
    const it = await page({
      auth: signIn(() => {
        throw new Error('no keychain')
      }),
    })
    expect(types(it.said)).toEqual(['COMPONENT_MOUNT'])
    expect(complaint).toHaveBeenCalledTimes(1)
  })

  test('that are refused are told, not tried again, and the page goes on as nobody', async () => {
    const it = await page({ auth: signIn({ token: 'bad' }) })
    it.socket().refuse(it.said[0], 'AUTH_FAILED')
    it.socket().refuse(it.said[1], 'UNAUTHENTICATED')
    await settled()
    expect(it.counter.getState()).toMatchObject({ status: 'failed', error: { code: 'UNAUTHENTICATED' } })
    expect(it.reasons).toEqual(['AUTH_FAILED'])
    expect(it.socket().heard()).toEqual([])
    expect(it.sockets).toHaveLength(1)
    // Signing in is the way out.
    const signedIn = authenticate(it.client, { token: 'good' })
    await settled()
    const [auth] = it.socket().heard()
    accept(it, auth, 'ada')
    expect(await signedIn).toBe('ada')
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_MOUNT' }])
  })

  test('whose answer is lost with the connection are said again, and nobody is told', async () => {
    const it = await page({ auth: signIn({ token: 'ada' }) })
    expect(types(await cutAndBack(it))).toEqual(['AUTH', 'SESSION_RESUME', 'COMPONENT_MOUNT'])
    expect(it.reasons).toEqual([])
  })

  test('make a session of their own of the one that is refused', async () => {
    const it = await page({ auth: signIn({ token: 'ada' }) })
    accept(it, it.said[0], 'ada', { token: 'token-ada' })
    it.socket().mounted(it.said[1], 'live-1', { count: 5 })
    const [auth, session, resume] = await cutAndBack(it, 'token-hello-2')
    accept(it, auth, 'ada', { token: 'token-ada-2' })
    it.socket().refuse(session, 'SESSION_REFUSED')
    it.socket().refuse(resume, 'NOTHING_KEPT')
    await settled()
    expect(types(it.socket().heard())).toEqual(['COMPONENT_MOUNT'])
    expect((await cutAndBack(it))[1]).toMatchObject({ payload: { token: 'token-ada-2' } })
  })
})

describe('who is signed in', () => {
  test('may be said by the hello', async () => {
    const it = world({ auth: signIn() })
    const told = users(it)
    it.client.connect()
    it.socket().hello({}, undefined, 'ada')
    expect(it.client.getUser()).toBe('ada')
    it.socket().events.closed(1006)
    await it.clock.advance(125)
    // Somebody who is away is still who they were.
    expect(it.client.getUser()).toBe('ada')
    it.socket().hello({}, undefined, 'ada')
    it.socket().events.closed(1006)
    await it.clock.advance(125)
    it.socket().hello()
    expect(told).toEqual(['ada', undefined])
  })

  test('does not flicker while the credentials are looked at again', async () => {
    const it = await page({ auth: signIn({ token: 'ada' }) })
    accept(it, it.said[0], 'ada')
    const told = users(it)
    // Nor is it over because the connection is lost while they are.
    await cutAndBack(it)
    const [auth] = await cutAndBack(it)
    accept(it, auth, 'ada')
    expect(told).toEqual([])
    const [again] = await cutAndBack(it)
    it.socket().refuse(again, 'AUTH_FAILED')
    await settled()
    expect(told).toEqual([undefined])
  })
})

describe('signing in', () => {
  test('keeps what nobody had mounted, and the session goes on as theirs', async () => {
    const it = await counting({ auth: signIn() })
    const signedIn = authenticate(it.client, { token: 'ada' })
    await settled()
    const [auth] = it.socket().heard()
    expect(auth).toMatchObject({ type: 'AUTH', payload: { token: 'ada' } })
    accept(it, auth, 'ada', { token: 'token-ada' })
    expect(await signedIn).toBe('ada')
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 5 } })
    it.socket().say(delta(0, 6))
    expect(it.counter.getState().state).toEqual({ count: 6 })
    // The connection is lost: the credentials and the new token are presented by themselves.
    expect(await cutAndBack(it)).toMatchObject([
      { type: 'AUTH', payload: { token: 'ada' } },
      { type: 'SESSION_RESUME', payload: { token: 'token-ada' } },
      { type: 'COMPONENT_RESUME', componentId: 'live-1' },
    ])
  })

  test('keeps the token of the session that was taken up, not that of the hello', async () => {
    const it = await counting({ auth: signIn() })
    const [session, resume] = await cutAndBack(it, 'token-hello')
    it.socket().answer(session, { token: 'token-2', known: true })
    it.socket().answer(resume, resumed(5, 0))
    const signedIn = authenticate(it.client, { token: 'ada' })
    await settled()
    accept(it, it.socket().heard()[0], 'ada', { token: 'token-3' })
    await signedIn
    expect((await cutAndBack(it))[1]).toMatchObject({ payload: { token: 'token-3' } })
  })

  test('as somebody else mounts everything afresh, and shows nothing of before', async () => {
    const it = await counting({ auth: signIn() })
    it.socket().say({ type: 'STATE_SNAPSHOT', componentId: 'live-1', payload: { snapshot: 'signed' } })
    await it.clock.advance(500)
    expect(it.tab.entry()).toBeDefined()
    const signedIn = authenticate(it.client, { token: 'bob' })
    await settled()
    it.seen.length = 0
    accept(it, it.socket().heard()[0], 'bob', { changed: true, token: 'token-bob' })
    expect(await signedIn).toBe('bob')
    expect(it.seen).toEqual(['mounting undefined'])
    expect(it.tab.entry()).toBeUndefined()
    const mount = it
      .socket()
      .heard()
      .find(({ type }) => type === 'COMPONENT_MOUNT')
    it.socket().mounted(mount, 'live-2', { count: 0 })
    expect(it.counter.getState()).toMatchObject({ status: 'live', state: { count: 0 } })
    expect((await cutAndBack(it))[1]).toMatchObject({ payload: { token: 'token-bob' } })
  })

  test('that is refused changes nothing and rejects', async () => {
    const it = await counting({ auth: signIn() })
    const signedIn = authenticate(it.client, { token: 'bad' })
    await settled()
    it.socket().refuse(it.socket().heard()[0], 'AUTH_THROTTLED')
    await expect(signedIn).rejects.toMatchObject({ code: 'AUTH_THROTTLED' })
    expect(it.counter.getState().status).toBe('live')
    expect(types(await cutAndBack(it))).toEqual(['SESSION_RESUME', 'COMPONENT_RESUME'])
  })

  test('before there is a connection makes one, and is said first', async () => {
    const it = world({ auth: signIn() })
    const signedIn = authenticate(it.client, { token: 'ada' })
    it.client.live(Counter, { props: { count: 5 } }).subscribe(nothing)
    it.socket().hello({}, 'token-1')
    await settled()
    const said = it.socket().heard()
    expect(said.at(0)).toMatchObject({ type: 'AUTH', payload: { token: 'ada' } })
    for (const auth of said.filter(({ type }) => type === 'AUTH')) accept(it, auth, 'ada')
    expect(await signedIn).toBe('ada')
  })

  test('lets those mount that were sent away', async () => {
    const it = await counting({ auth: signIn() })
    it.socket().say({ type: 'ERROR', componentId: 'live-1', error: 'sign in', code: 'UNAUTHENTICATED' })
    expect(it.counter.getState()).toMatchObject({ status: 'failed', error: { code: 'UNAUTHENTICATED' } })
    await expect(it.counter.call.increment()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    void authenticate(it.client, { token: 'ada' })
    await settled()
    expect(types(it.socket().heard())).toEqual(['AUTH'])
    accept(it, { requestId: '2' }, 'ada')
    await settled()
    expect(it.socket().heard()).toMatchObject([{ type: 'COMPONENT_MOUNT' }])
  })
})

test('a page that did not say how signs nobody in, and is told what to do', async () => {
  const { client } = world()
  await expect(authenticate(client, { token: 'ada' })).rejects.toMatchObject({
    code: 'AUTH_FAILED',
    message: expect.stringContaining('signIn()'),
  })
})

test('whoever does not want to hear it finds it in the console', async () => {
  const complaint = vi.spyOn(console, 'error').mockImplementation(nothing)
  const it = world({ auth: signIn({ token: 'bad' }) })
  it.client.connect()
  it.socket().hello()
  await settled()
  it.socket().refuse(it.socket().heard()[0], 'AUTH_FAILED')
  expect(complaint).toHaveBeenCalledTimes(1)
})

describe('signing out', () => {
  test('forgets the credentials that were given, but asks a function again', async () => {
    for (const [auth, expected] of [
      [{ token: 'ada' }, ['COMPONENT_MOUNT']],
      [() => ({ token: 'ada' }), ['AUTH', 'COMPONENT_MOUNT']],
    ] as const) {
      const it = await page({ auth: signIn(auth) })
      accept(it, it.said[0], 'ada')
      it.client.signOut()
      expect(it.client.getUser()).toBeUndefined()
      await settled()
      it.socket().hello({}, 'token-2')
      await settled()
      expect(types(it.socket().heard())).toEqual(expected)
    }
  })

  test('everywhere ends the session, forgets what was kept, and begins again with patience', async () => {
    const reasons: LiveError[] = []
    const it = await counting({ onSignedOut: (reason) => reasons.push(reason) })
    await it.clock.advance(500)
    it.seen.length = 0
    it.socket().events.closed(4401)
    expect(reasons).toMatchObject([{ code: 'UNAUTHENTICATED' }])
    expect(reasons[0]).toBeInstanceOf(LiveError)
    expect(it.seen).toEqual(['mounting undefined'])
    expect(it.tab.entry()).toBeUndefined()
    // Later each time, however often the socket opens.
    for (const wait of [125, 250, 500]) {
      const count = it.sockets.length
      await it.clock.advance(wait - 1)
      expect(it.sockets).toHaveLength(count)
      await it.clock.advance(1)
      expect(it.sockets).toHaveLength(count + 1)
      it.socket().hello({}, 'token-new')
      await settled()
      expect(types(it.socket().heard())).toEqual(['COMPONENT_MOUNT'])
      if (wait < 500) it.socket().events.closed(4401)
    }
  })
})
