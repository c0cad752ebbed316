// @vitest-environment jsdom
import { LiveError } from '@fluxstack/client'
import { useLive } from '@fluxstack/react'
import { renderLive } from '@fluxstack/react/testing'
import {
  english,
  type LiveUpload,
  UploadList,
  type UploadMessageOptions,
  useUpload,
} from '@fluxstack/react/upload'
import { act, cleanup, fireEvent, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { type ReactNode, StrictMode, useLayoutEffect, useRef } from 'react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Album, AlbumPage, albums, type FakeUploader, fakeUploader, itemOf, last, PICTURES } from './album.js'

let uploader: FakeUploader
vi.mock('@fluxstack/client/upload', () => ({ uploads: () => uploader }))

beforeEach(() => {
  uploader = fakeUploader()
})
afterEach(() => {
  cleanup()
  vi.restoreAllMocks()
})

const page = (messages?: UploadMessageOptions) => renderLive(<AlbumPage options={{ messages }} />, albums())
const row = (name: string): HTMLElement => screen.getByText(name).closest('li') as HTMLElement
const buttons = (name: string): (string | null)[] =>
  within(row(name))
    .queryAllByRole('button')
    .map((it) => it.getAttribute('aria-label'))
const press = (name: string): Promise<void> => userEvent.click(screen.getByRole('button', { name }))
const news = (): string | null => screen.getByRole('status').textContent

describe('a list of uploads', () => {
  test('says how far each file is, how fast, and how long it will take', async () => {
    await page()
    uploader.show(
      itemOf({ name: 'a.png', size: 3 << 20, sent: 1 << 20, speed: 100 * 1024, remaining: 20_480 }),
      itemOf({ name: 'b.png', status: 'waiting' }),
      itemOf({ name: 'c.png', status: 'checking', sent: 1000 }),
      itemOf({ name: 'd.png', status: 'done', sent: 1000 }),
    )
    expect(screen.getByRole('list', { name: 'Files' }).children).toHaveLength(4)
    expect(row('a.png').textContent).toContain('sending, 33%, 100 kB/s, about 30 seconds left')
    const bar = within(row('a.png')).getByRole('progressbar', { name: 'a.png' }) as HTMLProgressElement
    expect([bar.max, bar.value.toFixed(2)]).toEqual([1, '0.33'])
    expect(row('b.png').textContent).toContain('waiting')
    // Nobody knows how long a check takes.
    expect((within(row('c.png')).getByRole('progressbar') as HTMLProgressElement).position).toBe(-1)
    expect(within(row('d.png')).queryByRole('progressbar')).toBeNull()
    expect(row('d.png').dataset.status).toBe('done')
  })

  test('shows no broken picture for a file that only calls itself one', async () => {
    vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:page')
    await page()
    uploader.show(itemOf({ name: 'a.png', file: new File(['<html>'], 'a.png', { type: 'image/png' }) }))
    const picture = row('a.png').querySelector('img') as HTMLImageElement
    expect(picture.hidden).toBe(false)
    fireEvent.error(picture)
    expect(picture.hidden).toBe(true)
  })

  test.each([
    ['waiting', ['Pause: a.png', 'Cancel: a.png']],
    ['sending', ['Pause: a.png', 'Cancel: a.png']],
    ['paused', ['Resume: a.png', 'Cancel: a.png']],
    ['checking', ['Cancel: a.png']],
    ['failed', ['Try again: a.png', 'Remove: a.png']],
    ['interrupted', ['Choose it again: a.png', 'Remove: a.png']],
    ['done', ['Dismiss: a.png']],
  ] as const)('has a button for what can be done while a file is %s', async (status, names) => {
    await page()
    uploader.show(itemOf({ name: 'a.png', status }))
    expect(buttons('a.png')).toEqual(names)
  })

  test('asks for a file that the browser finds again, before anybody has to look for it', async () => {
    await page()
    uploader.show(itemOf({ name: 'a.png', status: 'interrupted', file: undefined, isHeld: true }))
    expect(buttons('a.png')).toEqual(['Resume: a.png', 'Choose it again: a.png', 'Remove: a.png'])
    await press('Resume: a.png')
    expect(uploader.told).toEqual(['resume a.png'])
  })

  test('does what its buttons say', async () => {
    await page()
    uploader.show(
      itemOf({ name: 'a' }),
      itemOf({ name: 'b', status: 'paused' }),
      itemOf({ name: 'c', status: 'failed' }),
      itemOf({ name: 'd', status: 'done' }),
    )
    for (const name of ['Pause: a', 'Resume: b', 'Try again: c', 'Cancel: a', 'Remove: c', 'Dismiss: d'])
      await press(name)
    expect(uploader.told).toEqual(['pause a', 'resume b', 'retry c', 'cancel a', 'cancel c', 'cancel d'])
  })

  test('asks for a file that was changed or moved, which trying again cannot read', async () => {
    await page()
    const error = new LiveError('FILE_CHANGED', 'a.png cannot be read any more')
    uploader.show(itemOf({ name: 'a.png', status: 'failed', error }))
    expect(buttons('a.png')).toEqual(['Choose it again: a.png', 'Remove: a.png'])
    uploader.show(itemOf({ name: 'a.png', status: 'failed', error, file: undefined }))
    expect(buttons('a.png')).toEqual(['Choose it again: a.png', 'Remove: a.png'])
  })

  test.each(['UPLOAD_TYPE', 'UPLOAD_TOO_LARGE', 'UPLOAD_UNSAFE'])(
    'offers no second try where it would change nothing: %s',
    async (code) => {
      await page()
      uploader.show(itemOf({ name: 'a.png', status: 'failed', error: new LiveError(code, 'no') }))
      expect(buttons('a.png')).toEqual(['Remove: a.png'])
    },
  )

  test('renders only the row whose file has changed', async () => {
    const rendered: string[] = []
    await page({
      deed(label, name) {
        rendered.push(name)
        return label
      },
    })
    const others = Array.from({ length: 20 }, (_, index) => itemOf({ name: `${index}`, status: 'waiting' }))
    uploader.show(itemOf({ name: 'a' }), ...others)
    rendered.length = 0
    uploader.show(itemOf({ name: 'a', sent: 500 }), ...others)
    expect(new Set(rendered)).toEqual(new Set(['a']))
  })
})

describe('the keyboard', () => {
  test('goes to the file that comes in the place of one that goes', async () => {
    await page()
    const [a, b, c] = ['a', 'b', 'c'].map((name) => itemOf({ name }))
    if (!a || !b || !c) throw new Error()
    uploader.show(a, b, c)
    await press('Cancel: b')
    uploader.show(a, c)
    expect(document.activeElement).toBe(row('c'))
    uploader.show(a)
    expect(document.activeElement).toBe(row('a'))
    await userEvent.tab()
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Pause: a')
    uploader.show()
    expect(document.activeElement?.textContent).toBe('Choose pictures')
  })

  test('stays on a button that means something else now, and with its file when that has none any more', async () => {
    await page()
    uploader.show(itemOf({ name: 'a' }))
    await press('Pause: a')
    const { activeElement } = document
    uploader.show(itemOf({ name: 'a', status: 'paused' }))
    expect(document.activeElement).toBe(activeElement)
    expect(activeElement?.getAttribute('aria-label')).toBe('Resume: a')
    uploader.show(itemOf({ name: 'a', status: 'checking' }))
    expect(document.activeElement).toBe(row('a'))
  })

  test('is left to somebody else who takes it when a file goes', async () => {
    function Undo({ count }: { readonly count: number }): ReactNode {
      const undo = useRef<HTMLButtonElement>(null)
      // biome-ignore lint/correctness/useExhaustiveDependencies: that is when
      useLayoutEffect(() => undo.current?.focus(), [count])
      return (
        <button type="button" ref={undo}>
          undo
        </button>
      )
    }
    function UndoPage(): ReactNode {
      const upload = useUpload(useLive(Album, { componentId: 'album' }), 'pictures')
      return (
        <>
          <Undo count={upload.items.length} />
          <UploadList upload={upload} />
        </>
      )
    }
    await renderLive(<UndoPage />, albums())
    uploader.show(itemOf({ name: 'a' }), itemOf({ name: 'b' }))
    await press('Cancel: a')
    uploader.show(itemOf({ name: 'b' }))
    expect(document.activeElement?.textContent).toBe('undo')
  })

  test('is left where it is elsewhere', async () => {
    await page()
    uploader.show(itemOf({ name: 'a' }), itemOf({ name: 'b' }))
    await press('Cancel: a')
    screen.getByLabelText('caption').focus()
    uploader.show(itemOf({ name: 'b' }))
    expect(document.activeElement).toBe(screen.getByLabelText('caption'))
    uploader.show()
    expect(document.activeElement).toBe(screen.getByLabelText('caption'))
  })
})

describe('who does not see it', () => {
  const sending = (sent: number) => itemOf({ name: 'a.png', sent, speed: (1000 - sent) / 100 })

  test('hears how far it is at calm intervals, and that it is done', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    await page()
    expect(news()).toBe('')
    const heard = new Set<string | null>()
    for (let at = 0; at <= 100; at += 1) {
      now.mockReturnValue(at * 300)
      uploader.show(sending(at * 10 - 1))
      heard.add(news())
    }
    uploader.show(itemOf({ name: 'a.png', status: 'done', sent: 1000 }))
    heard.add(news())
    expect([...heard]).toEqual([
      'Sending a file.',
      '33%, about 2 minutes left.',
      '67%, about 2 minutes left.',
      'a.png: sent.',
    ])
  })

  test('hears of many small files once, and at once of one that failed', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(0)
    await page()
    const heard = new Set<string | null>()
    const states = Array.from({ length: 50 }, (_, index) => itemOf({ name: `${index}` }))
    const show = (): void => {
      uploader.show(...states)
      heard.add(news())
    }
    show()
    for (const [index, item] of states.entries()) {
      states[index] = { ...item, status: 'done' }
      if (index === 7)
        states[index] = { ...item, status: 'failed', error: new LiveError('UPLOAD_UNSAFE', 'a virus') }
      show()
    }
    expect([...heard]).toEqual([
      'Sending 50 files.',
      '7: It was not kept: a virus. Choose another one.',
      '49 files were sent.',
    ])
  })

  test('hears of what was there before only that it goes on, in strict mode too', async () => {
    act(() => uploader.change({ items: [itemOf({ name: 'a', status: 'failed' }), itemOf({ name: 'b' })] }))
    act(() => uploader.change({ isActive: true }))
    await renderLive(
      <StrictMode>
        <AlbumPage />
      </StrictMode>,
      albums(),
    )
    expect(news()).toBe('Sending a file.')
  })

  test('hears that another file was chosen than the one that was interrupted', async () => {
    await page()
    uploader.show(itemOf({ name: 'a', status: 'interrupted' }))
    expect(news()).toMatch(/^a: interrupted/)
    const error = new LiveError('FILE_CHANGED', 'no')
    uploader.show(itemOf({ name: 'a', status: 'interrupted', error }))
    expect(news()).toBe(
      'a: It is not the file it was. Choose it again as it was, or begin anew with this one.',
    )
  })

  test('hears what was not accepted, once', async () => {
    await page()
    const rejected = [{ name: 'a.txt', error: new LiveError('UPLOAD_TYPE', 'no') }]
    act(() => uploader.change({ rejected }))
    expect(news()).toMatch(/^a\.txt: This kind of file/)
    uploader.show(itemOf({ name: 'b' }))
    expect(news()).toBe('Sending a file.')
  })

  const rejectedOf = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      name: `${at}.txt`,
      error: new LiveError('UPLOAD_TYPE', 'no'),
    }))
  const reject = (count: number): void => act(() => uploader.change({ rejected: rejectedOf(count) }))

  test.each([
    [3, /^0\.txt: This kind.* 1\.txt: This kind.* 2\.txt: This kind/],
    [4, /^4 files are not sent: the list says why, and what helps\.$/],
    [995, /^995 files are not sent: the list says why, and what helps\.$/],
  ])('hears one sentence and not one for each when many are not accepted: %i', async (count, words) => {
    await page()
    reject(count)
    expect(news()).toMatch(words)
  })

  test('hears one sentence of many that a reload interrupted', async () => {
    await page()
    const names = Array.from({ length: 30 }, (_, at) => `${at}.png`)
    uploader.show(...names.map((name) => itemOf({ name, status: 'interrupted', file: undefined })))
    expect(news()).toBe('30 files are not sent: the list says why, and what helps.')
  })

  test('hears the same words again when the same happens again', async () => {
    await page()
    const heard: (string | null)[] = []
    for (let time = 0; time < 3; time += 1) {
      reject(1)
      heard.push(news())
    }
    // A reader reads what has changed.
    expect(heard[1]).not.toBe(heard[0])
    expect(heard[2]).not.toBe(heard[1])
    expect(new Set(heard.map((words) => words?.trim())).size).toBe(1)
  })

  test('does not hear of what was not accepted before it came', async () => {
    act(() => uploader.change({ rejected: rejectedOf(1) }))
    await page()
    screen.getByText('0.txt')
    expect(news()).toBe('')
  })
})

