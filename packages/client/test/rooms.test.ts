import { fakeServer } from '@fluxstack/client/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { digest } from '../src/digest.js'
import { type Room, room } from '../src/rooms.js'
import { cutAndBack } from './coming-back.js'
import { Bell, type BellShape } from './shapes.js'
import { type Frame, settled, type World, world } from './world.js'

const nothing = (): void => undefined
const rang = (times: number) => ({ type: 'rang', times }) as const

afterEach(() => {
  vi.restoreAllMocks()
})

/** Writes down what is heard in a room. */
function listen(lobby: Room<BellShape['event']>): unknown[] {
  const heard: unknown[] = []
  lobby.on(({ times }) => heard.push(times))
  lobby.onMissed((missed) => heard.push({ missed }))
  lobby.subscribe(() => heard.push(lobby.joined ? 'in' : 'out'))
  return heard
}

/** A world with bells, live as `live-0`, `live-1`, … in a session. */
async function ringing(count = 1) {
  const it: World = world()
  const bells = Array.from({ length: count }, (_, index) => it.client.live(Bell, { componentId: `${index}` }))
  const leave = bells.map((bell) => bell.subscribe(nothing))
  const lobbies = bells.map((bell) => room(bell, 'lobby'))
  const heard = lobbies.map(listen)
  await settled()
  it.socket().hello({}, 'token-1')
  await settled()
  for (const [index, mount] of it.socket().heard().entries())
    it.socket().mounted(mount, `live-${index}`, { rings: 0 })
  const [bell] = bells
  const [lobby] = lobbies
  if (!bell || !lobby) throw new Error('there is no bell')
  const said = async (): Promise<Frame[]> => {
    await settled()
    return it.socket().heard()
  }
  return { ...it, bell, bells, leave, lobby, lobbies, heard, said }
}

const event = (seq: number, more: Frame = {}) => ({
  type: 'ROOM_EVENT',
  component: 'Bell',
  roomId: 'lobby',
  payload: { event: rang(seq), seq, ...more },
})
const joined = (componentId: string, payload: Frame) => ({
  type: 'ROOM_JOINED',
  componentId,
  roomId: 'lobby',
  payload,
})
const resumed = { outcome: 'resumed', version: 0, digest: digest({ rings: 0 }), seq: 0 }

describe('joining', () => {
  test('brings what was said before, and from then on what is said, from the same frame on', async () => {
    const it = await ringing()
    const joining = it.lobby.join({ history: 2 })
    const [ask] = await it.said()
    expect(ask).toMatchObject({
      type: 'ROOM_JOIN',
      componentId: 'live-0',
      roomId: 'lobby',
      payload: { history: 2 },
    })
    expect(ask).not.toHaveProperty('callId')
    const result = {
      seq: 41,
      events: [
        [40, rang(40)],
        [41, rang(41)],
      ],
    }
    it.socket().say({ type: 'MESSAGE_RESPONSE', success: true, result, requestId: ask?.requestId }, event(42))
    expect(await joining).toEqual({ events: [rang(40), rang(41)] })
    expect(it.heard[0]).toEqual(['in', 42])
    expect(it.lobby.joined).toBe(true)
  })

  test('waits for the mount, and is one room whoever asks for it', async () => {
    const it: World = world()
    const bell = it.client.live(Bell)
    expect(room(bell, 'lobby')).toBe(room(bell, 'lobby'))
    await expect(room(bell, 'lobby').join()).rejects.toMatchObject({ code: 'NOT_MOUNTED' })
    bell.subscribe(nothing)
    const joining = room(bell, 'lobby').join()
    it.socket().hello({}, 'token-1')
    await settled()
    it.socket().mounted(it.socket().heard()[0], 'live-0', { rings: 0 })
    await settled()
    it.socket().answer(it.socket().heard()[0], { seq: 0 })
    expect(await joining).toEqual({ events: [] })
  })

  test('that is refused rejects, and is not tried again', async () => {
    const it = await ringing()
    const joining = it.lobby.join()
    it.socket().refuse((await it.said())[0], 'FORBIDDEN')
    await expect(joining).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(it.lobby.joined).toBe(false)
    it.bell.reset()
    const [unmount, mount, ...others] = await it.said()
    expect([unmount?.type, mount?.type, others]).toEqual(['COMPONENT_UNMOUNT', 'COMPONENT_MOUNT', []])
    it.socket().mounted(mount, 'live-9', { rings: 0 })
    expect(await it.said()).toEqual([])
  })

  test('whose answer was lost is asked again', async () => {
    const it = await ringing()
    const joining = it.lobby.join()
    await it.said()
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, resumed)
    const [again] = await it.said()
    expect(again).toMatchObject({ type: 'ROOM_JOIN' })
    it.socket().answer(again, { seq: 3 })
    await joining
    expect(it.heard[0]).toEqual(['in'])
  })

  test('may be the work of the component, and so may leaving', async () => {
    const it = await ringing()
    it.socket().say(event(1), joined('live-0', { seq: 1 }), event(2), joined('live-7', { seq: 9 }), event(3))
    it.socket().say({ type: 'ROOM_LEFT', componentId: 'live-0', roomId: 'lobby' }, event(4))
    expect(it.heard[0]).toEqual(['in', 2, 3, 'out'])
    expect(it.socket().heard()).toEqual([])
  })

  test('by the component is known to whoever asks for the room later', async () => {
    const it = await ringing()
    it.socket().say({ ...joined('live-0', { seq: 4 }), roomId: 'attic' })
    const attic = room(it.bell, 'attic')
    const heard = listen(attic)
    expect(attic.joined).toBe(true)
    it.socket().say({ ...event(5), roomId: 'attic' })
    expect(heard).toEqual([5])
  })
})

