/**
 * The files that the fake server takes: whole in memory, kept over connections and restarts, compared at the end.
 *
 * Like the real one it answers with what it has, takes what it has twice without doing anything, and knows nothing of
 * an upload on a connection on which it was not begun. It checks no rules: a test refuses what it wants refused.
 */

import type { ErrorCode } from './error.js'
import { LiveError } from './error.js'
import { copy, type Instance } from './fake-instance.js'
import { fieldsOf, isObject, type JsonObject, type UploadMessage } from './protocol.js'
import type { UploadFile, UploadState } from './shape.js'
import { sha256 } from './upload/sha256.js'

/** A file that the fake server was sent, or is being sent. */
export interface FakeFile {
  readonly uploadId: string
  readonly component: string
  readonly field: string
  readonly name: string
  readonly type: string
  readonly size: number
  /** What there is of it. */
  readonly bytes: Uint8Array
  readonly isDone: boolean
}

/** What a test does to uploads. */
export interface FakeUploads {
  /** Every file that was begun and not cancelled, in that order. */
  readonly files: readonly FakeFile[]
  /** The bytes that came, also those that were there already. */
  readonly received: number
  /** Refuses the next message of this type; `fields` are what it says beside the reason. */
  refuse(type: UploadMessage['type'], code: ErrorCode, fields?: JsonObject): void
  /** Loses the last bytes of every file that is not done, as a disk may; nobody is told. */
  lose(bytes: number): void
  /** Changes a byte of every file that is not done. */
  spoil(): void
  /** Says of the next file that it is done, with the digest of another one. */
  lie(): void
  /** Knows of no upload any more on this connection. */
  forget(): void
  /** Has files sent elsewhere from now on; what is put there is given to `arrive`. */
  direct(url: string | undefined): void
  /** The storage has the file of this upload. */
  arrive(uploadId: string, bytes: Uint8Array): void
}

/** The same, for the server. */
export interface FakeUploadDesk extends FakeUploads {
  /** Another connection. */
  renew(): void
  /** The whole answer to a message. */
  hear(message: UploadMessage & { readonly bytes?: Uint8Array }, instance: Instance | undefined): JsonObject
}

interface Part {
  readonly start: Extract<UploadMessage, { readonly type: 'FILE_UPLOAD_START' }>
  readonly component: string
  readonly id: string
  bytes: Uint8Array
  isDone: boolean
  isSpoiled: boolean
}

const ANSWERS = {
  FILE_UPLOAD_START: 'FILE_UPLOAD_START_RESPONSE',
  FILE_UPLOAD_CHUNK: 'FILE_UPLOAD_PROGRESS',
  FILE_UPLOAD_COMPLETE: 'FILE_UPLOAD_COMPLETE',
  FILE_UPLOAD_CANCEL: 'FILE_UPLOAD_CANCEL',
} as const

