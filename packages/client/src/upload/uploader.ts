/**
 * Sends files into one field of a component, and keeps at it: over lost connections, servers that are started again
 * and pages that are loaded again.
 *
 * Which files there are, in which order and of whom is decided here; what becomes of each is `transfer.ts`. A file
 * leaves when the component is live, and not before it was checked against the rules in its state. While anything is
 * under way the component stays mounted.
 *
 * What must stay true: nothing of one user is ever sent or shown as another's; and what is shown is an object that
 * does not change until its listeners hear of another.
 */

import { randomId } from '../environment.js'
import { LiveError } from '../error.js'
import { type Inside, insideOf } from '../inside.js'
import { listeners } from '../listeners.js'
import type { Guest } from '../port.js'
import type { ComponentShape, LiveHandle } from '../shape.js'
import { type Entry, isActive, isChanged, isOver, isSettled, measure, remark, viewOf } from './entry.js'
import type { Kept, KeptFile } from './keep.js'
import { laneOf } from './lane.js'
import { browserPut } from './put.js'
import { createRecall, giveAgain, pick } from './recall.js'
import { type FileFacts, refusalOf, rulesOf } from './rules.js'
import type {
  RejectedFile,
  Uploader,
  UploadField,
  UploadOptions,
  UploadSource,
  UploadsView,
} from './shape.js'
import { createTransfer, type Known } from './transfer.js'

/** Files of a field that are sent at once, unless told otherwise. */
const PARALLEL = 3
/** Progress is shown at most this often, in ms. */
const SHOW_MS = 100
/** Progress is written down at most this often, in ms: it is only where a later page begins to ask. */
const WRITE_MS = 1000

/** As much of a handle as is needed here. */
interface Source {
  readonly instanceId: string | undefined
  getState(): { readonly state: unknown; readonly status: string; readonly error: LiveError | undefined }
  subscribe(listener: () => void): () => void
}

interface Owned {
  readonly uploader: Uploader
  configure(options: UploadOptions): void
}

const all = new WeakMap<object, Map<string, Owned>>()

/**
 * What sends files into `field` of a component: the same for the same handle and field, whose options are those that
 * were given last. Over a reload of the page it goes on if the handle has a `componentId`.
 *
 * @example
 * const avatar = uploads(picker, 'file')
 * avatar.subscribe(() => draw(avatar.getSnapshot().items))
 * avatar.add(input.files)
 */
export function uploads<C extends ComponentShape>(
  handle: LiveHandle<C>,
  field: UploadField<C>,
  options: UploadOptions = {},
): Uploader {
  const fields = all.get(handle) ?? new Map<string, Owned>()
  all.set(handle, fields)
  const owned = fields.get(field) ?? createUploader(handle, insideOf(handle), field)
  fields.set(field, owned)
  owned.configure(options)
  return owned.uploader
}

