/**
 * What is behind a handle and a client, for this package's other entries.
 *
 * A page that imports `rooms` or `batch` gets them from here; whoever does not pays for one symbol. It is
 * taken from the registry of symbols, so that entries that were bundled apart find each other.
 */

import type { CallOptions } from './calls.js'
import type { Hall } from './hall.js'
import type { Guess } from './optimistic.js'
import type { Guest, Port } from './port.js'
import type { CallBody } from './protocol.js'

/** Where it is. */
export const INSIDE: unique symbol = Symbol.for('@fluxstack/client')

/** What is behind a handle. */
export interface Inside {
  readonly port: Port
  readonly hall: Hall
  /** The handle, as its client knows it. */
  readonly guest: Guest
  /** Asks the instance, once there is one, after what was asked before. */
  readonly call: (body: CallBody, options?: CallOptions) => Promise<unknown>
  /** Shows what a call will do, if that is known. */
  readonly guess: (body: CallBody) => Guess | undefined
  readonly face: { readonly instanceId: string | undefined }
}

/** What is behind a handle. */
export function insideOf(handle: object): Inside {
  return (handle as { readonly [INSIDE]: Inside })[INSIDE]
}

/** What is behind a client. */
export function portOf(client: object): Port {
  return (client as { readonly [INSIDE]: Port })[INSIDE]
}
