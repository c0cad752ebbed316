import { expect, test } from 'vitest'
import { bytesOf, isSame, KIB, TestFile, uploadWorld } from './upload-world.js'

test('a file arrives as it is, and is done', async () => {
  const world = await uploadWorld()
  const file = new TestFile(bytesOf(300 * KIB + 7))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.item(id).status === 'done')
  const [stored] = world.server.uploads.files
  expect(stored).toMatchObject({ name: 'picture.png', type: 'image/png', isDone: true, field: 'file' })
  expect(isSame(stored?.bytes, file.content)).toBe(true)
  expect(world.server.uploads.received).toBe(file.size)
  expect(world.item(id)).toMatchObject({ sent: file.size, error: undefined })
  expect(world.uploader.getSnapshot()).toMatchObject({ isActive: false, progress: 1, rejected: [] })
  expect(world.handle.getState().state?.file.files).toMatchObject([{ status: 'done', name: 'picture.png' }])
})

for (const length of [0, 1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1]) {
  test(`a file of ${length} bytes arrives as well`, async () => {
    const world = await uploadWorld()
    const file = new TestFile(bytesOf(length))
    const [id = ''] = world.uploader.add([file])
    await world.until(() => world.item(id).status === 'done')
    expect(isSame(world.server.uploads.files[0]?.bytes, file.content)).toBe(true)
    expect(world.uploader.getSnapshot().progress).toBe(1)
  })
}

test('frames have 16 KiB and more, but the last of a file, which is a message like others', async () => {
  const world = await uploadWorld()
  const [id = ''] = world.uploader.add([new TestFile(bytesOf(200 * KIB + 5))])
  await world.until(() => world.item(id).status === 'done')
  const chunks = world.server.received.filter(({ type }) => type === 'FILE_UPLOAD_CHUNK')
  const [last, ...others] = chunks.reverse()
  expect(last).toMatchObject({ data: expect.any(String) })
  for (const { bytes } of others) expect(bytes?.length).toBeGreaterThanOrEqual(16 * KIB)
})

test('no more is unanswered than the window allows, however many files there are', async () => {
  const world = await uploadWorld({ latency: 40, upload: { chunk: { max: 128 * KIB } } })
  // What arrives within one round trip was sent before the first of it was answered.
  let late: { readonly at: number; readonly bytes: number }[] = []
  let most = 0
  let count = 0
  world.server.watch(() => {
    const { received } = world.server
    const at = world.clock.now()
    late = late.filter((one) => one.at > at - 40)
    for (; count < received.length; count += 1) late.push({ at, bytes: received[count]?.bytes?.length ?? 0 })
    most = Math.max(
      most,
      late.reduce((sum, { bytes }) => sum + bytes, 0),
    )
  })
  const ids = world.uploader.add([1, 2, 3, 4].map((seed) => new TestFile(bytesOf(400 * KIB, seed))))
  await world.until(() => ids.every((id) => world.item(id).status === 'done'))
  expect(most).toBeGreaterThan(64 * KIB)
  expect(most).toBeLessThanOrEqual(128 * KIB)
})

test('a file is read just ahead of being sent, in pieces', async () => {
  const world = await uploadWorld({ latency: 40, upload: { chunk: { max: 64 * KIB } } })
  const file = new TestFile(bytesOf(2048 * KIB))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.item(id).sent > 300 * KIB)
  const { sent } = world.item(id)
  // What is on its way, and two frames ahead.
  expect(file.reads * 16 * KIB).toBeLessThanOrEqual(sent + 64 * KIB + 4 * 16 * KIB)
  await world.until(() => world.item(id).status === 'done')
  expect(file.largest).toBeLessThanOrEqual(256 * KIB)
})

