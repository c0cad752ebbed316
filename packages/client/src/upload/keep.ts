/**
 * What is known of uploads over a reload of the page: what was under way, how far it was, and the file itself where
 * it is small enough, or the handle it was picked by.
 *
 * One database for all pages of a site; a record is of one tab and one user, and nobody else is shown it. Whatever
 * fails here is as if nothing had been kept: it is said once, on the console. What is read is parsed, and what is
 * old or not what it should be is removed. A record and its file are apart, because the record changes all the time.
 */

import { openDatabase } from '../database.js'
import { fieldsOf, isObject, type JsonObject, parseText } from '../protocol.js'
import type { HashState } from './sha256.js'

const DATABASE = 'fluxstack uploads'
const RECORDS = 'uploads'
const FILES = 'files'
/** What the server keeps of a file that nobody goes on with it keeps for so long, in ms. */
const MOST_AGE_MS = 24 * 60 * 60 * 1000
/** Records read at once; what is beyond them was not written by us. */
const MOST_RECORDS = 1000

/** What is known of an upload. */
export interface Kept {
  readonly id: string
  /** Its id in the state, once the server has said it. */
  readonly fileId: string | undefined
  /** The tab, the user, the component and the field. */
  readonly place: string
  readonly name: string
  readonly type: string
  readonly size: number
  readonly lastModified: number
  readonly isPaused: boolean
  readonly isBegun: boolean
  /** Nobody wants it any more, and the server has yet to hear of that. */
  readonly isCancelled: boolean
  /** Why it failed, if it did. */
  readonly failure: { readonly code: string; readonly message: string } | undefined
  readonly sent: number
  readonly hash: HashState | undefined
}

/** What may be there of its file. */
export interface KeptFile {
  readonly file?: File | undefined
  readonly handle?: FileSystemFileHandle | undefined
}

/** Where uploads are kept. Nothing here rejects. */
export interface Keep {
  /** What was under way in a place, in the order in which it was begun. */
  read(place: string): Promise<(Kept & KeptFile)[]>
  /** Writes down what is known; the first time with the file. Says whether that was kept now. */
  write(kept: Kept, file?: KeptFile): Promise<boolean>
  remove(id: string): void
  /** Removes whatever a tab has, but what is this `user`'s. */
  forget(tab: string, user?: string): void
}

/** The place of uploads. */
export function placeOf(tab: string, user: string | undefined, handle: string, field: string): string {
  return JSON.stringify([tab, user ?? null, handle, field])
}

/** How places begin. */
function startOf(...parts: string[]): string {
  return `${JSON.stringify(parts).slice(0, -1)},`
}

