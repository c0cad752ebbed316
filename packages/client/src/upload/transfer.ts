/**
 * One file on its way: what is said about it, and what is done about what comes back.
 *
 * waiting ──begin──► starting ──answered──► sending ──all written──► checking ──the same──► done
 *    ▲                  │ elsewhere ──► putting ──there──► checking         │
 *    └── connection lost, gone, busy, no space, too late, other bytes ◄────┴──► failed: anything else
 *
 * Whatever it does it may be cancelled, which is said again and again until the server has answered: then it is over,
 * as if it had failed.
 *
 * What the server has is the server's word, and asked for at every begin. What must stay true: what is sent says
 * where it belongs; no more than the lane's window is unanswered; and nothing is done before the server has said so,
 * with the digest that was made here.
 */

import { isGone, isPassing, LiveError } from '../error.js'
import type { Port } from '../port.js'
import { fieldsOf, parseText, type Reply, type UploadMessage } from '../protocol.js'
import { type Lane, STEP } from './lane.js'
import type { FileFacts } from './rules.js'
import type { HashState } from './sha256.js'
import type { DirectTarget, PutFile } from './shape.js'
import { createSource, type Source } from './source.js'

/** How long the server may take to look at a whole file, in ms. */
const CHECK_MS = 600_000
/** How often in a row it may be in vain; that the server has no time or no room is another matter. */
const MOST_VAIN = 8
/** How often a file may have come out wrong. */
const MOST_CORRUPT = 3

/** What a transfer is doing. */
export type Phase =
  | 'waiting'
  | 'starting'
  | 'sending'
  | 'putting'
  | 'checking'
  | 'cancelling'
  | 'done'
  | 'failed'

/** A file, as far as it is known. */
export interface Known extends FileFacts {
  readonly id: string
  readonly fileId: string | undefined
  /** Whether the server may know of it. */
  readonly isBegun: boolean
  readonly isCancelled: boolean
  readonly failure: { readonly code: string; readonly message: string } | undefined
  readonly sent: number
  /** Where its digest stood. */
  readonly hash: HashState | undefined
}

/** What a transfer lives on. */
export interface TransferWorld {
  readonly port: Port
  readonly lane: Lane
  readonly field: string
  readonly put: () => PutFile
  /** Something is to be shown; `isProgress`: only that more was sent. */
  readonly changed: (isProgress: boolean) => void
  /** The server has no such instance. */
  readonly gone: () => void
}

/** A file on its way. */
export interface Transfer {
  readonly phase: Phase
  /** It waits by itself, and begins again by itself: `begin` is not for now. */
  readonly isResting: boolean
  /** What it is said to be part of. */
  readonly componentId: string
  readonly isBegun: boolean
  readonly isCancelled: boolean
  readonly fileId: string | undefined
  readonly url: string | undefined
  readonly sent: number
  readonly error: LiveError | undefined
  /** Where the digest stands. */
  hash(): HashState | undefined
  /** Sends it to this instance. */
  begin(file: Blob, componentId: string): void
  /** Stops. What is there stays there. */
  halt(): void
  /** Stops: what there is is to be removed. */
  abandon(): void
  /** Has the server remove what it has. */
  cancel(componentId: string): void
  /** It will not be, for this reason. */
  fail(error: LiveError): void
  /** One that failed waits again. */
  renew(): void
  /** Another file may be meant than before: its digest is made afresh. */
  mistrust(): void
}

