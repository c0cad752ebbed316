/**
 * Calls that outlive their page: kept in IndexedDB before they are sent, until they are answered.
 *
 * An entry point of its own; a page that does not ask for it does not pay for it. It stands between a
 * handle and its line of calls: the call of an action enters the line once it is kept, and what an
 * earlier page of this tab left enters it first. What else is asked keeps its place between them, but is
 * not kept.
 *
 * A call is reported by its promise. One that an earlier page made has none any more, so it is reported
 * by `onAbandoned` if it cannot be sent or is refused: nothing is dropped in silence. Where nothing can
 * be kept, a call lives as long as its page.
 */

import { type CallOptions, callLine, type MakeLine } from './calls.js'
import { LiveError } from './error.js'
import { queueFull } from './outbox.js'
import type { CallBody } from './protocol.js'

/** Calls kept at once in one tab; one more is refused with `QUEUE_FULL`. */
const MOST_CALLS = 1000
/** A call is kept, and its answer waited for, so long, in ms. */
const MOST_AGE_MS = 24 * 60 * 60 * 1000
/** A database that does not open within this, in ms, is done without. */
const OPENING_MS = 2000
const DATABASE = 'fluxstack'
const STORE = 'calls'

/** A call that will not be sent, or not again, and that no promise waits for. */
export interface AbandonedCall {
  /** The name the action was given as `call_id`. */
  readonly id: string
  readonly component: string
  readonly componentId: string
  readonly action: string
  readonly payload: unknown
  /** When it was made, in ms since 1970. */
  readonly at: number
}

/** How calls are kept. */
export interface DurableOptions {
  /**
   * Hears of every call of an earlier page that was not done, or of which nobody knows whether it was:
   * its instance was mounted afresh, the server refused it, or it grew too old.
   */
  readonly onAbandoned?: (call: AbandonedCall, reason: LiveError) => void
  /** Where to keep them; for tests. */
  readonly factory?: IDBFactory
}

/** Keeps calls over a reload. Made by {@link indexedDbCalls}. */
export interface DurableCalls {
  /** Makes lines whose calls are kept. */
  readonly line: MakeLine
  /** Finds what earlier pages of this tab left, or of what tab this turns out to be. Never rejects. */
  open(tab: string): Promise<void>
  /** Whether something was left for the instance of this name, and not taken yet. */
  has(name: string): boolean
  /** Nothing may be known any more. */
  forget(): void
}

/** A call as it is kept. */
interface Kept {
  readonly id: string
  readonly tab: string
  /** The instance it is for, by the client's own name. */
  readonly name: string
  readonly body: Action
  readonly at: number
}

type Action = Extract<CallBody, { readonly type: 'CALL_ACTION' }>
/** A kept call, and where. Numbers grow in the order of keeping. */
type Placed = Kept & { readonly place: number }

/**
 * Keeps the calls of handles that have a `componentId`, for `createLiveClient`. After a reload in the
 * same tab they are sent again, under the names they had, once their instance is there again; the server
 * does each once. While its page is there such a call does not time out, but after a day.
 *
 * @example
 * const client = createLiveClient({
 *   durable: indexedDbCalls({ onAbandoned: ({ action }) => warn(`${action} may not have happened`) }),
 * })
 */
