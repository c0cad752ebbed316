/** The showcase's server, started, stopped and killed as an operator would: by its program and its pid. */

import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM =
  process.env.SHOWCASE_BIN ?? fileURLToPath(new URL('../../target/release/showcase', import.meta.url))

export interface Showcase {
  /** Where it listens. Any port is free once; the same is asked for when it is started again. */
  readonly url: string
  readonly port: number
  /** How much memory it has, in bytes. Where there is no /proc, 0. */
  readonly memory: () => Promise<number>
  /** SIGKILL: no goodbye to anybody. */
  readonly kill: () => Promise<void>
  /** SIGTERM, as a deployment sends it. Brings the code it ended with, 0 if all went well. */
  readonly stop: () => Promise<number | null>
}

/** Starts it, told what `flags` say, and comes back when it listens. */
export async function startShowcase(flags: readonly string[] = [], port = 0): Promise<Showcase> {
  const listen = ['--listen', `127.0.0.1:${port}`]
  const child = spawn(PROGRAM, [...listen, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const found = /showcase on (http:\/\/\S+)/.exec(line)?.[1]
      if (found) resolve(found)
    })
    child.once('error', (cause) => {
      const advice = 'build it with `cargo build --release -p showcase`'
      reject(new Error(`${PROGRAM} cannot be started: ${advice}`, { cause }))
    })
    child.once('exit', () => reject(new Error(`the showcase ended before it listened:\n${said.join('')}`)))
  })
  return {
    url,
    port: Number(new URL(url).port),
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
      return 1024 * Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0)
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}
