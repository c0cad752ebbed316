/**
 * What files a drag, a drop or a clipboard brings.
 *
 * Folders are opened. A browser lets go of what was dropped as soon as the event is over, so everything is taken hold of
 * at once, and read after.
 */

import type { UploadSource } from '@fluxstack/client/upload'

/** More files than anybody drops on purpose. What a field takes is for its rules to say. */
const MAX_FILES = 1000
/** Deeper than folders are that people made. */
const MAX_DEPTH = 20

/** Whether a drag brings files, which is known before they are dropped. */
export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer !== null && Array.from(transfer.types).includes('Files')
}

/** What of a dropped file finds it again on a later page. Not every browser has it. */
interface Held extends DataTransferItem {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>
}

/**
 * The files that were dropped: at once, unless there are folders among them, or files larger than `keep`, which are
 * asked for together with what finds them again.
 */
export function filesOf(
  transfer: DataTransfer,
  keep: number,
): readonly UploadSource[] | Promise<readonly UploadSource[]> {
  const items = Array.from(transfer.items ?? []).filter(({ kind }) => kind === 'file') as Held[]
  const entries = items.map((item) => item.webkitGetAsEntry?.()).filter((entry) => !!entry)
  if (entries.some(({ isDirectory }) => isDirectory)) return filesIn(entries)
  const files = Array.from(transfer.files)
  if (!files.some(({ size }) => size > keep)) return files.map((file) => ({ file }))
  const handles = items.map((item) => item.getAsFileSystemHandle?.().catch(() => undefined))
  return Promise.all(
    files.map(async (file, index) => {
      const handle = await handles[index]
      return handle?.kind === 'file' && handle.name === file.name
        ? { file, handle: handle as FileSystemFileHandle }
        : { file }
    }),
  )
}

/** The files of folders, in the order in which they are found, up to a bound. What cannot be read is left out. */
async function filesIn(roots: readonly FileSystemEntry[]): Promise<readonly UploadSource[]> {
  const files: UploadSource[] = []

  async function visit(entry: FileSystemEntry, depth: number): Promise<void> {
    if (files.length >= MAX_FILES || depth > MAX_DEPTH) return
    // What a computer keeps there for itself.
    if (depth > 0 && entry.name.startsWith('.')) return
    if (entry.isFile) {
      const file = await new Promise<File>((found, fail) => (entry as FileSystemFileEntry).file(found, fail))
      files.push({ file })
      return
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    // A browser hands them out a hundred at a time.
    for (let some = await read(reader); some.length > 0; some = await read(reader)) {
      for (const each of some) await visit(each, depth + 1).catch(() => undefined)
      if (files.length >= MAX_FILES) return
    }
  }

  for (const root of roots) await visit(root, 0).catch(() => undefined)
  return files
}

function read(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((found, fail) => reader.readEntries(found, fail))
}

/**
 * The files of a clipboard, with names that tell them apart: a browser calls every picture `image.png`. None if
 * somebody pastes text into an input, for which a picture of it may be there as well.
 */
export function pastedFiles(
  transfer: DataTransfer | null,
  target: EventTarget | null,
): readonly UploadSource[] {
  if (!transfer) return []
  const isText = Array.from(transfer.types).some((type) => type.startsWith('text/'))
  if (isText && target instanceof Element && target.closest(TYPED_INTO)) return []
  // In Sweden people write the time of a day as one can sort it.
  const stamp = new Date().toLocaleString('sv').replaceAll(':', '.')
  return Array.from(transfer.files, (file) => {
    const { name, type, lastModified } = file
    if (name !== 'image.png') return { file }
    return { file: new File([file], `pasted ${stamp}.png`, { type, lastModified }) }
  })
}

const TYPED_INTO = 'input, textarea, [contenteditable]:not([contenteditable="false"])'
