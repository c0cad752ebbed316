/**
 * What a later page of this tab goes on with: writes down what is under way in a field, and finds it again.
 *
 * Only what a later page finds the instance of is written down, and only for the user it is of. A file that was kept
 * is what it was; of any other nobody knows, even if it looks the same, so it is digested again from its beginning.
 */

import { LiveError } from '../error.js'
import type { Port } from '../port.js'
import type { Entry } from './entry.js'
import { type Keep, type Kept, type KeptFile, openKeep, placeOf } from './keep.js'
import type { UploadOptions } from './shape.js'

/** Files up to this, in bytes, are kept over a reload, unless told otherwise. */
const KEEP = 64 << 20

/** What a field remembers. */
export interface Recall {
  /**
   * Looks once for what an earlier page left to whoever is here; `found` hears of it. Says whether they are others
   * than before.
   */
  begin(found: (left: readonly (Kept & KeptFile)[]) => void): boolean
  /** Something may be kept. */
  isUsed(): boolean
  /** Writes down how it stands; the first time with the file. */
  note(entry: Entry): void
  /** It is over: a later page need not know. */
  drop(entry: Entry): void
  /** Nothing of this tab may be known any more, but what is this `user`'s. */
  forget(user?: string): void
}

/** Remembers nothing yet. `isKept`: a later page finds the instance. `changed`: something is kept now. */
export function createRecall(
  port: Port,
  name: string,
  field: string,
  isKept: () => boolean,
  options: () => UploadOptions,
  changed: () => void,
): Recall {
  let keep: Keep | undefined
  /** Whose uploads these are. */
  let place: string | undefined
  let isUsed = false

  function storage(): Keep {
    keep ??= openKeep(() => options().factory ?? globalThis.indexedDB)
    return keep
  }

  return {
    begin(found) {
      // Whoever was here before may have gone while nobody listened.
      const mine = placeOf(port.id(), port.getUser(), name, field)
      if (place === mine) return false
      place = mine
      if (isKept()) {
        isUsed = true
        void storage()
          .read(mine)
          .then((left) => place === mine && found(left))
      }
      return true
    },
    isUsed: () => isUsed,
    note(entry) {
      if (place === undefined || !isKept()) return
      const { id, name, type, size, lastModified, isPaused, isWritten, transfer, file, handle } = entry
      const { fileId, isBegun, isCancelled, sent, error, phase } = transfer
      entry.isWritten = true
      const isSmall = size <= (options().keep ?? KEEP)
      const known = {
        id,
        fileId,
        place,
        name,
        type,
        size,
        lastModified,
        isPaused,
        isBegun,
        isCancelled,
        sent,
      }
      // A database takes errors, but not what we have made of them.
      const failure = phase === 'failed' && error ? { code: error.code, message: error.message } : undefined
      void storage()
        .write(
          { ...known, failure, hash: transfer.hash() },
          isWritten ? undefined : { file: isSmall ? file : undefined, handle },
        )
        .then((hasFile) => {
          if (!hasFile || !entry.isWritten) return
          entry.isKept = true
          changed()
        })
    },
    drop(entry) {
      if (!entry.isWritten) return
      entry.isWritten = entry.isKept = false
      storage().remove(entry.id)
    },
    forget(user) {
      place = undefined
      isUsed = false
      storage().forget(port.id(), user)
    },
  }
}

/** The file that an entry was picked with, by its handle, if the browser allows it; `mayAsk` the user. */
export async function pick(entry: Entry, mayAsk: boolean): Promise<File | undefined> {
  try {
    const handle = entry.handle as FileSystemFileHandle & Permissions
    const how = { mode: 'read' } as const
    const leave = await handle.queryPermission?.(how)
    const isAllowed = leave === 'granted' || (mayAsk && (await handle.requestPermission?.(how)) === 'granted')
    return isAllowed ? await handle.getFile() : undefined
  } catch {
    // It was moved or deleted: it has to be picked again.
    return undefined
  }
}

/** Gives an entry its file again, if it is that file as far as can be seen. Says whether it is. */
export function giveAgain(entry: Entry, file: File): boolean {
  const { name, size, lastModified } = entry
  if (file.name !== name || file.size !== size || file.lastModified !== lastModified) {
    entry.complaint = new LiveError(
      'FILE_CHANGED',
      `${file.name} is not the file ${name} that was being sent`,
    )
    return false
  }
  entry.complaint = undefined
  entry.file = file
  entry.transfer.mistrust()
  return true
}

/** What some browsers have. */
interface Permissions {
  queryPermission?(how: { readonly mode: 'read' }): Promise<string>
  requestPermission?(how: { readonly mode: 'read' }): Promise<string>
}
