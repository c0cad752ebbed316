import { authenticate, signIn } from '@fluxstack/client/sign-in'
import { uploads } from '@fluxstack/client/upload'
import { expect, test } from 'vitest'
import { bytesOf, KIB, Picker, TestFile, type UploadWorld, uploadWorld } from './upload-world.js'

const users = { a: 'ada', b: 'bob' }

/** A page that signs in with whatever token there is. */
async function signedIn(
  token: keyof typeof users | undefined,
): Promise<[UploadWorld, (other: string) => void]> {
  let said: string | undefined = token
  const auth = signIn(() => (said === undefined ? undefined : { token: said }))
  const world = await uploadWorld({ latency: 40, users, auth })
  return [
    world,
    (other) => {
      said = other
    },
  ]
}

/** What is written down: whose, and of which file. */
function written(factory: UploadWorld['factory']): Promise<string[]> {
  return new Promise((resolve) => {
    const open = factory.open('fluxstack uploads', 1)
    open.onsuccess = () => {
      const records = open.result.transaction('uploads').objectStore('uploads').getAll()
      records.onsuccess = () => {
        open.result.close()
        resolve(records.result.map(({ place, name }) => `${JSON.parse(place)[1]}: ${name}`))
      }
    }
  })
}

async function pass(world: UploadWorld, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 50) {
    await world.settled()
    await world.clock.advance(50)
  }
}

test("a file of one user went on as another's after a connection that somebody else had opened", async () => {
  const [world, say] = await signedIn('a')
  const { server, uploader, handle } = world
  const [id = ''] = uploader.add([new TestFile(bytesOf(2000 * KIB), 'of-ada.png')])
  await world.until(() => world.item(id).sent > 100 * KIB)
  expect(await written(world.factory)).toEqual(['ada: of-ada.png'])
  server.disconnect()
  say('b')
  await world.clock.advance(1000)
  const { received } = server.uploads
  server.reconnect()
  await world.until(() => server.client.getUser() === 'bob' && handle.getState().status === 'live')
  await pass(world, 3000)
  expect(uploader.getSnapshot().items).toEqual([])
  expect(server.uploads.received).toBe(received)
  expect(server.received.filter(({ type }) => type === 'FILE_UPLOAD_START')).toHaveLength(1)
  expect(await written(world.factory)).toEqual([])
  // Whoever is here now has files of their own.
  const [theirs = ''] = uploader.add([new TestFile(bytesOf(20 * KIB), 'of-bob.png')])
  await world.until(() => world.item(theirs).status === 'done')
})

test('what failed was shown to another user, because nobody had looked when they came', async () => {
  const [world, say] = await signedIn('a')
  const { server, handle } = world
  const uploader = uploads(handle, 'file')
  server.uploads.refuse('FILE_UPLOAD_START', 'UPLOAD_TYPE')
  uploader.add([new TestFile(bytesOf(100), 'of-ada.png')])
  await world.until(() => uploader.getSnapshot().items[0]?.status === 'failed')
  server.disconnect()
  say('b')
  server.reconnect()
  await world.until(() => server.client.getUser() === 'bob' && handle.getState().status === 'live')
  expect(uploader.getSnapshot().items).toEqual([])
})

test('files that were added before anybody had signed in are those of who signs in then', async () => {
  const [world, say] = await signedIn(undefined)
  const { server, uploader } = world
  const file = new TestFile(bytesOf(2000 * KIB), 'of-ada.png')
  const [id = ''] = uploader.add([file])
  await world.until(() => world.item(id).sent > 100 * KIB)
  say('a')
  uploader.pause()
  await Promise.all([authenticate(server.client, { token: 'a' }), pass(world, 200)])
  expect(await written(world.factory)).toEqual(['ada: of-ada.png'])
  uploader.resume()
  await world.until(() => world.item(id).status === 'done')
})

test("a file of one user was written down as another's, whose uploader had missed that they had gone", async () => {
  const [world, say] = await signedIn('a')
  const { server, factory } = world
  const handle = server.client.live(Picker, { componentId: 'other' })
  const uploader = uploads(handle, 'file', { factory })
  const leave = uploader.subscribe(() => undefined)
  await world.until(() => handle.getState().status === 'live')
  leave()
  await pass(world, 1000)
  say('b')
  server.client.signOut()
  await world.until(() => server.client.getUser() === 'bob')
  uploader.subscribe(() => undefined)
  await world.until(() => handle.getState().status === 'live')
  uploader.add([new TestFile(bytesOf(3000 * KIB), 'of-bob.png')])
  await pass(world, 300)
  expect(await written(factory)).toEqual(['bob: of-bob.png'])
})

test('what a user had written down was still there after they had signed out, if nothing of it was looked at', async () => {
  const [world, say] = await signedIn('a')
  const { server, factory, uploader } = world
  const [id = ''] = uploader.add([new TestFile(bytesOf(2000 * KIB), 'of-ada.png')])
  await world.until(() => world.item(id).sent > 100 * KIB)
  // Another page of the same tab.
  await world.settled()
  server.reload()
  const handle = server.client.live(Picker, { componentId: 'other' })
  const other = uploads(handle, 'file', { factory })
  const leave = other.subscribe(() => undefined)
  await world.until(() => handle.getState().status === 'live')
  leave()
  await pass(world, 1000)
  expect(await written(factory)).toEqual(['ada: of-ada.png'])
  say('b')
  server.client.signOut()
  await pass(world, 500)
  expect(await written(factory)).toEqual([])
})