function createUploader(handle: Source, { port, guest: { name, kept }, call }: Inside, field: string): Owned {
  const { clock } = port
  const lane = laneOf(port)
  const changes = listeners<[]>()
  let options: UploadOptions = {}
  let entries: Entry[] = []
  let rejected: readonly RejectedFile[] = []
  let view: UploadsView = { items: [], isActive: false, progress: 0, rejected }
  let batch = 0
  /** Keeps the component mounted. */
  let leave: (() => void) | undefined
  /** Those that were cancelled, until the server has said that it knows. */
  let owed: Entry[] = []
  /** Whose the files are, once that is known. */
  let owner: string | undefined
  let isLooking = false
  let isOld = false
  let cancelShow: (() => void) | undefined
  let cancelWrite: (() => void) | undefined

  const self: Guest = {
    name: `${name} ${field}`,
    kept: () => undefined,
    // It may be somebody else who has it open now, without a word of it.
    opened: look,
    lost: () => undefined,
    closed: () => undefined,
    signedIn: look,
    room: () => undefined,
    flush: write,
    forget() {
      forget()
      // Not more than that: whoever is told of it later is still as before.
      hold()
      show()
    },
  }

  // A later page finds those instances whose props are kept.
  const isKept = (): boolean => kept()?.props !== undefined
  const recall = createRecall(port, name, field, isKept, () => options, show)

  function state(): unknown {
    return handle.getState().state
  }

  // What is there, and what is to be done about it.

  /** Looks at everything again: what may begin begins, and what there is to see is shown. */
  function look(): void {
    isOld = true
    if (isLooking) return
    isLooking = true
    // What is done changes things.
    while (isOld) {
      isOld = false
      const { instanceId } = handle
      const user = port.getUser()
      const isOpen = port.isOpen()
      if (isOpen && owner !== undefined && owner !== user) forget(user)
      hold()
      if (!isOpen) rest()
      else if (instanceId !== undefined && handle.getState().status === 'live') {
        owner = user
        if (recall.begin(restore)) write()
        pay(instanceId)
        check()
        run(instanceId)
        miss()
      }
    }
    isLooking = false
    show()
  }

  /** Nothing of it is this `user`'s. */
  function forget(user?: string): void {
    for (const { transfer } of [...entries, ...owed]) transfer.halt()
    entries = []
    rejected = []
    owed = []
    owner = undefined
    recall.forget(user)
  }

  /** There is no connection, so nothing is sent on it. */
  function rest(): void {
    for (const { transfer } of [...entries, ...owed]) {
      if (/^(starting|sending|checking|cancelling)$/.test(transfer.phase)) transfer.halt()
    }
  }

  /** Says what was cancelled, before anything is begun that may be in its place. */
  function pay(instanceId: string): void {
    for (const { transfer } of owed) {
      if (transfer.phase === 'cancelling' && transfer.componentId !== instanceId) transfer.halt()
      if (transfer.phase === 'waiting' && !transfer.isResting) transfer.cancel(instanceId)
    }
  }

  function run(instanceId: string): void {
    let running = 0
    for (const { transfer } of entries) {
      const isRunning = !/^(waiting|done|failed)$/.test(transfer.phase)
      // The instance is another one.
      if (isRunning && transfer.componentId !== instanceId) transfer.halt()
      else if (isRunning) running += 1
    }
    for (const entry of entries) {
      const { transfer, file, isPaused } = entry
      // The place of what was cancelled is taken until the server has said that it knows.
      if (owed.length > 0) break
      if (running >= Math.max(1, options.parallel ?? PARALLEL)) break
      if (!file || isPaused || transfer.phase !== 'waiting' || transfer.isResting) continue
      running += 1
      entry.isListed = false
      transfer.begin(file, instanceId)
    }
    for (const entry of entries) {
      if (!entry.isWritten && !isOver(entry)) recall.note(entry)
    }
  }

  /** What the state had and has no more was removed by the component. What is compared may have been taken. */
  function miss(): void {
    const files = rulesOf(state(), field)?.files ?? []
    for (const entry of entries) {
      const { name, transfer, isListed } = entry
      if (transfer.phase !== 'sending') continue
      entry.isListed = files.some(({ id }) => id === transfer.fileId)
      if (isListed && !entry.isListed)
        transfer.fail(new LiveError('UPLOAD_GONE', `${name} was removed by the component`))
    }
  }

  /** What was added before there were rules. */
  function check(): void {
    for (const entry of entries) {
      if (entry.isChecked) continue
      entry.isChecked = true
      const why = refusal(entry, entry)
      if (why) entry.transfer.fail(why)
    }
  }

  function refusal(file: FileFacts, self?: Entry): LiveError | undefined {
    const caps = port.hello()?.caps
    if (Array.isArray(caps) && !caps.includes('upload'))
      return new LiveError('UPLOAD_REFUSED', 'this server takes no files')
    const rules = rulesOf(state(), field)
    if (!rules) return undefined
    // Those that the field has, and those that it has not heard of.
    const has = new Set(rules.files.filter(({ status }) => status !== 'failed').map(({ id }) => id))
    for (const { transfer } of owed) has.delete(transfer.fileId ?? '')
    const before = self ? entries.slice(0, entries.indexOf(self)) : entries
    for (const other of before) if (!isOver(other)) has.add(other.transfer.fileId ?? other.id)
    return refusalOf(file, rules, has.size)
  }

  function hold(): void {
    const isWanted = changes.size() > 0 || entries.some(isActive) || owed.length > 0
    if (isWanted && !leave) {
      // First, because it may be told something at once.
      leave = () => undefined
      leave = handle.subscribe(look)
      port.join(self)
    } else if (!isWanted) {
      const before = leave
      leave = undefined
      before?.()
      // What is only shown, or kept, has to be forgotten with its user as well.
      if (entries.length === 0 && !recall.isUsed()) port.part(self)
    }
  }

  // Over a reload.

  /** An earlier page left this. */
  function restore(left: readonly (Kept & KeptFile)[]): void {
    const others = left.filter(({ id }) => ![...entries, ...owed].some((entry) => entry.id === id))
    const restored = others.map((one) => {
      const entry = newEntry(one, one, one)
      entry.isPaused = one.isPaused
      entry.isChecked = entry.isWritten = true
      entry.isKept = (one.file ?? one.handle) !== undefined
      if (!entry.file && entry.handle && !isOver(entry))
        void pick(entry, false).then((file) => take(entry, file))
      return entry
    })
    owed = [...owed, ...restored.filter(({ transfer }) => transfer.isCancelled)]
    entries = [...restored.filter(({ transfer }) => !transfer.isCancelled), ...entries]
    look()
  }

  /** Goes on with a file that is given again. */
  function take(entry: Entry, file: File | undefined): void {
    if (!file || entry.file || !entries.includes(entry)) return
    const { handle } = entry
    if (giveAgain(entry, file)) retry(entry)
    else if (isChanged(entry)) {
      // What was begun cannot be had any more, so this one is sent instead.
      uploader.cancel(entry.id)
      uploader.add([{ file, handle }])
    }
    look()
  }

  /** One that failed waits again. */
  function retry(entry: Entry): void {
    if (entry.transfer.phase !== 'failed') return
    entry.transfer.renew()
    if (entry.isWritten) recall.note(entry)
  }

  /** Writes down how far everything is. */
  function write(): void {
    cancelWrite?.()
    cancelWrite = undefined
    for (const entry of [...entries, ...owed]) if (entry.isWritten) recall.note(entry)
  }

  // What is shown.

  function show(): void {
    cancelShow?.()
    cancelShow = undefined
    const { state, error } = handle.getState()
    const next = viewOf(entries, batch, rejected, rulesOf(state, field)?.files ?? [], error, view)
    if (next === view) return
    view = next
    changes.tell()
  }

  function changed(entry: Entry, isProgress: boolean): void {
    const { transfer } = entry
    // It cannot be read, so that what it holds on to is of no use.
    if (isChanged(entry)) entry.file = undefined
    if (isSettled(entry)) {
      owed = owed.filter((other) => other !== entry)
      recall.drop(entry)
    } else if (entry.isWritten && transfer.phase === 'failed') recall.note(entry)
    if (!isProgress) {
      if (/^(sending|putting)$/.test(transfer.phase)) remark(entry, clock.now())
      look()
      return
    }
    measure(entry, clock.now())
    cancelShow ??= clock.after(SHOW_MS, show)
    cancelWrite ??= clock.after(WRITE_MS, write)
  }

  // What is asked for.

  function newEntry(
    { name, type, size, lastModified }: FileFacts & { readonly lastModified: number },
    { file, handle }: KeptFile,
    known: Known,
  ): Entry {
    const transfer = createTransfer(
      {
        port,
        lane,
        field,
        put: () => options.put ?? browserPut,
        changed: (isProgress) => changed(entry, isProgress),
        // A call that finds the instance gone has it brought back.
        gone: () =>
          void call({ type: 'LIST_READ', property: field, payload: { from: 0, count: 0 } }).catch(
            () => undefined,
          ),
      },
      known,
    )
    const entry: Entry = {
      id: known.id,
      name,
      type,
      size,
      lastModified,
      transfer,
      batch,
      file,
      handle,
      isPaused: false,
      isChecked: false,
      isWritten: false,
      isKept: false,
      isListed: false,
      complaint: undefined,
      mark: { at: 0, sent: 0 },
      speed: 0,
      item: undefined,
    }
    return entry
  }

  function find(id: string): Entry | undefined {
    return entries.find((entry) => entry.id === id)
  }

  function setPaused(isPaused: boolean, id: string | undefined): void {
    for (const entry of entries) {
      if (id !== undefined && entry.id !== id) continue
      if (entry.handle && !entry.file && !isPaused) void pick(entry, true).then((file) => take(entry, file))
      if (entry.isPaused === isPaused || isOver(entry)) continue
      entry.isPaused = isPaused
      if (isPaused) entry.transfer.halt()
      if (entry.isWritten) recall.note(entry)
    }
    look()
  }

  const uploader: Uploader = {
    add(files) {
      if (!entries.some(isActive)) batch += 1
      const refused: RejectedFile[] = []
      const added: string[] = []
      for (const one of files) {
        const file = one instanceof File ? one : one.file
        const { name, type, size } = file
        const error = refusal(file)
        if (error) {
          refused.push({ name, error })
          continue
        }
        const id = randomId()
        const entry = newEntry(file, one instanceof File ? { file } : one, {
          id,
          fileId: undefined,
          name,
          type,
          size,
          isBegun: false,
          isCancelled: false,
          failure: undefined,
          sent: 0,
          hash: undefined,
        })
        entry.isChecked = rulesOf(state(), field) !== undefined
        entries = [...entries, entry]
        added.push(id)
      }
      rejected = refused
      look()
      return added
    },
    pause: (id) => setPaused(true, id),
    resume: (id) => setPaused(false, id),
    cancel(id) {
      const entry = find(id)
      if (!entry) return
      entries = entries.filter((other) => other !== entry)
      const { transfer } = entry
      if (transfer.phase !== 'done' && transfer.isBegun) {
        transfer.abandon()
        owed = [...owed, entry]
        // Should this page end before the server knows, the next one says it.
        if (entry.isWritten) recall.note(entry)
      } else {
        transfer.halt()
        recall.drop(entry)
      }
      look()
    },
    retry(id) {
      const entry = find(id)
      if (entry?.transfer.phase !== 'failed') return
      if (entry.handle && !entry.file) void pick(entry, true).then((file) => take(entry, file))
      else retry(entry)
      look()
    },
    again(id, given) {
      const entry = find(id)
      if (!entry) return
      const { file, handle }: UploadSource = given instanceof File ? { file: given } : given
      entry.handle = handle ?? entry.handle
      take(entry, file)
    },
    subscribe(listener) {
      const part = changes.add(listener)
      look()
      return () => {
        part()
        hold()
      }
    },
    getSnapshot: () => view,
  }

  return {
    uploader,
    configure(given) {
      options = { ...options, ...given }
      if (given.chunk) lane.configure(given.chunk)
    },
  }
}
