// @vitest-environment jsdom
import { LiveError } from '@fluxstack/client'
import { LiveProvider, useLive } from '@fluxstack/react'
import { renderLive } from '@fluxstack/react/testing'
import { type UseUploadOptions, useUpload } from '@fluxstack/react/upload'
import { act, cleanup, createEvent, fireEvent, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { type ReactNode, StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  Album,
  AlbumPage,
  albums,
  type FakeUploader,
  fakeUploader,
  fileOf,
  itemOf,
  last,
  PICTURES,
} from './album.js'

let uploader: FakeUploader
const asked: unknown[] = []
vi.mock('@fluxstack/client/upload', () => ({
  uploads(...args: unknown[]) {
    asked.push(args)
    return uploader
  },
}))

beforeEach(() => {
  uploader = fakeUploader()
  last.renders = 0
  asked.length = 0
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const page = (options?: UseUploadOptions) => renderLive(<AlbumPage {...(options && { options })} />, albums())
const input = (): HTMLInputElement => screen.getByLabelText('files')
const box = (): HTMLElement => screen.getByLabelText('box')
const button = (): HTMLElement => screen.getByRole('button', { name: 'Choose pictures' })
const isOver = (): boolean => box().hasAttribute('data-over')

/** What a drag brings, as a browser has it. */
function transferOf(files: readonly File[], items: readonly object[] = []): object {
  return { types: files.length > 0 ? ['Files'] : ['text/plain'], files, items, dropEffect: 'none' }
}
const tell = (kind: 'dragEnter' | 'dragOver' | 'dragLeave' | 'drop', on: Element, transfer: object) => {
  const event = createEvent[kind](on)
  Object.defineProperty(event, 'dataTransfer', { value: transfer })
  act(() => {
    fireEvent(on, event)
  })
  return event
}
const paste = (on: Element | Document, files: readonly File[], types = ['Files']) => {
  const event = createEvent.paste(on)
  Object.defineProperty(event, 'clipboardData', { value: { types, files, items: [] } })
  fireEvent(on, event)
  return event
}

describe('files are chosen', () => {
  test('by a button that opens the list of the browser, of what the field accepts', async () => {
    await page()
    const click = vi.spyOn(input(), 'click')
    await userEvent.click(button())
    expect(click).toHaveBeenCalledOnce()
    expect([input().accept, input().multiple, input().hidden]).toEqual(['image/png,.jpg', true, true])
    await userEvent.upload(input(), [fileOf('a.png'), fileOf('b.png')])
    expect(uploader.told).toEqual(['add a.png,b.png'])
  })

  test('by the keyboard, and the button says what may be chosen', async () => {
    await page()
    const click = vi.spyOn(input(), 'click')
    await userEvent.tab()
    expect(document.activeElement).toBe(button())
    await userEvent.keyboard('{Enter}')
    expect(click).toHaveBeenCalledOnce()
    const hint = document.getElementById(button().getAttribute('aria-describedby') ?? '')
    expect(hint?.textContent).toBe('PNG or JPG, up to 2 MB each, at most 5 files')
  })

  test('twice in a row, also the same one', async () => {
    await page()
    const path = vi.spyOn(input(), 'value', 'set')
    fireEvent.change(input(), { target: { files: [fileOf('a.png')] } })
    expect(path).toHaveBeenLastCalledWith('')
    fireEvent.change(input(), { target: { files: [fileOf('a.png')] } })
    expect(uploader.told).toEqual(['add a.png', 'add a.png'])
  })

  test('not at all, if somebody thinks better of it', async () => {
    await page()
    fireEvent.change(input(), { target: { files: [] } })
    expect(uploader.told).toEqual([])
  })

  test('again for an upload that was interrupted', async () => {
    await page()
    uploader.show(itemOf({ name: 'a.png', status: 'interrupted', file: undefined }))
    await userEvent.click(screen.getByRole('button', { name: 'Choose it again: a.png' }))
    fireEvent.change(input(), { target: { files: [fileOf('other.png')] } })
    // It is for the uploader to say whether that is the same.
    expect(uploader.told).toEqual(['again a.png other.png'])
    fireEvent.change(input(), { target: { files: [fileOf('other.png')] } })
    expect(uploader.told.at(-1)).toBe('add other.png')
  })
})

describe('files are dropped', () => {
  test('on the place for them, which shows it', async () => {
    await page()
    const transfer = transferOf([fileOf('a.png')])
    tell('dragEnter', box(), transfer)
    expect(isOver()).toBe(true)
    expect(tell('dragOver', box(), transfer).defaultPrevented).toBe(true)
    expect(transfer).toHaveProperty('dropEffect', 'copy')
    expect(tell('drop', box(), transfer).defaultPrevented).toBe(true)
    expect(isOver()).toBe(false)
    expect(uploader.told).toEqual(['add a.png'])
  })

  test('without a flicker while they cross what is in it', async () => {
    await page()
    const transfer = transferOf([fileOf('a.png')])
    const seen: boolean[] = []
    const cross = (kind: 'dragEnter' | 'dragLeave', on: Element): void => {
      tell(kind, on, transfer)
      seen.push(isOver())
    }
    cross('dragEnter', box())
    const before = last.renders
    cross('dragEnter', button())
    cross('dragLeave', box())
    cross('dragEnter', button()) // as one browser says twice
    cross('dragEnter', box())
    cross('dragLeave', button())
    expect(seen).toEqual([true, true, true, true, true, true])
    expect(last.renders).toBe(before)
    cross('dragLeave', box())
    expect(isOver()).toBe(false)
  })

  test('and the mark goes with what they were over, and with a drag that leaves the page', async () => {
    await page()
    const transfer = transferOf([fileOf('a.png')])
    uploader.show(itemOf({ name: 'a.png' }))
    tell('dragEnter', box(), transfer)
    tell('dragEnter', screen.getByText('a.png'), transfer)
    uploader.show()
    tell('dragLeave', box(), transfer)
    expect(isOver()).toBe(false)
    tell('dragEnter', box(), transfer)
    tell('dragLeave', document.documentElement, transfer)
    expect(isOver()).toBe(false)
  })

  test('beside it, and the page stays', async () => {
    const { unmount } = await page()
    const beside = screen.getByText('beside')
    const transfer = transferOf([fileOf('a.png')])
    tell('dragEnter', box(), transfer)
    expect(tell('dragOver', beside, transfer).defaultPrevented).toBe(true)
    expect(transfer).toHaveProperty('dropEffect', 'none')
    expect(tell('drop', beside, transfer).defaultPrevented).toBe(true)
    expect(isOver()).toBe(false)
    expect(uploader.told).toEqual([])
    // Into an input for files they go without anybody's help, and text goes where it likes.
    expect(tell('drop', input(), transferOf([])).defaultPrevented).toBe(false)
    const other = document.body.appendChild(Object.assign(document.createElement('input'), { type: 'file' }))
    expect(tell('drop', other, transfer).defaultPrevented).toBe(false)
    unmount()
    expect(tell('drop', other.parentElement ?? other, transfer).defaultPrevented).toBe(false)
    other.remove()
  })

  test('on the innermost of several places', async () => {
    function Outer(): ReactNode {
      const { dropProps } = useUpload(useLive(Album, { componentId: 'album' }), 'cover')
      return (
        <main {...dropProps}>
          <AlbumPage />
        </main>
      )
    }
    await renderLive(<Outer />, albums())
    const transfer = transferOf([fileOf('a.png')])
    tell('dragEnter', box(), transfer)
    tell('drop', box(), transfer)
    expect(uploader.told).toEqual(['add a.png'])
    expect(document.querySelector('[data-over]')).toBeNull()
  })

  test('but nothing else is: text that is dragged is left alone', async () => {
    await page()
    const text = transferOf([])
    for (const kind of ['dragEnter', 'dragOver', 'drop'] as const)
      expect(tell(kind, box(), text).defaultPrevented).toBe(false)
    expect(isOver()).toBe(false)
  })

  test('in folders, which are opened', async () => {
    await page()
    const entryOf = (file: File) => ({
      isFile: true,
      name: file.name,
      file: (found: (it: File) => void) => found(file),
    })
    const folderOf = (name: string, ...parts: object[][]) => ({
      isDirectory: true,
      name,
      createReader: () => {
        const rest = [...parts]
        return { readEntries: (found: (it: object[]) => void) => found(rest.shift() ?? []) }
      },
    })
    const broken = {
      isFile: true,
      name: 'x',
      file: (_: unknown, fail: (why: Error) => void) => fail(new Error()),
    }
    const folder = folderOf(
      'rome',
      [entryOf(fileOf('a.png')), broken, entryOf(fileOf('.DS_Store'))],
      [folderOf('deep', [entryOf(fileOf('b.png'))])],
    )
    const items = [folder, entryOf(fileOf('c.png'))].map((entry) => ({
      kind: 'file',
      webkitGetAsEntry: () => entry,
    }))
    tell('drop', box(), transferOf([fileOf('rome'), fileOf('c.png')], items))
    await vi.waitFor(() => expect(uploader.told).toEqual(['add a.png,b.png,c.png']))
  })

  test('with what finds a large one again, where the browser has that', async () => {
    await page({ keep: 100 })
    const add = vi.spyOn(uploader, 'add')
    const handle = { kind: 'file', name: 'large.png' }
    const item = { kind: 'file', getAsFileSystemHandle: () => Promise.resolve(handle) }
    const file = fileOf('large.png', 101)
    tell('drop', box(), transferOf([file], [item]))
    await vi.waitFor(() => expect(add).toHaveBeenCalledWith([{ file, handle }]))
  })

  test('again, and an upload that was interrupted goes on', async () => {
    await page()
    uploader.show(itemOf({ name: 'a.png', size: 4, status: 'interrupted', file: undefined }))
    tell('drop', box(), transferOf([fileOf('a.png', 4), fileOf('b.png')]))
    expect(uploader.told).toEqual(['again a.png a.png', 'add b.png'])
  })
})

test('a file that was changed or moved goes on with its upload when it is chosen or dropped again', async () => {
  await page()
  const failed = itemOf({ name: 'a.png', size: 4, status: 'failed', file: undefined })
  uploader.show({ ...failed, error: new LiveError('FILE_CHANGED', 'a.png cannot be read any more') })
  tell('drop', box(), transferOf([fileOf('a.png', 4), fileOf('b.png')]))
  expect(uploader.told).toEqual(['again a.png a.png', 'add b.png'])
  fireEvent.change(input(), { target: { files: [fileOf('a.png', 4)] } })
  expect(uploader.told.at(-1)).toBe('again a.png a.png')
  // One that failed for another reason does not wait for its file.
  uploader.show({ ...failed, file: fileOf('a.png', 4), error: new LiveError('UPLOAD_QUOTA', 'no') })
  fireEvent.change(input(), { target: { files: [fileOf('a.png', 4)] } })
  expect(uploader.told.at(-1)).toBe('add a.png')
})

describe('files are pasted', () => {
  test('where one is, with a name that tells a picture apart', async () => {
    await page()
    expect(paste(button(), [fileOf('image.png'), fileOf('tea.png')]).defaultPrevented).toBe(true)
    expect(uploader.told).toHaveLength(1)
    expect(uploader.told[0]).toMatch(/^add pasted \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.png,tea\.png$/)
  })

  test('and text into an input is text, also if there is a picture of it', async () => {
    await page()
    const caption = screen.getByLabelText('caption')
    expect(paste(caption, [fileOf('image.png')], ['text/html', 'Files']).defaultPrevented).toBe(false)
    expect(paste(caption, []).defaultPrevented).toBe(false)
    expect(uploader.told).toEqual([])
    paste(caption, [fileOf('tea.png')])
    expect(uploader.told).toEqual(['add tea.png'])
  })

  test.each([
    [false, []],
    [true, ['add tea.png']],
  ])('anywhere in the page, if that is wanted: %s', async (pasteAnywhere, told) => {
    const { unmount } = await page({ pasteAnywhere })
    paste(document.body, [fileOf('tea.png')])
    expect(uploader.told).toEqual(told)
    uploader.told.length = 0
    paste(box(), [fileOf('tea.png')]) // once, also if both hear it
    expect(uploader.told).toEqual(['add tea.png'])
    unmount()
    paste(document.body, [fileOf('tea.png')])
    expect(uploader.told).toHaveLength(1)
  })
})

describe('the page', () => {
  test('knows what the field accepts, and renders for nothing else of the state', async () => {
    const server = albums()
    const { settle } = await renderLive(<AlbumPage />, server)
    expect(last.upload?.rules).toEqual({ accept: ['image/png', '.jpg'], maxBytes: 2 << 20, maxFiles: 5 })
    const { renders } = last
    await settle(() => server.push(Album, { title: 'Paris' }))
    const files = [{ id: '1', name: 'a', type: '', size: 4, received: 2, status: 'sending' as const }]
    await settle(() => server.push(Album, { pictures: { ...PICTURES, files } }))
    expect(last.renders).toBe(renders)
    await settle(() => server.push(Album, { pictures: { ...PICTURES, maxFiles: 1 } }))
    expect(last.upload?.hint).toBe('PNG or JPG, up to 2 MB')
    expect(input().multiple).toBe(false)
  })

  test('renders once for each frame however fast bytes travel, and not at all for nothing', async () => {
    const frames: (() => void)[] = []
    vi.stubGlobal('requestAnimationFrame', (then: () => void) => frames.push(then))
    await page()
    const env = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }
    env.IS_REACT_ACT_ENVIRONMENT = false
    try {
      const before = last.renders
      for (let sent = 1; sent <= 500; sent += 1) {
        uploader.change({ items: [itemOf({ name: 'a.png', sent })], isActive: true })
        await Promise.resolve()
      }
      await vi.waitFor(() => expect(last.renders).toBe(before + 1))
      frames.shift()?.()
      await vi.waitFor(() => expect(last.upload?.items[0]?.sent).toBe(500))
      await vi.waitFor(() => expect(last.renders).toBe(before + 2))
      frames.shift()?.()
      uploader.change({ progress: 1 })
      await vi.waitFor(() => expect(last.upload?.progress).toBe(1))
      await vi.waitFor(() => expect(last.renders).toBe(before + 3))
    } finally {
      env.IS_REACT_ACT_ENVIRONMENT = true
    }
  })

  test('gives functions that stay the same', async () => {
    const { rerender } = await page()
    const { add, pause, choose, dismiss, dropProps, buttonProps, inputProps } = last.upload ?? {}
    rerender(<AlbumPage />)
    uploader.show(itemOf({ name: 'a.png' }))
    expect(last.upload).toMatchObject({ add, pause, choose, dismiss })
    expect(last.upload?.dropProps).toBe(dropProps)
    expect(last.upload?.buttonProps).toBe(buttonProps)
    expect(last.upload?.inputProps.onChange).toBe(inputProps?.onChange)
  })

  test('hears once in strict mode, adds once, and leaves', async () => {
    const server = albums()
    const { unmount } = await renderLive(
      <StrictMode>
        <AlbumPage />
      </StrictMode>,
      server,
    )
    expect(uploader.heard()).toBe(1)
    tell('drop', box(), transferOf([fileOf('a.png')]))
    paste(box(), [fileOf('b.png')])
    expect(uploader.told).toEqual(['add a.png', 'add b.png'])
    unmount()
    expect(uploader.heard()).toBe(0)
  })

  test('renders on a server, and is taken over without a complaint', async () => {
    const server = albums()
    const ui = (
      <LiveProvider value={server.client}>
        <AlbumPage />
      </LiveProvider>
    )
    vi.stubGlobal('document', undefined)
    vi.stubGlobal('window', undefined)
    const html = renderToString(ui)
    vi.unstubAllGlobals()
    expect(html).toContain('Choose pictures')
    const main = document.body.appendChild(document.createElement('main'))
    main.innerHTML = html
    const complaints: unknown[] = []
    const root = await act(async () => {
      const root = hydrateRoot(main, ui, { onRecoverableError: (error) => complaints.push(error) })
      await server.settled()
      return root
    })
    expect(complaints).toEqual([])
    expect(last.upload?.hint).toContain('PNG')
    act(() => root.unmount())
    main.remove()
  })

  test('asks the uploader for the field, with how to send', async () => {
    await page({ parallel: 2 })
    expect(asked[0]).toEqual([expect.objectContaining({ componentId: 'album' }), 'pictures', { parallel: 2 }])
  })

  test('lists what was not accepted, until somebody has seen it', async () => {
    await page()
    const rejected = [
      { name: 'a.exe', error: new LiveError('UPLOAD_TYPE', 'no') },
      { name: 'b.png', error: new LiveError('UPLOAD_TOO_LARGE', 'no') },
    ]
    act(() => uploader.change({ rejected }))
    screen.getByText(/^This kind of file is not taken.*Choose PNG or JPG\.$/)
    await userEvent.click(screen.getByRole('button', { name: 'Dismiss: a.exe' }))
    expect(last.upload?.rejected.map(({ name }) => name)).toEqual(['b.png'])
    expect(screen.queryByText('a.exe')).toBeNull()
    act(() => last.upload?.dismiss())
    expect(screen.queryByRole('list')).toBeNull()
    // The same file, not accepted again, is there again.
    act(() => uploader.change({ rejected: [...rejected.map((file) => ({ ...file }))] }))
    expect(last.upload?.rejected).toHaveLength(2)
  })

  test('takes one file off the list by each press, also if there is another one of its name', async () => {
    await page()
    const error = new LiveError('UPLOAD_TYPE', 'no')
    act(() => uploader.change({ rejected: ['a.exe', 'a.exe', 'b.exe'].map((name) => ({ name, error })) }))
    const ids = last.upload?.rejected.map(({ id }) => id)
    expect(new Set(ids).size).toBe(3)
    // Twice on the same button, as an impatient hand does.
    await userEvent.dblClick(screen.getAllByRole('button', { name: 'Dismiss: a.exe' })[0] as HTMLElement)
    expect(last.upload?.rejected.map(({ id }) => id)).toEqual(ids?.slice(1))
    expect(document.activeElement).toBe(screen.getByText('a.exe').closest('li'))
    await userEvent.keyboard('{Enter}')
    expect(last.upload?.rejected).toHaveLength(2)
  })

  test.each([
    [true, 0],
    [3000, 3000],
    [false, undefined],
  ])('lets go of files that are done if nobody wants to see them any more: %s', async (forgetDone, after) => {
    await page({ forgetDone })
    vi.useFakeTimers()
    try {
      const done = itemOf({ name: 'a.png', status: 'done' })
      const failed = itemOf({ name: 'c.png', status: 'failed' })
      uploader.show(done, itemOf({ name: 'b.png' }), failed)
      act(() => vi.advanceTimersByTime(10_000))
      // How far all of it is would go back.
      expect(uploader.told).toEqual([])
      uploader.show(done, { ...done, id: 'b.png', name: 'b.png' }, failed)
      expect(screen.getByRole('status').textContent).toBe('2 files were sent.')
      if (after) act(() => vi.advanceTimersByTime(after - 1))
      expect(uploader.told).toEqual([])
      act(() => vi.advanceTimersByTime(1))
      expect(uploader.told).toEqual(after === undefined ? [] : ['cancel a.png', 'cancel b.png'])
    } finally {
      vi.useRealTimers()
    }
  })

  test.each([
    ['sending what nothing keeps', true, { guard: true }, 'sending', false],
    ['paused in what nothing keeps', true, { guard: true }, 'paused', false],
    ['waiting for the word on what nothing keeps', true, { guard: true }, 'checking', false],
    ['sending what is kept', false, { guard: true }, 'sending', true],
    ['only what is done', false, { guard: true }, 'done', false],
    ['only what is interrupted anyway', false, { guard: true }, 'interrupted', false],
    ['and nobody wants to be asked', false, {}, 'sending', false],
  ] as const)('asks before it is left: %s: %s', async (_, isAsked, options, status, isKept) => {
    const { unmount } = await page(options)
    uploader.show(itemOf({ name: 'a.png', status, isKept }))
    const leave = (): boolean => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }))
    expect(leave()).toBe(isAsked)
    unmount()
    expect(leave()).toBe(false)
  })
})
