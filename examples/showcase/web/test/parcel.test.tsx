// @vitest-environment jsdom
/** The parcel of the showcase, which has a list of its own. */

import { LiveError } from '@fluxstack/client'
import { fakeServer } from '@fluxstack/client/testing'
import { renderLive } from '@fluxstack/react/testing'
import { cleanup, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { COVER, type FakeUploader, fakeUploader, itemOf } from '../../../../packages/react/test/upload/album'
import { Parcel } from '../src/live.gen'
import { ParcelPanel } from '../src/parcel-panel'

let uploader: FakeUploader
vi.mock('@fluxstack/client/upload', () => ({ uploads: () => uploader }))
vi.mock('../src/outcome', () => ({
  cameBack: () => undefined,
  inWords: () => '',
}))

beforeEach(() => {
  uploader = fakeUploader()
})
afterEach(cleanup)

const page = () =>
  renderLive(
    <ParcelPanel />,
    fakeServer().mounted(
      Parcel,
      { file: COVER, arrived: null, count: 0 },
      { tap: () => 1, discard: () => undefined },
    ),
  )

test('a parcel that is cancelled leaves the keyboard where the next one is chosen', async () => {
  await page()
  uploader.show(itemOf({ name: 'a.bin', status: 'paused' }))
  await userEvent.click(screen.getByTestId('parcel-cancel'))
  expect(uploader.told).toEqual(['cancel a.bin'])
  uploader.show()
  expect(document.activeElement?.textContent).toBe('Choose a file')
})

test.each([
  ['UPLOAD_TOO_LARGE', undefined],
  ['UPLOAD_UNSAFE', undefined],
  ['FILE_CHANGED', 'Choose it again'],
  ['UPLOAD_QUOTA', 'Try again'],
])('a parcel that failed is not tried again where that changes nothing: %s', async (code, deed) => {
  await page()
  uploader.show(itemOf({ name: 'a.bin', status: 'failed', error: new LiveError(code, 'no') }))
  for (const name of ['Choose it again', 'Try again'])
    expect(screen.queryAllByRole('button', { name })).toHaveLength(name === deed ? 1 : 0)
})
