/** A server and a browser for the tests of one file. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { type Network, startProxy } from './proxy'
import { type Showcase, startShowcase } from './showcase'
import { openBrowser, type Visit, type VisitOptions, visit } from './visit'

export interface StageOptions {
  /** What the server is told on its command line. */
  readonly flags?: readonly string[]
  /** Gives it a store on disk, in a folder of this file's own, which every restart finds again. */
  readonly isDurable?: boolean
}

export interface Stage {
  /** Where the page is. */
  readonly url: string
  readonly port: number
  /** What the server writes is in here, if it is durable. */
  readonly folder: string
  /** How much memory the server has, in bytes. Where there is no /proc, 0. */
  readonly memory: () => Promise<number>
  /** Opens the page in a profile of its own; `query` is what stands after the address. */
  readonly visit: (query?: string, options?: VisitOptions) => Promise<Visit>
  /** Opens an address that is not the server's own. */
  readonly visitAt: (url: string, options?: VisitOptions) => Promise<Visit>
  /** Opens the page through a network of its own, which ends with the test. */
  readonly visitThrough: (
    query?: string,
    options?: VisitOptions,
  ) => Promise<Visit & { readonly proxy: Network }>
  /** SIGKILL. */
  readonly kill: () => Promise<void>
  /** SIGTERM; brings the exit code. */
  readonly stop: () => Promise<number | null>
  /** Starts the server again, at the same address and with the same store. */
  readonly restart: () => Promise<void>
}

/** Sets the stage for this file, and clears it of pages after each test. */
export function setStage({ flags = [], isDurable = false }: StageOptions = {}): Stage {
  let showcase: Showcase
  let browser: Browser
  let folder: string
  let told: readonly string[] = flags
  const proxies: Network[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showcase-'))
    if (isDurable) told = [...flags, '--store', join(folder, 'live.redb')]
    ;[showcase, browser] = await Promise.all([startShowcase(told), openBrowser()])
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
  })
  afterAll(async () => {
    await browser?.close()
    await showcase?.kill()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    get url() {
      return showcase.url
    },
    get port() {
      return showcase.port
    },
    get folder() {
      return folder
    },
    memory: () => showcase.memory(),
    visit: (query = '', options = {}) => visit(browser, `${showcase.url}/${query}`, options),
    visitAt: (url, options = {}) => visit(browser, url, options),
    async visitThrough(query = '', options = {}) {
      const proxy = await startProxy(showcase.port)
      proxies.push(proxy)
      return { ...(await visit(browser, `${proxy.url}/${query}`, options)), proxy }
    },
    kill: () => showcase.kill(),
    stop: () => showcase.stop(),
    async restart() {
      showcase = await startShowcase(told, showcase.port)
    },
  }
}
