/** A server and a browser for the tests of one file. */

import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { type Showcase, startShowcase } from './showcase'
import { openBrowser, type Visit, type VisitOptions, visit } from './visit'

export interface Stage {
  /** Where the page is. */
  readonly url: string
  readonly port: number
  /** Opens the page in a profile of its own; `query` is what stands after the address. */
  readonly visit: (query?: string, options?: VisitOptions) => Promise<Visit>
  /** Opens an address that is not the server's own. */
  readonly visitAt: (url: string) => Promise<Visit>
  readonly kill: () => Promise<void>
  /** Starts the server again, at the same address. */
  readonly restart: () => Promise<void>
}

/** Sets the stage for this file, and clears it of pages after each test. */
export function setStage(): Stage {
  let showcase: Showcase
  let browser: Browser
  beforeAll(async () => {
    ;[showcase, browser] = await Promise.all([startShowcase(), openBrowser()])
  })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
  })
  afterAll(async () => {
    await browser?.close()
    await showcase?.kill()
  })
  return {
    get url() {
      return showcase.url
    },
    get port() {
      return showcase.port
    },
    visit: (query = '', options = {}) => visit(browser, `${showcase.url}/${query}`, options),
    visitAt: (url) => visit(browser, url),
    kill: () => showcase.kill(),
    async restart() {
      showcase = await startShowcase(showcase.port)
    },
  }
}
