/** What the tests of uploads share: an album, its page, and an uploader that does what a test says. */

import { type Component, component, type UploadState } from '@fluxstack/client'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import type { Uploader, UploadItem, UploadSource, UploadsView } from '@fluxstack/client/upload'
import { useLive } from '@fluxstack/react'
import { type LiveUpload, UploadList, type UseUploadOptions, useUpload } from '@fluxstack/react/upload'
import { act } from '@testing-library/react'
import { type ReactNode, useEffect } from 'react'

export interface AlbumShape {
  props: Record<never, never>
  state: { readonly title: string; readonly pictures: UploadState; readonly cover: UploadState }
  writable: { title: string }
  actions: { save(): void }
  event: never
}
export const Album: Component<AlbumShape> = component<AlbumShape>('Album')

export const PICTURES: UploadState = {
  accept: ['image/png', '.jpg'],
  maxBytes: 2 << 20,
  maxFiles: 5,
  files: [],
}
export const COVER: UploadState = { accept: [], maxBytes: 1024, maxFiles: 1, files: [] }

export const albums = (): FakeServer =>
  fakeServer().mounted(Album, { title: 'Rome', pictures: PICTURES, cover: COVER }, { save: () => undefined })

/** A file of a size, without its bytes. */
export function fileOf(name: string, size = 4, type = 'image/png'): File {
  const file = new File(['file'], name, { type, lastModified: 1 })
  Object.defineProperty(file, 'size', { value: size })
  return file
}

export function itemOf(some: Partial<UploadItem> & { readonly name: string }): UploadItem {
  return {
    id: some.name,
    fileId: undefined,
    type: 'image/png',
    size: 1000,
    file: fileOf(some.name, 1000),
    isHeld: false,
    isKept: false,
    sent: 0,
    status: 'sending',
    error: undefined,
    speed: 0,
    remaining: undefined,
    url: undefined,
    ...some,
  }
}

export interface FakeUploader extends Uploader {
  /** What it was told, in order. */
  readonly told: string[]
  /** How many listen. */
  readonly heard: () => number
  /** Shows these files, and renders them. */
  readonly show: (...items: readonly UploadItem[]) => void
  /** The same without telling React to render at once. */
  readonly change: (view: Partial<UploadsView>) => void
}

/** An uploader that sends nothing. */
export function fakeUploader(): FakeUploader {
  const told: string[] = []
  const listeners = new Set<() => void>()
  let view: UploadsView = { items: [], isActive: false, progress: 0, rejected: [] }
  const nameOf = (source: File | UploadSource): string => (source instanceof File ? source : source.file).name
  const change: FakeUploader['change'] = (next) => {
    view = { ...view, ...next }
    for (const listener of [...listeners]) listener()
  }
  return {
    told,
    heard: () => listeners.size,
    change,
    show: (...items) =>
      act(() => {
        const isActive = items.some(({ status }) => /waiting|sending|checking/.test(status))
        const size = items.reduce((sum, item) => sum + item.size, 0)
        change({ items, isActive, progress: items.reduce((sum, { sent }) => sum + sent, 0) / (size || 1) })
      }),
    add(files) {
      const names = [...files].map(nameOf)
      told.push(`add ${names.join()}`)
      return names
    },
    pause: (id) => told.push(`pause ${id}`),
    resume: (id) => told.push(`resume ${id}`),
    cancel: (id) => told.push(`cancel ${id}`),
    retry: (id) => told.push(`retry ${id}`),
    again: (id, source) => told.push(`again ${id} ${nameOf(source)}`),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    getSnapshot: () => view,
  }
}

/** What was given in the last render of an {@link AlbumPage}. */
export const last: { upload: LiveUpload | undefined; renders: number } = { upload: undefined, renders: 0 }

export function AlbumPage({ options }: { readonly options?: UseUploadOptions }): ReactNode {
  const album = useLive(Album, { componentId: 'album', select: () => 0 })
  const upload = useUpload(album, 'pictures', options)
  last.upload = upload
  useEffect(() => {
    last.renders += 1
  })
  return (
    <>
      <section aria-label="box" {...upload.dropProps} {...upload.pasteProps}>
        <input {...upload.inputProps} aria-label="files" />
        <button {...upload.buttonProps}>Choose pictures</button>
        <p {...upload.hintProps}>{upload.hint}</p>
        <input aria-label="caption" />
        <UploadList upload={upload} />
      </section>
      <p>beside</p>
    </>
  )
}
