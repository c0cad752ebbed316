import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
/** The same without indentation, which differs. */
const flat = (code: string): string =>
  code
    .split('\n')
    .map((line) => line.trim())
    .join('\n')

test('every block of docs/testing.md is a piece of a test that runs', () => {
  const tests = flat(read('shop.test.tsx'))
  const blocks = [...read('../../../../docs/testing.md').matchAll(/```tsx\n(.*?)\n```/gs)]
  expect(blocks.length).toBeGreaterThan(5)
  for (const [, block = ''] of blocks) expect(tests).toContain(flat(block))
})
