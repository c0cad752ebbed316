/**
 * What the packages cost a page: bundled, minified and gzipped, with everything the index files export.
 *
 * Fails over budget. A byte is easy to add and nobody removes one; the budget is where that is noticed.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Bytes after gzip. What a page needs by default has 12 KiB in all. Coming back is the reason why it is not
 * 10: sessions, the four outcomes, calls that are sent again, and what a tab knows over a reload.
 */
const BUDGETS = [
  { name: '@fluxstack/client', entries: ['client'], budget: 10.5 * 1024 },
  { name: '@fluxstack/client + @fluxstack/react', entries: ['client', 'react'], budget: 12 * 1024 },
]

const output = await mkdtemp(join(tmpdir(), 'fluxstack-size-'))
let over = false
for (const { name, entries, budget } of BUDGETS) {
  const { outputFiles } = await build({
    stdin: {
      contents: entries.map((entry) => `export * from './packages/${entry}/src/index.ts'`).join('\n'),
      resolveDir: root,
    },
    alias: { '@fluxstack/client': join(root, 'packages/client/src/index.ts') },
    outdir: output,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['react', 'react/*'],
    write: false,
  })
  const bytes = outputFiles.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0)
  over ||= bytes > budget
  console.log(`${name}: ${bytes} of ${budget} bytes${bytes > budget ? ', over budget' : ''}`)
}
await rm(output, { recursive: true })
if (over) process.exitCode = 1
