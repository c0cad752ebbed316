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
import { type Keep, openKeep, placeOf } from './keep.js'
import { laneOf } from './lane.js'
import { browserPut } from './put.js'
import { type FileFacts, refusalOf, rulesOf } from './rules.js'
import type {
  RejectedFile,
  Uploader,
  UploadField,
  UploadItem,
  UploadOptions,
  UploadSource,
  UploadStatus,
  UploadsView,
} from './shape.js'
import { createTransfer, type Known, type Transfer } from './transfer.js'

/** Files of a field that are sent at once, unless told otherwise. */
const PARALLEL = 3
/** Files up to this, in bytes, are kept over a reload, unless told otherwise. */
const KEEP = 64 << 20
/** Progress is shown at most this often, in ms. */
const SHOW_MS = 100
/** Over how long, in ms, the speed is that of late. */
const SPEED_MS = 500
/** Progress is written down at most this often, in ms: it is only where a later page begins to ask. */
const WRITE_MS = 1000

/** As much of a handle as is needed here. */
interface Source {
  readonly instanceId: string | undefined
  getState(): { readonly state: unknown; readonly status: string; readonly error: LiveError | undefined }
  subscribe(listener: () => void): () => void
}

/** A file of the field. */
interface Entry extends FileFacts {
  readonly id: string
  readonly lastModified: number
  readonly transfer: Transfer
  /** Those that were under way together. */
  readonly batch: number
  file: File | undefined
  handle: FileSystemFileHandle | undefined
  isPaused: boolean
  isChecked: boolean
  isWritten: boolean
  /** Why what was done last was not right. */
  complaint: LiveError | undefined
  /** How much there was when the speed was measured last. */
  mark: { readonly at: number; readonly sent: number }
  speed: number
  item: UploadItem | undefined
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
  let keep: Keep | undefined
  let batch = 0
  /** Keeps the component mounted. */
  let leave: (() => void) | undefined
  /** Whose uploads of earlier pages were looked for. */
  let place: string | undefined
  /** What the server is to be told once it can be. */
  let owed: ((componentId: string) => void)[] = []
  let isLooking = false
  let isOld = false
  let cancelShow: (() => void) | undefined
  let cancelWrite: (() => void) | undefined

  const self: Guest = {
    name: `${name} ${field}`,
    kept: () => undefined,
    opened: () => undefined,
    lost: () => undefined,
    closed: () => undefined,
    signedIn: () => undefined,
    room: () => undefined,
    flush: write,
    forget() {
      for (const { transfer } of entries) transfer.halt()
      entries = []
      rejected = []
      owed = []
      place = undefined
      storage().forget(port.id())
      look()
    },
  }

  function storage(): Keep {
    keep ??= openKeep(() => options.factory ?? globalThis.indexedDB)
    return keep
  }

  function state(): unknown {
    return handle.getState().state
  }

  // What is there, and what is to be done about it.

  function statusOf({ transfer, file, isPaused }: Entry): UploadStatus {
    const { phase } = transfer
    if (phase === 'done' || phase === 'failed') return phase
    if (!file) return 'interrupted'
    if (isPaused) return 'paused'
    if (phase === 'checking') return phase
    return phase === 'sending' || phase === 'putting' ? 'sending' : 'waiting'
  }

  function isActive(entry: Entry): boolean {
    return /^(waiting|sending|checking)$/.test(statusOf(entry))
  }

  /** Looks at everything again: what may begin begins, and what there is to see is shown. */
  function look(): void {
    isOld = true
    if (isLooking) return
    isLooking = true
    // What is done changes things.
    while (isOld) {
      isOld = false
      hold()
      const { instanceId } = handle
      if (!port.isOpen()) rest()
      else if (instanceId !== undefined && handle.getState().status === 'live') {
        restore()
        for (const tell of owed.splice(0)) tell(instanceId)
        check()
        run(instanceId)
      }
    }
    isLooking = false
    show()
  }

