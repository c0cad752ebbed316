/**
 * Everything that is said about uploads, in one place, so that all of it can be said in another language.
 *
 * What must stay true: whoever reads that something went wrong reads what to do about it as well, and nothing that
 * changes all the time is said more exactly than it is known.
 */

import type { LiveError, UploadState } from '@fluxstack/client'
import type { UploadStatus } from '@fluxstack/client/upload'

/** What a field accepts, as its component says. */
export type UploadRules = Pick<UploadState, 'accept' | 'maxBytes' | 'maxFiles'>

/** What went wrong with which file. */
export interface UploadProblem {
  readonly name: string
  /** How large the file is, if that is known. */
  readonly size: number | undefined
  readonly error: LiveError
  /** It is tried again by itself. */
  readonly isWaiting: boolean
  /** Undefined before the mount. */
  readonly rules: UploadRules | undefined
}

/** How far sending is. */
export interface UploadPace {
  /** From 0 to 1. */
  readonly progress: number
  /** Bytes a second; 0 if that is not known. */
  readonly speed: number
  /** Milliseconds; undefined if that is not known. */
  readonly remaining: number | undefined
}

/** How many files are how far. */
export interface UploadCount extends UploadPace {
  readonly done: number
  readonly total: number
}

/** What can be done about a file. */
export type UploadDeed = 'pause' | 'resume' | 'retry' | 'again' | 'cancel' | 'remove' | 'dismiss'

/** What is said. {@link english} is what is said by default. */
export interface UploadMessages {
  /** The language numbers are written in. */
  readonly locale: string
  /** What is wrong, and what to do about it, by code; `other` is for every other code. */
  readonly errors: Readonly<Record<string, (problem: UploadProblem, say: UploadMessages) => string>>
  /** What stands on a button. */
  readonly deeds: Readonly<Record<UploadDeed, string>>
  /** What a button is called for whoever does not see beside what it stands. */
  readonly deed: (label: string, name: string) => string
  /** How a file is, by its status; `sending` has `pace` for more. */
  readonly status: Readonly<Record<UploadStatus, string>>
  readonly pace: (pace: UploadPace, say: UploadMessages) => string
  /** What may be chosen: said before somebody does. */
  readonly hint: (rules: UploadRules, say: UploadMessages) => string
  /** What the list of files is called. */
  readonly list: string
  /** Said when sending begins, at intervals, and when all is sent. */
  readonly started: (count: number) => string
  readonly underway: (count: UploadCount, say: UploadMessages) => string
  readonly finished: (names: readonly string[]) => string
  /** Said when a file was not sent, or not taken, or waits for somebody. */
  readonly failed: (name: string, why: string) => string
  /** Said when that is so of many at once. */
  readonly failures: (count: number) => string
}

/** What to say instead: as much of it as shall be said otherwise. */
export type UploadMessageOptions = Partial<Omit<UploadMessages, 'errors' | 'deeds' | 'status'>> & {
  readonly errors?: UploadMessages['errors'] | undefined
  readonly deeds?: Partial<UploadMessages['deeds']> | undefined
  readonly status?: Partial<UploadMessages['status']> | undefined
}

/** All messages, of which some are said otherwise. */
export function withMessages(own: UploadMessageOptions | undefined): UploadMessages {
  if (!own) return english
  return {
    ...english,
    ...own,
    errors: { ...english.errors, ...own.errors },
    deeds: { ...english.deeds, ...own.deeds },
    status: { ...english.status, ...own.status },
  }
}

