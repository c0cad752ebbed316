/**
 * The offline outbox: what is called without a connection, kept until it is done.
 *
 * It makes the lines of all handles (`line.ts`), and knows what waits in them, what earlier pages left,
 * what is undecided, and who is here. Everything that is kept is kept in one database (`store.ts`).
 *
 * What must stay true: nothing is dropped in silence, nothing is sent twice, and nothing that one user has
 * made is ever sent as another. Who is here is the server's word; until it has said so, whoever was in this
 * tab last is assumed to be, which is good enough to show something and not to send it.
 */

import type { MakeLine } from '../calls.js'
import type { LiveClient } from '../client.js'
import type { LiveError } from '../error.js'
import { portOf } from '../inside.js'
import { parseError } from '../protocol.js'
import { type Adopter, beginAdopting, type Locks } from './adopt.js'
import { openBook } from './book.js'
import { type Conflict, createConflicts, reportConflict } from './conflicts.js'
import {
  type Entry,
  entryOf,
  inDoubt,
  type Kept,
  keptOf,
  otherUser,
  signedOut,
  takenAway,
  tooOld,
  type Who,
} from './entry.js'
import { outboxLine } from './line.js'
import type { Book, Line } from './parts.js'
import { createPictures } from './pictures.js'
import { type ComponentPolicy, policyIn } from './policy.js'
import { type OutboxView, outboxView } from './state.js'
import { ANY_TAB, openStore } from './store.js'

/** Calls that wait in one tab, unless told otherwise. */
const MOST_CALLS = 1000
/** What they take, in bytes, unless told otherwise. */
const MOST_BYTES = 1024 * 1024
/** How long a call may wait, in ms, unless told otherwise. */
const MOST_AGE_MS = 24 * 60 * 60 * 1000
/** How long a tab must seem to be closed, in ms, unless told otherwise. */
const ADOPT_AFTER_MS = 60_000
/** A page that has no connection after this, in ms, shows what it remembers. */
const PATIENCE_MS = 1000

/** How an outbox is made. Everything has a sensible value already. */
export interface OfflineOptions {
  /** What becomes of calls that cannot be sent now, by component and action. Default: they are queued. */
  readonly policies?: readonly ComponentPolicy[]
  /**
   * Hears of every call that waited and was not done: the server refused it, its instance was mounted
   * afresh, it grew too old, or nobody knows. Also of those of earlier pages. It is kept until it is retried
   * or discarded. Default: the console.
   */
  readonly onConflict?: (conflict: Conflict) => void
  /** How many calls may wait in one tab. Default 1,000; one more is rejected with `QUEUE_FULL`. */
  readonly maxCalls?: number
  /** How many bytes they may take. Default 1 MiB; what is beyond is rejected with `QUEUE_FULL`. */
  readonly maxBytes?: number
  /** How long, in ms, a call may wait for its answer. Default a day. */
  readonly maxAge?: number
  /** Whether what named components showed last is kept, for a page that is loaded without a connection. Default true. */
  readonly pictures?: boolean
  /** How long, in ms, a tab must seem closed before another takes over its calls; `false`: never. Default a minute. */
  readonly adoptAfter?: number | false
  /** The name of the database; one for each server that pages of this site talk to. */
  readonly name?: string
  /** Where the database is; for tests. */
  readonly factory?: IDBFactory
  /** The locks of the browser; for tests. */
  readonly locks?: Locks
}

/** Keeps what is called without a connection. Made by {@link offlineOutbox}. */
export interface OfflineOutbox extends OutboxView {
  /** Makes lines whose calls are kept. For the client. */
  readonly line: MakeLine
  /** Finds what earlier pages of this tab left, or of what tab this turns out to be. Never rejects. For the client. */
  open(tab: string, client: LiveClient): Promise<void>
  /** Whether something was left for the instance of this name, and not taken yet. For the client. */
  has(name: string): boolean
  /** Nothing may be known any more. For the client. */
  forget(): void
}

const outboxes = new WeakMap<MakeLine, OfflineOutbox>()

/**
 * The outbox of a client, if it has one.
 *
 * @example
 * outboxOf(client)?.getState().pending
 */
export function outboxOf(client: LiveClient): OfflineOutbox | undefined {
  return outboxes.get(portOf(client).line)
}

/**
 * Makes an outbox, for `createLiveClient`. One outbox is for one client.
 *
 * @example
 * const outbox = offlineOutbox({
 *   policies: [policy(Notebook, { search: 'latest', pay: 'fail' })],
 *   onConflict: ({ call, reason, retry, discard }) => ask(`${call.action}: ${reason.message}`, retry, discard),
 * })
 * const client = createLiveClient({ offline: outbox })
 * outbox.subscribe(({ pending }) => show(pending))
 */