  /** There is no connection, so nothing is sent on it. */
  function rest(): void {
    for (const { transfer } of entries) {
      if (/^(starting|sending|checking)$/.test(transfer.phase)) transfer.halt()
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
      if (running >= Math.max(1, options.parallel ?? PARALLEL)) break
      if (!file || isPaused || transfer.phase !== 'waiting' || transfer.isResting) continue
      running += 1
      transfer.begin(file, instanceId)
    }
    for (const entry of entries) {
      if (entry.isWritten || /^(done|failed)$/.test(entry.transfer.phase)) continue
      entry.isWritten = note(entry, true)
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
    const before = self ? entries.slice(0, entries.indexOf(self)) : entries
    for (const { id, transfer } of before) {
      if (!/^(done|failed)$/.test(transfer.phase)) has.add(transfer.fileId ?? id)
    }
    return refusalOf(file, rules, has.size)
  }

  function hold(): void {
    const isWanted = changes.size() > 0 || entries.some(isActive)
    if (isWanted && !leave) {
      // First, because it may be told something at once.
      leave = () => undefined
      leave = handle.subscribe(look)
      port.join(self)
    } else if (!isWanted) {
      const before = leave
      leave = undefined
      before?.()
      // What is only shown has to be forgotten with its user as well.
      if (entries.length === 0) port.part(self)
    }
  }

  // Over a reload.

  /** A later page finds the instance, and who it is of. */
  function isKept(): boolean {
    return kept()?.props !== undefined
  }

  function restore(): void {
    if (place !== undefined) return
    place = placeOf(port.id(), port.getUser(), name, field)
    if (!isKept()) return
    const mine = place
    void storage()
      .read(place)
      .then((found) => {
        if (place !== mine) return
        const known = new Set(entries.map(({ id }) => id))
        const others = found.filter(({ id }) => !known.has(id))
        const restored = others.map((one) => {
          const entry = newEntry(one, one.file, one.handle, one)
          entry.isPaused = one.isPaused
          entry.isChecked = entry.isWritten = true
          if (!entry.file && entry.handle) void pick(entry, false)
          return entry
        })
        entries = [...restored, ...entries]
        look()
      })
  }

  /** Has the file again by its handle, if the browser allows it. */
  async function pick(entry: Entry, mayAsk: boolean): Promise<void> {
    try {
      const handle = entry.handle as FileSystemFileHandle & Permissions
      const how = { mode: 'read' } as const
      const leave = await handle.queryPermission?.(how)
      const isAllowed =
        leave === 'granted' || (mayAsk && (await handle.requestPermission?.(how)) === 'granted')
      if (isAllowed) take(entry, await handle.getFile())
    } catch {
      // It was moved or deleted: it has to be picked again.
    }
  }

  /** Goes on with a file that is given again. */
  function take(entry: Entry, file: File): void {
    if (entry.file || !entries.includes(entry)) return
    const { name, size, lastModified } = entry
    const isSame = file.name === name && file.size === size && file.lastModified === lastModified
    entry.complaint = isSame
      ? undefined
      : new LiveError('FILE_CHANGED', `${file.name} is not the file ${name} that was being sent`)
    if (isSame) {
      entry.file = file
      // Nobody knows whether it is what it was: what was sent is read again, and compared in the end.
      entry.transfer.mistrust()
    }
    look()
  }

  /** Writes down how it stands. Whether that makes sense. */
  function note(entry: Entry, isFirst = false): boolean {
    if (place === undefined || !isKept()) return false
    const { id, name, type, size, lastModified, isPaused, transfer, file, handle } = entry
    const { isBegun, sent } = transfer
    const mayKeep = size <= (options.keep ?? KEEP)
    storage().write(
      { id, place, name, type, size, lastModified, isPaused, isBegun, sent, hash: transfer.hash() },
      isFirst ? { file: mayKeep ? file : undefined, handle } : undefined,
    )
    return true
  }

  /** Writes down how far everything is. */
  function write(): void {
    cancelWrite?.()
    cancelWrite = undefined
    for (const entry of entries) if (entry.isWritten) note(entry)
  }

  /** It is over: a later page need not know. */
  function drop(entry: Entry): void {
    if (!entry.isWritten) return
    entry.isWritten = false
    storage().remove(entry.id)
  }

  // What is shown.

  function show(): void {
    cancelShow?.()
    cancelShow = undefined
    const { state, error } = handle.getState()
    const files = rulesOf(state, field)?.files ?? []
    const items = entries.map((entry) => {
      const { transfer, item, id, name, type, size, file, speed } = entry
      const { fileId, sent } = transfer
      const status = statusOf(entry)
      const next: UploadItem = {
        id,
        fileId,
        name,
        type,
        size,
        file,
        sent,
        status,
        error: entry.complaint ?? transfer.error ?? (status === 'waiting' ? error : undefined),
        speed: status === 'sending' ? speed : 0,
        remaining: status === 'sending' && speed > 0 ? ((size - sent) / speed) * 1000 : undefined,
        url: files.find((one) => one.id === fileId)?.url ?? transfer.url ?? item?.url,
      }
      if (!item || differs(item, next)) entry.item = next
      return entry.item as UploadItem
    })
    const isNow = entries.some(isActive)
    const together = entries.filter((entry) => entry.batch === batch && entry.transfer.phase !== 'failed')
    const total = together.reduce((sum, { size }) => sum + size, 0)
    const sent = together.reduce((sum, { transfer }) => sum + transfer.sent, 0)
    const isAllDone = together.length > 0 && together.every(({ transfer }) => transfer.phase === 'done')
    const progress = total > 0 ? sent / total : isAllDone ? 1 : 0
    const next: UploadsView = { items, isActive: isNow, progress, rejected }
    const isSame =
      items.length === view.items.length && items.every((item, index) => item === view.items[index])
    if (isSame && !differs({ ...view, items }, next)) return
    view = next
    changes.tell()
  }

  function changed(entry: Entry, isProgress: boolean): void {
    const { transfer } = entry
    if (/^(done|failed)$/.test(transfer.phase)) drop(entry)
    if (!isProgress) {
      if (transfer.phase === 'sending') remark(entry)
      look()
      return
    }
    measure(entry)
    cancelShow ??= clock.after(SHOW_MS, show)
    cancelWrite ??= clock.after(WRITE_MS, write)
  }

  function remark(entry: Entry): void {
    entry.mark = { at: clock.now(), sent: entry.transfer.sent }
    entry.speed = 0
  }

  function measure(entry: Entry): void {
    const { mark, transfer, speed } = entry
    const took = clock.now() - mark.at
    if (took < SPEED_MS) return
    const now = Math.max(0, ((transfer.sent - mark.sent) / took) * 1000)
    entry.mark = { at: clock.now(), sent: transfer.sent }
    entry.speed = speed > 0 ? speed * 0.7 + now * 0.3 : now
  }

  // What is asked for.

  function newEntry(
    facts: FileFacts & { readonly lastModified: number },
    file: File | undefined,
    handle: FileSystemFileHandle | undefined,
    known: Known,
  ): Entry {
    const { name, type, size, lastModified } = facts
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
      if (entry.handle && !entry.file && !isPaused) void pick(entry, true)
      if (entry.isPaused === isPaused || /^(done|failed)$/.test(entry.transfer.phase)) continue
      entry.isPaused = isPaused
      if (isPaused) entry.transfer.halt()
      if (entry.isWritten) note(entry)
    }
    look()
  }

  const uploader: Uploader = {
    add(files) {
      if (!entries.some(isActive)) batch += 1
      const refused: RejectedFile[] = []
      const added: string[] = []
      for (const one of files) {
        const { file, handle }: UploadSource = one instanceof File ? { file: one } : one
        const { name, type, size } = file
        const error = refusal(file)
        if (error) {
          refused.push({ name, error })
          continue
        }
        const id = randomId()
        const entry = newEntry(file, file, handle, {
          id,
          name,
          type,
          size,
          isBegun: false,
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
      drop(entry)
      const { transfer } = entry
      const isDone = transfer.phase === 'done'
      transfer.halt()
      if (!isDone && transfer.isBegun) owed.push(transfer.cancel)
      look()
    },
    retry(id) {
      const entry = find(id)
      if (entry?.transfer.phase !== 'failed') return
      entry.transfer.renew()
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

/** What some browsers have. */
interface Permissions {
  queryPermission?(how: { readonly mode: 'read' }): Promise<string>
  requestPermission?(how: { readonly mode: 'read' }): Promise<string>
}

function differs(before: object, after: object): boolean {
  return Object.entries(after).some(([key, value]) => value !== (before as Record<string, unknown>)[key])
}
