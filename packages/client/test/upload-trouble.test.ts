import type { ErrorCode } from '@fluxstack/client'
import { componentState } from '@fluxstack/client/testing'
import { expect, test } from 'vitest'
import {
  bytesOf,
  isSame,
  KIB,
  Picker,
  type PickerShape,
  TestFile,
  type UploadWorld,
  uploadWorld,
} from './upload-world.js'

async function begin(world: UploadWorld, file: TestFile, sent = 150 * KIB): Promise<string> {
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.item(id).sent > sent)
  return id
}

async function finish(world: UploadWorld, id: string, file: TestFile): Promise<void> {
  await world.until(() => world.item(id).status === 'done', 'the end')
  const stored = world.server.uploads.files.find(({ uploadId }) => uploadId === id)
  expect(isSame(stored?.bytes, file.content)).toBe(true)
  expect(world.item(id).error).toBeUndefined()
}

const nothing: PickerShape['state'] = {
  file: { accept: [], maxBytes: 0, maxFiles: 0, files: [] },
  clicks: 0,
}

const losses: Record<string, (world: UploadWorld) => void> = {
  'a lost connection': ({ server }) => server.disconnect(),
  'a server that was started again and has kept everything': ({ server }) => server.restart({ keep: true }),
  'a server that was started again and has forgotten the component': ({ server }) => server.restart(),
}
for (const [what, lose] of Object.entries(losses)) {
  test(`after ${what}, it goes on where the server is, and sends one chunk again at most`, async () => {
    const world = await uploadWorld({ latency: 40, upload: { chunk: { max: 64 * KIB } } })
    const file = new TestFile(bytesOf(600 * KIB))
    const id = await begin(world, file)
    for (let cut = 0; cut < 3; cut += 1) {
      lose(world)
      await world.clock.advance(500)
      world.server.reconnect()
      await world.until(() => world.item(id).status === 'sending' || world.item(id).status === 'done')
      await world.clock.advance(100)
    }
    await finish(world, id, file)
    expect(world.server.uploads.received - file.size).toBeLessThanOrEqual(3 * 64 * KIB)
  })
}

test('while there is no connection it waits, and says so', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  world.server.disconnect()
  await world.clock.advance(1000)
  expect(world.item(id)).toMatchObject({ status: 'waiting', speed: 0 })
  expect(world.item(id).sent).toBeGreaterThan(150 * KIB)
  expect(world.uploader.getSnapshot().isActive).toBe(true)
  world.server.reconnect()
  await finish(world, id, file)
})

test('a server that has lost some of it says how much it has, and is sent the rest', async () => {
  const world = await uploadWorld({ latency: 40, upload: { chunk: { max: 64 * KIB } } })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  world.server.uploads.lose(50 * KIB)
  await finish(world, id, file)
  // What was lost, and what was on its way.
  expect(world.server.uploads.received - file.size).toBeLessThanOrEqual(50 * KIB + 128 * KIB)
})

test('a server that knows nothing of it any more is asked again', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  world.server.uploads.forget()
  await finish(world, id, file)
})

test('a chunk that came broken ended the file', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  world.server.uploads.refuse('FILE_UPLOAD_CHUNK', 'BAD_CHUNK')
  await finish(world, id, file)
})

test('a cancellation that was lost with the connection left the place taken for ever', async () => {
  const world = await uploadWorld({ latency: 40, rules: { maxFiles: 1 } })
  const id = await begin(world, new TestFile(bytesOf(600 * KIB)))
  world.uploader.cancel(id)
  world.server.disconnect()
  expect(world.uploader.getSnapshot().items).toEqual([])
  world.server.reconnect()
  await world.until(() => world.server.uploads.files.length === 0)
  const next = new TestFile(bytesOf(10 * KIB), 'next.png')
  const [added = ''] = world.uploader.add([next])
  await finish(world, added, next)
})

