/**
 * SHA-256 of what is read bit by bit: FIPS 180-4, in constant memory.
 *
 * The browser's own takes a file only whole. This one goes as far as it is given bytes, and where it stands can be
 * written down, so that a page that is loaded again goes on from there.
 */

/** Bytes that are taken in together. */
const BLOCK = 64

/** Where a digest stood after so many bytes: always whole blocks. */
export interface HashState {
  readonly at: number
  /** Eight words of eight hex digits. */
  readonly words: string
}

/** A digest of what was given so far. */
export interface Sha256 {
  /** How many bytes were given. */
  readonly length: number
  update(bytes: Uint8Array): void
  /** The last place from which another one can go on. */
  save(): HashState
  /** The digest of all, as hex. Nothing can be given afterwards. */
  digest(): string
}

/** The digest of nothing, or of what led to this state. */
export function sha256(from: HashState = START): Sha256 {
  const tail = new Uint8Array(BLOCK)
  const schedule = new Int32Array(BLOCK)
  const state = Int32Array.from(from.words.match(/.{8}/g) ?? [], (word) => Number.parseInt(word, 16))
  let length = from.at

  /** Takes in all whole blocks from `at` on. Returns where it stopped. */
  function blocks(bytes: Uint8Array, first: number): number {
    let h0 = word(state, 0)
    let h1 = word(state, 1)
    let h2 = word(state, 2)
    let h3 = word(state, 3)
    let h4 = word(state, 4)
    let h5 = word(state, 5)
    let h6 = word(state, 6)
    let h7 = word(state, 7)
    let at = first
    for (; at + BLOCK <= bytes.length; at += BLOCK) {
      for (let i = 0, from = at; i < 16; i += 1, from += 4) {
        schedule[i] =
          (byte(bytes, from) << 24) |
          (byte(bytes, from + 1) << 16) |
          (byte(bytes, from + 2) << 8) |
          byte(bytes, from + 3)
      }
      for (let i = 16; i < BLOCK; i += 1) {
        const x = word(schedule, i - 15)
        const y = word(schedule, i - 2)
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
        schedule[i] = (word(schedule, i - 16) + s0 + word(schedule, i - 7) + s1) | 0
      }
      let a = h0
      let b = h1
      let c = h2
      let d = h3
      let e = h4
      let f = h5
      let g = h6
      let h = h7
      for (let i = 0; i < BLOCK; i += 1) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
        const t1 = (h + s1 + (g ^ (e & (f ^ g))) + word(ROUNDS, i) + word(schedule, i)) | 0
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
        const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0
        h = g
        g = f
        f = e
        e = (d + t1) | 0
        d = c
        c = b
        b = a
        a = (t1 + t2) | 0
      }
      h0 = (h0 + a) | 0
      h1 = (h1 + b) | 0
      h2 = (h2 + c) | 0
      h3 = (h3 + d) | 0
      h4 = (h4 + e) | 0
      h5 = (h5 + f) | 0
      h6 = (h6 + g) | 0
      h7 = (h7 + h) | 0
    }
    state.set([h0, h1, h2, h3, h4, h5, h6, h7])
    return at
  }

  function update(bytes: Uint8Array): void {
    const open = length % BLOCK
    length += bytes.length
    let at = 0
    if (open > 0) {
      at = Math.min(BLOCK - open, bytes.length)
      tail.set(bytes.subarray(0, at), open)
      if (open + at < BLOCK) return
      blocks(tail, 0)
    }
    tail.set(bytes.subarray(blocks(bytes, at)))
  }

  return {
    get length() {
      return length
    },
    update,
    save: () => ({ at: length - (length % BLOCK), words: hexOf(state) }),
    digest() {
      const bits = length * 8
      const end = new Uint8Array(9 + ((119 - (length % BLOCK)) % BLOCK))
      const view = new DataView(end.buffer)
      end[0] = 0x80
      view.setUint32(end.length - 8, bits / 2 ** 32)
      view.setUint32(end.length - 4, bits >>> 0)
      update(end)
      return hexOf(state)
    },
  }
}

// What is asked for is within: the compiler cannot know.
const byte = (bytes: Uint8Array, at: number): number => bytes[at] as number
const word = (words: Int32Array, at: number): number => words[at] as number

/** The first primes, of whose roots the constants are made. */
const PRIMES: readonly number[] = Array.from({ length: 312 }, (_, number) => number).filter(
  (number, _, all) => number > 1 && all.every((other) => other < 2 || other >= number || number % other > 0),
)

/** The first 32 bits behind the point. */
const fraction = (number: number): number => (number % 1) * 2 ** 32

const ROUNDS: Int32Array = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)))
const START: HashState = {
  at: 0,
  words: hexOf(Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))),
}

function hexOf(words: Int32Array): string {
  return Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}
