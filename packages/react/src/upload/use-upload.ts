/**
 * Files of a page into a field of a component, as React wants it.
 *
 * Sending is the uploader's work (`@fluxstack/client/upload`), which goes on whether or not anybody looks. Here are the
 * ways into it: a button, a drop, a paste. What must stay true: the page renders at most once a frame however fast bytes
 * travel, and not at all if nothing changed; the same file may be chosen twice in a row; and rendering on a server
 * touches nothing a server does not have.
 */

import type { ComponentShape, LiveHandle, UploadState } from '@fluxstack/client'
import {
  type RejectedFile,
  type UploadField,
  type UploadItem,
  type UploadsView,
  uploads,
} from '@fluxstack/client/upload'
import {
  type ChangeEvent,
  useCallback,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { subscribeFrames } from '../frames.js'
import { problemWords, type UploadRules, withMessages } from './messages.js'
import {
  deedsFor,
  type LiveUpload,
  type UploadButtonProps,
  type UploadDeeds,
  type UploadRejection,
  type UseUploadOptions,
} from './upload-types.js'
import { useDrop } from './use-drop.js'

/** Nothing is known on a server. */
const NOTHING: UploadsView = { items: [], isActive: false, progress: 0, rejected: [] }

/** What the uploader keeps over a reload unless it is told otherwise. */
const KEPT_BYTES = 64 * 1024 * 1024

/**
 * Sends files into an `Upload` field of a component.
 *
 * @example
 * const album = useLive(Album)
 * const upload = useUpload(album, 'pictures')
 * return (
 *   <section {...upload.dropProps}>
 *     <input {...upload.inputProps} />
 *     <button {...upload.buttonProps}>Choose pictures</button> or drop them here
 *     <p {...upload.hintProps}>{upload.hint}</p>
 *     <UploadList upload={upload} />
 *   </section>
 * )
 */
export function useUpload<C extends ComponentShape, F extends UploadField<C>>(
  live: { readonly handle: LiveHandle<C> },
  field: F,
  options: UseUploadOptions = {},
): LiveUpload {
  const { handle } = live
  const { guard = false, pasteAnywhere = false, forgetDone = false, keep = KEPT_BYTES } = options
  const uploader = uploads(handle, field, options)
  const subscribe = useCallback(
    (listener: () => void) => subscribeFrames(uploader.subscribe, listener),
    [uploader],
  )
  const view = useSyncExternalStore(subscribe, uploader.getSnapshot, () => NOTHING)
  const rules = useRules(handle, field)
  const messages = useMemo(() => withMessages(options.messages), [options.messages])
  const hint = useMemo(() => (rules ? messages.hint(rules, messages) : ''), [rules, messages])

  const [dismissed, setDismissed] = useState<ReadonlySet<UploadRejection>>(new Set())
  const rejected = useMemo(
    () => view.rejected.map(rejectionOf).filter((file) => !dismissed.has(file)),
    [view.rejected, dismissed],
  )
  const input = useRef<HTMLInputElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  /** The upload that its file is being chosen for. */
  const wanted = useRef<string>(undefined)

  const deeds = useMemo<UploadDeeds>(
    () => ({
      add(files) {
        const { items } = uploader.getSnapshot()
        const waiting = items.filter((item) => deedsFor(item).includes('again'))
        const others = [...files].filter((source) => {
          const { name, size } = source instanceof File ? source : source.file
          const at = waiting.findIndex((item) => item.name === name && item.size === size)
          const [item] = at < 0 ? [] : waiting.splice(at, 1)
          if (item) uploader.again(item.id, source)
          return !item
        })
        return others.length > 0 ? uploader.add(others) : []
      },
      again: uploader.again,
      pause: uploader.pause,
      resume: uploader.resume,
      cancel: uploader.cancel,
      retry: uploader.retry,
      choose(id) {
        wanted.current = id
        input.current?.click()
      },
      dismiss(file) {
        const all = uploader.getSnapshot().rejected.map(rejectionOf)
        setDismissed((before) => new Set(file ? [...all.filter((it) => before.has(it)), file] : all))
      },
      focus() {
        button.current?.focus()
        return button.current !== null
      },
    }),
    [uploader],
  )

  const { isOver, dropProps, pasteProps } = useDrop(deeds.add, pasteAnywhere, keep)
  const isUnsafe = guard && view.items.some(isInterruptedByReload)
  useEffect(() => {
    if (!isUnsafe) return undefined
    const ask = (event: Event): void => event.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [isUnsafe])

  // Not one by one: how far all of it is would go back with each.
  const isForgetting = forgetDone !== false && !view.isActive && view.items.some(isDone)
  useEffect(() => {
    if (!isForgetting) return undefined
    const forget = (): void => {
      for (const { id } of uploader.getSnapshot().items.filter(isDone)) uploader.cancel(id)
    }
    const timer = setTimeout(forget, Number(forgetDone))
    return () => clearTimeout(timer)
  }, [isForgetting, forgetDone, uploader])

  const hintId = useId()
  const buttonProps = useMemo<UploadButtonProps>(
    () => ({ ref: button, type: 'button', 'aria-describedby': hintId, onClick: () => deeds.choose() }),
    [deeds, hintId],
  )
  const onChange = useCallback(
    ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
      const files = Array.from(currentTarget.files ?? [])
      // Or choosing the same file again would change nothing.
      currentTarget.value = ''
      const id = wanted.current
      wanted.current = undefined
      const [file, ...others] = files
      if (!file) return
      if (id !== undefined && others.length === 0) uploader.again(id, file)
      else deeds.add(files)
    },
    [uploader, deeds],
  )

  return useMemo(() => {
    const left = view.items.reduce(
      (sum, { status, size, sent }) => sum + (MOVING[status] ? size - sent : 0),
      0,
    )
    const speed = view.items.reduce((sum, item) => sum + item.speed, 0)
    return {
      ...deeds,
      ...view,
      rejected,
      rules,
      speed,
      remaining: speed > 0 ? (left / speed) * 1000 : undefined,
      isOver,
      hint,
      hintProps: { id: hintId },
      inputProps: {
        ref: input,
        type: 'file',
        accept: rules && rules.accept.length > 0 ? rules.accept.join() : undefined,
        multiple: rules !== undefined && rules.maxFiles > 1,
        hidden: true,
        onChange,
      },
      buttonProps,
      dropProps,
      pasteProps,
      messages,
      message(file) {
        const { name, error } = file
        const [size, isWaiting] = 'size' in file ? [file.size, file.status === 'waiting'] : [undefined, false]
        return error && problemWords(messages, { name, size, error, isWaiting, rules })
      },
    }
  }, [
    deeds,
    view,
    rejected,
    rules,
    isOver,
    messages,
    hint,
    hintId,
    buttonProps,
    dropProps,
    pasteProps,
    onChange,
  ])
}

/** Of which states there is something left to send. */
const MOVING: { readonly [status: string]: true } = { waiting: true, sending: true }

/** Every file that was not accepted has one, whoever asks. */
const rejections = new WeakMap<RejectedFile, UploadRejection>()
let rejectionCount = 0

function rejectionOf(file: RejectedFile): UploadRejection {
  let named = rejections.get(file)
  if (!named) {
    rejectionCount += 1
    named = { ...file, id: `${rejectionCount}` }
    rejections.set(file, named)
  }
  return named
}

/** What the field accepts: the same object for as long as that is the same. */
function useRules<C extends ComponentShape>(
  handle: LiveHandle<C>,
  field: UploadField<C>,
): UploadRules | undefined {
  const read = useMemo(() => {
    let last: UploadRules | undefined
    return () => {
      const { state } = handle.getState()
      const now = (state as { readonly [name: string]: UploadState } | undefined)?.[field]
      const isSame =
        last?.accept === now?.accept && last?.maxBytes === now?.maxBytes && last?.maxFiles === now?.maxFiles
      if (!isSame) last = now && { accept: now.accept, maxBytes: now.maxBytes, maxFiles: now.maxFiles }
      return last
    }
  }, [handle, field])
  return useSyncExternalStore(handle.subscribe, read, () => undefined)
}

function isDone({ status }: UploadItem): boolean {
  return status === 'done'
}

/** Whether a new page could not go on with it by itself: because nothing keeps it, whatever the reason is. */
function isInterruptedByReload({ status, isKept }: UploadItem): boolean {
  return !isKept && /waiting|sending|paused|checking/.test(status)
}