for (const code of ['BUSY', 'RATE_LIMITED'] as ErrorCode[]) {
  test(`a cancellation that was answered with ${code} is said again, and what comes after waits for it`, async () => {
    const world = await uploadWorld({ latency: 10, rules: { maxFiles: 1 } })
    const id = await begin(world, new TestFile(bytesOf(600 * KIB)))
    for (let time = 0; time < 3; time += 1) world.server.uploads.refuse('FILE_UPLOAD_CANCEL', code)
    world.uploader.cancel(id)
    const next = new TestFile(bytesOf(10 * KIB), 'next.png')
    const [added = ''] = world.uploader.add([next])
    await finish(world, added, next)
    expect(world.server.uploads.files).toHaveLength(1)
    const cancels = world.server.received.filter(({ type }) => type === 'FILE_UPLOAD_CANCEL')
    expect(cancels).toHaveLength(4)
  })
}

test('a cancellation that is refused for good is not said again', async () => {
  const world = await uploadWorld({ latency: 10 })
  const id = await begin(world, new TestFile(bytesOf(600 * KIB)))
  world.server.uploads.refuse('FILE_UPLOAD_CANCEL', 'FORBIDDEN')
  world.uploader.cancel(id)
  await world.clock.advance(60_000)
  expect(world.server.received.filter(({ type }) => type === 'FILE_UPLOAD_CANCEL')).toHaveLength(1)
})

test('a component that is mounted afresh meanwhile is sent the rest', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  world.handle.reset()
  await finish(world, id, file)
})

test('other bytes than were sent are sent again from the start, three times at most', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  world.server.uploads.spoil()
  await finish(world, id, file)
  expect(world.server.uploads.received).toBeGreaterThanOrEqual(2 * file.size)

  const other = await uploadWorld()
  for (let time = 0; time < 4; time += 1)
    other.server.uploads.refuse('FILE_UPLOAD_COMPLETE', 'UPLOAD_CORRUPT')
  const [failed = ''] = other.uploader.add([new TestFile(bytesOf(100))])
  await other.until(() => other.item(failed).status === 'failed')
  expect(other.item(failed).error?.code).toBe('UPLOAD_CORRUPT')
  expect(other.server.received.filter(({ type }) => type === 'FILE_UPLOAD_COMPLETE')).toHaveLength(4)
})

test('a server that says it has everything, and has something else, is not believed', async () => {
  const world = await uploadWorld()
  world.server.uploads.lie()
  const file = new TestFile(bytesOf(100 * KIB))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.item(id).error?.code === 'UPLOAD_CORRUPT')
  expect(world.item(id).status).toBe('waiting')
  await finish(world, id, file)
})

for (const code of ['UPLOAD_NO_SPACE', 'BUSY', 'RATE_LIMITED'] as ErrorCode[]) {
  test(`after ${code} it is tried again later, as often as it takes`, async () => {
    const world = await uploadWorld({ latency: 10 })
    const file = new TestFile(bytesOf(100 * KIB))
    for (let time = 0; time < 12; time += 1) {
      world.server.uploads.refuse(time < 4 ? 'FILE_UPLOAD_START' : 'FILE_UPLOAD_CHUNK', code)
    }
    const [id = ''] = world.uploader.add([file])
    await world.until(() => world.item(id).error?.code === code)
    expect(world.item(id).status).toBe('waiting')
    await finish(world, id, file)
  })
}

for (const code of [
  'UPLOAD_TYPE',
  'UPLOAD_QUOTA',
  'UPLOAD_REFUSED',
  'UPLOAD_UNSAFE',
  'FORBIDDEN',
] as ErrorCode[]) {
  test(`after ${code} nothing is sent any more, and it says why`, async () => {
    const world = await uploadWorld({ latency: 10 })
    world.server.uploads.refuse('FILE_UPLOAD_CHUNK', code)
    const [id = ''] = world.uploader.add([new TestFile(bytesOf(300 * KIB))])
    await world.until(() => world.item(id).status === 'failed')
    expect(world.item(id).error?.code).toBe(code)
    await world.clock.advance(1000)
    const { received } = world.server.uploads
    await world.clock.advance(60_000)
    expect(world.server.uploads.received).toBe(received)
  })
}

