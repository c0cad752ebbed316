import { IDBFactory, IDBObjectStore } from 'fake-indexeddb'
import { expect, test, vi } from 'vitest'
import { type Kept, openKeep } from '../src/upload/keep.js'

const kept: Kept = {
  id: 'one',
  fileId: undefined,
  place: 'here',
  name: 'picture.png',
  type: 'image/png',
  size: 4,
  lastModified: 1,
  isPaused: false,
  isBegun: true,
  isCancelled: false,
  failure: undefined,
  sent: 0,
  hash: undefined,
}
const file = new File(['four'], 'picture.png')

/** Refuses files, as a browser without room for them. */
function refuseFiles(): { mockRestore(): void } {
  const { put } = IDBObjectStore.prototype
  return vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
    this: IDBObjectStore,
    ...given: Parameters<typeof put>
  ) {
    const request = put.apply(this, given)
    if (this.name === 'files') request.onsuccess = () => this.transaction.abort()
    return request
  })
}

test('a record came back that was removed while its file was refused', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const refused = refuseFiles()
  const factory = new IDBFactory()
  const keep = openKeep(() => factory)
  const isKept = keep.write(kept, { file })
  keep.remove('one')
  expect(await isKept).toBe(false)
  expect(await keep.read('here')).toEqual([])
  // One that is wanted is there without its file.
  expect(await keep.write(kept, { file })).toBe(false)
  expect(await keep.read('here')).toMatchObject([{ id: 'one' }])
  expect(await keep.read('here')).not.toMatchObject([{ file: expect.anything() }])
  refused.mockRestore()
  warn.mockRestore()
})

test('a database that did not open once was done without for ever', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const factory = new IDBFactory()
  let isThere = false
  const keep = openKeep(() => (isThere ? factory : undefined))
  expect(await keep.write(kept, { file })).toBe(false)
  expect(await keep.read('here')).toEqual([])
  isThere = true
  expect(await keep.write(kept, { file })).toBe(true)
  expect(await keep.read('here')).toMatchObject([{ id: 'one' }])
  expect(warn).toHaveBeenCalledTimes(1)
  warn.mockRestore()
})
