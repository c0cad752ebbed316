/**
 * The line of one handle: calls wait here, and enter the client's own line when they may leave.
 *
 * made ──► waiting ──written down, instance there, room──► claimed ──► under way ──► settled
 *             └── replaced by a newer one, merged into one, given up
 *
 * What waits here can still be replaced or merged, because the client's own line has not seen it; what has
 * entered that one is sent, and sent again, under its name until it is answered. Everything that is asked of
 * the instance passes here and keeps its place, also what is not counted.
 *
 * What must stay true: calls leave in the order they were made, those of earlier pages first. At most
 * `MOST_UNDER_WAY` calls of `MOST_ORIGINS` pages have no answer, because of no more than that the server
 * remembers what it has done.
 */

import { type CallOptions, callLine, type MakeLine } from '../calls.js'
import { LiveError } from '../error.js'
import { queueFull } from '../outbox.js'
import type { CallBody } from '../protocol.js'
import { type Entry, inDoubt, mountedAfresh, otherUser, partsOf, sizeOf, takenAway } from './entry.js'
import { both, isOpenTo, mergedBody } from './merge.js'
import type { Book, Line } from './parts.js'
import type { AnyPolicy, Merge } from './policy.js'

/** Calls of one handle that have no answer. */
const MOST_UNDER_WAY = 256
/** Pages whose calls these are: the server remembers 16 of each instance. */
const MOST_ORIGINS = 8
/** No timer is longer, in ms. */
const LONGEST_MS = 2 ** 31 - 1