describe('events of a room', () => {
  test('are told once each, in order, and gaps are told', async () => {
    const it = await ringing()
    it.socket().say(joined('live-0', { seq: 0 }), event(1), event(1), { ...event(2), payload: { seq: 2 } })
    it.socket().say(event(3), event(6), { ...event(0), payload: { missed: 2 } }, event(9))
    expect(it.heard[0]).toEqual(['in', 1, 3, { missed: 2 }, 6, { missed: 2 }, 9])
  })

  test('are those of one component and one room', async () => {
    const it = await ringing()
    it.socket().say(
      joined('live-0', { seq: 0 }),
      { ...event(1), component: 'Counter' },
      { ...event(1), roomId: 'attic' },
    )
    expect(it.heard[0]).toEqual(['in'])
  })

  test('reach every instance that is in it, and no other', async () => {
    const it = await ringing(3)
    it.socket().say(joined('live-0', { seq: 0 }), joined('live-2', { seq: 1 }), event(1), event(2))
    expect(it.heard).toEqual([['in', 1, 2], [], ['in', 2]])
  })

  test('are emitted once, for everybody else or for all', async () => {
    const it = await ringing()
    const first = it.lobby.emit(rang(1))
    const second = it.lobby.emit(rang(2), { self: true })
    const [one, two] = await it.said()
    expect([one, two]).toMatchObject([
      { type: 'ROOM_EMIT', roomId: 'lobby', payload: { event: rang(1) } },
      { payload: { event: rang(2), self: true } },
    ])
    it.socket().answer(one, { seq: 1 })
    expect(await first).toBeUndefined()
    const lost = expect(second).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('whether it happened is unknown'),
    })
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, resumed)
    await lost
    expect(await it.said()).toEqual([])
  })

  test('for everybody who has mounted the component reach the handle itself', async () => {
    const it = await ringing(2)
    const heard: unknown[] = []
    it.bell.on(({ times }) => heard.push(times))
    it.bell.onMissed((missed) => heard.push({ missed }))
    const toAll = (seq: number) => ({ ...event(seq), roomId: '*' })
    it.socket().say(toAll(7), toAll(7), toAll(8), toAll(10))
    expect(heard).toEqual([7, 8, { missed: 1 }, 10])
    const [, resume] = await cutAndBack(it)
    expect(resume).toMatchObject({ payload: { rooms: { '*': 10 } } })
    it.socket().answer(resume, resumed)
    it.socket().say({ ...joined('live-0', { seq: 14, recovered: false }), roomId: '*' }, toAll(15))
    expect(heard.slice(4)).toEqual([{ missed: 4 }, 15])
    expect(it.heard).toEqual([[], []])
  })
})