/** A transfer that waits, or that has failed. */
export function createTransfer(world: TransferWorld, known: Known): Transfer {
  const { port, lane, field, changed } = world
  const { id: uploadId, size, failure } = known
  let phase: Phase = failure && !known.isCancelled ? 'failed' : 'waiting'
  let componentId = ''
  let { fileId, isBegun, isCancelled, sent } = known
  let url: string | undefined
  let error = failure && new LiveError(failure.code, failure.message)
  /** Counts what makes earlier answers worthless. */
  let turn = 0
  /** Where the next frame begins. */
  let position = 0
  let source: Source | undefined
  let file: Blob | undefined
  let hash = known.hash
  /** How often in a row nothing came of it, and how often of those it was to be expected otherwise. */
  let tries = 0
  let vain = 0
  let corrupt = 0
  /** The storage beside the server has it. */
  let isPut = false
  /** The server was asked to compare. */
  let isAsked = false
  let leaveLane: (() => void) | undefined
  let stopPut: (() => void) | undefined
  let cancelRest: (() => void) | undefined

  function about<M>(message: M): M & { readonly componentId: string; readonly uploadId: string } {
    return { ...message, componentId, uploadId }
  }

  /** Asks the server. What comes back after the next turn is not heard. */
  function ask(message: UploadMessage, answered: (reply: Reply) => void, timeout?: number): void {
    const mine = turn
    lane.ask(
      message,
      {
        answered: (reply) => mine === turn && answered(reply),
        failed: (why, reply) => mine === turn && refused(why, reply),
      },
      timeout,
    )
  }

  /** Everything that is under way is over. */
  function stop(next: Phase): void {
    turn += 1
    phase = next
    isAsked = false
    leaveLane?.()
    stopPut?.()
    cancelRest?.()
    leaveLane = stopPut = cancelRest = undefined
    source?.rest()
  }

  function begin(): void {
    stop('starting')
    const resume = isBegun ? (true as const) : undefined
    const { name: filename, type: fileType } = known
    isBegun = true
    ask(
      about({
        type: 'FILE_UPLOAD_START' as const,
        property: field,
        filename,
        fileType,
        fileSize: size,
        resume,
      }),
      started,
    )
    changed(false)
  }

  function open(blob: Blob): Source {
    const opened = createSource(blob, hash, lane.frame, {
      ready() {
        if (opened !== source) return
        if (phase === 'sending') lane.wake()
        else if (phase === 'checking') check()
      },
      broken() {
        if (opened !== source) return
        source = undefined
        fail(new LiveError('FILE_CHANGED', `${known.name} cannot be read any more`))
      },
    })
    return opened
  }

  function started(reply: Reply): void {
    const { file: named, direct } = reply as Reply & Record<'file' | 'direct', unknown>
    fileId = parseText(named) ?? fileId
    sent = position = placeIn(reply)
    const target = parseTarget(direct)
    // What is there already, even done, is compared all the same.
    if (target && file && sent < size) {
      if (isPut) toBeCompared()
      else putTo(target, file)
      return
    }
    phase = 'sending'
    leaveLane = lane.enter({ offer })
    changed(false)
    if (sent === size) check()
    else lane.wake()
  }

  /** How many bytes the server says that it has. */
  function placeIn(reply: Reply | undefined): number {
    const { bytesUploaded } = fieldsOf(reply)
    return Number.isInteger(bytesUploaded) ? Math.max(0, Math.min(size, bytesUploaded as number)) : 0
  }

  function offer(most: number): number {
    if (position >= size) return 0
    const bytes = source?.take(position, most)
    if (!bytes) return 0
    const offset = position
    position += bytes.length
    send(offset, bytes)
    return bytes.length
  }

  function send(offset: number, bytes: Uint8Array): void {
    const mine = turn
    // What is small counts as a message, so it is one.
    const isText = bytes.length < STEP
    const message = { type: 'FILE_UPLOAD_CHUNK' as const, offset, data: isText ? base64(bytes) : undefined }
    lane.ask(
      about(message),
      {
        ...(!isText && { pack: (text: string) => framed(text, bytes) }),
        answered(reply) {
          if (mine !== turn) return
          const has = placeIn(reply)
          const end = offset + bytes.length
          // What is not there was not written, whatever was said of it.
          if (has < end) {
            rewind(has, new LiveError('UPLOAD_GAP', 'the server has less than was sent'))
            return
          }
          sent = Math.max(sent, end)
          tries = vain = 0
          error = undefined
          changed(true)
          if (sent === size) check()
        },
        failed: (why, reply) => mine === turn && refused(why, reply),
      },
      undefined,
      bytes.length,
    )
  }

  /** The server is elsewhere: goes on from there. */
  function rewind(at: number, why: LiveError): void {
    turn += 1
    source?.rest()
    sent = position = at
    vain += 1
    if (vain > MOST_VAIN) fail(why)
    else changed(true)
  }

  function check(): void {
    phase = 'checking'
    leaveLane?.()
    leaveLane = undefined
    changed(false)
    const digest = source?.digest()
    // It is asked again when all is read.
    if (digest === undefined || isAsked) return
    isAsked = true
    turn += 1
    ask(
      about({ type: 'FILE_UPLOAD_COMPLETE' as const, hash: digest }),
      (reply) => {
        const theirs = parseText(fieldsOf(reply).hash)
        if (theirs !== undefined && theirs.toLowerCase() !== digest)
          refused(new LiveError('UPLOAD_CORRUPT', 'the server has other bytes than were sent'), reply)
        else end(reply)
      },
      CHECK_MS,
    )
  }

  function end(reply: Reply): void {
    stop('done')
    error = source = undefined
    sent = size
    url = parseText(fieldsOf(reply).fileUrl)
    changed(false)
  }

  function putTo(target: DirectTarget, body: Blob): void {
    const mine = turn
    phase = 'putting'
    changed(false)
    stopPut = world.put()(target, body, {
      progress(put) {
        if (mine !== turn) return
        sent = Math.min(size, put)
        changed(true)
      },
      done() {
        if (mine !== turn) return
        stopPut = undefined
        isPut = true
        toBeCompared()
      },
      failed(status) {
        if (mine !== turn) return
        stopPut = undefined
        sent = 0
        rest(
          new LiveError('DISCONNECTED', `the storage did not take the file (${status || 'no answer'})`),
          true,
        )
      },
    })
  }

  /** The server says what it has itself: nothing, if the storage has all of it. */
  function toBeCompared(): void {
    sent = size
    check()
  }

  // What may go wrong.

  function refused(why: LiveError, reply: Reply | undefined): void {
    const { code } = why
    // It looked, and the storage has not.
    if (/^UPLOAD_(GAP|CORRUPT)$/.test(code)) isPut = false
    if (code === 'DISCONNECTED' || code === 'CLOSED') {
      stop('waiting')
      changed(false)
    } else if (isCancelled && (code === 'TIMEOUT' || isGone(why))) {
      // However long it takes: what is there takes the place of another file.
      if (code !== 'TIMEOUT') world.gone()
      rest(why, false)
    } else if (isCancelled && !isPassing(why) && code !== 'QUEUE_FULL') {
      fail(why)
    } else if (code === 'UPLOAD_GAP' && phase === 'sending') {
      rewind(placeIn(reply), why)
    } else if (code === 'UPLOAD_CORRUPT') {
      corrupt += 1
      sent = 0
      // As if it had never been sent, or read.
      isBegun = false
      source = hash = undefined
      if (corrupt > MOST_CORRUPT) fail(why)
      else rest(why, true)
    } else if (isPassing(why) || code === 'UPLOAD_NO_SPACE' || code === 'QUEUE_FULL') {
      rest(why, false)
    } else if (isGone(why)) {
      world.gone()
      rest(why, true)
    } else if (/^(UPLOAD_GONE|UPLOAD_GAP|BAD_CHUNK|TIMEOUT)$/.test(code)) {
      rest(why, true)
    } else fail(why)
  }

  /** Begins again, the later the more often nothing came of it. */
  function rest(why: LiveError, isCounted: boolean): void {
    if (isCounted) vain += 1
    if (vain > MOST_VAIN) {
      fail(why)
      return
    }
    stop('waiting')
    error = why
    cancelRest = port.later(tries++, () => {
      cancelRest = undefined
      changed(false)
    })
    changed(false)
  }

  function fail(why: LiveError): void {
    stop('failed')
    error = why
    tries = vain = corrupt = 0
    changed(false)
  }

  return {
    get phase() {
      return phase
    },
    get isResting() {
      return cancelRest !== undefined
    },
    get componentId() {
      return componentId
    },
    get isBegun() {
      return isBegun
    },
    get isCancelled() {
      return isCancelled
    },
    get fileId() {
      return fileId
    },
    get url() {
      return url
    },
    get sent() {
      return sent
    },
    get error() {
      return error
    },
    hash: () => source?.save() ?? hash,
    begin(blob, id) {
      if (file !== blob) source = undefined
      file = blob
      componentId = id
      source ??= open(blob)
      begin()
    },
    halt() {
      if (phase === 'done' || phase === 'failed') return
      stop('waiting')
    },
    abandon() {
      stop('waiting')
      isCancelled = true
      file = source = undefined
    },
    cancel(id) {
      stop('cancelling')
      componentId = id
      ask(about({ type: 'FILE_UPLOAD_CANCEL' as const }), () => {
        stop('failed')
        changed(false)
      })
    },
    fail,
    renew() {
      stop('waiting')
      error = undefined
    },
    mistrust() {
      isPut = false
      source = hash = undefined
    },
  }
}

/** A header and the bytes that belong to it, as the wire has them: the header's length first. */
function framed(header: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header)
  const frame = new Uint8Array(4 + text.length + bytes.length)
  new DataView(frame.buffer).setUint32(0, text.length, true)
  frame.set(text, 4)
  frame.set(bytes, 4 + text.length)
  return frame
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

/** Where the file itself is to be sent, if the server says so. */
function parseTarget(direct: unknown): DirectTarget | undefined {
  const { url, method, headers } = fieldsOf(direct)
  if (typeof url !== 'string') return undefined
  const texts = Object.entries(fieldsOf(headers)).map(([name, value]) => [name, `${value}`])
  return { url, method: parseText(method) ?? 'PUT', headers: Object.fromEntries(texts) }
}
