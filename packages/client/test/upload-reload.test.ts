import type { UploadItem } from '@fluxstack/client/upload'
import { IDBFactory } from 'fake-indexeddb'
import { expect, test, vi } from 'vitest'
import {
  bytesOf,
  isSame,
  KIB,
  TestFile,
  type UploadWorld,
  type UploadWorldOptions,
  uploadWorld,
} from './upload-world.js'
import { TestTab } from './world.js'

const slow: UploadWorldOptions = { latency: 40, user: 'ada' }

async function halfWay(options: UploadWorldOptions, file: TestFile): Promise<[UploadWorld, string]> {
  const world = await uploadWorld(options)
  const [id = ''] = world.uploader.add([file])
  await world.until(() => world.item(id).sent > 150 * KIB)
  return [world, id]
}

async function finish(world: UploadWorld, id: string, file: TestFile): Promise<void> {
  const items = (): readonly UploadItem[] => world.uploader.getSnapshot().items
  await world.until(() => items().some((item) => item.id === id && item.status === 'done'), 'the end')
  const stored = world.server.uploads.files.find(({ uploadId }) => uploadId === id)
  expect(isSame(stored?.bytes, file.content)).toBe(true)
}

test('after a reload a small file goes on by itself, and one chunk is sent again at most', async () => {
  const file = new TestFile(bytesOf(600 * KIB))
  const [world, id] = await halfWay({ ...slow, upload: { chunk: { max: 64 * KIB } } }, file)
  await world.reload()
  await world.until(() => world.uploader.getSnapshot().items.length > 0)
  expect(world.item(id)).toMatchObject({ name: 'picture.png', type: 'image/png', size: 600 * KIB })
  expect(world.item(id).sent).toBeGreaterThan(0)
  await finish(world, id, file)
  expect(world.server.uploads.received - file.size).toBeLessThanOrEqual(64 * KIB)
  // It is over, so another page knows nothing of it.
  await world.reload()
  await world.clock.advance(1000)
  expect(world.uploader.getSnapshot().items).toEqual([])
})

test('the digest goes on from where it was: what was sent is not read again', async () => {
  const file = new TestFile(bytesOf(2000 * KIB))
  const [world, id] = await halfWay({ ...slow, upload: { chunk: { max: 64 * KIB } } }, file)
  await world.until(() => world.item(id).sent > 1200 * KIB)
  const read = vi.spyOn(Blob.prototype, 'slice')
  await world.reload()
  await finish(world, id, file)
  const first = Math.min(...read.mock.calls.map(([start = 0]) => start))
  expect(read).toHaveBeenCalled()
  expect(first).toBeGreaterThan(600 * KIB)
  read.mockRestore()
})

test('an item says whether a page that is loaded again has its file too', async () => {
  const file = new TestFile(bytesOf(600 * KIB))
  const [small, id] = await halfWay(slow, file)
  expect(small.item(id).isKept).toBe(true)
  await small.reload()
  await small.until(() => small.uploader.getSnapshot().items.length > 0)
  expect(small.item(id).isKept).toBe(true)
  await finish(small, id, file)
  expect(small.item(id).isKept).toBe(false)

  for (const options of [
    { ...slow, upload: { keep: 0 } },
    { ...slow, componentId: '' },
  ]) {
    const [world, other] = await halfWay(options, new TestFile(bytesOf(600 * KIB)))
    expect(world.item(other).isKept).toBe(false)
  }
})

test('a file that is too large to be kept has to be picked again, and then goes on', async () => {
  const file = new TestFile(bytesOf(600 * KIB))
  const [world, id] = await halfWay({ ...slow, upload: { keep: 100 * KIB, chunk: { max: 64 * KIB } } }, file)
  await world.reload()
  await world.until(() => world.uploader.getSnapshot().items.length > 0)
  expect(world.item(id)).toMatchObject({ status: 'interrupted', file: undefined })
  expect(world.uploader.getSnapshot().isActive).toBe(false)
  // Not this one.
  world.uploader.again(id, new TestFile(bytesOf(600 * KIB), 'other.png'))
  world.uploader.again(id, new TestFile(bytesOf(600 * KIB), 'picture.png', { lastModified: 2 }))
  world.uploader.again(id, new TestFile(bytesOf(601 * KIB)))
  expect(world.item(id)).toMatchObject({ status: 'interrupted', error: { code: 'FILE_CHANGED' } })
  world.uploader.again(id, new TestFile(file.content))
  await finish(world, id, file)
  expect(world.server.uploads.received - file.size).toBeLessThanOrEqual(64 * KIB)
})