/** What is wrong with a file and what to do about it. */
export function problemWords(say: UploadMessages, problem: UploadProblem): string {
  const { code } = problem.error
  const known = Object.hasOwn(say.errors, code) ? say.errors[code] : say.errors.other
  return known?.(problem, say) ?? problem.error.message
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']

/**
 * A number of bytes as people say it: `1.4 MB`.
 *
 * @example
 * sizeWords(2 << 20) // '2 MB'
 */
export function sizeWords(bytes: number, locale = 'en'): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  const amount = bytes / 1024 ** power
  const unitDisplay = power > 0 ? 'short' : 'long'
  const maximumFractionDigits = amount < 10 ? 1 : 0
  return numberWords(
    locale,
    { style: 'unit', unit: UNITS[power], unitDisplay, maximumFractionDigits },
    amount,
  )
}

/** A time as exactly as one knows how long something will still take: `20 seconds`, `3 minutes`, `2 hours`. */
export function timeWords(ms: number, locale = 'en'): string {
  const seconds = Math.max(10, Math.ceil(ms / 10_000) * 10)
  const [amount, unit] =
    seconds < 60
      ? [seconds, 'second']
      : seconds < 5400
        ? [Math.round(seconds / 60), 'minute']
        : [Math.round(seconds / 3600), 'hour']
  return numberWords(locale, { style: 'unit', unit, unitDisplay: 'long' }, amount)
}

/** A part of the whole. All of it only when it is all of it. */
export function percentWords(progress: number, locale = 'en'): string {
  return numberWords(locale, { style: 'percent' }, Math.floor(progress * 100) / 100)
}

/** Ways to write numbers, which take longer to make than to use. There are few. */
const formats = new Map<string, Intl.NumberFormat>()

function numberWords(locale: string, style: Readonly<Record<string, unknown>>, amount: number): string {
  const key = locale + JSON.stringify(style)
  const format = formats.get(key) ?? new Intl.NumberFormat(locale, style)
  formats.set(key, format)
  return format.format(amount)
}

/** `PNG`, `JPEG`, `PDF`, `image files`: what is accepted as people say it. */
function kindWords(accept: readonly string[], locale: string): string {
  const kinds = accept.map((kind) => {
    if (kind.endsWith('/*')) return `${kind.slice(0, -2)} files`
    return kind
      .replace(/^\.|.*\/(x-|vnd\.)?/, '')
      .replace(/\+.*/, '')
      .toUpperCase()
  })
  return new Intl.ListFormat(locale, { type: 'disjunction' }).format(new Set(kinds))
}

function choose(rules: UploadRules | undefined, { locale }: UploadMessages): string {
  return rules && rules.accept.length > 0
    ? `Choose ${kindWords(rules.accept, locale)}.`
    : 'Choose another one.'
}

const GOES_ON = 'Try again: it goes on where it was.'

