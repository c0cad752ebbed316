import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
/** The same without indentation, which differs. */
const flat = (code: string): string =>
  code
    .split('\n')
    .map((line) => line.trim())
    .join('\n')

/** Which files have the pieces of which page. */
const PAGES = {
  instant: ['order.tsx', 'instant.test.tsx'],
  testing: ['shop.test.tsx'],
  uploads: ['avatar.tsx', 'album.tsx', 'uploads.test.tsx'],
  zustand: ['till-store.ts', 'till-page.tsx', 'till.test.tsx'],
}

test.each(Object.entries(PAGES))(
  'every block of docs/%s.md is a piece of something that runs',
  (page, files) => {
    const code = files.map((file) => flat(read(file))).join('\n')
    const blocks = [...read(`../../../../docs/${page}.md`).matchAll(/```tsx?\n(.*?)\n```/gs)]
    expect(blocks.length).toBeGreaterThan(5)
    for (const [, block = ''] of blocks) expect(code).toContain(flat(block))
  },
)
