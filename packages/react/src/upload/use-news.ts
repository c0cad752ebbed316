/**
 * What a screen reader is told of uploads: what began, how far it is, what went wrong, what is done.
 *
 * What must stay true: progress is said at calm intervals and not at each percent, many small files are not many
 * sentences, what went wrong is said at once, and what is said a second time is heard a second time.
 */

import type { RejectedFile, UploadItem } from '@fluxstack/client/upload'
import { useEffect, useRef, useState } from 'react'
import type { LiveUpload } from './upload-types.js'

/** What goes wrong with more files than this at once is said in one sentence: the list has the others. */
const MOST_PROBLEMS = 3

/** No reader says it, and yet it makes the same words others, so that they are read again. */
const SILENT = '\u00a0'

/** What was said already. */
interface Said {
  readonly items: ReadonlyMap<string, UploadItem>
  readonly rejected: readonly RejectedFile[]
  readonly wasActive: boolean
  /** When progress was said last. */
  readonly at: number
  /** The files that were done since sending began. */
  readonly done: readonly string[]
}

/** The newest of what there is to say; progress at most every `everyMs`. */
export function useNews(upload: LiveUpload, everyMs: number): string {
  const [words, setWords] = useState('')
  const last = useRef<Said>(undefined)
  const { items, rejected, isActive, progress, speed, remaining, messages: say, message } = upload

  useEffect(() => {
    const before = last.current
    const now = performance.now()
    const problems: string[] = []
    let done = before?.wasActive ? before.done : []
    let at = before?.at ?? now

    // What was there before anybody listened is no news.
    for (const file of before ? rejected : []) {
      if (!before?.rejected.includes(file)) problems.push(say.failed(file.name, message(file) ?? ''))
    }
    for (const item of before ? items : []) {
      const known = before?.items.get(item.id)
      if (known?.status === item.status && known.error === item.error) continue
      if (item.status === 'done') done = [...done, item.name]
      else if (item.status === 'failed' || item.status === 'interrupted')
        problems.push(say.failed(item.name, message(item) ?? say.status[item.status]))
    }
    const news = problems.length > MOST_PROBLEMS ? [say.failures(problems.length)] : problems
    if (isActive && !before?.wasActive) {
      const count = items.filter(({ status }) => /waiting|sending|checking/.test(status)).length
      news.push(say.started(count))
      at = now
    } else if (isActive && now - at >= everyMs) {
      const total = items.filter(({ status }) => !/failed|interrupted/.test(status)).length
      const count = items.filter(({ status }) => status === 'done').length
      news.push(say.underway({ done: count, total, progress, speed, remaining }, say))
      at = now
    } else if (!isActive && done.length > 0) {
      news.push(say.finished(done))
      done = []
    }

    const seen = new Map(items.map((item) => [item.id, item]))
    last.current = { items: seen, rejected, wasActive: isActive, at, done }
    if (news.length === 0) return
    const next = news.join(' ')
    setWords((said) => (said === next ? next + SILENT : next))
  }, [items, rejected, isActive, progress, speed, remaining, say, message, everyMs])

  return words
}