/** Makes lines for an outbox. */
export function outboxLine(book: Book): MakeLine {
  return (port, caller) => {
    const { clock } = port
    const { name, isKept } = caller
    const [component] = partsOf(name)
    const inner = callLine(port, caller)
    const most = Math.min(MOST_UNDER_WAY, port.queue)
    let queue: Entry[] = []
    const underWay = new Set<Entry>()
    let here: string | undefined
    let wasThere = false
    let isClaiming = false

    function pump(): void {
      while (here !== undefined && !isClaiming) {
        const [head] = queue
        if (!head?.isWritten || !hasRoom([head])) return
        if (needsClaim(head)) {
          void claim(here)
          return
        }
        queue.shift()
        hand(head)
      }
    }

    function needsClaim({ isSafe, sentTo }: Entry): boolean {
      return isSafe && sentTo === undefined
    }

    function hasRoom(more: readonly Entry[]): boolean {
      if (underWay.size + more.length > most) return false
      const origins = new Set([...underWay, ...more].map(({ id }) => id.slice(0, id.lastIndexOf('-'))))
      return origins.size <= MOST_ORIGINS
    }

    /** Notes of as many as may leave that they do, so that they are in doubt from now on. */
    async function claim(instanceId: string): Promise<void> {
      const those: Entry[] = []
      for (const entry of queue) {
        if (!entry.isWritten || !hasRoom([...those, entry])) break
        if (needsClaim(entry)) those.push(entry)
      }
      isClaiming = true
      for (const entry of those) entry.sentTo = instanceId
      const gone = await book.claim(those, instanceId)
      isClaiming = false
      for (const entry of gone) if (withdraw(entry)) giveUp(entry, takenAway())
      pump()
    }

    function hand(entry: Entry): void {
      entry.cancel?.()
      underWay.add(entry)
      const { id, number, body, guess, options } = entry
      const timeout = Math.max(0, entry.due - clock.now())
      const lost = entry.isInDoubt ? { lost: inDoubt() } : {}
      inner.enter(body, { ...options, ...lost, guess, name: { id, number }, timeout }).then(
        (result) => {
          underWay.delete(entry)
          book.done(entry)
          for (const { resolve } of entry.waiters) resolve(result)
          pump()
        },
        (error: LiveError) => {
          underWay.delete(entry)
          refuse(entry, error)
          pump()
        },
      )
    }

    /** It will not be done, and whoever has to know is told. */
    function refuse(entry: Entry, error: LiveError): void {
      const { code } = error
      if (code === 'CLOSED') book.release(entry)
      else if (entry.isDismissed || !entry.hasWaited || entry.body.type !== 'CALL_ACTION') book.done(entry)
      else book.fail(entry, error)
      reject(entry, error)
    }

    /** It will not be done by this page, and perhaps by another. */
    function giveUp(entry: Entry, error: LiveError): void {
      book.release(entry)
      reject(entry, error)
    }

    function reject(entry: Entry, error: LiveError): void {
      entry.cancel?.()
      entry.guess?.settle()
      for (const waiter of entry.waiters) waiter.reject(error)
    }

    function withdraw(entry: Entry): boolean {
      const index = queue.indexOf(entry)
      if (index >= 0) queue.splice(index, 1)
      return index >= 0
    }

    /** Takes out of the line what `which` names. */
    function withdrawAll(which: (entry: Entry) => boolean): Entry[] {
      const those = queue.filter(which)
      queue = queue.filter((entry) => !which(entry))
      return those
    }

    function expireIn(entry: Entry, ms: number): void {
      const wait = Math.min(Math.max(0, ms), LONGEST_MS)
      entry.due = clock.now() + wait
      entry.cancel = clock.after(wait, () => {
        const why = entry.sentTo === undefined ? 'it was not sent' : 'whether it happened is unknown'
        if (withdraw(entry)) refuse(entry, new LiveError('TIMEOUT', `the call took too long: ${why}`))
        pump()
      })
    }

    /** Takes what is left for this name: what other pages made stands in front. */
    function take(): void {
      const left = book.take(name, line)
      if (left.length === 0) return
      for (const entry of left) {
        entry.guess ??= caller.guess(entry.body)
        // The server may have its effect already, and is asked.
        if (entry.guess && entry.sentTo !== undefined) entry.guess.id = entry.id
        expireIn(entry, entry.at + book.maxAge - Date.now())
      }
      queue = [...left, ...queue].sort((a, b) => a.number - b.number)
      if (here !== undefined) admit(here, false)
      pump()
    }

    /** Sorts out what is not meant for the instance that is there. */
    function admit(instanceId: string, isSame: boolean): void {
      line.dismiss((entry) => !book.isOurs(entry), otherUser())
      const isMeant = ({ isLeft, isFree, sentTo }: Entry): boolean =>
        !isLeft || isSame || (sentTo === undefined ? isFree : sentTo === instanceId)
      for (const entry of withdrawAll((entry) => !isMeant(entry)))
        refuse(entry, entry.sentTo === undefined ? mountedAfresh() : inDoubt())
    }

    /** Whoever is here has made it, also what is not counted; and nobody who comes later. */
    function sign(): void {
      book.sign([...queue, ...underWay])
    }

    function policyFor(body: CallBody, options: CallOptions): AnyPolicy | undefined {
      if (body.type === 'PROPERTY_UPDATE') return 'queue'
      // Calls of a batch are done together or not at all.
      return body.type === 'CALL_ACTION' && !options.ask ? book.policyOf(component, body.action) : undefined
    }

    function make(body: CallBody, options: CallOptions): Entry {
      const policy = policyFor(body, options)
      const isQueued = policy !== undefined && policy !== 'fail' && policy !== 'drop'
      const { id, number } = options.name ?? port.callName()
      const written = JSON.parse(JSON.stringify(body)) as CallBody
      return {
        ...{ id, number, name, options, isQueued },
        body: written,
        bytes: sizeOf(written),
        policy: policy ?? 'queue',
        user: book.user(),
        at: Date.now(),
        place: 0,
        isKept: isKept && isQueued && body.type === 'CALL_ACTION',
        isWritten: false,
        isSafe: false,
        isLeft: false,
        isInDoubt: false,
        // Whatever was mounted before, by this page or an earlier one, it is meant for that.
        isFree: !wasThere && !port.left.has(name),
        sentTo: undefined,
        hasWaited: isQueued && !port.isOpen(),
        isDismissed: false,
        due: 0,
        guess: options.guess,
        waiters: [],
        cancel: undefined,
      }
    }

    /** Makes one call of this one and the last that waits, if they can be one. */
    function mergeInto(last: Entry | undefined, newer: Entry, merge: Merge<unknown>): boolean {
      const body = last && mergedBody(last, newer, merge)
      if (!body) return false
      book.rewrite(last, body)
      last.guess = both(last.guess, newer.guess)
      last.waiters.push(...newer.waiters)
      return true
    }

    function enter(entry: Entry): void {
      const { policy } = entry
      if (typeof policy === 'object' && mergeInto(queue.at(-1), entry, policy.merge)) return
      const old = policy === 'latest' ? queue.find((other) => isOpenTo(other, entry)) : undefined
      // It leaves right now, so it need not be looked at once more before it does.
      const isWaiting = isClaiming || queue.some(({ isKept, sentTo }) => isKept && sentTo === undefined)
      if (entry.isKept && !isWaiting && hasRoom([...queue, entry])) entry.sentTo = here
      if (!entry.isQueued && queue.length >= port.queue) throw queueFull('the call', port.queue)
      book.add(entry, line, old)
      if (old && withdraw(old)) {
        old.cancel?.()
        old.guess?.settle()
        entry.waiters.unshift(...old.waiters)
        entry.hasWaited ||= old.hasWaited
      }
      queue.push(entry)
      expireIn(entry, entry.isQueued ? book.maxAge : (entry.options.timeout ?? port.timeout))
      pump()
    }

    const line: Line = {
      take,
      pump,
      yield() {
        const those = withdrawAll(({ isQueued }) => isQueued)
        for (const entry of those) {
          entry.cancel?.()
          entry.guess?.settle()
          entry.guess = undefined
        }
        return those
      },
      picture: caller.picture,
      dismiss(which, why) {
        for (const entry of withdrawAll(which)) giveUp(entry, why)
        const those = [...underWay].filter(which)
        for (const entry of those) entry.isDismissed = true
        if (those.length > 0) inner.renew(why)
      },
    }
    if (isKept) book.join(name, line)
    void book.opened.then(take)

    return {
      enter: (body, options = {}) =>
        new Promise((resolve, reject) => {
          take()
          const entry = make(body, options)
          entry.waiters.push({ resolve, reject })
          if (!port.isOpen()) refuseNow(entry)
          enter(entry)
        }),
      open(id, isSame, shared) {
        book.look()
        sign()
        take()
        admit(id, isSame)
        wasThere = true
        // What is in doubt goes first.
        inner.open(id, isSame, shared)
        here = id
        pump()
      },
      shut() {
        here = undefined
        inner.shut()
        sign()
        if (port.isOpen()) return
        for (const entry of [...queue, ...underWay]) entry.hasWaited = entry.isQueued
        for (const entry of withdrawAll(({ policy }) => policy === 'fail' || policy === 'drop')) {
          book.done(entry)
          reject(entry, notSent(entry))
        }
        book.changed()
      },
      renew(error) {
        if (!error) {
          // What has not left yet is meant for the next instance.
          for (const entry of queue) if (!entry.isLeft) entry.sentTo = undefined
        } else if (isKept && error.code === 'NOT_MOUNTED' && !port.isOpen()) {
          // Nobody looks any more; what was asked is still wanted, by whoever looks next.
          const those = withdrawAll(({ isQueued }) => isQueued)
          for (const entry of those) {
            entry.cancel?.()
            if (!entry.isLeft) Object.assign(entry, { isLeft: true, isFree: true, sentTo: undefined })
            book.rewrite(entry, entry.body)
          }
          book.leave(those)
          for (const entry of withdrawAll(() => true)) refuse(entry, error)
          book.show(name, line)
        } else {
          for (const entry of withdrawAll(() => true)) refuse(entry, error)
        }
        inner.renew(error)
      },
      saw: isKept ? (state) => book.saw(name, state) : undefined,
    }
  }
}

/** Refuses what shall not wait. */
function refuseNow(entry: Entry): void {
  if (entry.policy === 'fail' || entry.policy === 'drop') throw notSent(entry)
}

function notSent({ policy, body }: Entry): LiveError {
  const what = body.type === 'CALL_ACTION' ? body.action : body.type
  return policy === 'drop'
    ? new LiveError('DROPPED', `${what} was dropped: the connection is not open`)
    : new LiveError('DISCONNECTED', `${what} was not sent: the connection is not open, and it does not wait`)
}
