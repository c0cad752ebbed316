// @vitest-environment jsdom
import { componentState, waitForUpdate } from '@fluxstack/client/testing'
import { renderLive } from '@fluxstack/react/testing'
import { cleanup } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, expect, test } from 'vitest'
import { server, Till } from './till-client.js'
import { Conflicts, TillPage, Total } from './till-page.js'
import { useShop } from './till-store.js'

afterEach(async () => {
  cleanup()
  useShop.setState({ coupon: '', total: 0 })
  await waitForUpdate(server, () => componentState(server, Till).length === 0)
})

test('the store has the total, and the till the coupon', async () => {
  const page = await renderLive(
    <>
      <TillPage />
      <Total />
    </>,
    server,
  )
  await userEvent.click(page.getByRole('button', { name: 'tea' }))
  await page.findByText('300 cents')
  await userEvent.type(page.getByLabelText('coupon'), 'TENTH{Enter}')
  await page.settle()
  expect(componentState(server, Till)).toMatchObject([{ coupon: 'TENTH' }])
  expect(useShop.getState().coupon).toBe('TENTH')
})

test('a coupon that is refused is taken out of the store, and the page says why', async () => {
  const page = await renderLive(
    <>
      <TillPage />
      <Conflicts />
    </>,
    server,
  )
  server.refuse('INVALID', 'no such coupon')
  await userEvent.type(page.getByLabelText('coupon'), 'ALL{Enter}')
  await page.findByText('no such coupon')
  expect(useShop.getState().coupon).toBe('')
})

test('the store shows the component while it is there', async () => {
  const page = await renderLive(<TillPage />, server)
  const { components } = useShop.getState().liveComponents
  expect(components.Till).toMatchObject({ status: 'live', state: { total: 0 }, pending: 0 })
  page.unmount()
  await page.settle()
  expect(useShop.getState().liveComponents.components).toEqual({})
})
