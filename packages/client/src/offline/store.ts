/**
 * The database behind the outbox: calls that wait, pictures of components, who was here.
 *
 * Whatever fails here is as if nothing had been kept: a private window, a browser without IndexedDB, a
 * full disk. It is said once, on the console, and in the outbox's state. What is read is parsed; what is
 * not what it should be is removed.
 *
 * What must stay true: changes happen in the order they are asked for, and the changes of one question
 * happen together. A call is claimed, in the same step as it is looked at, before it leaves for the first
 * time; so two tabs never both send one.
 */

import { openDatabase } from '../database.js'
import { isObject, parseText } from '../protocol.js'
import { type Kept, parseKept, type Who } from './entry.js'

/** Work in it is not waited for once nothing was done for so long, in ms. Much work is no reason to give up. */
const WORKING_MS = 5000
/** The same, if what was done last was not. */
const BROKEN_MS = 250
/** Records read at once; what is beyond them was not written by us. */
const MOST_RECORDS = 10_000
const CALLS = 'calls'
const PICTURES = 'pictures'
const USERS = 'users'
/** The tab by whose name the browser's last user is kept. */
export const ANY_TAB = ''

/** What a component last showed to a user. */
export interface Picture {
  readonly user: Who
  readonly name: string
  /** The state as JSON. */
  readonly text: string
  readonly at: number
}

/** Where calls are kept. Nothing here rejects. */
export interface Store {
  /** Whether what was kept last is not. */
  isBroken(): boolean
  /** All calls there are, of all tabs, in their order. */
  calls(): Promise<Kept[]>
  /** Writes and removes calls. Whether that is safe now. */
  write(put: readonly Kept[], remove?: readonly string[]): Promise<boolean>
  /** Writes calls that were written before, if they are still there and the tab's. */
  rewrite(put: readonly Kept[]): Promise<unknown>
  /** Notes where calls of a tab are about to be sent. Brings those that are not the tab's any more. */
  claim(ids: readonly string[], tab: string, sentTo: string): Promise<ReadonlySet<string>>
  /** Gives calls of one tab to another. Brings those that were still there. */
  move(ids: readonly string[], from: string, to: string): Promise<Kept[]>
  /** Notes whose these calls of a tab are. */
  sign(ids: readonly string[], tab: string, user: Who): Promise<unknown>
  /** All pictures there are. */
  pictures(): Promise<Picture[]>
  draw(pictures: readonly Picture[], remove?: readonly Picture[]): Promise<unknown>
  /** Who was here last, in a tab. */
  user(tab: string): Promise<Who>
  /** Notes it in the tab and for the browser; undefined forgets it. */
  setUser(tabs: readonly string[], user: Who, at: number): Promise<unknown>
}

