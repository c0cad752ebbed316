import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Tests run against the sources, so that they never wait for a build and never test an old one.
const source = (path: string): string => fileURLToPath(new URL(`./packages/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@fluxstack\/client\/batch$/, replacement: source('client/src/batch.ts') },
      { find: /^@fluxstack\/client\/rooms$/, replacement: source('client/src/rooms.ts') },
      { find: /^@fluxstack\/client\/stats$/, replacement: source('client/src/stats.ts') },
      { find: /^@fluxstack\/react\/forms$/, replacement: source('react/src/forms/index.ts') },
      { find: /^@fluxstack\/react\/rooms$/, replacement: source('react/src/rooms.ts') },
      { find: /^@fluxstack\/react\/testing$/, replacement: source('react/src/testing.tsx') },
      { find: /^@fluxstack\/client\/durable$/, replacement: source('client/src/durable.ts') },
      { find: /^@fluxstack\/client\/testing$/, replacement: source('client/src/testing.ts') },
      { find: /^@fluxstack\/client$/, replacement: source('client/src/index.ts') },
      { find: /^@fluxstack\/react$/, replacement: source('react/src/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.{ts,tsx}'],
    typecheck: {
      enabled: true,
      include: ['packages/*/test/**/*.test-d.{ts,tsx}'],
      tsconfig: './packages/tsconfig.test.json',
    },
  },
})
