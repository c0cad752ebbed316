import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../src/upload/sha256.js'

const expected = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('the digest of every length around a block is the right one', () => {
  for (let length = 0; length <= 300; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 31 + length) % 256)
    const hash = sha256()
    hash.update(bytes)
    expect(hash.digest(), `of ${length} bytes`).toBe(expected(bytes))
  }
})

test('however the bytes are cut, and wherever it is put down and taken up again, the digest is that of all', () => {
  const pieces = fc.array(fc.record({ bytes: fc.uint8Array({ maxLength: 400 }), isPutDown: fc.boolean() }), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(pieces, (all) => {
      const bytes = Uint8Array.from(all.flatMap((piece) => [...piece.bytes]))
      let hash = sha256()
      let given = 0
      for (const piece of all) {
        hash.update(piece.bytes)
        given += piece.bytes.length
        expect(hash.length).toBe(given)
        if (!piece.isPutDown) continue
        const state = JSON.parse(JSON.stringify(hash.save()))
        expect(given - state.at).toBeLessThan(64)
        hash = sha256(state)
        hash.update(bytes.subarray(state.at, given))
      }
      expect(hash.digest()).toBe(expected(bytes))
    }),
    { numRuns: 500 },
  )
})

test('the length is right beyond 2^32 bits', () => {
  // Put down after half a gigabyte of which nobody knows what it was: only the length at the end matters here.
  const at = 2 ** 29
  const words = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'
  const short = sha256({ at: 0, words })
  const long = sha256({ at, words })
  expect(long.digest()).not.toBe(short.digest())
})
