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
  { name: '@fluxstack/client', entries: ['client'], budget: 11.125 * 1024 },
  { name: '@fluxstack/client + @fluxstack/react', entries: ['client', 'react'], budget: 12 * 1024 },
]

/**
 * What is only for those who ask for it: bytes on top of the client, and a word of it that the client must not contain.
 * `withHook`: on top of the hook too, parts of which it shares. `beside`: on top of an entry that has a budget itself.
 */
const EXTRAS = [
  { name: '@fluxstack/client/batch', file: 'client/src/batch.ts', budget: 0.625 * 1024, word: 'CALL_BATCH' },
  {
    name: '@fluxstack/client/offline',
    file: 'client/src/offline/index.ts',
    budget: 7.625 * 1024,
    word: 'indexedDB',
  },
  {
    name: '@fluxstack/client/one-connection',
    file: 'client/src/one-connection/index.ts',
    budget: 3.25 * 1024,
    word: 'BroadcastChannel',
  },
  { name: '@fluxstack/client/quiet', file: 'client/src/quiet.ts', budget: 0.25 * 1024, word: 'QUIET' },
  { name: '@fluxstack/client/sign-in', file: 'client/src/sign-in.ts', budget: 0.375 * 1024, word: '"AUTH"' },
  { name: '@fluxstack/client/rooms', file: 'client/src/rooms.ts', budget: 1024, word: 'ROOM_JOIN"' },
  {
    name: '@fluxstack/client/stats',
    file: 'client/src/stats.ts',
    budget: 0.5 * 1024,
    word: 'lastDeltaBytes',
  },
  {
    name: '@fluxstack/client/upload',
    file: 'client/src/upload/index.ts',
    budget: 8.25 * 1024,
    word: 'FILE_UPLOAD',
  },
  { name: '@fluxstack/client/window', file: 'client/src/window.ts', budget: 2 * 1024, word: 'LIST_READ' },
  {
    name: '@fluxstack/react/debug',
    file: 'react/src/debug.ts',
    budget: 0.25 * 1024,
    word: 'onMissed","onResume',
  },
  {
    name: '@fluxstack/react/forms',
    file: 'react/src/forms/index.ts',
    budget: 4.375 * 1024,
    word: 'no state holds files',
  },
  {
    name: '@fluxstack/react/lazy',
    file: 'react/src/lazy.tsx',
    budget: 0.625 * 1024,
    word: 'IntersectionObserver',
  },
  {
    name: '@fluxstack/react/offline',
    file: 'react/src/offline.tsx',
    budget: 0.75 * 1024,
    word: 'fluxstack-offline-pending',
    withHook: true,
    beside: 'client/src/offline/index.ts',
  },
  {
    name: '@fluxstack/react/virtual-list',
    file: 'react/src/virtual-list/index.ts',
    budget: 4.25 * 1024,
    word: 'aria-posinset',
  },
  { name: '@fluxstack/react/rooms', file: 'react/src/rooms.ts', budget: 1.5 * 1024, word: 'ROOM_JOIN"' },
  {
    name: '@fluxstack/react/upload',
    file: 'react/src/upload/index.ts',
    budget: 6.25 * 1024,
    word: 'fluxstack-upload-news',
    beside: 'client/src/upload/index.ts',
  },
  {
    name: '@fluxstack/react/zustand',
    file: 'react/src/zustand/index.ts',
    budget: 4 * 1024,
    word: 'liveComponents',
  },
  {
    name: '@fluxstack/react/suspense',
    file: 'react/src/suspense/index.ts',
    budget: 1.75 * 1024,
    word: 'give it a componentId',
    withHook: true,
  },
]

/** What a page pays that imports one thing from an index: whatever it does not use has to be shaken out. */
const ALONE = [
  { what: 'component', from: 'client', budget: 128 },
  { what: 'LiveError', from: 'client', budget: 192 },
  { what: 'useUser', from: 'react', budget: 256 },
]

const output = await mkdtemp(join(tmpdir(), 'fluxstack-size-'))
let failed = false

async function bundle(files, what = '*') {
  const { outputFiles } = await build({
    stdin: {
      contents: files.map((file) => `export ${what} from './packages/${file}'`).join('\n'),
      resolveDir: root,
    },
    alias: {
      '@fluxstack/client': join(root, 'packages/client/src/index.ts'),
      '@fluxstack/client/offline': join(root, 'packages/client/src/offline/index.ts'),
      '@fluxstack/client/rooms': join(root, 'packages/client/src/rooms.ts'),
      '@fluxstack/client/upload': join(root, 'packages/client/src/upload/index.ts'),
      '@fluxstack/client/window': join(root, 'packages/client/src/window.ts'),
    },
    outdir: output,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['react', 'react/*', 'zustand', 'zustand/*', '@tanstack/react-virtual'],
    write: false,
  })
  const [{ contents, text }] = outputFiles
  return { bytes: gzipSync(contents, { level: 9 }).length, text }
}

function judge(name, bytes, budget) {
  const isOver = bytes > budget
  failed ||= isOver
  console.log(`${name}: ${bytes} of ${budget} bytes${isOver ? ', over budget' : ''}`)
}

for (const { name, entries, budget } of BUDGETS) {
  const { bytes } = await bundle(entries.map((entry) => `${entry}/src/index.ts`))
  judge(name, bytes, budget)
}
const client = await bundle(['client/src/index.ts'])
const hook = await bundle(['client/src/index.ts', 'react/src/index.ts'])
for (const { name, file, budget, word, withHook = false, beside } of EXTRAS) {
  const files = ['client/src/index.ts', withHook && 'react/src/index.ts', beside].filter(Boolean)
  const below = beside ? await bundle(files) : withHook ? hook : client
  const both = await bundle([...files, file])
  judge(`${name}, on top`, both.bytes - below.bytes, budget)
  if (below.text.includes(word) || !both.text.includes(word)) {
    failed = true
    console.log(`${name} has found its way into what everybody loads`)
  }
}
for (const { what, from, budget } of ALONE) {
  const { bytes } = await bundle([`${from}/src/index.ts`], `{ ${what} }`)
  judge(`${what} alone`, bytes, budget)
}
await rm(output, { recursive: true })
if (failed) process.exitCode = 1
