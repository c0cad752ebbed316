/**
 * What an application meets of uploads: the uploader of a field, and its files as it shows them.
 *
 * Types only. What the server says of the same field, {@link UploadState}, is part of the component's state.
 */

import type { LiveError } from '../error.js'
import type { ComponentShape, UploadState } from '../shape.js'

/** The names of the fields that take files. */
export type UploadField<C extends ComponentShape> = {
  [K in keyof C['state'] & string]: C['state'][K] extends UploadState ? K : never
}[keyof C['state'] & string]

/**
 * What an upload is doing.
 *
 * `waiting`: for its turn, the component or the connection. `checking`: all bytes are there, and the server
 * compares. `interrupted`: an earlier page began it, and its file has to be picked again. `failed`: it says why, and
 * may be tried again, with its file given again if that is not at hand.
 */
export type UploadStatus = 'waiting' | 'sending' | 'paused' | 'checking' | 'done' | 'failed' | 'interrupted'

/** One file on its way. Replaced, never changed. */
export interface UploadItem {
  /** Its name here and on the wire; nobody can guess it. */
  readonly id: string
  /** Its id in the state's `files`, once the server has said it. */
  readonly fileId: string | undefined
  readonly name: string
  /** The content type, as the browser has it; empty if it has none. */
  readonly type: string
  /** In bytes, like `sent`. */
  readonly size: number
  /** The file, if it is at hand. */
  readonly file: File | undefined
  /** It is not, and the browser finds it again if whoever is here allows that: `resume` asks them. */
  readonly isHeld: boolean
  /** It was written down with its file or the handle of it: a page that is loaded again has it too. */
  readonly isKept: boolean
  /** How much of it the server has. */
  readonly sent: number
  readonly status: UploadStatus
  /** Why it failed; also why it does not go on at the moment. */
  readonly error: LiveError | undefined
  /** Bytes a second, lately; 0 while nothing is sent. */
  readonly speed: number
  /** How long it will take, in ms, if that can be said. */
  readonly remaining: number | undefined
  /** Where it is served, once it was kept. */
  readonly url: string | undefined
}

/** A file that was not taken, and why. */
export interface RejectedFile {
  readonly name: string
  readonly error: LiveError
}

/** All files of a field at one moment: the same object until something changes. */
export interface UploadsView {
  /** In the order in which they were added. */
  readonly items: readonly UploadItem[]
  /** Whether something is under way, or waits to be. */
  readonly isActive: boolean
  /** How much of all that is not done, or was done together with it, is there: 0 to 1. */
  readonly progress: number
  /** Those that were not taken when files were added last. */
  readonly rejected: readonly RejectedFile[]
}

/** Sends files into one field of a component. Every function may be passed around. */
export interface Uploader {
  /**
   * Sends files. Those that the field does not accept are not taken, and are in `rejected` with the reason. Returns
   * the ids of the others.
   */
  readonly add: (files: Iterable<File | UploadSource>) => readonly string[]
  /** Stops sending; without an `id`, of all files. What is there stays there. */
  readonly pause: (id?: string) => void
  /** Goes on. */
  readonly resume: (id?: string) => void
  /** Ends it, and takes it off the list. What was sent is removed, unless it is done. */
  readonly cancel: (id: string) => void
  /** Tries one again that failed. */
  readonly retry: (id: string) => void
  /**
   * Gives the file again of an upload that was interrupted, or that failed without it. One with another name, size or
   * date is not taken: the item says so in its `error`. After `FILE_CHANGED` it is, and takes the place of the item.
   */
  readonly again: (id: string, file: File | UploadSource) => void
  /**
   * Hears every change, and keeps the component mounted. So does every file that is under way, also if nobody
   * listens.
   */
  readonly subscribe: (listener: () => void) => () => void
  /** What there is now. */
  readonly getSnapshot: () => UploadsView
}

/** A file with the handle it was picked by, where the browser gave one: a later page can have it again by that. */
export interface UploadSource {
  readonly file: File
  readonly handle?: FileSystemFileHandle | undefined
}

/** How files are sent. Everything has a sensible value already. */
export interface UploadOptions {
  /** How many files of this field are sent at once. Default 3. */
  readonly parallel?: number | undefined
  /**
   * Files of up to so many bytes are kept over a reload of the page, beside what is known of them. Default 64 MiB;
   * 0 keeps none.
   */
  readonly keep?: number | undefined
  /** How much is on its way at once. */
  readonly chunk?: ChunkOptions | undefined
  /** Where what is kept is; for tests. */
  readonly factory?: IDBFactory | undefined
  /** Sends a file to a storage beside the server; for tests. */
  readonly put?: PutFile | undefined
}

/** How much of all files together may be sent and not yet written by the server. It applies to the whole connection. */
export interface ChunkOptions {
  /** In bytes. Default 16 KiB, and not less. */
  readonly min?: number | undefined
  /** In bytes. Default 1 MiB, and not more. */
  readonly max?: number | undefined
  /** How much longer than necessary, in ms, an answer may take for it. Default 50. */
  readonly target?: number | undefined
}

/** Where the server wants a file to be sent itself. */
export interface DirectTarget {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends a file there. Returns how to stop. */
export type PutFile = (
  target: DirectTarget,
  file: Blob,
  events: {
    readonly progress: (sent: number) => void
    readonly done: () => void
    /** `status` is that of HTTP; 0 if nobody answered. */
    readonly failed: (status: number) => void
  },
) => () => void