export function indexedDbCalls(options: DurableOptions = {}): DurableCalls {
  const store = callStore(options.factory ?? globalThis.indexedDB)
  /** What earlier pages left, by the name of the instance, oldest first. */
  const left = new Map<string, Placed[]>()
  /** Calls of this page, and when they are kept. */
  const own = new Map<Kept, Promise<number | undefined>>()
  let tab = ''
  let isOpen = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    isOpen = resolve
  })

  /** Resolves when the call is kept, or when it is clear that it cannot be. */
  async function keep(id: string, name: string, body: Action): Promise<Kept> {
    const others = [...left.values()].reduce((sum, calls) => sum + calls.length, own.size)
    if (others >= MOST_CALLS) throw queueFull('the call', MOST_CALLS)
    const call: Kept = { id, tab, name, body, at: Date.now() }
    const place = store.add(call)
    own.set(call, place)
    await place
    return call
  }

  async function drop(call: Kept): Promise<void> {
    const place = await own.get(call)
    own.delete(call)
    if (place !== undefined) await store.remove(place)
  }

  function abandon(call: Placed, reason: LiveError): void {
    void store.remove(call.place)
    const { id, name, body, at } = call
    const [component = '', ...rest] = name.split(':')
    const { action, payload } = body
    options.onAbandoned?.({ id, component, componentId: rest.join(':'), action, payload, at }, reason)
  }

  const line: MakeLine = (port, caller) => {
    const inner = callLine(port, caller)
    const { name, isKept: isNamed } = caller
    if (!isNamed) return inner
    /** Calls of an earlier page that entered the line, and the tab they were left in. */
    const taken = new Set<Placed>()
    let takenIn: string | undefined
    /** Why calls that are being kept must not enter any more. */
    let era: { refusal?: LiveError } = {}
    /** Everything asked so far has entered. */
    let entered: Promise<unknown> = opened.then(take)

    function take(): void {
      if (takenIn !== undefined) return
      takenIn = tab
      for (const call of left.get(name) ?? []) {
        taken.add(call)
        const timeout = Math.max(0, call.at + MOST_AGE_MS - Date.now())
        const guess = caller.guess(call.body)
        const given = { name: { id: call.id, number: 0 }, timeout, lost: pageLeft(), guess }
        inner.enter(call.body, given).then(
          () => settled(call),
          (reason: LiveError) => settled(call, reason),
        )
      }
      left.delete(name)
    }

    function settled(call: Placed, reason?: LiveError): void {
      taken.delete(call)
      // What belongs to another tab after all, or to the next page, stays where it is.
      if (tab !== takenIn || reason?.code === 'CLOSED') return
      if (reason) abandon(call, reason)
      else void store.remove(call.place)
    }

    async function enter(body: CallBody, options?: CallOptions): Promise<unknown> {
      const mine = era
      const callName = port.callName()
      // Written down now: it enters later.
      const written = JSON.parse(JSON.stringify(body)) as CallBody
      // Calls of a batch are done together or not at all, which the next page would not know.
      const isKept = written.type === 'CALL_ACTION' && !options?.ask
      const kept = isKept ? keep(callName.id, name, written) : undefined
      const turn = Promise.allSettled([entered, kept])
      entered = turn
      await turn
      const call = await kept
      try {
        if (mine.refusal) throw mine.refusal
        const timeout = call ? MOST_AGE_MS : port.timeout
        return await inner.enter(written, { ...options, name: callName, timeout })
      } catch (reason) {
        // The next page may still send it.
        if (call && reason instanceof LiveError && reason.code === 'CLOSED') own.delete(call)
        throw reason
      } finally {
        if (call) void drop(call)
      }
    }

    return {
      enter,
      open(id, isSame, shared) {
        take()
        // They were meant for an instance that is gone, or is another tab's.
        if (taken.size > 0 && (!isSame || tab !== takenIn)) inner.renew()
        inner.open(id, isSame, shared)
      },
      shut: inner.shut,
      renew(error) {
        if (error) {
          era.refusal = error
          era = {}
        }
        inner.renew(error)
      },
    }
  }

  return {
    line,
    has: (name) => left.has(name),
    async open(id) {
      tab = id
      left.clear()
      const mine = new Set<string>()
      for (const [call, place] of own) {
        mine.add(call.id)
        void place.then((at) => at !== undefined && store.put({ ...call, tab }, at))
      }
      for (const call of await store.all()) {
        if (mine.has(call.id)) continue
        if (Date.now() - call.at > MOST_AGE_MS) abandon(call, tooOld())
        else if (call.tab === tab) left.set(call.name, [...(left.get(call.name) ?? []), call])
      }
      isOpen()
    },
    forget() {
      for (const calls of left.values()) for (const call of calls) abandon(call, signedOut())
      left.clear()
    },
  }
}

function pageLeft(): LiveError {
  const why = 'the page was left before it was answered, whether it happened is unknown'
  return new LiveError('DISCONNECTED', `the call was given up: ${why}`)
}

function tooOld(): LiveError {
  return new LiveError('TIMEOUT', 'the call was given up: a day has passed, whether it happened is unknown')
}

function signedOut(): LiveError {
  return new LiveError('DISCONNECTED', 'the call was given up: the user has signed out')
}

/** Where calls are kept. Whatever fails there is as if nothing had been kept. */
interface CallStore {
  /** All there are, oldest first. */
  all(): Promise<readonly Placed[]>
  /** Resolves when it is safe, with its place, or without. */
  add(call: Kept): Promise<number | undefined>
  put(call: Kept, place: number): Promise<unknown>
  remove(place: number): Promise<unknown>
}

function callStore(factory: IDBFactory | undefined): CallStore {
  let database: Promise<IDBDatabase> | undefined
  let isTold = false

  async function run<T>(
    mode: IDBTransactionMode,
    ask: (calls: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T | undefined> {
    try {
      database ??= openDatabase(factory)
      const transaction = (await database).transaction(STORE, mode)
      const request = ask(transaction.objectStore(STORE))
      return await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result)
        transaction.onabort = () => reject(transaction.error)
      })
    } catch (cause) {
      if (!isTold) console.debug('[fluxstack] calls are not kept over a reload:', cause)
      isTold = true
      return undefined
    }
  }

  return {
    all: async () => (await run<Placed[]>('readonly', (calls) => calls.getAll())) ?? [],
    async add(call) {
      const place = await run('readwrite', (calls) => calls.add(call))
      return typeof place === 'number' ? place : undefined
    },
    put: (call, place) => run('readwrite', (calls) => calls.put({ ...call, place })),
    remove: (place) => run('readwrite', (calls) => calls.delete(place)),
  }
}

function openDatabase(factory: IDBFactory | undefined): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (!factory) throw new Error('there is no IndexedDB here')
    const request = factory.open(DATABASE, 1)
    // Some browsers never answer.
    const patience = setTimeout(() => reject(new Error('IndexedDB does not open')), OPENING_MS)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: 'place', autoIncrement: true })
    }
    request.onerror = () => {
      clearTimeout(patience)
      reject(request.error)
    }
    request.onsuccess = () => {
      clearTimeout(patience)
      // A newer page that changes the database must not wait for us.
      request.result.onversionchange = () => request.result.close()
      resolve(request.result)
    }
  })
}
