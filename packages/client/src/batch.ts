/**
 * Several calls in one message, answered together.
 *
 * An entry point of its own. Each call takes its place in the line of its handle, like any other, and has a
 * name there, so that it is done once whatever happens. When its turn comes it does not leave by itself, but
 * with the other calls of its handle, and those of other handles that are there at that moment. So what was
 * lost with a connection leaves again as a whole, each handle's calls once that handle is back.
 */

import { payloadOf } from './actions.js'
import type { LiveClient } from './client.js'
import { LiveError } from './error.js'
import { insideOf, portOf } from './inside.js'
import type { Asker } from './outbox.js'
import type { Port } from './port.js'
import { type ClientMessage, isObject, parseError } from './protocol.js'

/** Whatever has actions. */
interface Callable {
  readonly call: object
}

/** One call: a handle, the name of an action, and the arguments if it has any. */
type AnyCall = readonly [handle: Callable, action: string, args?: unknown]

/** The function of one action. */
type ActionOf<T extends AnyCall> = T[0]['call'][T[1] & keyof T[0]['call']]

/** A value that is only read: it is written down when the call is made. */
type Read<T> = T extends readonly (infer U)[]
  ? readonly Read<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Read<T[K]> }
    : T

/** The call as it has to be, for the handle and the action that it names. */
type Checked<T extends AnyCall> = T[1] extends keyof T[0]['call']
  ? ActionOf<T> extends (...args: infer A) => unknown
    ? readonly [handle: T[0], action: T[1], ...args: { [I in keyof A]: Read<A[I]> }]
    : never
  : readonly [handle: T[0], action: keyof T[0]['call'] & string, args?: unknown]

/** What became of one call. */
export type CallOutcome<R> =
  | { readonly ok: true; readonly result: R }
  | { readonly ok: false; readonly error: LiveError }

/** What became of each call, in the order of the calls. */
export type BatchOutcome<T extends readonly AnyCall[]> = {
  -readonly [I in keyof T]: CallOutcome<
    ActionOf<T[I]> extends (...args: never[]) => infer R ? Awaited<R> : never
  >
}

/** How calls are done together. */
export interface BatchOptions {
  /** Each component does all of its calls or none: those undone are refused with `ROLLED_BACK`. */
  readonly atomic?: boolean | undefined
}

/** The calls of one handle. */
interface Group {
  /** How many have no answer yet. */
  open: number
  /** Those whose turn it is. */
  ready: { readonly message: ClientMessage; readonly asker: Asker; readonly timeout: number }[]
}

/**
 * Calls several actions at once, of one component or of several. Never rejects; each call says for itself
 * what became of it. They are done in this order by each component, at most as many as the server's limit,
 * 64 unless it says otherwise. They leave when their handle is mounted, and do not outlive the page, also
 * where calls are kept.
 *
 * @example
 * const [added, pushed] = await batch(client, [
 *   [counter, 'add', { by: 1 }],
 *   [todos, 'push', { text: 'tea' }],
 * ], { atomic: true })
 * if (added.ok) show(added.result)
 */
export async function batch<const T extends readonly AnyCall[]>(
  client: LiveClient,
  calls: T & { readonly [I in keyof T]: Checked<T[I]> },
  { atomic }: BatchOptions = {},
): Promise<BatchOutcome<T>> {
  const port = portOf(client)
  const groups = new Map<Callable, Group>()
  let isEntering = true

  const leave = (those: Iterable<Group>): void => {
    const complete = [...those].filter(({ open, ready }) => ready.length >= open)
    const leaving = complete.flatMap(({ ready }) => ready.splice(0))
    if (leaving.length === 0) return
    const messages = leaving.map(({ message }) => ({ ...message, type: undefined }))
    const payload = { calls: messages, atomic: atomic ? (true as const) : undefined }
    const asker: Asker = {
      answered(result) {
        const results = isObject(result) && Array.isArray(result.results) ? result.results : []
        for (const [index, { asker }] of leaving.entries()) {
          const said: unknown = results[index]
          if (isObject(said) && said.success === true) asker.answered(said.result, said.held)
          else asker.failed(parseError(isObject(said) ? said : {}), true)
        }
      },
      failed(error, isSent) {
        for (const { asker } of leaving) asker.failed(error, isSent)
      },
    }
    port.ask({ type: 'CALL_BATCH', payload }, asker, Math.min(...leaving.map(({ timeout }) => timeout)))
  }

  const enter = async ([handle, action, args]: AnyCall): Promise<CallOutcome<unknown>> => {
    const inside = insideOf(handle)
    if (inside.port !== port) throw new Error('a batch is of handles of one client: make it for each')
    const group = groups.get(handle) ?? { open: 0, ready: [] }
    groups.set(handle, group)
    group.open += 1
    const ask: Port['ask'] = (message, asker, timeout = port.timeout) => {
      if (asker) group.ready.push({ message, asker, timeout })
      if (!isEntering) leave([group])
    }
    try {
      const result = await inside.call({ type: 'CALL_ACTION', action, payload: payloadOf([args]) }, { ask })
      return { ok: true, result }
    } catch (error) {
      if (!(error instanceof LiveError)) throw error
      return { ok: false, error }
    } finally {
      group.open -= 1
      // The others do not wait for one that will not come.
      leave([group])
    }
  }

  const outcomes = (calls as readonly AnyCall[]).map(enter)
  isEntering = false
  leave(groups.values())
  // What each call answers is what its type says.
  return (await Promise.all(outcomes)) as BatchOutcome<T>
}
