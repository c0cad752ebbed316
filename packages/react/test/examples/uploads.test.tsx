// @vitest-environment jsdom
/** The pages of docs/uploads.md, with the real uploader. */

import { type FakeClock, type FakeServer, fakeClock, fakeServer } from '@fluxstack/client/testing'
import { uploads } from '@fluxstack/client/upload'
import { LiveProvider } from '@fluxstack/react'
import { type LiveRender, renderLive } from '@fluxstack/react/testing'
import { cleanup, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { IDBFactory } from 'fake-indexeddb'
import { StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GermanAlbum, OwnAlbum } from './album'
import { Avatar } from './avatar'
import { Album, AvatarPicker } from './live.gen'

let clock: FakeClock
beforeEach(() => {
  clock = fakeClock()
  vi.stubGlobal('indexedDB', new IDBFactory())
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const rules = { accept: ['image/png', 'image/jpeg'], maxBytes: 2 << 20, maxFiles: 1, files: [] }
const cat = (): File => new File(['meow'.repeat(50_000)], 'cat.png', { type: 'image/png', lastModified: 1 })

const pictures = (): FakeServer =>
  fakeServer({ clock })
    .mounted(AvatarPicker, { url: null, file: rules })
    .mounted(
      Album,
      { urls: [], pictures: { ...rules, maxFiles: 5 } },
      { save: () => 1, discard: () => undefined },
    )

const pick = (page: LiveRender, ...files: readonly File[]): Promise<void> =>
  userEvent.upload(page.container.querySelector('input[type=file]') as HTMLElement, [...files])

/** Lets time pass until it is so. */
const until = (page: LiveRender, isSo: () => void): Promise<void> =>
  vi.waitFor(async () => {
    await page.settle(() => clock.advance(100))
    isSo()
  })

const row = (name: string): HTMLElement =>
  screen.getByText(name, { exact: false, selector: 'li, li *' }).closest('li') as HTMLElement

describe('an avatar', () => {
  test('is sent and shown', async () => {
    const server = pictures()
    const page = await renderLive(<Avatar />, server)
    await pick(page, cat())
    await until(page, () => expect(server.uploads.files[0]?.isDone).toBe(true))
    expect(server.uploads.files[0]).toMatchObject({ name: 'cat.png', field: 'file', size: 200_000 })
    await page.settle(() => server.push(AvatarPicker, { url: '/uploads/cat.png' }))
    await until(page, () => expect(page.getByAltText('You').getAttribute('src')).toBe('/uploads/cat.png'))
  })

  test('goes on where it was after a lost connection', async () => {
    const server = pictures()
    const page = await renderLive(<Avatar />, server)
    server.latency(50)
    await pick(page, cat())
    await until(page, () => expect(server.uploads.received).toBeGreaterThan(65_000))
    await page.settle(() => server.disconnect())
    await page.settle(() => server.reconnect())
    await until(page, () => expect(row('cat.png').dataset.status).toBe('done'))
    // No more was sent again than was on its way.
    expect(server.uploads.received).toBeLessThan(200_000 + 64 * 1024)
  })

  test('goes on where it was on another page that is given the same file again', async () => {
    const server = pictures()
    const first = await renderLive(<Avatar />, server)
    server.latency(50)
    await pick(first, cat())
    await until(first, () => expect(server.uploads.received).toBeGreaterThan(65_000))
    await first.settle(() => window.dispatchEvent(new Event('pagehide')))
    first.unmount()
    const before = server.uploads.received
    server.reload()
    // The database of these tests keeps no files, as that of a browser does not keep large ones.
    const page = await renderLive(<Avatar />, server)
    await until(page, () => expect(row('cat.png').dataset.status).toBe('interrupted'))
    await userEvent.click(page.getByRole('button', { name: 'Choose it again: cat.png' }))
    await pick(page, new File(['other'], 'cat.png', { type: 'image/png', lastModified: 2 }))
    await page.settle()
    expect(row('cat.png').textContent).toContain('It is not the file it was.')
    await pick(page, cat())
    await until(page, () => expect(server.uploads.files[0]?.isDone).toBe(true))
    expect(server.uploads.files).toHaveLength(1)
    expect(server.uploads.received - before).toBeLessThan(200_000 - before + 64 * 1024)
    expect(page.getByRole('status').textContent).toBe('cat.png: sent.')
  })

  test('is rendered on a server without anything that only browsers have', () => {
    const server = pictures()
    for (const name of ['document', 'window', 'indexedDB', 'File']) vi.stubGlobal(name, undefined)
    const html = renderToString(
      <LiveProvider value={server.client}>
        <Avatar />
      </LiveProvider>,
    )
    expect(html).toContain('Choose a picture')
    expect(server.client.getStatus()).toBe('idle')
  })

  test('that is none is refused in words, and nothing is sent', async () => {
    const server = pictures()
    const page = await renderLive(<Avatar />, server)
    await page.settle(() =>
      // Past what the browser's list would offer.
      userEvent
        .setup({ applyAccept: false })
        .upload(
          page.container.querySelector('input') as HTMLElement,
          new File(['x'], 'x.txt', { type: 'text/plain' }),
        ),
    )
    page.getByText(/^This kind of file is not taken.*Choose PNG or JPEG\.$/)
    expect(server.uploads.files).toEqual([])
    await userEvent.click(page.getByRole('button', { name: 'Dismiss: x.txt' }))
    expect(page.queryByText('x.txt')).toBeNull()
  })
})

describe('an album', () => {
  test('sends several files at once, once each in strict mode, and says that they are there', async () => {
    const server = pictures()
    const page = await renderLive(
      <StrictMode>
        <OwnAlbum />
      </StrictMode>,
      server,
    )
    await pick(page, cat(), new File(['woof'], 'dog.png', { type: 'image/png' }))
    await until(page, () => expect(page.getByRole('status').textContent).toBe('2 files were sent.'))
    expect(server.uploads.files.map(({ name }) => name)).toEqual(['cat.png', 'dog.png'])
    expect(server.uploads.received).toBe(200_004)
    await page.settle(() => userEvent.click(page.getByRole('button', { name: 'Save' })))
    expect(server.calls.map(({ action }) => action)).toEqual(['save'])
  })

  test('asks before a page is left that keeps nothing, as in a private window of some browsers', async () => {
    vi.stubGlobal('indexedDB', undefined)
    const server = pictures()
    const page = await renderLive(<OwnAlbum />, server)
    server.latency(50)
    await pick(page, cat())
    await until(page, () => expect(server.uploads.received).toBeGreaterThan(0))
    expect(window.dispatchEvent(new Event('beforeunload', { cancelable: true }))).toBe(false)
    await until(page, () => expect(server.uploads.files[0]?.isDone).toBe(true))
    await until(page, () =>
      expect(window.dispatchEvent(new Event('beforeunload', { cancelable: true }))).toBe(true),
    )
  })

  test('tries again what went wrong, when somebody says so', async () => {
    const server = pictures()
    const page = await renderLive(<OwnAlbum />, server)
    server.uploads.refuse('FILE_UPLOAD_START', 'UPLOAD_QUOTA')
    await pick(page, cat())
    await until(page, () => expect(row('cat.png').textContent).toMatch(/as much as you may/))
    await userEvent.click(page.getByRole('button', { name: 'Once more' }))
    await until(page, () => expect(server.uploads.files[0]?.isDone).toBe(true))
  })

  test('is in German too', async () => {
    const server = pictures()
    const page = await renderLive(<GermanAlbum />, server)
    await pick(page, cat())
    await until(page, () => expect(row('cat.png').textContent).toContain('angekommen'))
  })
})

test('without React it is the same', async () => {
  const server = pictures()
  const picker = server.client.live(AvatarPicker, { componentId: 'avatar' })
  const seen: string[] = []
  const draw = (shown: string): unknown => seen.push(shown)
  const input = { files: [cat()] }

  const avatar = uploads(picker, 'file')
  avatar.subscribe(() => {
    const { items, progress, rejected } = avatar.getSnapshot()
    draw(`${Math.round(progress * 100)} % of ${items.length}, ${rejected.length} not taken`)
  })
  const [id] = avatar.add(input.files)

  await vi.waitFor(async () => {
    await clock.advance(100)
    await server.settled()
    expect(seen.at(-1)).toBe('100 % of 1, 0 not taken')
  })
  if (id !== undefined) avatar.cancel(id)
  expect(avatar.getSnapshot().items).toEqual([])
})