test('a file that only looks like the one before is found out, and sent from the start', async () => {
  const file = new TestFile(bytesOf(600 * KIB))
  const [world, id] = await halfWay({ ...slow, upload: { keep: 0 } }, file)
  await world.reload()
  await world.until(() => world.uploader.getSnapshot().items.length > 0)
  const other = new TestFile(bytesOf(600 * KIB, 2))
  world.uploader.again(id, other)
  await finish(world, id, other)
})

test('a file that was picked with a handle is had by it again, if the browser allows that', async () => {
  // Where there are handles, a database keeps them as they are.
  const { structuredClone: clone } = globalThis
  vi.stubGlobal('structuredClone', (value: object) =>
    'handle' in Object(value) ? { ...value } : clone(value),
  )
  for (const permission of ['granted', 'prompt']) {
    const file = new TestFile(bytesOf(600 * KIB))
    const handle = {
      getFile: async () => file,
      queryPermission: async () => permission,
      requestPermission: async () => 'granted',
    } as unknown as FileSystemFileHandle
    const world = await uploadWorld({ ...slow, upload: { keep: 0 } })
    const [id = ''] = world.uploader.add([{ file, handle }])
    await world.until(() => world.item(id).sent > 150 * KIB)
    await world.reload()
    await world.until(() => world.uploader.getSnapshot().items.length > 0)
    if (permission === 'prompt') {
      expect(world.item(id)).toMatchObject({ status: 'interrupted', isHeld: true })
      world.uploader.resume(id)
    }
    await finish(world, id, file)
  }
  vi.unstubAllGlobals()
})

test('a file that an earlier page began counted twice against the most files of the field', async () => {
  const rules = { maxFiles: 2 }
  const [world, id] = await halfWay({ ...slow, rules, upload: { keep: 0 } }, new TestFile(bytesOf(600 * KIB)))
  await world.reload()
  await world.until(() => world.uploader.getSnapshot().items.length > 0)
  expect(world.item(id).fileId).toBe('file-1')
  const second = new TestFile(bytesOf(10 * KIB), 'second.png')
  const [added = ''] = world.uploader.add([second])
  expect(world.uploader.getSnapshot().rejected).toEqual([])
  await finish(world, added, second)
  // That was the last.
  expect(world.uploader.add([second])).toEqual([])
})

test('a file was cancelled, the page was loaded again before the server knew, and its place stayed taken', async () => {
  const [world, id] = await halfWay({ ...slow, rules: { maxFiles: 1 } }, new TestFile(bytesOf(600 * KIB)))
  world.server.disconnect()
  await world.clock.advance(100)
  world.uploader.cancel(id)
  await world.reload()
  world.server.reconnect()
  await world.until(() => world.server.uploads.files.length === 0)
  expect(world.uploader.getSnapshot().items).toEqual([])
  const next = new TestFile(bytesOf(10 * KIB), 'next.png')
  const [added = ''] = world.uploader.add([next])
  await finish(world, added, next)
  // It was said once, and is forgotten.
  await world.reload()
  await world.clock.advance(1000)
  const cancels = world.server.received.filter(({ type }) => type === 'FILE_UPLOAD_CANCEL')
  expect(cancels).toHaveLength(1)
})

test('a file that had failed was forgotten with the page, and nobody could cancel it', async () => {
  const world = await uploadWorld(slow)
  world.server.uploads.refuse('FILE_UPLOAD_CHUNK', 'FORBIDDEN')
  const [id = ''] = world.uploader.add([new TestFile(bytesOf(600 * KIB))])
  await world.until(() => world.item(id).status === 'failed')
  await world.reload()
  await world.until(() => world.uploader.getSnapshot().items.length > 0)
  expect(world.item(id)).toMatchObject({ status: 'failed', error: { code: 'FORBIDDEN' } })
  world.uploader.cancel(id)
  await world.until(() => world.server.uploads.files.length === 0)
})

test('what was paused is paused after a reload', async () => {
  const file = new TestFile(bytesOf(600 * KIB))
  const [world, id] = await halfWay(slow, file)
  world.uploader.pause(id)
  await world.reload()
  await world.until(() => world.uploader.getSnapshot().items.length > 0)
  expect(world.item(id).status).toBe('paused')
  world.uploader.resume(id)
  await finish(world, id, file)
})

