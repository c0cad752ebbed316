/**
 * One file of a field: what was given, what was said about it since, and how it is shown.
 */

import type { LiveError } from '../error.js'
import type { UploadFile } from '../shape.js'
import type { FileFacts } from './rules.js'
import type { RejectedFile, UploadItem, UploadStatus, UploadsView } from './shape.js'
import type { Transfer } from './transfer.js'

/** Over how long, in ms, the speed is that of late. */
const SPEED_MS = 500
/** The part of it that is what it was before. */
const SMOOTH = 0.7

/** A file of the field. */
export interface Entry extends FileFacts {
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
  /** A later page finds its file too. */
  isKept: boolean
  /** The state had it, since it was begun last. */
  isListed: boolean
  /** Why what was done last was not right. */
  complaint: LiveError | undefined
  /** How much there was when the speed was measured last. */
  mark: { readonly at: number; readonly sent: number }
  speed: number
  item: UploadItem | undefined
}

/** Its file is not what was being sent, and will not be. */
export function isChanged({ transfer: { phase, error } }: Entry): boolean {
  return phase === 'failed' && error?.code === 'FILE_CHANGED'
}

/** Whether it is over, one way or the other. */
export function isOver({ transfer: { phase } }: Entry): boolean {
  return phase === 'done' || phase === 'failed'
}

/**
 * Whether a later page need not know of it. What failed after it was begun may still take a place on the server, until
 * it is cancelled or tried again.
 */
export function isSettled({ transfer: { phase, isBegun, isCancelled } }: Entry): boolean {
  return phase === 'done' || (phase === 'failed' && (isCancelled || !isBegun))
}

/** What it is doing, in the words of an application. */
export function statusOf({ transfer: { phase }, file, isPaused }: Entry): UploadStatus {
  if (phase === 'done' || phase === 'failed') return phase
  if (!file) return 'interrupted'
  if (isPaused) return 'paused'
  if (phase === 'checking') return phase
  return phase === 'sending' || phase === 'putting' ? 'sending' : 'waiting'
}

/** Whether it is under way, or waits to be. */
export function isActive(entry: Entry): boolean {
  return /^(waiting|sending|checking)$/.test(statusOf(entry))
}

/** Measures its speed from here on. */
export function remark(entry: Entry, now: number): void {
  entry.mark = { at: now, sent: entry.transfer.sent }
  entry.speed = 0
}

/** More of it was sent. */
export function measure(entry: Entry, now: number): void {
  const { mark, transfer, speed } = entry
  const took = now - mark.at
  if (took < SPEED_MS) return
  const late = Math.max(0, ((transfer.sent - mark.sent) / took) * 1000)
  remark(entry, now)
  entry.speed = speed > 0 ? speed * SMOOTH + late * (1 - SMOOTH) : late
}

/** What is shown of all of them: `before` itself, if that is the same. */
export function viewOf(
  entries: readonly Entry[],
  batch: number,
  rejected: readonly RejectedFile[],
  files: readonly UploadFile[],
  error: LiveError | undefined,
  before: UploadsView,
): UploadsView {
  const items = entries.map((entry) => itemOf(entry, files, error))
  const together = entries.filter((entry) => entry.batch === batch && entry.transfer.phase !== 'failed')
  const total = together.reduce((sum, { size }) => sum + size, 0)
  const sent = together.reduce((sum, { transfer }) => sum + transfer.sent, 0)
  const isAllDone = together.length > 0 && together.every(isOver)
  const next: UploadsView = {
    items: differs(before.items, items) ? items : before.items,
    isActive: entries.some(isActive),
    progress: total > 0 ? sent / total : isAllDone ? 1 : 0,
    rejected,
  }
  return differs(before, next) ? next : before
}

function itemOf(entry: Entry, files: readonly UploadFile[], error: LiveError | undefined): UploadItem {
  const { transfer, item, id, name, type, size, file, handle, isKept, complaint } = entry
  const { fileId, sent } = transfer
  const status = statusOf(entry)
  const speed = status === 'sending' ? entry.speed : 0
  const next: UploadItem = {
    id,
    fileId,
    name,
    type,
    size,
    file,
    isHeld: !file && handle !== undefined,
    isKept,
    sent,
    status,
    error: complaint ?? transfer.error ?? (status === 'waiting' ? error : undefined),
    speed,
    remaining: speed > 0 ? ((size - sent) / speed) * 1000 : undefined,
    url: files.find((one) => one.id === fileId)?.url ?? transfer.url ?? item?.url,
  }
  if (item && !differs(item, next)) return item
  entry.item = next
  return next
}

/** Whether they hold different values, by name or by place. */
function differs(before: object, after: object): boolean {
  const [values, others] = [Object.values(before), Object.values(after)]
  return values.length !== others.length || values.some((value, at) => !Object.is(value, others[at]))
}