test('three files are sent at once, unless told otherwise, and the others wait', async () => {
  for (const parallel of [undefined, 1, 2]) {
    const world = await uploadWorld({ latency: 40, upload: { parallel } })
    const ids = world.uploader.add([1, 2, 3, 4, 5].map((seed) => new TestFile(bytesOf(500 * KIB, seed))))
    await world.until(() => ids.some((id) => world.item(id).status === 'sending'))
    const sending = ids.filter((id) => world.item(id).status === 'sending')
    expect(sending).toEqual(ids.slice(0, parallel ?? 3))
    await world.until(() => ids.every((id) => world.item(id).status === 'done'))
  }
})

test('what the field does not accept is not sent, and is told in words', async () => {
  const rules = { accept: ['image/png', 'text/*', '.pdf'], maxBytes: 3 * KIB * KIB, maxFiles: 5 }
  const world = await uploadWorld({ rules })
  const file = (name: string, type: string, size = 10): TestFile =>
    new TestFile(bytesOf(size), name, { type })
  const ids = world.uploader.add([
    file('a.png', 'image/png'),
    file('b.txt', 'text/plain;charset=utf-8'),
    file('C.PDF', 'application/pdf'),
    // The browser does not know it: the server will.
    file('d', ''),
    file('e.gif', 'image/gif'),
    file('f.png', 'image/png', 4 * KIB * KIB),
    file('g.png', 'IMAGE/PNG'),
    file('h.png', 'image/png'),
  ])
  expect(ids).toHaveLength(5)
  const { rejected } = world.uploader.getSnapshot()
  expect(rejected.map(({ name, error }) => [name, error.code])).toEqual([
    ['e.gif', 'UPLOAD_TYPE'],
    ['f.png', 'UPLOAD_TOO_LARGE'],
    ['h.png', 'UPLOAD_REFUSED'],
  ])
  expect(rejected[1]?.error.message).toBe('f.png has 4.0 MB, more than 3.0 MB')
  await world.until(() => ids.every((id) => world.item(id).status === 'done'))
  expect(world.server.uploads.files).toHaveLength(5)
  // Those that are done are there, so there is no room for another one.
  expect(world.uploader.add([file('i.png', 'image/png')])).toEqual([])
})

test('what was added before the component was there is checked when it is', async () => {
  const world = await uploadWorld({ rules: { maxBytes: 100 } })
  world.server.disconnect()
  const other = world.server.client.live((await import('./upload-world.js')).Picker, { componentId: 'other' })
  const { uploads } = await import('@fluxstack/client/upload')
  const uploader = uploads(other, 'file', { factory: world.factory })
  const [good, bad] = uploader.add([new TestFile(bytesOf(100)), new TestFile(bytesOf(101))])
  expect(uploader.getSnapshot().items.map(({ status }) => status)).toEqual(['waiting', 'waiting'])
  world.server.reconnect()
  await world.until(() => !uploader.getSnapshot().isActive)
  expect(uploader.getSnapshot().items).toMatchObject([
    { id: good, status: 'done' },
    { id: bad, status: 'failed', error: { code: 'UPLOAD_TOO_LARGE' } },
  ])
})

test('a server that takes no files is sent none', async () => {
  const world = await uploadWorld({ caps: ['optimistic'] })
  expect(world.uploader.add([new TestFile(bytesOf(10))])).toEqual([])
  expect(world.uploader.getSnapshot().rejected).toMatchObject([{ error: { code: 'UPLOAD_REFUSED' } }])
})

test('what is paused stands still, and goes on where it was', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(600 * KIB))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.item(id).sent > 100 * KIB)
  world.uploader.pause(id)
  expect(world.item(id)).toMatchObject({ status: 'paused', speed: 0 })
  expect(world.uploader.getSnapshot().isActive).toBe(false)
  await world.clock.advance(1000)
  const { received } = world.server.uploads
  await world.clock.advance(60_000)
  expect(world.server.uploads.received).toBe(received)
  world.uploader.resume()
  await world.until(() => world.item(id).status === 'done')
  expect(isSame(world.server.uploads.files[0]?.bytes, file.content)).toBe(true)
  // What was on its way when it was paused had arrived.
  expect(world.server.uploads.received).toBe(file.size)
})