/** The database of this name, opened when it is first needed. */
export function openStore(factory: () => IDBFactory | undefined, name: string): Store {
  let database: Promise<IDBDatabase> | undefined
  let isBroken = false
  let isTold = false
  /** Counts what was done. */
  let done = 0

  /** Hears that nothing is done any more. */
  function watch(stuck: () => void): () => void {
    let seen = done
    let stop = (): void => undefined
    const look = (): void => {
      stop = waitFor(isBroken ? BROKEN_MS : WORKING_MS, () => {
        if (seen === done) stuck()
        else {
          seen = done
          look()
        }
      })
    }
    look()
    return () => stop()
  }

  async function run<T>(
    store: string,
    mode: IDBTransactionMode,
    work: (objects: IDBObjectStore) => T,
  ): Promise<T | undefined> {
    try {
      database ??= openDatabase(factory(), name, addStores, () => {
        database = undefined
      })
      const transaction = (await database).transaction(store, mode)
      const result = work(transaction.objectStore(store))
      let stopWaiting: (() => void) | undefined
      await new Promise<void>((resolve, reject) => {
        stopWaiting = watch(() => reject(new Error('IndexedDB does not answer')))
        transaction.oncomplete = () => resolve()
        transaction.onabort = () => reject(transaction.error)
      }).finally(stopWaiting)
      isBroken = false
      done += 1
      return result
    } catch (cause) {
      if (!isTold)
        console.warn(
          '[fluxstack] the outbox is kept in memory only: calls that wait are lost when the page is left.',
          cause,
        )
      isTold = isBroken = true
      return undefined
    }
  }

  /** What is in a store, parsed; what cannot be is removed. */
  async function all<T>(
    store: string,
    parse: (value: unknown) => T | undefined,
    keyOf: (item: T) => string,
  ): Promise<T[]> {
    const found: T[] = []
    await run(store, 'readwrite', (objects) => {
      const keys = objects.getAllKeys(null, MOST_RECORDS)
      const values = objects.getAll(null, MOST_RECORDS)
      values.onsuccess = () => {
        for (const [index, value] of values.result.entries()) {
          const item = parse(value)
          const key = keys.result[index]
          if (item && keyOf(item) === key) found.push(item)
          else if (key !== undefined) objects.delete(key)
        }
      }
    })
    return found
  }

  /** Looks at each of these calls, while nobody else does. */
  async function each(
    ids: readonly string[],
    look: (kept: Kept, objects: IDBObjectStore) => void,
  ): Promise<boolean> {
    const done = await run(CALLS, 'readwrite', (objects) => {
      for (const id of ids) {
        const request = objects.get(id)
        request.onsuccess = () => {
          const kept = parseKept(request.result)
          if (kept) look(kept, objects)
        }
      }
      return true
    })
    return done === true
  }

  return {
    isBroken: () => isBroken,
    async calls() {
      const calls = await all(CALLS, parseKept, ({ id }) => id)
      return calls.sort((a, b) => a.place - b.place)
    },
    async write(put, remove = []) {
      const done = await run(CALLS, 'readwrite', (calls) => {
        for (const id of remove) calls.delete(id)
        for (const kept of put) calls.put(kept)
        return true
      })
      return done === true
    },
    rewrite(put) {
      const next = new Map(put.map((kept) => [kept.id, kept]))
      return each([...next.keys()], ({ id, tab }, calls) => {
        const kept = next.get(id)
        if (kept?.tab === tab) calls.put(kept)
      })
    },
    async claim(ids, tab, sentTo) {
      const gone = new Set(ids)
      const isDone = await each(ids, (kept, calls) => {
        if (kept.tab !== tab) return
        gone.delete(kept.id)
        calls.put({ ...kept, sentTo })
      })
      // Where nothing can be looked at nobody else can take anything.
      return isDone ? gone : new Set()
    },
    async move(ids, from, to) {
      const moved: Kept[] = []
      const isDone = await each(ids, (kept, calls) => {
        if (kept.tab !== from) return
        const next = { ...kept, tab: to, isFree: true }
        moved.push(next)
        calls.put(next)
      })
      return isDone ? moved.sort((a, b) => a.place - b.place) : []
    },
    sign: (ids, tab, user) =>
      each(ids, (kept, calls) => {
        if (kept.tab === tab) calls.put({ ...kept, user })
      }),
    pictures: () => all(PICTURES, parsePicture, pictureKey),
    draw: (pictures, remove = []) =>
      run(PICTURES, 'readwrite', (objects) => {
        for (const picture of remove) objects.delete(pictureKey(picture))
        for (const picture of pictures) objects.put({ ...picture, key: pictureKey(picture) })
      }),
    async user(tab) {
      const request = await run(USERS, 'readonly', (users) => users.get(tab))
      const { user }: { user?: unknown } = isObject(request?.result) ? request.result : {}
      return user === null ? null : parseText(user)
    },
    setUser: (tabs, user, at) =>
      run(USERS, 'readwrite', (users) => {
        for (const tab of tabs) {
          if (user === undefined) users.delete(tab)
          else users.put({ tab, user, at })
        }
        const old = users.openCursor()
        old.onsuccess = () => {
          const cursor = old.result
          if (!cursor) return
          const { at: since }: { at?: unknown } = Object(cursor.value)
          if (!(Number(since) > at - USER_AGE_MS)) cursor.delete()
          cursor.continue()
        }
      }),
  }
}

/** Who was in a tab that has not been seen for so long, in ms, is forgotten. */
const USER_AGE_MS = 30 * 24 * 60 * 60 * 1000

function pictureKey({ user, name }: Picture): string {
  return JSON.stringify([user ?? null, name])
}

function parsePicture(value: unknown): Picture | undefined {
  if (!isObject(value)) return undefined
  const { user, name, text, at } = value
  if (typeof name !== 'string' || typeof text !== 'string' || typeof at !== 'number') return undefined
  return { user: user === null ? null : parseText(user), name, text, at }
}

/** Rings after so long, in two halves: a page that was frozen has time to hear what it missed. */
function waitFor(ms: number, then: () => void): () => void {
  let timer = setTimeout(() => {
    timer = setTimeout(then, ms / 2)
  }, ms / 2)
  return () => clearTimeout(timer)
}

function addStores(database: IDBDatabase): void {
  database.createObjectStore(CALLS, { keyPath: 'id' })
  database.createObjectStore(PICTURES, { keyPath: 'key' })
  database.createObjectStore(USERS, { keyPath: 'tab' })
}
