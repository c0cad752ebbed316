/**
 * Where files are dropped and pasted.
 *
 * What must stay true: the mark over the place does not flicker while a drag crosses what is in it, nor stay when the
 * drag ends elsewhere; and a file that is dropped beside the place does not take the page away.
 */

import type { UploadSource } from '@fluxstack/client/upload'
import { type ClipboardEvent, type DragEvent, useEffect, useMemo, useRef, useState } from 'react'
import { useLatest } from '../use-latest.js'
import { filesOf, hasFiles, pastedFiles } from './dropped.js'

/** For the element that files are dropped on. */
export interface DropProps {
  /** There while files are over it: `[data-over] { outline: … }`. */
  readonly 'data-over': '' | undefined
  readonly onDragEnter: (event: DragEvent) => void
  readonly onDragOver: (event: DragEvent) => void
  readonly onDragLeave: (event: DragEvent) => void
  readonly onDrop: (event: DragEvent) => void
}

/** For the element in which files are pasted. */
export interface PasteProps {
  readonly onPaste: (event: ClipboardEvent) => void
}

/** What `useDrop` gives. */
export interface Drop {
  readonly isOver: boolean
  readonly dropProps: DropProps
  readonly pasteProps: PasteProps
}

type Take = (files: readonly UploadSource[]) => void

/**
 * Takes files that are dropped or pasted; with `isWide`, pasted anywhere in the page. Of those larger than `keep` the
 * browser is asked for something that finds them again.
 */
export function useDrop(add: Take, isWide: boolean, keep: number): Drop {
  const [isOver, setOver] = useState(false)
  const take = useLatest((files: readonly UploadSource[]) => {
    if (files.length > 0) add(files)
  })
  const open = useLatest((transfer: DataTransfer) => filesOf(transfer, keep))
  /** What of the place the drag is over. A drag enters the next element before it leaves the last. */
  const entered = useRef(new Set<EventTarget>())

  useEffect(() => {
    const forget = (): void => {
      entered.current.clear()
      setOver(false)
    }
    return guardPage(forget)
  }, [])

  useEffect(() => {
    if (!isWide) return undefined
    const paste = (event: globalThis.ClipboardEvent): void => takePasted(event, take)
    document.addEventListener('paste', paste)
    return () => document.removeEventListener('paste', paste)
  }, [isWide, take])

  const [listeners, pasteProps] = useMemo(() => {
    const look = (): void => {
      // What was taken out of the page meanwhile is never left.
      for (const target of entered.current) if (!(target as Node).isConnected) entered.current.delete(target)
      setOver(entered.current.size > 0)
    }
    const listeners: Omit<DropProps, 'data-over'> = {
      onDragEnter(event) {
        if (!hasFiles(event.dataTransfer)) return
        event.preventDefault()
        entered.current.add(event.target)
        look()
      },
      onDragOver(event) {
        if (!hasFiles(event.dataTransfer)) return
        event.preventDefault()
        event.dataTransfer.dropEffect = 'copy'
      },
      onDragLeave(event) {
        entered.current.delete(event.target)
        look()
      },
      onDrop(event) {
        entered.current.clear()
        look()
        // A place within this one has taken it.
        if (event.defaultPrevented || !hasFiles(event.dataTransfer)) return
        event.preventDefault()
        const files = open(event.dataTransfer)
        if ('then' in files) void files.then(take)
        else take(files)
      },
    }
    return [listeners, { onPaste: (event: ClipboardEvent) => takePasted(event.nativeEvent, take) }]
  }, [take, open])

  const dropProps = useMemo<DropProps>(
    () => ({ 'data-over': isOver ? '' : undefined, ...listeners }),
    [isOver, listeners],
  )
  return { isOver, dropProps, pasteProps }
}

/** Takes what is pasted, unless somebody has taken it already. */
function takePasted(event: globalThis.ClipboardEvent, take: Take): void {
  const files = event.defaultPrevented ? [] : pastedFiles(event.clipboardData, event.target)
  if (files.length === 0) return
  event.preventDefault()
  take(files)
}

/** What wants to know that a drag is over, wherever it ended. */
const ends = new Set<() => void>()

/** Keeps a page from being replaced by a file that was dropped beside the place for it. */
function guardPage(end: () => void): () => void {
  if (ends.size === 0) {
    document.addEventListener('dragover', refuse)
    document.addEventListener('drop', refuse)
    document.addEventListener('dragleave', leavePage)
  }
  ends.add(end)
  return () => {
    ends.delete(end)
    if (ends.size > 0) return
    document.removeEventListener('dragover', refuse)
    document.removeEventListener('drop', refuse)
    document.removeEventListener('dragleave', leavePage)
  }
}

function refuse(event: globalThis.DragEvent): void {
  if (event.type === 'drop') endAll()
  const { target, dataTransfer: transfer } = event
  // Somebody else takes it, or it is over an input for files, which takes it without a word.
  if (event.defaultPrevented || !hasFiles(transfer)) return
  if (target instanceof Element && target.closest('input[type=file]')) return
  event.preventDefault()
  if (transfer) transfer.dropEffect = 'none'
}

/** A drag that leaves the window goes nowhere in it. */
function leavePage({ relatedTarget, target }: globalThis.DragEvent): void {
  if (!relatedTarget && (target === document || target === document.documentElement)) endAll()
}

function endAll(): void {
  for (const end of ends) end()
}
