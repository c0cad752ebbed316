/**
 * What components showed last, for a page that is loaded while there is no connection.
 *
 * A picture is of a named component and of the user who saw it, and is shown to nobody else. It is shown as
 * `stale`, never as proven, and what the server says replaces it. Pictures are bounded: those not looked at
 * for longest go first, and a large one is not kept at all.
 */

import type { Clock } from '../environment.js'
import { utf8Length } from '../outbox.js'
import { isObject, type JsonObject } from '../protocol.js'
import type { Who } from './entry.js'
import type { Picture, Store } from './store.js'

/** A picture larger than this, in bytes, is not kept. */
const MOST_BYTES = 256 * 1024
/** All pictures together, in bytes. */
const MOST_BYTES_IN_ALL = 2 * 1024 * 1024
/** They are drawn at most this often, in ms; and when the page is hidden. */
const DRAW_MS = 1000

/** What components showed. */
export interface Pictures {
  /** Looks up what this user saw. */
  open(user: Who): Promise<void>
  /** What the component of this name showed. */
  of(name: string): JsonObject | undefined
  /** A component shows this now. */
  saw(name: string, state: JsonObject): void
  /** Draws what was seen since the last time, for this user. */
  draw(): void
  /** Forgets what this page knows. */
  forget(): void
  /** Removes what is kept of these users. */
  erase(which: (user: Who) => boolean): void
}

/** No pictures yet. `user` says who looks at them, once the server has said so. */
export function createPictures(store: Store, user: () => Who, clock: () => Clock | undefined): Pictures {
  /** What they showed last, as JSON. */
  const shown = new Map<string, string>()
  const seen = new Map<string, JsonObject>()
  let cancelDrawing: (() => void) | undefined

  async function drawAll(): Promise<void> {
    cancelDrawing?.()
    cancelDrawing = undefined
    const who = user()
    if (who === undefined || seen.size === 0) return
    const at = Date.now()
    const drawn: Picture[] = [...seen].map(([name, state]) => ({
      ...{ user: who, name, at },
      text: JSON.stringify(state),
    }))
    seen.clear()
    for (const { name, text } of drawn) {
      shown.delete(name)
      shown.set(name, text)
    }
    limit()
    const isSmall = ({ text }: Picture): boolean => utf8Length(text) <= MOST_BYTES
    await store.draw(
      drawn.filter(isSmall),
      drawn.filter((picture) => !isSmall(picture)),
    )
    const all = (await store.pictures()).sort((a, b) => b.at - a.at)
    let bytes = 0
    const excess = all.filter(({ text }) => {
      bytes += utf8Length(text)
      return bytes > MOST_BYTES_IN_ALL
    })
    if (excess.length > 0) await store.draw([], excess)
  }

  /** Forgets what is too large, and of the rest what was not looked at for longest. */
  function limit(): void {
    let length = 0
    for (const [name, text] of [...shown].reverse()) {
      if (text.length > MOST_BYTES) shown.delete(name)
      else length += text.length
      if (length > MOST_BYTES_IN_ALL) shown.delete(name)
    }
  }

  return {
    async open(user) {
      shown.clear()
      if (user === undefined) return
      for (const { name, text, user: whose } of await store.pictures()) {
        if (whose === user) shown.set(name, text)
      }
    },
    of: (name) => seen.get(name) ?? parseState(shown.get(name)),
    saw(name, state) {
      seen.set(name, state)
      cancelDrawing ??= clock()?.after(DRAW_MS, () => void drawAll())
    },
    draw: () => void drawAll(),
    forget() {
      shown.clear()
      seen.clear()
    },
    erase(which) {
      void store.pictures().then((all) =>
        store.draw(
          [],
          all.filter(({ user }) => which(user)),
        ),
      )
    },
  }
}

function parseState(text = ''): JsonObject | undefined {
  try {
    const state: unknown = JSON.parse(text)
    return isObject(state) ? state : undefined
  } catch {
    return undefined
  }
}