/** What the server, or the component's author, wrote for whoever sent it, as a sentence of its own. */
function theirs({ error }: UploadProblem): string {
  const words = error.message.trim().replace(/[.\s]+$/, '')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[!?]$/.test(words) ? '' : '.'}`
}

/** How client and server say that a field is full. Whatever else is refused is none of that. */
const FULL = /would be one more than \d+|there is a file already|there are \d+ files already/

/** What is wrong for now, and what helps where it is not tried again anyway. */
function passing(wrong: string, remedy: string) {
  return ({ isWaiting }: UploadProblem): string =>
    `${wrong} ${isWaiting ? 'It is tried again by itself.' : remedy}`
}

/**
 * What is said where nothing else is.
 *
 * @example
 * const messages = { errors: { UPLOAD_TYPE: () => 'Bitte ein Bild.' }, deeds: { pause: 'Anhalten' }, locale: 'de' }
 * const upload = useUpload(album, 'pictures', { messages })
 */
export const english: UploadMessages = {
  locale: 'en',
  errors: {
    UPLOAD_TYPE: ({ rules }, say) =>
      `This kind of file is not taken, or it is not what its name says. ${choose(rules, say)}`,
    UPLOAD_TOO_LARGE({ rules, size }, { locale }) {
      if (!rules || size === undefined || size <= rules.maxBytes)
        return 'The file is too large. Choose a smaller one.'
      const [is, most] = [sizeWords(size, locale), sizeWords(rules.maxBytes, locale)]
      return `The file is too large: it has ${is}, and ${most} is the most. Choose a smaller one.`
    },
    UPLOAD_REFUSED(problem) {
      const { rules, error } = problem
      if (!rules || !FULL.test(error.message)) return `${theirs(problem)} Remove it, or try again later.`
      const most = rules.maxFiles === 1 ? 'one file is' : `${rules.maxFiles} files are`
      return `No more files are taken: ${most} the most. Remove one and try again.`
    },
    UPLOAD_QUOTA: () => 'You have sent as much as you may for now. Try again tomorrow.',
    UPLOAD_GAP: passing('A part of it was lost on the way.', GOES_ON),
    BAD_CHUNK: passing('A part of it did not arrive as it was sent.', GOES_ON),
    UPLOAD_GONE: passing('The server has let go of it.', 'Try again.'),
    UPLOAD_CORRUPT: passing('It did not arrive as it was sent.', 'Try again: it is sent from the start.'),
    UPLOAD_NO_SPACE: passing('The server has no room for it now.', 'Try again later.'),
    UPLOAD_UNSAFE: ({ error }) => `It was not kept: ${error.message.replace(/\.$/, '')}. Choose another one.`,
    FILE_CHANGED: () => 'It is not the file it was. Choose it again as it was, or begin anew with this one.',
    DISCONNECTED: passing('The connection was lost.', GOES_ON),
    TIMEOUT: passing('The server did not answer.', GOES_ON),
    BUSY: passing('The server has too much to do.', GOES_ON),
    RATE_LIMITED: passing('That was too much at once.', GOES_ON),
    UNAUTHENTICATED: () => 'Sign in first, and try again.',
    FORBIDDEN: (problem) => `${theirs(problem)} Remove it, or sign in as somebody who may.`,
    INTERNAL: () => 'Something went wrong on the server. Try again later.',
    other: ({ error }) => error.message,
  },
  deeds: {
    pause: 'Pause',
    resume: 'Resume',
    retry: 'Try again',
    again: 'Choose it again',
    cancel: 'Cancel',
    remove: 'Remove',
    dismiss: 'Dismiss',
  },
  deed: (label, name) => `${label}: ${name}`,
  status: {
    waiting: 'waiting',
    sending: 'sending',
    paused: 'paused',
    checking: 'being checked',
    done: 'sent',
    failed: 'not sent',
    interrupted: 'interrupted: it goes on where it was as soon as its file is here again',
  },
  pace({ progress, speed, remaining }, { locale }) {
    const parts = [percentWords(progress, locale)]
    if (speed > 0) parts.push(`${sizeWords(speed, locale)}/s`)
    if (remaining !== undefined) parts.push(`about ${timeWords(remaining, locale)} left`)
    return parts.join(', ')
  },
  hint({ accept, maxBytes, maxFiles }, { locale }) {
    const kinds = accept.length > 0 ? kindWords(accept, locale) : 'any file'
    const most = `up to ${sizeWords(maxBytes, locale)}`
    const begun = kinds.charAt(0).toUpperCase() + kinds.slice(1)
    return maxFiles === 1 ? `${begun}, ${most}` : `${begun}, ${most} each, at most ${maxFiles} files`
  },
  list: 'Files',
  started: (count) => (count === 1 ? 'Sending a file.' : `Sending ${count} files.`),
  underway({ done, total, progress, remaining }, { locale }) {
    const files = total > 1 ? `${done} of ${total} files sent, ` : ''
    const left = remaining === undefined ? '' : `, about ${timeWords(remaining, locale)} left`
    return `${files}${percentWords(progress, locale)}${left}.`
  },
  finished: (names) => (names.length === 1 ? `${names[0]}: sent.` : `${names.length} files were sent.`),
  failed: (name, why) => `${name}: ${why}`,
  failures: (count) => `${count} files are not sent: the list says why, and what helps.`,
}
