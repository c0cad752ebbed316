/** Files of transcripts: parts of one text, and what a client says of them. */

import { IDBFactory } from 'fake-indexeddb'
import { type Uploader, uploads } from '../src/upload/index.js'

/** So many letters of the text that all files consist of. */
export function letters(from: number, count: number): string {
  return Array.from({ length: count }, (_, at) => String.fromCharCode(32 + ((from + at) % 95))).join('')
}

/** The same frame, with the letters that its binary part stands for. */
export function withLetters(frame: Record<string, unknown>): Record<string, unknown> {
  const { binary } = frame
  return Array.isArray(binary) ? { ...frame, binary: letters(binary[0], binary[1]) } : frame
}

type Handle = Parameters<typeof uploads>[0]

/** Every handle has a browser of its own. */
const factories = new WeakMap<object, IDBFactory>()

function uploaderOf(handle: object, field: string): Uploader {
  const factory = factories.get(handle) ?? new IDBFactory()
  factories.set(handle, factory)
  return uploads(handle as Handle, field as never, { factory })
}

/** Adds a file to a field: `file type size`. */
export function upload(handle: object, field: string, words: string): void {
  const [file = '', type = '', size = ''] = words.split(' ')
  const content = letters(0, Number(size))
  uploaderOf(handle, field).add([new File([content], file, { type, lastModified: 1 })])
}

/** What becomes of the files of a field. */
export function files(handle: object, field: string): unknown {
  const { items } = uploaderOf(handle, field).getSnapshot()
  return items.map(({ name, sent, status, error }) => [name, sent, status, ...(error ? [error.code] : [])])
}

/** Gives one of them up. */
export function cancel(handle: object, field: string, at: number): void {
  const uploader = uploaderOf(handle, field)
  const item = uploader.getSnapshot().items[at]
  if (!item) throw new Error(`there is no file at ${at}`)
  uploader.cancel(item.id)
}