test('files that waited for their turn are there after a reload, in their order', async () => {
  const world = await uploadWorld({ ...slow, upload: { parallel: 1 } })
  const files = [1, 2, 3].map((seed) => new TestFile(bytesOf(200 * KIB, seed), `${seed}.png`))
  const ids = world.uploader.add(files)
  await world.until(() => world.item(ids[0] ?? '').sent > 0)
  await world.reload()
  await world.until(() => world.uploader.getSnapshot().items.length === 3)
  expect(world.uploader.getSnapshot().items.map(({ name }) => name)).toEqual(['1.png', '2.png', '3.png'])
  for (const [index, file] of files.entries()) await finish(world, ids[index] ?? '', file)
})

test('a server that was started again meanwhile is asked how much it has', async () => {
  for (const keep of [true, false]) {
    const file = new TestFile(bytesOf(600 * KIB))
    const [world, id] = await halfWay(slow, file)
    world.server.disconnect()
    world.server.uploads.lose(60 * KIB)
    await world.reload()
    world.server.restart({ keep })
    await finish(world, id, file)
  }
})

test('another user is shown nothing of it, and neither is another field or component', async () => {
  const [factory, tab] = [new IDBFactory(), new TestTab()]
  // As if the page before were gone.
  tab.canLock = false
  const [world] = await halfWay({ ...slow, factory, tab }, new TestFile(bytesOf(600 * KIB)))
  world.server.disconnect()
  await world.clock.advance(2000)
  const shown = async (options: UploadWorldOptions): Promise<number> => {
    const other = await uploadWorld({ ...slow, factory, tab, ...options })
    await other.settled()
    return other.uploader.getSnapshot().items.length
  }
  expect(await shown({ user: 'bob' })).toBe(0)
  expect(await shown({ componentId: 'other' })).toBe(0)
  expect(await shown({})).toBe(1)
})

test('without a name of its own nothing is kept', async () => {
  const [world] = await halfWay({ ...slow, componentId: '' }, new TestFile(bytesOf(600 * KIB)))
  await world.settled()
  expect(await world.factory.databases()).toEqual([])
})

test('where nothing can be kept files are sent all the same, and it is said once', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const broken = {
    open: () => {
      throw new Error('not in a private window')
    },
  } as unknown as IDBFactory
  const file = new TestFile(bytesOf(300 * KIB))
  const [world, id] = await halfWay({ ...slow, factory: broken }, file)
  await finish(world, id, file)
  expect(warn).toHaveBeenCalledTimes(1)
  warn.mockRestore()
})

test('what is in the database and is none of ours is removed', async () => {
  const factory = new IDBFactory()
  await new Promise<void>((resolve) => {
    const open = factory.open('fluxstack uploads', 1)
    open.onupgradeneeded = () => {
      open.result.createObjectStore('uploads', { keyPath: 'id' })
      open.result.createObjectStore('files')
    }
    open.onsuccess = () => {
      const transaction = open.result.transaction('uploads', 'readwrite')
      const old = {
        id: 'old',
        place: '',
        name: '',
        type: '',
        size: 1,
        lastModified: 1,
        sent: 1,
        since: 1,
        at: 1,
      }
      for (const value of [{ id: 'x', place: 4 }, old]) transaction.objectStore('uploads').put(value)
      transaction.oncomplete = () => {
        open.result.close()
        resolve()
      }
    }
  })
  const world = await uploadWorld({ ...slow, factory })
  await world.settled()
  const left = await new Promise((resolve) => {
    const open = factory.open('fluxstack uploads', 1)
    open.onsuccess = () => {
      const keys = open.result.transaction('uploads').objectStore('uploads').getAllKeys()
      keys.onsuccess = () => resolve(keys.result)
    }
  })
  expect(left).toEqual([])
})

test('a digest that was written down wrongly is found out, and made again from the start', async () => {
  const file = new TestFile(bytesOf(600 * KIB))
  const [world, id] = await halfWay(slow, file)
  const { server, factory } = world
  server.disconnect()
  await world.clock.advance(2000)
  server.client.close()
  await world.settled()
  await new Promise<void>((resolve) => {
    const open = factory.open('fluxstack uploads', 1)
    open.onsuccess = () => {
      const transaction = open.result.transaction('uploads', 'readwrite')
      const records = transaction.objectStore('uploads')
      const before = records.get(id)
      before.onsuccess = () => {
        const { at } = before.result.hash
        expect(at).toBeGreaterThan(0)
        records.put({ ...before.result, hash: { at, words: '0'.repeat(64) } })
      }
      transaction.oncomplete = () => {
        open.result.close()
        resolve()
      }
    }
  })
  await world.reload()
  server.reconnect()
  await finish(world, id, file)
  expect(server.sent.filter(({ code }) => code === 'UPLOAD_CORRUPT')).toHaveLength(1)
})