describe('what is wrong', () => {
  const messageOf = (code: string, size?: number): string | undefined => {
    const error = new LiveError(code, `the server says ${code}`)
    return last.upload?.message(
      size === undefined ? { name: 'a', error } : itemOf({ name: 'a', size, error }),
    )
  }

  test('is said in words, with the way out, for every code of an upload', async () => {
    await page()
    const codes = ['TYPE', 'TOO_LARGE', 'QUOTA', 'GAP', 'GONE', 'CORRUPT', 'NO_SPACE']
    for (const code of [...codes.map((it) => `UPLOAD_${it}`), 'BAD_CHUNK', 'FILE_CHANGED', 'DISCONNECTED']) {
      const words = messageOf(code)
      expect(words, code).toMatch(/(Choose|Remove|Try again|Sign in|begin anew)/)
      expect(words, code).not.toContain('the server says')
    }
    expect(messageOf('UPLOAD_TOO_LARGE', 5 << 20)).toBe(
      'The file is too large: it has 5 MB, and 2 MB is the most. Choose a smaller one.',
    )
    // Whoever checks files says it to the person.
    expect(messageOf('UPLOAD_UNSAFE')).toBe(
      'It was not kept: the server says UPLOAD_UNSAFE. Choose another one.',
    )
    expect(messageOf('OF_TOMORROW')).toBe('the server says OF_TOMORROW')
    expect(messageOf('toString')).toBe('the server says toString')
    expect(last.upload?.message(itemOf({ name: 'a' }))).toBeUndefined()
  })

  test.each([
    // As the client and the server say that the field is full.
    ['UPLOAD_REFUSED', 'a.png would be one more than 5 at once', /^No more files are taken: 5 files are the/],
    [
      'UPLOAD_REFUSED',
      'there are 5 files already, and no more are taken: remove one first',
      /^No more files are taken: 5 files are the most\. Remove one and try again\.$/,
    ],
    ['UPLOAD_REFUSED', 'there is a file already: remove it first', /^No more files are taken/],
    [
      'UPLOAD_REFUSED',
      '8 files are on their way on this connection: wait for one of them',
      /^8 files are on their way on this connection: wait for one of them\. Remove it, or try again later\.$/,
    ],
    ['UPLOAD_REFUSED', 'this server takes no files', /^This server takes no files\. Remove it/],
    [
      'FORBIDDEN',
      'the album is closed on Sundays.',
      /^The album is closed on Sundays\. Remove it, or sign in as somebody who may\.$/,
    ],
    ['UPLOAD_UNSAFE', 'it contains a virus', /^It was not kept: it contains a virus\. Choose another one\.$/],
    ['UPLOAD_UNSAFE', 'It is sick.', /^It was not kept: It is sick\. Choose another one\.$/],
  ])('is not said otherwise than the server said it: %s: %s', async (code, said, words) => {
    await page()
    expect(last.upload?.message({ name: 'a.png', error: new LiveError(code, said) })).toMatch(words)
  })

  test('is said otherwise, and in another language, if the author wants that', async () => {
    const messages: UploadMessageOptions = {
      locale: 'de',
      errors: { UPLOAD_TYPE: ({ name }) => `${name} ist kein Bild.`, other: () => 'Das ging nicht.' },
      deeds: { pause: 'Anhalten' },
      deed: (label, name) => `${name} ${label}`,
      status: { sending: 'unterwegs' },
      pace: ({ progress }) => `${progress * 100} vom Hundert`,
      list: 'Dateien',
    }
    await page(messages)
    uploader.show(itemOf({ name: 'a.png', size: 3 * 1.5 * 1024 ** 2, sent: 3 * 1.5 * 1024 ** 2 * 0.5 }))
    screen.getByRole('button', { name: 'a.png Anhalten' })
    screen.getByRole('button', { name: 'a.png Cancel' })
    screen.getByRole('list', { name: 'Dateien' })
    expect(row('a.png').textContent).toContain('4,5 MB')
    expect(row('a.png').textContent).toContain('unterwegs, 50 vom Hundert')
    expect(messageOf('UPLOAD_TYPE')).toBe('a ist kein Bild.')
    expect(messageOf('OF_TOMORROW')).toBe('Das ging nicht.')
    expect(messageOf('UPLOAD_GONE')).toBe(english.errors.UPLOAD_GONE?.({} as never, english))
  })

  test('is shown beside the file, also when it only holds it up', async () => {
    await page()
    const error = new LiveError('UPLOAD_NO_SPACE', 'disk full')
    uploader.show(itemOf({ name: 'a.png', status: 'waiting', error }))
    expect(row('a.png').querySelector('.fluxstack-upload-error')?.textContent).toBe(
      'The server has no room for it now. It is tried again by itself.',
    )
    uploader.show(itemOf({ name: 'a.png', status: 'failed', error }))
    screen.getByText('The server has no room for it now. Try again later.')
  })
})

test('a list of one’s own has what this one has', async () => {
  await page()
  const upload: LiveUpload | undefined = last.upload
  if (!upload) throw new Error()
  expect(upload.rules?.maxFiles).toBe(PICTURES.maxFiles)
  cleanup()
  await renderLive(<UploadList upload={upload} className="mine" id="list" thumbnails={false} />, albums())
  expect(document.getElementById('list')?.className).toBe('fluxstack-upload mine')
})
