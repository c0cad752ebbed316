// @vitest-environment jsdom
import { renderLive } from '@fluxstack/react/testing'
import { cleanup, fireEvent, screen } from '@testing-library/react'
import { createContext, type ReactNode, useContext } from 'react'
import { afterEach, expect, test } from 'vitest'
import { ClickCounter, counting } from './page.js'

afterEach(cleanup)

test('what is rendered for a test is mounted, and rendered again below the same provider', async () => {
  const server = counting()
  const { rerender, settle } = await renderLive(<ClickCounter count={2} />, server)
  screen.getByRole('button', { name: '2' })
  await settle(() => rerender([<ClickCounter key="a" count={3} />]))
  screen.getByRole('button', { name: '3' })
})

test('settling brings what was done, and what the server said because of it', async () => {
  const { settle } = await renderLive(<ClickCounter />, counting())
  expect(await settle(() => fireEvent.click(screen.getByRole('button')))).toBe(true)
  screen.getByRole('button', { name: '6' })
  await expect(
    settle(() => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(await settle()).toBeUndefined()
})

test('what the application wraps around its pages can be wrapped around', async () => {
  const Theme = createContext('light')
  const Themed = ({ children }: { children: ReactNode }): ReactNode => <Theme value="dark">{children}</Theme>
  const Page = (): ReactNode => <p>{useContext(Theme)}</p>
  const { container } = await renderLive(<Page />, counting(), { wrapper: Themed })
  expect(container.innerHTML).toBe('<p>dark</p>')
})