/** No files. `change` changes fields of an instance, and tells the client. */
export function fakeUploads(change: (instance: Instance, fields: JsonObject) => void): FakeUploadDesk {
  const parts = new Map<string, Part>()
  const refusals: { readonly type: string; readonly error: LiveError; readonly fields: JsonObject }[] = []
  /** Those that were begun on this connection. */
  let open = new Set<Part>()
  let received = 0
  let target: string | undefined
  let isLying = false
  let ids = 0

  function note(instance: Instance, part: Part, status: UploadFile['status'] | undefined): void {
    const { property, filename: name, fileType: type, fileSize: size } = part.start
    const field = instance.state[property]
    if (!isObject(field) || !Array.isArray(field.files)) return
    const state = field as unknown as UploadState
    const files = state.files.filter(({ id }) => id !== part.id)
    const file = status && { id: part.id, name, type, size, received: part.bytes.length, status }
    change(instance, { [property]: { ...copy(state), files: file ? [...files, file] : files } })
  }

  function perform(message: UploadMessage & { readonly bytes?: Uint8Array }, instance: Instance): JsonObject {
    const { uploadId } = message
    const refusal = refusals.findIndex(({ type }) => type === message.type)
    if (refusal >= 0) throw refusals.splice(refusal, 1)[0]
    if (message.type === 'FILE_UPLOAD_START') {
      ids += 1
      const known = parts.get(uploadId)
      const part: Part =
        known && (message.resume || known.isDone)
          ? known
          : {
              start: message,
              component: instance.component,
              id: known?.id ?? `file-${ids}`,
              bytes: new Uint8Array(),
              isDone: false,
              isSpoiled: false,
            }
      parts.set(uploadId, part)
      open.add(part)
      note(instance, part, part.isDone ? 'done' : 'sending')
      const direct = target === undefined ? {} : { direct: { url: target, method: 'PUT', headers: {} } }
      return { file: part.id, bytesUploaded: part.bytes.length, ...direct }
    }
    const part = parts.get(uploadId)
    if (message.type === 'FILE_UPLOAD_CANCEL') {
      parts.delete(uploadId)
      if (part) note(instance, part, undefined)
      return {}
    }
    if (!part || !open.has(part))
      throw new LiveError('UPLOAD_GONE', 'there is no such upload: begin it again')
    return message.type === 'FILE_UPLOAD_CHUNK'
      ? chunk(part, message)
      : complete(part, message.hash, instance)
  }

  function chunk(
    part: Part,
    { offset, data, bytes }: { offset: number; data?: string | undefined; bytes?: Uint8Array },
  ): JsonObject {
    const piece = bytes ?? Uint8Array.from(atob(data ?? ''), (letter) => letter.charCodeAt(0))
    const { fileSize } = part.start
    const has = part.bytes.length
    received += piece.length
    if (offset > has)
      throw { error: new LiveError('UPLOAD_GAP', 'bytes are missing'), fields: { bytesUploaded: has } }
    if (offset + piece.length > fileSize)
      throw new LiveError('UPLOAD_TOO_LARGE', 'more bytes than were announced')
    if (offset + piece.length > has) {
      const next = new Uint8Array(offset + piece.length)
      next.set(part.bytes)
      next.set(piece.subarray(has - offset), has)
      part.bytes = next
    }
    const { length } = part.bytes
    const progress = fileSize > 0 ? (length / fileSize) * 100 : 100
    return { bytesUploaded: length, totalBytes: fileSize, progress }
  }

  function complete(part: Part, hash: string, instance: Instance): JsonObject {
    const { filename, fileSize } = part.start
    const own = sha256()
    own.update(part.bytes)
    const digest = own.digest()
    if (isLying) {
      isLying = false
      return { filename, hash: '0'.repeat(64) }
    }
    if (part.bytes.length !== fileSize || digest !== hash) {
      part.bytes = new Uint8Array()
      open.delete(part)
      note(instance, part, 'failed')
      throw new LiveError('UPLOAD_CORRUPT', 'other bytes came than were sent')
    }
    part.isDone = true
    note(instance, part, 'done')
    return { filename, hash: digest }
  }

  return {
    get files() {
      return [...parts.values()].map(({ start, component, bytes, isDone }) => ({
        uploadId: start.uploadId,
        component,
        field: start.property,
        name: start.filename,
        type: start.fileType,
        size: start.fileSize,
        bytes,
        isDone,
      }))
    },
    get received() {
      return received
    },
    refuse(type, code, fields = {}) {
      refusals.push({ type, error: new LiveError(code, `refused with ${code}`), fields })
    },
    lose(bytes) {
      for (const part of parts.values()) {
        if (!part.isDone) part.bytes = part.bytes.subarray(0, Math.max(0, part.bytes.length - bytes))
      }
    },
    spoil() {
      for (const part of parts.values()) {
        if (part.isDone || part.bytes.length === 0) continue
        part.bytes = part.bytes.slice()
        part.bytes[0] = ((part.bytes[0] ?? 0) + 1) % 256
      }
    },
    lie() {
      isLying = true
    },
    forget() {
      open = new Set()
    },
    direct(url) {
      target = url
    },
    arrive(uploadId, bytes) {
      const part = parts.get(uploadId)
      if (part) part.bytes = bytes
    },
    renew() {
      open = new Set()
    },
    hear(message, instance) {
      const { uploadId } = message
      try {
        if (!instance) throw new LiveError('REHYDRATION_REQUIRED', 'this connection has no such instance')
        return { type: ANSWERS[message.type], uploadId, success: true, ...perform(message, instance) }
      } catch (thrown) {
        const { error, fields } =
          thrown instanceof LiveError ? { error: thrown, fields: {} } : fieldsOf(thrown)
        if (!(error instanceof LiveError)) throw thrown
        const { code, message: why } = error
        return { type: 'FILE_UPLOAD_ERROR', uploadId, success: false, error: why, code, ...fieldsOf(fields) }
      }
    },
  }
}