test('gaps without end are an end', async () => {
  const world = await uploadWorld({ latency: 10 })
  for (let time = 0; time < 60; time += 1) world.server.uploads.refuse('FILE_UPLOAD_CHUNK', 'UPLOAD_GAP')
  const [id = ''] = world.uploader.add([new TestFile(bytesOf(300 * KIB))])
  await world.until(() => world.item(id).status === 'failed')
  expect(world.item(id).error?.code).toBe('UPLOAD_GAP')
})

test('a file that cannot be read any more fails', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  file.isBroken = true
  await world.until(() => world.item(id).status === 'failed')
  expect(world.item(id)).toMatchObject({ file: undefined, error: { code: 'FILE_CHANGED' } })
})

test('a file that could not be read was not taken when it was chosen again', async () => {
  const world = await uploadWorld({ latency: 40, user: 'ada' })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  file.isBroken = true
  await world.until(() => world.item(id).status === 'failed')
  const other = new TestFile(bytesOf(600 * KIB, 2))
  world.uploader.again(id, other)
  await finish(world, id, other)
})

test('a file that was changed is sent anew, as it is now', async () => {
  const world = await uploadWorld({ latency: 40, rules: { maxFiles: 1 } })
  const file = new TestFile(bytesOf(600 * KIB))
  const id = await begin(world, file)
  file.isBroken = true
  await world.until(() => world.item(id).status === 'failed')
  const changed = new TestFile(bytesOf(500 * KIB, 2), 'picture.png', { lastModified: 2 })
  world.uploader.again(id, changed)
  const { items, rejected } = world.uploader.getSnapshot()
  expect(rejected).toEqual([])
  expect(items).toHaveLength(1)
  const next = items[0]?.id ?? ''
  expect(next).not.toBe(id)
  await finish(world, next, changed)
  expect(world.server.uploads.files).toHaveLength(1)
})

test('a file that could not be read is had again by its handle', async () => {
  const world = await uploadWorld({ latency: 40, componentId: '' })
  const file = new TestFile(bytesOf(600 * KIB))
  const readable = new TestFile(file.content)
  const handle = {
    getFile: async () => readable,
    queryPermission: async () => 'granted',
  } as unknown as FileSystemFileHandle
  const [id = ''] = world.uploader.add([{ file, handle }])
  await world.until(() => world.item(id).sent > 150 * KIB)
  file.isBroken = true
  await world.until(() => world.item(id).status === 'failed')
  world.uploader.retry(id)
  await finish(world, id, readable)
})

test('an answer to the end that was lost is asked for again', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(100 * KIB))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.server.uploads.files[0]?.isDone === true)
  expect(world.item(id).status).toBe('checking')
  world.server.disconnect()
  await world.clock.advance(100)
  world.server.reconnect()
  await finish(world, id, file)
  expect(world.server.uploads.received).toBe(file.size)
})

test('the sign-out ends and forgets everything', async () => {
  const world = await uploadWorld({ latency: 40, user: 'ada' })
  await begin(world, new TestFile(bytesOf(600 * KIB)))
  world.server.client.signOut()
  expect(world.uploader.getSnapshot().items).toEqual([])
  await world.clock.advance(1000)
  const { received } = world.server.uploads
  await world.clock.advance(10_000)
  expect(world.server.uploads.received).toBe(received)
  await world.reload()
  expect(world.uploader.getSnapshot().items).toEqual([])
})

test('a file that is to be sent elsewhere is put there, and compared', async () => {
  const puts: { url: string; fail: (status: number) => void; finish: () => void; stopped: boolean }[] = []
  const world = await uploadWorld({
    upload: {
      put(target, _file, { progress, done, failed }) {
        const put = {
          url: target.url,
          fail: failed,
          finish() {
            world.server.uploads.arrive(id, file.content)
            progress(file.size)
            done()
          },
          stopped: false,
        }
        puts.push(put)
        progress(1000)
        return () => {
          put.stopped = true
        }
      },
    },
  })
  world.server.uploads.direct('https://storage.example/one')
  const file = new TestFile(bytesOf(300 * KIB))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => puts.length === 1)
  expect(world.item(id)).toMatchObject({ status: 'sending' })
  puts[0]?.fail(503)
  await world.until(() => puts.length === 2)
  world.uploader.pause()
  expect(puts[1]?.stopped).toBe(true)
  world.uploader.resume()
  await world.until(() => puts.length === 3)
  puts[2]?.finish()
  await finish(world, id, file)
  expect(world.server.uploads.received).toBe(0)
})

