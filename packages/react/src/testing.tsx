/**
 * Rendering for tests: below a provider, and settled.
 *
 * On top of React Testing Library, which an application brings along (a peer nobody else needs), and of the fake
 * server of `@fluxstack/client/testing`. What must stay true: whatever is done through what is returned here has
 * been rendered when it resolves, so that no test waits for a time.
 */

import type { FakeServer } from '@fluxstack/client/testing'
import { act, type RenderOptions, type RenderResult, render } from '@testing-library/react'
import type { ReactNode } from 'react'
import { LiveProvider } from './provider.js'

/** What was rendered. */
export interface LiveRender extends RenderResult {
  /** Renders something else, below the same provider. Suspended parts come as soon as the server has answered. */
  readonly rerender: (ui: ReactNode) => void
  /**
   * Does something, and waits until the server has said what there was to say and all of it is rendered. Without
   * `what` it only waits.
   */
  readonly settle: <T>(what?: () => T | Promise<T>) => Promise<T>
}

/**
 * Renders below a provider with the server's client, and waits until everything is mounted.
 *
 * @example
 * const page = await renderLive(<ClickCounter />, server)
 * await userEvent.click(page.getByRole('button', { name: '3' }))
 * await page.findByRole('button', { name: '4' })
 * await page.settle(() => server.disconnect())
 * expect(page.getByRole('button')).toBeDisabled()
 */
export async function renderLive(
  ui: ReactNode,
  server: FakeServer,
  { wrapper: Outer, ...options }: RenderOptions = {},
): Promise<LiveRender> {
  const below = (children: ReactNode): ReactNode => {
    const page = <LiveProvider value={server.client}>{children}</LiveProvider>
    return Outer ? <Outer>{page}</Outer> : page
  }
  async function settle<T>(what?: () => T | Promise<T>): Promise<T> {
    let result: { readonly value: T } | undefined
    await act(async () => {
      result = { value: (await what?.()) as T }
      await server.settled()
    })
    return (result as unknown as { readonly value: T }).value
  }
  const rendered = await settle(() => render(ui, { ...options, wrapper: ({ children }) => below(children) }))
  return { ...rendered, settle }
}
