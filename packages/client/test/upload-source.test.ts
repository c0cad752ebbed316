import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSource } from '../src/upload/source.js'
import { bytesOf, TestFile } from './upload-world.js'

test('whoever took the last piece of a file was told in the middle of it that there was more', async () => {
  const file = new TestFile(bytesOf(100))
  let isTaking = false
  const nested: boolean[] = []
  const pieces: number[] = []
  const source = createSource(file, undefined, () => 40, {
    ready() {
      nested.push(isTaking)
      if (isTaking) return
      isTaking = true
      for (;;) {
        const bytes = source.take(
          pieces.reduce((sum, length) => sum + length, 0),
          40,
        )
        if (!bytes || bytes.length === 0) break
        pieces.push(bytes.length)
      }
      isTaking = false
    },
    broken(cause) {
      throw cause
    },
  })
  source.take(0, 40)
  await expect.poll(() => pieces).toEqual([40, 40, 20])
  expect(nested).not.toContain(true)
  expect(source.digest()).toBe(createHash('sha256').update(file.content).digest('hex'))
})

test('whoever waits for the digest is told', async () => {
  const file = new TestFile(bytesOf(100))
  let told = 0
  const source = createSource(file, undefined, () => 40, {
    ready: () => {
      told += 1
    },
    broken: () => undefined,
  })
  expect(source.digest()).toBeUndefined()
  await expect.poll(() => told).toBe(1)
  expect(source.digest()).toHaveLength(64)
})
