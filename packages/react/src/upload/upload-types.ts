/**
 * The types of `useUpload`: what it takes, and what it gives.
 */

import type {
  RejectedFile,
  Uploader,
  UploadItem,
  UploadOptions,
  UploadSource,
} from '@fluxstack/client/upload'
import type { ChangeEvent, RefObject } from 'react'
import type { UploadDeed, UploadMessageOptions, UploadMessages, UploadRules } from './messages.js'
import type { DropProps, PasteProps } from './use-drop.js'

/** How files are sent, and how the page behaves meanwhile. What the uploader takes is as it was given last. */
export interface UseUploadOptions extends UploadOptions {
  /** Says things otherwise, or in another language. Give the same object each time: a constant. */
  readonly messages?: UploadMessageOptions | undefined
  /** Takes files that are pasted anywhere in the page, not only where `pasteProps` are. Default false. */
  readonly pasteAnywhere?: boolean | undefined
  /** Asks before the page is left while something is sent that a reload would interrupt. Default false. */
  readonly guard?: boolean | undefined
  /**
   * Takes files that are done off the list once nothing is under way any more: at once, or after so many ms. Default
   * false.
   */
  readonly forgetDone?: boolean | number | undefined
}

/** For the `<input>` that opens the browser's list of files. It is not shown: the button stands for it. */
export interface UploadInputProps {
  readonly ref: RefObject<HTMLInputElement | null>
  readonly type: 'file'
  readonly accept: string | undefined
  readonly multiple: boolean
  readonly hidden: true
  readonly onChange: (event: ChangeEvent<HTMLInputElement>) => void
}

/** For the `<button>` that is pressed to choose files. */
export interface UploadButtonProps {
  readonly ref: RefObject<HTMLButtonElement | null>
  readonly type: 'button'
  readonly 'aria-describedby': string
  readonly onClick: () => void
}

/** A file that was not accepted, told apart from others of the same name. */
export interface UploadRejection extends RejectedFile {
  readonly id: string
}

/** What can be done, by functions that stay the same. */
export interface UploadDeeds extends Omit<Uploader, 'subscribe' | 'getSnapshot'> {
  /** Sends files. One that an upload waits for, interrupted or no longer readable, goes on with that. */
  readonly add: (files: Iterable<File | UploadSource>) => readonly string[]
  /** Opens the browser's list of files; with the `id` of an upload, to choose its file again. */
  readonly choose: (id?: string) => void
  /** Takes a file that was not accepted off the list; without one, all of them. */
  readonly dismiss: (file?: UploadRejection) => void
  /** Moves the focus to the button, if there is one. */
  readonly focus: () => boolean
}

/** The files of a field, as of this render. */
export interface LiveUpload extends UploadDeeds {
  /** What is under way and what is done, in the order in which it was added. */
  readonly items: readonly UploadItem[]
  /** What was not accepted, and why. */
  readonly rejected: readonly UploadRejection[]
  /** What the field accepts; undefined before the mount. */
  readonly rules: UploadRules | undefined
  /** Whether something is under way, or waits to be. */
  readonly isActive: boolean
  /** How much of all of it is there: 0 to 1. */
  readonly progress: number
  /** Bytes a second, of all files together. */
  readonly speed: number
  /** How long it will take, in ms, if that can be said. */
  readonly remaining: number | undefined
  /** Whether files are held over the place to drop them. */
  readonly isOver: boolean
  /** What may be chosen, in words: `PNG or JPEG, up to 2 MB`. Empty before the mount. */
  readonly hint: string
  /** For the element with the hint, so that the button can point to it. */
  readonly hintProps: { readonly id: string }
  readonly inputProps: UploadInputProps
  readonly buttonProps: UploadButtonProps
  readonly dropProps: DropProps
  readonly pasteProps: PasteProps
  /** What is wrong with a file and what to do about it; undefined if nothing is. */
  readonly message: (file: UploadItem | RejectedFile) => string | undefined
  /** What is said. */
  readonly messages: UploadMessages
}

/** What a page may offer to do about a file, first what one wants most. */
export function deedsFor({ status, error, file, isHeld }: UploadItem): readonly UploadDeed[] {
  switch (status) {
    case 'waiting':
    case 'sending':
      return ['pause', 'cancel']
    case 'paused':
      return ['resume', 'cancel']
    case 'checking':
      return ['cancel']
    case 'interrupted':
      return isHeld ? ['resume', 'again', 'remove'] : ['again', 'remove']
    case 'failed':
      if (error && FINAL.test(error.code)) return ['remove']
      // What was changed or moved is read no more, even where it is at hand.
      return [file && error?.code !== 'FILE_CHANGED' ? 'retry' : 'again', 'remove']
    case 'done':
      return ['dismiss']
  }
}

/** Trying again would change nothing. */
const FINAL = /^(UPLOAD_TYPE|UPLOAD_TOO_LARGE|UPLOAD_UNSAFE)$/
