/**
 * Random stories of what may happen while files are sent. Whatever it is, in the end the server has the very bytes,
 * nothing was ever shown as done before that, and hardly anything was sent twice.
 */

import type { ErrorCode } from '@fluxstack/client'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, isSame, KIB, TestFile, type UploadWorld, uploadWorld } from './upload-world.js'

const WINDOW = 64 * KIB

type Event =
  | { readonly what: 'time'; readonly ms: number }
  | { readonly what: 'cut'; readonly ms: number }
  | { readonly what: 'restart'; readonly keep: boolean; readonly lost: number }
  | { readonly what: 'loss'; readonly lost: number }
  | { readonly what: 'refusal'; readonly of: number; readonly code: ErrorCode }
  | { readonly what: 'spoil' | 'forget' | 'pause' | 'resume' | 'reload' | 'click' | 'reset' }

const lost = fc.integer({ min: 1, max: 80 * KIB })
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ what: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 300 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('cut' as const), ms: fc.integer({ min: 0, max: 3000 }) }),
  },
  fc.record({ what: fc.constant('restart' as const), keep: fc.boolean(), lost }),
  fc.record({ what: fc.constant('loss' as const), lost }),
  fc.record({
    what: fc.constant('refusal' as const),
    of: fc.nat(2),
    code: fc.constantFrom<ErrorCode>(
      'BUSY',
      'UPLOAD_NO_SPACE',
      'RATE_LIMITED',
      'UPLOAD_GONE',
      'REHYDRATION_REQUIRED',
    ),
  }),
  fc.record({ what: fc.constantFrom('forget', 'pause', 'resume', 'reload', 'click', 'reset', 'spoil') }),
)
const MESSAGES = ['FILE_UPLOAD_START', 'FILE_UPLOAD_CHUNK', 'FILE_UPLOAD_COMPLETE'] as const

async function happen(world: UploadWorld, event: Event): Promise<void> {
  const { server, clock, uploader, handle } = world
  switch (event.what) {
    case 'time':
      await clock.advance(event.ms)
      break
    case 'cut':
      server.disconnect()
      await clock.advance(event.ms)
      server.reconnect()
      break
    case 'restart':
      server.uploads.lose(event.lost)
      server.restart({ keep: event.keep })
      break
    case 'loss':
      server.uploads.lose(event.lost)
      break
    case 'refusal':
      server.uploads.refuse(MESSAGES[event.of] ?? 'FILE_UPLOAD_START', event.code)
      break
    case 'spoil':
      server.uploads.spoil()
      break
    case 'forget':
      server.uploads.forget()
      break
    case 'pause':
      uploader.pause()
      break
    case 'resume':
      uploader.resume()
      break
    case 'reload':
      await world.reload()
      break
    case 'click':
      void handle.call.click().catch(() => undefined)
      break
    case 'reset':
      handle.reset()
      break
  }
  await world.settled()
}

/** What is shown as done and is not there as it is. */
function wrong({ uploader, server }: UploadWorld, files: ReadonlyMap<string, TestFile>): readonly string[] {
  const { items } = uploader.getSnapshot()
  const bad = items.filter(({ id, status }) => {
    const file = files.get(id)
    const stored = server.uploads.files.find(({ uploadId }) => uploadId === id)
    return file && status === 'done' && !(stored?.isDone && isSame(stored.bytes, file.content))
  })
  return bad.map(({ name }) => name)
}

const sizes = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 20 * KIB }), fc.integer({ min: 0, max: 300 * KIB })),
  {
    minLength: 1,
    maxLength: 4,
  },
)

test('whatever happens on the way, in the end the very bytes are there', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(event, { maxLength: 14 }), async (lengths, story) => {
      const world = await uploadWorld({ latency: 40, upload: { chunk: { max: WINDOW } } })
      const all = lengths.map((length, index) => new TestFile(bytesOf(length, index), `${index}.png`))
      const ids = world.uploader.add(all)
      const files = new Map(ids.map((id, index) => [id, all[index] as TestFile]))
      const liars: string[] = []
      const look = (): void => void liars.push(...wrong(world, files))
      let unsubscribe = world.uploader.subscribe(look)
      for (const event of story) {
        const { uploader } = world
        await happen(world, event)
        if (world.uploader !== uploader) unsubscribe = world.uploader.subscribe(look)
        look()
      }
      const left = (): boolean => world.server.uploads.files.some(({ isDone }) => !isDone)
      await world.until(() => {
        const { uploader } = world
        // It may have been in vain once too often, or a page that was just begun has not found it yet.
        for (const { id, status } of uploader.getSnapshot().items) if (status === 'failed') uploader.retry(id)
        uploader.resume()
        return !uploader.getSnapshot().isActive && !left() && world.server.uploads.files.length === all.length
      })
      look()
      expect(liars).toEqual([])
      for (const { uploadId, bytes, isDone } of world.server.uploads.files) {
        expect(isDone).toBe(true)
        expect(isSame(bytes, files.get(uploadId)?.content ?? new Uint8Array())).toBe(true)
      }
      // What was on its way is lost with whatever happens to it, and that is one window for all files together.
      // What is found to be wrong in the end begins anew, whoever is to blame.
      const isSpoiled = world.server.sent.some(({ code }) => code === 'UPLOAD_CORRUPT')
      const again = story.map((event) => {
        const windows = /^(time|click|pause|resume)$/.test(event.what) ? 0 : 1
        return windows * WINDOW + ('lost' in event ? event.lost * all.length : 0)
      })
      const most = again.reduce((sum, bytes) => sum + bytes, 0)
      const total = all.reduce((sum, { size }) => sum + size, 0)
      if (!isSpoiled) expect(world.server.uploads.received - total).toBeLessThanOrEqual(most)
      // Nothing is left of it: another file is sent like the first.
      const [last = ''] = world.uploader.add([new TestFile(bytesOf(100 * KIB))])
      await world.until(() => world.item(last).status === 'done')
      unsubscribe()
    }),
    { numRuns: Number(process.env.UPLOAD_STORIES ?? 60) },
  )
})