/** The database, opened when it is first needed. */
export function openKeep(factory: () => IDBFactory | undefined): Keep {
  let database: Promise<IDBDatabase> | undefined
  /** What is being written down first, and is still wanted. */
  const wanted = new Set<string>()
  let isTold = false
  let count = 0

  async function run<T>(
    mode: IDBTransactionMode,
    work: (records: IDBObjectStore, files: IDBObjectStore) => T,
  ) {
    let opened: typeof database
    let isOpen = false
    try {
      database ??= openDatabase(factory(), DATABASE, addStores, () => {
        database = undefined
      })
      opened = database
      const transaction = (await opened).transaction([RECORDS, FILES], mode)
      isOpen = true
      const result = work(transaction.objectStore(RECORDS), transaction.objectStore(FILES))
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve()
        transaction.onabort = () => reject(transaction.error)
      })
      return result
    } catch (cause) {
      // One that was only slow is there the next time.
      if (!isOpen && database === opened) database = undefined
      if (!isTold)
        console.warn('[fluxstack] uploads are not kept: they end when the page is loaded again.', cause)
      isTold = true
      return undefined
    }
  }

  return {
    async read(place) {
      const found: (Kept & { file?: File; handle?: FileSystemFileHandle; since: number })[] = []
      await run('readwrite', (records, files) => {
        const keys = records.getAllKeys(null, MOST_RECORDS)
        const values = records.getAll(null, MOST_RECORDS)
        values.onsuccess = () => {
          for (const [index, value] of values.result.entries()) {
            const kept = parseKept(value)
            const key = keys.result[index] as IDBValidKey
            if (!kept || kept.id !== key || !(Date.now() - kept.at < MOST_AGE_MS)) {
              records.delete(key)
              files.delete(key)
            } else if (kept.place === place) {
              const file = files.get(key)
              file.onsuccess = () => found.push({ ...kept, ...parseFile(file.result, kept) })
            }
          }
        }
      })
      return found.sort((a, b) => a.since - b.since)
    },
    write(kept, file) {
      const at = Date.now()
      const put = (isWhole: boolean): Promise<boolean | undefined> =>
        run('readwrite', (records, files) => {
          if (!file) {
            const before = records.get(kept.id)
            // What was removed meanwhile stays so.
            before.onsuccess = () => {
              if (before.result) records.put({ ...kept, at, since: Number(before.result.since) || 0 })
            }
            if (kept.isCancelled) files.delete(kept.id)
            return false
          }
          // Those of one moment keep their order too.
          count += 1
          records.put({ ...kept, at, since: at * 1000 + (count % 1000) })
          const hasFile = isWhole && (file.file ?? file.handle) !== undefined
          if (hasFile) files.put(file, kept.id)
          return hasFile
        })
      if (file) wanted.add(kept.id)
      return put(true).then((hasFile) => {
        // It may be the file that is too much, or that cannot be kept here. What was removed meanwhile stays so.
        if (file && wanted.delete(kept.id) && hasFile === undefined) void put(false)
        return hasFile === true
      })
    },
    forget(tab, user) {
      wanted.clear()
      const [all, spared] = [startOf(tab), user !== undefined && startOf(tab, user)]
      void run('readwrite', (records, files) => {
        const values = records.getAll(null, MOST_RECORDS)
        values.onsuccess = () => {
          for (const value of values.result) {
            const kept = parseKept(value)
            if (!kept?.place.startsWith(all) || (spared && kept.place.startsWith(spared))) continue
            records.delete(kept.id)
            files.delete(kept.id)
          }
        }
      })
    },
    remove(id) {
      wanted.delete(id)
      void run('readwrite', (records, files) => {
        records.delete(id)
        files.delete(id)
      })
    },
  }
}

function parseKept(value: unknown): (Kept & { readonly at: number; readonly since: number }) | undefined {
  if (!isObject(value)) return undefined
  const { id, fileId, place, name, type, size, lastModified, sent, hash, at, since } = value
  const { isPaused, isBegun, isCancelled, failure } = value
  const { code, message } = fieldsOf(failure)
  const texts = [id, place, name, type]
  const numbers = [size, lastModified, sent, at, since]
  if (!texts.every((text) => typeof text === 'string') || !numbers.every(Number.isFinite)) return undefined
  return {
    ...(value as unknown as ReturnType<typeof parseKept> & object),
    fileId: parseText(fileId),
    isPaused: isPaused === true,
    isBegun: isBegun === true,
    isCancelled: isCancelled === true,
    failure: typeof code === 'string' ? { code, message: `${message}` } : undefined,
    hash: parseHash(hash),
  }
}

function parseHash(hash: unknown): HashState | undefined {
  if (!isObject(hash)) return undefined
  const { at, words } = hash
  const isGood = Number.isSafeInteger(at) && (at as number) % 64 === 0 && /^[0-9a-f]{64}$/.test(`${words}`)
  return isGood ? (hash as unknown as HashState) : undefined
}

function parseFile(value: unknown, kept: Kept): { file?: File; handle?: FileSystemFileHandle } {
  const { file, handle }: JsonObject = isObject(value) ? value : {}
  const { name, type, size, lastModified } = kept
  return {
    // As it was written down: what a browser gives back may be a file without a name.
    ...(file instanceof Blob &&
      file.size === size && { file: new File([file], name, { type, lastModified }) }),
    ...(isObject(handle) && 'getFile' in handle && { handle: handle as unknown as FileSystemFileHandle }),
  }
}

function addStores(database: IDBDatabase): void {
  database.createObjectStore(RECORDS, { keyPath: 'id' })
  database.createObjectStore(FILES)
}
