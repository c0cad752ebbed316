/** A component that takes files, files whose reading a test sees, and what it takes to send them. */

import type { LiveHandle, UploadState } from '@fluxstack/client'
import { type Component, component } from '@fluxstack/client'
import {
  type FakeClock,
  type FakeServer,
  type FakeServerOptions,
  fakeClock,
  fakeServer,
} from '@fluxstack/client/testing'
import { type Uploader, type UploadItem, type UploadOptions, uploads } from '@fluxstack/client/upload'
import { IDBFactory } from 'fake-indexeddb'

export interface PickerShape {
  props: Record<never, never>
  state: { file: UploadState; clicks: number }
  writable: Record<never, never>
  actions: { click(): void }
  event: never
}
export const Picker: Component<PickerShape> = component<PickerShape>('Picker')

export const KIB = 1024

/** A file whose bytes a test has, and which is read in microtasks. */
export class TestFile extends File {
  reads = 0
  /** Bytes of the largest read. */
  largest = 0
  isBroken = false

  constructor(
    readonly content: Uint8Array<ArrayBuffer>,
    name = 'picture.png',
    { type = 'image/png', lastModified = 1 }: FilePropertyBag = {},
  ) {
    super([content], name, { type, lastModified })
  }

  override slice(start = 0, end = this.content.length): Blob {
    this.reads += 1
    this.largest = Math.max(this.largest, end - start)
    const { content, isBroken } = this
    const read = async (): Promise<ArrayBuffer> => {
      if (isBroken) throw new Error('the file has changed')
      return content.slice(start, end).buffer
    }
    return { arrayBuffer: read } as Blob
  }
}

/** So many bytes that are not all the same, nor the same for another seed. */
export function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  let at = seed
  return Uint8Array.from({ length }, () => {
    at = (Math.imul(at, 1664525) + 1013904223) | 0
    return at >>> 24
  })
}

/** Whether both are the same bytes. */
export function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0
}

export interface UploadWorld {
  readonly clock: FakeClock
  readonly server: FakeServer
  readonly factory: IDBFactory
  handle: LiveHandle<PickerShape>
  uploader: Uploader
  /** Does what is to be done without time passing, also in the database. */
  settled(): Promise<void>
  /** Lets time pass until it is so. */
  until(isSo: () => boolean, what?: string): Promise<void>
  item(id: string): UploadItem
  /** Loads the page again. */
  reload(): Promise<void>
}

export interface UploadWorldOptions extends FakeServerOptions {
  readonly rules?: Partial<UploadState>
  readonly upload?: UploadOptions
  readonly componentId?: string
  readonly factory?: IDBFactory
  readonly latency?: number
}

export async function uploadWorld(options: UploadWorldOptions = {}): Promise<UploadWorld> {
  const { rules, upload, componentId = 'me', factory = new IDBFactory(), latency, ...rest } = options
  const clock = fakeClock()
  const server = fakeServer({ clock, random: () => 0.5, ...rest }).mounted(
    Picker,
    { file: { accept: [], maxBytes: 64 << 20, maxFiles: 100, files: [], ...rules }, clicks: 0 },
    {
      click(state) {
        state.clicks += 1
      },
    },
  )
  if (latency !== undefined) server.latency(latency)
  const open = (): Pick<UploadWorld, 'handle' | 'uploader'> => {
    const handle = server.client.live(Picker, componentId === '' ? {} : { componentId })
    return { handle, uploader: uploads(handle, 'file', { factory, ...upload }) }
  }
  const world: UploadWorld = {
    clock,
    server,
    factory,
    ...open(),
    async settled() {
      for (let round = 0; round < 12; round += 1) {
        await new Promise((resolve) => setImmediate(resolve))
        await clock.advance(0)
      }
    },
    async until(isSo, what = 'what was expected') {
      for (let round = 0; round < 4000; round += 1) {
        await world.settled()
        if (isSo()) return
        await clock.advance(20)
      }
      throw new Error(`${what} did not come: ${JSON.stringify(world.uploader.getSnapshot())}`)
    },
    item(id) {
      const found = world.uploader.getSnapshot().items.find((item) => item.id === id)
      if (!found) throw new Error(`there is no item ${id}`)
      return found
    },
    async reload() {
      await world.settled()
      server.reload()
      Object.assign(world, open())
      world.uploader.subscribe(() => undefined)
      await world.settled()
    },
  }
  world.uploader.subscribe(() => undefined)
  await world.until(() => world.handle.getState().status === 'live')
  return world
}
