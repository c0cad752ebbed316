/** The README is true: its code is the code, its commands exist, its links lead somewhere. */

import { execFile } from 'node:child_process'
import { access, readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Longer than xtask takes to be built from nothing. */
const BUILD_MS = 300_000

const readme = await readFile(`${ROOT}README.md`, 'utf8')
const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language = '', text = '']) => ({
  language,
  text,
}))
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'))
  .map((line) => line.replace(/\s+#.*/, '').trim())
  .filter((line) => line !== '')

test('every piece of code is, letter for letter, the file it names', async () => {
  const named = [...readme.matchAll(/`([^`\n]+\.(?:rs|tsx?))`, all of it:\n\n```\w+\n([\s\S]*?)```/g)]
  expect(named.map(([, path]) => path)).toEqual([
    'examples/counter/src/main.rs',
    'examples/counter/web/src/app.tsx',
  ])
  for (const [, path, text] of named) expect(text, path).toBe(await readFile(`${ROOT}${path}`, 'utf8'))
  // There is no code that names no file.
  expect(blocks.filter(({ language }) => language !== 'sh')).toHaveLength(named.length)
})

test('the page of the example fits under 25 lines', async () => {
  const page = await readFile(`${ROOT}examples/counter/web/src/app.tsx`, 'utf8')
  expect(page.trimEnd().split('\n').length).toBeLessThan(25)
})

test('every cargo xtask command exists', { timeout: BUILD_MS }, async () => {
  const chores = commands.filter((line) => line.startsWith('cargo xtask ')).map((line) => line.split(' ')[2])
  expect(chores).toEqual(expect.arrayContaining(['demo', 'test']))
  const { stdout } = await promisify(execFile)('cargo', ['xtask', '--help'], { cwd: ROOT })
  for (const chore of chores)
    expect(stdout, `cargo xtask ${chore}`).toMatch(new RegExp(`^ +${chore}\\b`, 'm'))
})

test('every npm script exists', async () => {
  const runs = commands.flatMap((line) => [...line.matchAll(/^npm run (\S+)(?: -w (\S+))?/g)])
  expect(runs.length).toBeGreaterThan(0)
  for (const [line, script = '', folder = '.'] of runs) {
    const { scripts } = JSON.parse(await readFile(`${ROOT}${folder}/package.json`, 'utf8')) as {
      scripts: Record<string, string>
    }
    expect(Object.keys(scripts), line).toContain(script)
  }
})

test('every program that is run by cargo exists', async () => {
  const examples = await readdir(`${ROOT}examples`)
  for (const line of commands.filter((line) => line.startsWith('cargo run -p '))) {
    expect(examples, line).toContain(line.split(' ').at(-1))
  }
})

test('nothing else is asked of a newcomer than those commands', () => {
  const known = /^(cargo xtask \w+|cargo run -p \w+|npm install|npm run \w+( -w \S+)?)$/
  for (const line of commands) expect(line).toMatch(known)
})

test('every link leads to a file', async () => {
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)]
    .map(([, to = '']) => to)
    .filter((to) => !/^https?:/.test(to))
  expect(links).toEqual(expect.arrayContaining(['ARCHITECTURE.md', 'DESIGN.md', 'docs/protocol.md']))
  for (const link of links) await expect(access(`${ROOT}${link}`), link).resolves.toBeUndefined()
})