describe('coming back', () => {
  test('says what was heard, and hears what was missed, once for each handle', async () => {
    const it = await ringing(2)
    it.socket().say(joined('live-0', { seq: 39 }), joined('live-1', { seq: 39 }), event(40))
    const [, ...resumes] = await cutAndBack(it)
    expect(resumes).toMatchObject([
      { payload: { rooms: { lobby: 40 } } },
      { payload: { rooms: { lobby: 40 } } },
    ])
    for (const [index, resume] of resumes.entries()) {
      it.socket().answer(resume, resumed)
      it.socket().say(joined(`live-${index}`, { seq: 40, recovered: true }), event(41), event(42))
    }
    expect(it.heard).toEqual([
      ['in', 40, 41, 42],
      ['in', 40, 41, 42],
    ])
  })

  test.each([
    ['so many', 47, { missed: 7 }],
    ['nobody knows how many, where the numbers began anew', 3, { missed: undefined }],
  ])('tells that events were missed: %s', async (_how, seq, told) => {
    const it = await ringing()
    it.socket().say(joined('live-0', { seq: 39 }), event(40))
    const [, resume] = await cutAndBack(it)
    it.socket().answer(resume, resumed)
    it.socket().say(joined('live-0', { seq, recovered: false }), event(seq + 1))
    expect(it.heard[0]).toEqual(['in', 40, told, seq + 1])
  })

  test('sends no positions where there are none', async () => {
    const it = await ringing()
    expect((await cutAndBack(it))[1]?.payload).not.toHaveProperty('rooms')
  })

  /** In the lobby by its own wish, and in the attic by the component's; then mounted afresh. */
  async function afresh() {
    const it = await ringing()
    const joining = it.lobby.join()
    it.socket().answer((await it.said())[0], { seq: 39 })
    await joining
    it.socket().say(event(40), { ...joined('live-0', { seq: 2 }), roomId: 'attic' })
    const [, resume] = await cutAndBack(it)
    it.socket().refuse(resume, 'NOTHING_KEPT')
    it.socket().mounted((await it.said())[0], 'live-9', { rings: 0 })
    const asked = await it.said()
    expect(asked).toMatchObject([
      { type: 'ROOM_JOIN', componentId: 'live-9', roomId: 'lobby', payload: { since: 40 } },
    ])
    expect(it.heard[0]).toEqual(['in', 40, 'out'])
    return { ...it, again: asked[0] }
  }

  test('to an instance that was mounted afresh joins again what the application had joined', async () => {
    const it = await afresh()
    it.socket().say(
      {
        type: 'MESSAGE_RESPONSE',
        success: true,
        result: {
          seq: 42,
          recovered: true,
          events: [
            [41, rang(41)],
            [42, rang(42)],
          ],
        },
        requestId: it.again?.requestId,
      },
      event(43),
    )
    expect(it.heard[0]?.slice(3)).toEqual([41, 42, 'in', 43])
  })

  test('to one where too much was said meanwhile tells how much', async () => {
    const it = await afresh()
    it.socket().answer(it.again, { seq: 90, recovered: false })
    it.socket().say(event(91))
    expect(it.heard[0]?.slice(3)).toEqual([{ missed: 50 }, 'in', 91])
  })

  test('to one that may not come in any more says so to the author of the page', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(nothing)
    const it = await afresh()
    it.socket().refuse(it.again, 'FORBIDDEN')
    await settled()
    expect(complaint).toHaveBeenCalledTimes(1)
    expect(it.lobby.joined).toBe(false)
  })

  test('after signing out begins from nothing', async () => {
    const it = await ringing()
    const joining = it.lobby.join()
    it.socket().answer((await it.said())[0], { seq: 39 })
    await joining
    it.client.signOut()
    await settled()
    it.socket().hello({}, 'token-2')
    it.socket().mounted((await it.said())[0], 'live-9', { rings: 0 })
    const [again] = await it.said()
    expect(again).toMatchObject({ type: 'ROOM_JOIN', componentId: 'live-9' })
    expect(again?.payload).not.toHaveProperty('since')
  })
})

describe('leaving', () => {
  test('says so, and hears no more', async () => {
    const server = fakeServer().mounted(Bell, { rings: 0 })
    const bell = server.client.live(Bell)
    bell.subscribe(nothing)
    const lobby = room(bell, 'lobby')
    const heard = listen(lobby)
    await lobby.join()
    server.emit(Bell, 'lobby', rang(1))
    await server.settled()
    await lobby.leave()
    server.emit(Bell, 'lobby', rang(2))
    await server.settled()
    expect(heard).toEqual(['in', 1, 'out'])
    // Twice is as good as once.
    await lobby.leave()
    expect(server.received.filter(({ type }) => type === 'ROOM_LEAVE')).toHaveLength(1)
  })

  test('leaves another handle of the same instance where it wants to be', async () => {
    const server = fakeServer().mounted(Bell, { rings: 0 }, {}, { shared: () => 'all' })
    const lobbies = ['a', 'b'].map((componentId) => {
      const bell = server.client.live(Bell, { componentId })
      bell.subscribe(nothing)
      return room(bell, 'lobby')
    })
    const heard = lobbies.map(listen)
    await Promise.all(lobbies.map((lobby) => lobby.join()))
    await lobbies[0]?.leave()
    server.emit(Bell, 'lobby', rang(1))
    await server.settled()
    expect(heard).toEqual([
      ['in', 'out'],
      ['in', 1],
    ])
    await lobbies[1]?.leave()
    expect(server.received.filter(({ type }) => type === 'ROOM_LEAVE')).toHaveLength(1)
  })
})

test('the fake server plays rooms through a lost connection', async () => {
  const server = fakeServer().mounted(Bell, { rings: 0 })
  const bell = server.client.live(Bell)
  bell.subscribe(nothing)
  const lobby = room(bell, 'lobby')
  const heard = listen(lobby)
  const all: unknown[] = []
  bell.on(({ times }) => all.push(times))
  await lobby.join()
  await lobby.emit(rang(1))
  await lobby.emit(rang(2), { self: true })
  server.disconnect()
  server.emit(Bell, 'lobby', rang(3))
  server.reconnect()
  await server.settled()
  server.emitAll(Bell, rang(9))
  server.take(Bell, 'attic')
  await server.settled()
  expect([heard, all, room(bell, 'attic').joined]).toEqual([['in', 2, 3], [9], true])
  server.put(Bell, 'attic')
  await server.settled()
  expect(room(bell, 'attic').joined).toBe(false)
  await expect(room(bell, 'attic').emit(rang(1))).rejects.toMatchObject({ code: 'NOT_A_MEMBER' })
})