test('the speed of a file that is put elsewhere was measured from the time before it was begun', async () => {
  let more: (sent: number) => void = () => undefined
  const world = await uploadWorld({
    upload: {
      put(_target, _file, { progress }) {
        more = progress
        return () => undefined
      },
    },
  })
  world.server.uploads.direct('https://storage.example/one')
  await world.clock.advance(100_000)
  const [id = ''] = world.uploader.add([new TestFile(bytesOf(300 * KIB))])
  await world.until(() => world.item(id).status === 'sending')
  await world.clock.advance(1000)
  more(100 * KIB)
  await world.clock.advance(200)
  expect(world.item(id).speed).toBeGreaterThan(50 * KIB)
})

test('a file that a storage had was put there again from its beginning after a lost connection', async () => {
  const puts: (() => void)[] = []
  const world = await uploadWorld({
    latency: 40,
    upload: {
      put(_target, _file, { done }) {
        puts.push(done)
        return () => undefined
      },
    },
  })
  world.server.uploads.direct('https://storage.example/one')
  const file = new TestFile(bytesOf(300 * KIB))
  const [id = ''] = world.uploader.add([file])
  await world.until(() => puts.length === 1)
  // The connection that it was begun on is gone when it is there.
  world.server.disconnect()
  await world.clock.advance(100)
  world.server.reconnect()
  await world.until(() => world.handle.getState().status === 'live')
  puts[0]?.()
  await world.until(() => world.item(id).status === 'checking')
  const count = (what: string): number => world.server.received.filter(({ type }) => type === what).length
  await world.until(() => count('FILE_UPLOAD_START') === 2)
  // The server looks, and it is not there: only then it is put there again.
  world.server.uploads.refuse('FILE_UPLOAD_COMPLETE', 'UPLOAD_GAP')
  await world.until(() => count('FILE_UPLOAD_COMPLETE') === 2 || puts.length === 2)
  expect(puts).toHaveLength(1)
  await world.until(() => puts.length === 2)
  world.server.uploads.arrive(id, file.content)
  puts[1]?.()
  await finish(world, id, file)
  expect(puts).toHaveLength(2)
})

test('a file that the component removes is not sent again behind its back', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(2000 * KIB))
  const id = await begin(world, file)
  const { file: field } = componentState(world.server, Picker)[0] ?? nothing
  expect(field.files).toMatchObject([{ id: world.item(id).fileId, status: 'sending' }])
  world.server.push(Picker, { file: { ...field, files: [] } })
  world.server.uploads.forget()
  await world.clock.advance(1000)
  expect(world.item(id)).toMatchObject({ status: 'failed', error: { code: 'UPLOAD_GONE' } })
  // Unless somebody wants it.
  world.uploader.retry(id)
  await finish(world, id, file)
})

test('a file that the component takes at once is done', async () => {
  const world = await uploadWorld({ latency: 40 })
  const file = new TestFile(bytesOf(300 * KIB))
  const id = await begin(world, file)
  world.server.watch(() => {
    const { file: field } = componentState(world.server, Picker)[0] ?? nothing
    if (field.files.some(({ status }) => status === 'done'))
      world.server.push(Picker, { file: { ...field, files: [] } })
  })
  await finish(world, id, file)
})

test('calls that are made meanwhile are answered at once', async () => {
  const world = await uploadWorld({ latency: 10 })
  const file = new TestFile(bytesOf(3000 * KIB))
  const id = await begin(world, file)
  for (let call = 0; call < 20; call += 1) {
    const done = world.handle.call.click()
    await world.clock.advance(10)
    await done
  }
  await finish(world, id, file)
  expect(world.handle.getState().state?.clicks).toBe(20)
})