test('what is cancelled is gone, here and there', async () => {
  const world = await uploadWorld({ latency: 40 })
  const [id = ''] = world.uploader.add([new TestFile(bytesOf(600 * KIB))])
  await world.until(() => world.item(id).sent > 100 * KIB)
  world.uploader.cancel(id)
  expect(world.uploader.getSnapshot()).toMatchObject({ items: [], isActive: false })
  await world.clock.advance(1000)
  expect(world.server.uploads.files).toEqual([])
  expect(world.handle.getState().state?.file.files).toEqual([])
})

test('what is cancelled without a connection is cancelled there when there is one', async () => {
  const world = await uploadWorld({ latency: 40 })
  const [id = ''] = world.uploader.add([new TestFile(bytesOf(600 * KIB))])
  await world.until(() => world.item(id).sent > 100 * KIB)
  world.server.disconnect()
  world.uploader.cancel(id)
  world.server.reconnect()
  await world.until(() => world.server.uploads.files.length === 0)
})

test('what failed may be tried again', async () => {
  const world = await uploadWorld()
  world.server.uploads.refuse('FILE_UPLOAD_COMPLETE', 'UPLOAD_UNSAFE')
  const file = new TestFile(bytesOf(100 * KIB))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.item(id).status === 'failed')
  expect(world.item(id).error?.code).toBe('UPLOAD_UNSAFE')
  world.uploader.retry(id)
  await world.until(() => world.item(id).status === 'done')
  expect(world.item(id).error).toBeUndefined()
})

test('the component stays mounted while a file is under way, and no longer', async () => {
  const world = await uploadWorld({ latency: 40, componentId: '' })
  const { uploads } = await import('@fluxstack/client/upload')
  const { Picker } = await import('./upload-world.js')
  const handle = world.server.client.live(Picker)
  const uploader = uploads(handle, 'file')
  const [id = ''] = uploader.add([new TestFile(bytesOf(300 * KIB))])
  await world.until(() =>
    uploader.getSnapshot().items.some((item) => item.id === id && item.status === 'done'),
  )
  expect(handle.getState().status).toBe('live')
  await world.clock.advance(1000)
  expect(handle.getState().status).toBe('mounting')
})

test('a snapshot is the same object until something changes, and items that did not change are the same', async () => {
  const world = await uploadWorld({ latency: 40, upload: { parallel: 1 } })
  const seen = new Set<unknown>()
  world.uploader.subscribe(() => {
    const view = world.uploader.getSnapshot()
    expect(view).toBe(world.uploader.getSnapshot())
    expect(seen.has(view)).toBe(false)
    seen.add(view)
  })
  const [first = '', second = ''] = world.uploader.add([
    new TestFile(bytesOf(600 * KIB)),
    new TestFile(bytesOf(10)),
  ])
  await world.until(() => world.item(second).isKept)
  const waiting = world.item(second)
  await world.until(() => world.item(first).sent > 100 * KIB)
  expect(world.item(second)).toBe(waiting)
  await world.until(() => world.item(second).status === 'done')
  // Not for every frame.
  expect(seen.size).toBeLessThan(40)
})

test('how fast it is, and how long it will take, is that of late', async () => {
  const world = await uploadWorld({ latency: 100, upload: { chunk: { max: 64 * KIB } } })
  const [id = ''] = world.uploader.add([new TestFile(bytesOf(4096 * KIB))])
  await world.until(() => world.item(id).speed > 0 && world.item(id).sent > 2000 * KIB)
  const { speed, remaining, sent } = world.item(id)
  // A window of 64 KiB each 100 ms.
  expect(speed).toBeGreaterThan(500 * KIB)
  expect(speed).toBeLessThan(700 * KIB)
  expect(remaining).toBeCloseTo(((4096 * KIB - sent) / speed) * 1000, 3)
})
