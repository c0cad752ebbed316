import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type AliasOptions, defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('./packages', import.meta.url))

/** Tests run against the sources, so that they never wait for a build and never test an old one. */
function sources(name: string): AliasOptions & unknown[] {
  const { exports } = JSON.parse(readFileSync(`${packages}/${name}/package.json`, 'utf8')) as {
    exports: Record<string, string>
  }
  return Object.entries(exports).flatMap(([entry, built]) => {
    if (!built.startsWith('./dist/')) return []
    const file = `${packages}/${name}/${built.replace('./dist/', 'src/').replace(/\.js$/, '')}`
    const find = new RegExp(`^@fluxstack/${name}${entry.slice(1)}$`)
    return [{ find, replacement: existsSync(`${file}.tsx`) ? `${file}.tsx` : `${file}.ts` }]
  })
}

export default defineConfig({
  resolve: { alias: [...sources('client'), ...sources('react')] },
  test: {
    include: ['packages/*/test/**/*.test.{ts,tsx}', 'examples/*/web/test/**/*.test.{ts,tsx}'],
    // No test waits for time to pass; on a machine that has much to do, a thousand stories take theirs.
    testTimeout: 60_000,
    typecheck: {
      enabled: true,
      include: ['packages/*/test/**/*.test-d.{ts,tsx}'],
      tsconfig: './packages/tsconfig.test.json',
    },
  },
})