export function offlineOutbox(options: OfflineOptions = {}): OfflineOutbox {
  const { maxCalls = MOST_CALLS, maxBytes = MOST_BYTES, maxAge = MOST_AGE_MS } = options
  const { onConflict = reportConflict, adoptAfter = ADOPT_AFTER_MS } = options
  const store = openStore(() => options.factory ?? globalThis.indexedDB, options.name ?? 'fluxstack-offline')
  let tab: string | undefined
  let client: LiveClient | undefined
  let who: Who
  /** The server has said who it is. */
  let isSure = false
  let isOffline = false
  /** What is not proven is shown: there is no connection, or none is to be seen for a while. */
  let isShowing = false
  let end = (): void => undefined
  let isOpen = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    isOpen = resolve
  })

  const view = outboxView(() => ({
    entries: calls.entries(),
    isOffline,
    conflicts: conflicts.list(),
    memoryOnly: store.isBroken(),
  }))
  const { changed } = view
  const calls = openBook({ store, opened, maxCalls, maxBytes, tab: () => tab ?? '', changed })
  const conflicts = createConflicts(onConflict, (entry, isWanted) => {
    if (isWanted) again(entry)
    else if (entry.isKept) calls.remove([entry.id])
    changed()
  })
  const pictures = createPictures(
    store,
    () => (isSure ? who : undefined),
    () => client && portOf(client).clock,
  )

  /** Makes a call again that was not done, as a new one. */
  function again(entry: Entry): void {
    if (!client) return
    const { id, number } = portOf(client).callName()
    const { isKept } = entry
    const fresh = { ...keptOf(entry, ''), id, user: who, at: Date.now(), isFree: true, sentTo: undefined }
    calls.renew({ ...entryOf(fresh, number), isKept, isWritten: !isKept, isSafe: false, place: 0 }, entry)
  }

  /** Finds what is written down for this tab and this user, and not known yet. */
  async function gather(): Promise<void> {
    const all = (await calls.read()).filter((call) => call.tab === tab)
    const undecided = new Set(conflicts.entries().map(({ id }) => id))
    const found: Entry[] = []
    const others: string[] = []
    for (const call of all) {
      if (!isOurs(call)) others.push(call.id)
      else if (!undecided.has(call.id)) sort(call, found)
    }
    // Somebody else has the tab now, who shall find nothing in it. While nobody is signed in it waits.
    if (isSure && who !== null) calls.remove(others)
    calls.hand(found)
    sign()
    changed()
  }

  /** What becomes of a call that was written down. */
  function sort(call: Kept, found: Entry[]): void {
    const entry = entryOf(call)
    if (call.failed) conflicts.add(entry, parseError(call.failed))
    else if (Date.now() - call.at > maxAge) fail(entry, tooOld(entry))
    else found.push(entry)
  }

  function fail(entry: Entry, reason: LiveError): void {
    calls.release(entry)
    conflicts.add(entry, reason)
    if (entry.isKept) void calls.note([entry], reason)
  }

  // Who is here.

  function isOurs({ user }: Pick<Entry, 'user'>): boolean {
    // What was mounted by nobody stays when somebody signs in.
    return typeof user !== 'string' || user === who
  }

  /** What nobody made is of whoever has come, and of nobody else from then on. */
  function sign(): void {
    if (!isSure) return
    const those = [...calls.entries(), ...conflicts.entries()].filter(
      ({ user }) => typeof user !== 'string' && user !== who,
    )
    for (const entry of those) entry.user = who
    calls.sign(those)
  }

  function become(next: string | null): void {
    if (isSure && next === who) return
    const before = who
    who = next
    isSure = true
    void store.setUser([tab ?? '', ANY_TAB], who, Date.now())
    if (next !== before) {
      hidePictures()
      if (typeof before === 'string') setAside(before, next === null ? otherUser() : signedOut())
      // What one user saw is kept, and what nobody did.
      if (next !== null) pictures.erase((user) => typeof user === 'string' && user !== next)
    }
    sign()
    void gather()
  }

  /** Nobody may see on this page what that user has made in it. What is written down stays. */
  function setAside(user: string, why: LiveError): void {
    const isTheirs = (entry: Entry): boolean => entry.user === user
    calls.dismiss(isTheirs, why)
    conflicts.remove(isTheirs)
    pictures.forget()
    changed()
  }

  /** Nothing may be known any more on this page, and nothing of whoever was here in this browser. */
  function forget(): void {
    const gone = who
    const ids = [...calls.entries(), ...conflicts.remove(() => true)].map(({ id }) => id)
    calls.dismiss(() => true, signedOut())
    calls.remove(ids)
    pictures.forget()
    hidePictures()
    who = undefined
    isSure = false
    changed()
    void opened.then(() => {
      const here = client?.getUser()
      // Somebody else has signed in, and what was left of the other one is gone already.
      if (here !== undefined) become(here)
      // Who had been here was not known yet.
      else if (gone === undefined && who !== undefined) forget()
      else void wipe(gone)
    })
  }

  /** The user is gone, and with them what is kept of them anywhere in this browser. */
  async function wipe(gone: Who): Promise<void> {
    pictures.erase((user) => user === gone)
    void store.setUser([tab ?? '', ANY_TAB], undefined, Date.now())
    const all = await store.calls()
    calls.remove(all.filter(({ user }) => typeof user === 'string' && user === gone).map(({ id }) => id))
  }

  // The connection.

  function look(): void {
    const status = client?.getStatus()
    const user = client?.getUser()
    if (user !== undefined) become(user)
    const wasOffline = isOffline
    // A new attempt is no connection yet.
    if (status !== 'opening') isOffline = status === 'waiting' || status === 'closed'
    if (status === 'open') isShowing = false
    if (isOffline && !wasOffline) showPictures()
    if (status === 'closed') end()
    changed()
  }

  function showPictures(): void {
    // Those who came meanwhile were shown theirs.
    if (isShowing) return
    isShowing = true
    for (const [name, line] of calls.lines()) show(name, line)
  }

  function show(name: string, line: Line): void {
    const picture = pictures.of(name)
    if (isShowing && picture) line.picture(picture)
  }

  function hidePictures(): void {
    for (const line of calls.lines().values()) line.picture(undefined)
  }

  const adopter: Adopter = {
    tab: () => (isSure ? tab : undefined),
    wants: ({ user, name, failed, at }) =>
      user === who && (failed !== undefined || Date.now() - at > maxAge || calls.lines().has(name)),
    adopted(those) {
      const found: Entry[] = []
      // Somebody else may have come meanwhile: then it stays where it is written down.
      for (const call of those.filter(isOurs)) {
        if (call.sentTo !== undefined && !call.failed) fail(entryOf(call), inDoubt())
        else sort(call, found)
      }
      calls.hand(found)
    },
  }

  function begin(made: LiveClient): void {
    client = made
    const { clock } = portOf(made)
    const locks = options.locks ?? globalThis.navigator?.locks
    globalThis.document?.addEventListener('visibilitychange', pictures.draw)
    const stops = [
      made.subscribeStatus(look),
      () => globalThis.document?.removeEventListener('visibilitychange', pictures.draw),
      clock.after(PATIENCE_MS, () => made.getStatus() !== 'open' && showPictures()),
      locks && adoptAfter !== false ? beginAdopting(store, locks, clock, adoptAfter, adopter) : undefined,
    ]
    end = () => {
      pictures.draw()
      for (const stop of stops) stop?.()
    }
    if (globalThis.navigator?.onLine === false) showPictures()
    // It may have been closed before.
    look()
  }

  /** This page is not the tab it seemed to be: what earlier pages left is the other one's. */
  function part(): void {
    const isTheirs = ({ isLeft, number }: Entry): boolean => isLeft && number === 0
    calls.dismiss(isTheirs, takenAway())
    conflicts.remove(isTheirs)
    const own = calls.entries().filter(({ isSafe }) => isSafe)
    if (own.length > 0) void calls.note(own)
  }

  const book: Book = {
    ...calls,
    opened,
    maxAge,
    policyOf: policyIn(options.policies ?? []),
    user: () => who,
    look: () => become(client?.getUser() ?? null),
    isOurs,
    fail,
    saw: options.pictures === false ? () => undefined : pictures.saw,
    join(name, line) {
      calls.join(name, line)
      book.show(name, line)
    },
    // Later, because its handle is not ready yet.
    sign(entries) {
      if (isSure) for (const entry of entries) entry.user ??= who
    },
    show: (name, line) => void opened.then(() => show(name, line)),
  }

  const outbox: OfflineOutbox = {
    line: outboxLine(book),
    getState: view.getState,
    getInitialState: view.getInitialState,
    subscribe: view.subscribe,
    has: calls.has,
    async open(id, made) {
      const isAnother = tab !== undefined && tab !== id
      tab = id
      if (isAnother) part()
      if (!isSure) who = (await store.user(id)) ?? (await store.user(ANY_TAB))
      await Promise.all([gather(), options.pictures === false || pictures.open(who)])
      if (!client) begin(made)
      isOpen()
    },
    forget,
  }
  outboxes.set(outbox.line, outbox)
  return outbox
}
