/**
 * What a screen reader is told of uploads: what began, how far it is, what went wrong, what is done.
 *
 * What must stay true: progress is said at calm intervals and not at each percent, many small files are not many
 * sentences, and what went wrong is said at once.
 */

import type { RejectedFile, UploadItem } from '@fluxstack/client/upload'
import { useEffect, useRef, useState } from 'react'
import type { LiveUpload } from './upload-types.js'

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
    const news: string[] = []
    let done = before?.wasActive ? before.done : []
    let at = before?.at ?? now

    for (const file of rejected) {
      if (!before?.rejected.includes(file)) news.push(say.failed(file.name, message(file) ?? ''))
    }
    for (const item of items) {
      // What was there before anybody listened is no news.
      const known = before?.items.get(item.id)
      if (!before || (known?.status === item.status && known.error === item.error)) continue
      if (item.status === 'done') done = [...done, item.name]
      else if (item.status === 'failed' || item.status === 'interrupted')
        news.push(say.failed(item.name, message(item) ?? say.status[item.status]))
    }
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
    if (news.length > 0) setWords(news.join(' '))
  }, [items, rejected, isActive, progress, speed, remaining, say, message, everyMs])

  return words
}
