/** A browser, and visits to the showcase that remember what went over the wire and what went wrong. */

import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The browser of this machine. With the back/forward cache, which playwright switches off. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ARGUMENTS,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  })
}

/** As much of a protocol message as tests look at. */
export interface Message {
  readonly type: string
  readonly componentId?: string
  readonly originalType?: string
  /** What names a call for good, however often it is sent. */
  readonly callId?: string
  readonly success?: boolean
  readonly payload?: unknown
  readonly result?: unknown
}

export interface Visit {
  readonly page: Page
  /** What the page sent and received, message by message, since it was opened. */
  readonly sent: Message[]
  readonly received: Message[]
  /** Console errors, uncaught exceptions, policy violations. */
  readonly problems: string[]
  /** How often the page navigated, its first time included. */
  readonly navigations: () => number
}

/** What a visit may begin with. */
export interface VisitOptions extends BrowserContextOptions {
  /** Done to the page before it goes anywhere. */
  readonly prepare?: (page: Page) => Promise<unknown>
}

/** Opens the showcase in a profile of its own and waits until it is live. */
export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { prepare, ...profile } = options
  const context = await browser.newContext({ viewport: { width: 1280, height: 1500 }, ...profile })
  const page = await context.newPage()
  await prepare?.(page)
  return visitIn(page, url)
}

/** The same in a page that is there already, such as a second tab. */
export async function visitIn(page: Page, url: string): Promise<Visit> {
  const sent: Message[] = []
  const received: Message[] = []
  const problems: string[] = []
  let navigations = 0
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => sent.push(...messagesOf(payload)))
    socket.on('framereceived', ({ payload }) => received.push(...messagesOf(payload)))
  })
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('framenavigated', (frame) => {
    if (frame === page.mainFrame()) navigations += 1
  })
  // Violations are on the console too; this names the rule.
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (violation) => {
      console.error('policy:', violation.violatedDirective, violation.blockedURI)
    })
  })
  await page.goto(url)
  await live(page)
  return { page, sent, received, problems, navigations: () => navigations }
}

/** Waits until everything on the page is mounted and the connection open. */
export async function live(page: Page): Promise<void> {
  await page.locator('[data-testid=status][data-status=live]').waitFor()
  await page.getByTestId('todo-row').first().waitFor()
  await page.waitForFunction(
    () => {
      const cards = [...document.querySelectorAll<HTMLElement>('[data-testid=counter]')]
      return cards.every((card) => card.dataset.status === 'live')
    },
    undefined,
    { polling: 20 },
  )
  await page.getByTestId('clock-ticks').waitFor()
  await page.getByTestId('profile-name').waitFor()
  // The chat, the tally and the field of cursors each know who looks at them; and nothing is still to come that would
  // move what is below it.
  await page.waitForFunction(
    () =>
      document.querySelectorAll('[data-testid=person][data-mine=true]').length === 3 &&
      document.querySelector('.skeleton') === null,
    undefined,
    { polling: 20 },
  )
  // So that no render is still to come that a test would take for its own.
  await painted(page)
}

/** Waits until the page has painted whatever it knows now. A hidden page paints nothing. */
export async function painted(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      document.hidden ||
      new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(undefined)))),
  )
}

/** Reads a text from the page as a number. */
export function numberIn(text: string | null): number {
  return Number.parseInt(text ?? '', 10)
}

/** The counts of all counters, in order. */
export async function counts(page: Page): Promise<number[]> {
  return (await page.getByTestId('count').allTextContents()).map(numberIn)
}

/** How often each counter was rendered. */
export async function renders(page: Page): Promise<number[]> {
  return (await page.getByTestId('renders').allTextContents()).map(numberIn)
}

function messagesOf(payload: string | Buffer): Message[] {
  // Pieces of files.
  if (typeof payload !== 'string') return []
  // On a socket that tabs share, each frame has the number of its connection before it.
  const [, text = ''] = /^(?:\d+ |(?=[[{]))(.*)$/s.exec(payload) ?? []
  if (!text) return []
  const frame: unknown = JSON.parse(text)
  return (Array.isArray(frame) ? frame : [frame]) as Message[]
}
