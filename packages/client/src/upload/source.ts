/**
 * A file that is read just ahead of being sent, and digested on the way.
 *
 * The digest is of the file, not of what was sent: it takes in every byte once, in order, also where the server had
 * them already and where they are sent again. So it may be ahead of what is sent, and where it is behind, what is
 * between is read first. No more than two frames are held.
 */

import { type HashState, sha256 } from './sha256.js'

/** Frames that are read ahead. */
const AHEAD = 2
/** Bytes that are read at once only to be digested. */
const CATCH_UP = 256 << 10

/** A file that is being read. */
export interface Source {
  /** Bytes of the file from `at` on, `most` of them; undefined while they are read. */
  take(at: number, most: number): Uint8Array | undefined
  /** The digest of the whole file; undefined while it is read. */
  digest(): string | undefined
  /** Where the digest stands. */
  save(): HashState
  /** Lets go of what was read ahead, and reads nothing until something is taken. */
  rest(): void
}

/** What becomes of reading. */
export interface SourceEvents {
  /** What was asked for may be at hand. */
  ready(): void
  /** It cannot be read. */
  broken(cause: unknown): void
}

/** A source that has read nothing. `frame` says how much is wanted at once. */
export function createSource(
  file: Blob,
  from: HashState | undefined,
  frame: () => number,
  { ready, broken }: SourceEvents,
): Source {
  const hash = sha256(from)
  let pieces: { readonly at: number; readonly bytes: Uint8Array }[] = []
  /** Where to read on; undefined while nothing is wanted. */
  let next: number | undefined
  let isReading = false
  /** Somebody waits for the digest. */
  let isAwaited = false
  /** Where the digest stood before its end, and the digest. */
  let end: { readonly state: HashState; readonly digest: string } | undefined

  function want(at: number): void {
    if (pieces[0]?.at !== at) {
      pieces = []
      next = at
    }
    if (!isReading) void read()
  }

  async function read(): Promise<void> {
    isReading = true
    try {
      while (next !== undefined) {
        const wanted = next
        const isBehind = hash.length < wanted
        if (!isBehind && (pieces.length >= AHEAD || wanted >= file.size)) break
        const at = isBehind ? hash.length : wanted
        const to = isBehind ? Math.min(wanted, at + CATCH_UP) : Math.min(file.size, at + frame())
        const bytes = new Uint8Array(await file.slice(at, to).arrayBuffer())
        if (bytes.length !== to - at) throw new Error('the file has become shorter')
        // Nobody else reads meanwhile, so it is still there that the digest goes on.
        if (hash.length < to) hash.update(bytes.subarray(hash.length - at))
        // What was wanted meanwhile may be something else.
        if (isBehind || next !== wanted) continue
        pieces.push({ at, bytes })
        next = to
        ready()
      }
      isReading = false
      // Nobody else: whoever takes the last piece is just being told of it.
      if (isAwaited && next !== undefined && hash.length === file.size) ready()
    } catch (cause) {
      isReading = false
      pieces = []
      next = undefined
      broken(cause)
    }
  }

  return {
    take(at, most) {
      const [piece] = pieces
      if (piece?.at !== at) {
        want(at)
        return undefined
      }
      const bytes = piece.bytes.subarray(0, most)
      const rest = piece.bytes.subarray(most)
      pieces = rest.length > 0 ? [{ at: at + most, bytes: rest }, ...pieces.slice(1)] : pieces.slice(1)
      if (!isReading) void read()
      return bytes
    },
    digest() {
      if (hash.length < file.size) {
        isAwaited = true
        want(file.size)
        return undefined
      }
      end ??= { state: hash.save(), digest: hash.digest() }
      return end.digest
    },
    save: () => end?.state ?? hash.save(),
    rest() {
      isAwaited = false
      pieces = []
      next = undefined
    },
  }
}
