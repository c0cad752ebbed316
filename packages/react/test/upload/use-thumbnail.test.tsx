// @vitest-environment jsdom
import { useThumbnail } from '@fluxstack/react/upload'
import { act, cleanup, render } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fileOf } from './album.js'

/** The addresses that lead somewhere, and what is there. */
const alive = new Map<string, Blob>()
let made = 0
/** Large pictures that are being decoded. */
let decoding: { readonly width: number; readonly done: (isPicture: boolean) => Promise<void> }[] = []
let closed = 0

beforeEach(() => {
  alive.clear()
  decoding = []
  closed = 0
  Object.assign(URL, {
    createObjectURL(blob: Blob) {
      made += 1
      alive.set(`blob:${made}`, blob)
      return `blob:${made}`
    },
    revokeObjectURL: (url: string) => alive.delete(url),
  })
  vi.stubGlobal(
    'createImageBitmap',
    (_: Blob, { resizeWidth }: { resizeWidth: number }) =>
      new Promise((show, fail) => {
        const bitmap = { width: resizeWidth, height: 90, close: () => (closed += 1) }
        const done = (isPicture: boolean) =>
          act(async () => (isPicture ? show(bitmap) : fail(new DOMException('no picture'))))
        decoding.push({ width: resizeWidth, done })
      }),
  )
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null)
  vi.spyOn(HTMLCanvasElement.prototype, 'toBlob').mockImplementation((done) => done(new Blob(['small'])))
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const LARGE = 5 << 20

function Picture({ file, width }: { readonly file: File | undefined; readonly width?: number }): ReactNode {
  return <p>{useThumbnail(file, width) ?? 'none'}</p>
}
const shown = (): string | null | undefined => document.querySelector('p')?.textContent

describe('a thumbnail', () => {
  test('is the file itself if that is small, and its address is revoked', () => {
    const file = fileOf('a.png')
    const { rerender, unmount } = render(<Picture file={file} />)
    expect(alive.get(`${shown()}`)).toBe(file)
    const other = fileOf('b.webp', 4, 'image/webp')
    rerender(<Picture file={other} />)
    expect([...alive.entries()]).toEqual([[shown(), other]])
    rerender(<Picture file={undefined} />)
    expect([shown(), alive.size]).toEqual(['none', 0])
    rerender(<Picture file={file} />)
    unmount()
    expect(alive.size).toBe(0)
  })

  test('leaves no address behind in strict mode', () => {
    const { unmount } = render(<Picture file={fileOf('a.png')} />, { wrapper: StrictMode })
    expect([...alive.keys()]).toEqual([shown()])
    unmount()
    expect(alive.size).toBe(0)
  })

  test('is a small picture of a large one', async () => {
    const { unmount } = render(<Picture file={fileOf('a.jpg', LARGE, 'image/jpeg')} width={100} />)
    expect(shown()).toBe('none')
    await vi.waitFor(() => expect(decoding).toHaveLength(1))
    expect(decoding[0]?.width).toBe(100)
    await decoding[0]?.done(true)
    expect(alive.get(`${shown()}`)?.size).toBe(5)
    expect(closed).toBe(1)
    unmount()
    expect(alive.size).toBe(0)
  })

  test('is made one at a time, and not at all for whom nobody waits any more', async () => {
    const files = ['a', 'b', 'c'].map((name) => fileOf(`${name}.png`, LARGE))
    const pictures = files.map((file) => render(<Picture file={file} />))
    await vi.waitFor(() => expect(decoding).toHaveLength(1))
    pictures[0]?.unmount()
    pictures[1]?.unmount()
    await decoding[0]?.done(true)
    await vi.waitFor(() => expect(decoding).toHaveLength(2))
    await decoding[1]?.done(true)
    expect(shown()).toMatch(/^blob:/)
    expect([decoding.length, alive.size]).toEqual([2, 1])
  })

  test.each([
    ['a document that looks like a picture', 'a.svg', 'image/svg+xml'],
    ['a page', 'a.html', 'text/html'],
    ['something without a type', 'a', ''],
  ])('is never made of %s', (_, name, type) => {
    render(<Picture file={fileOf(name, 4, type)} />)
    expect([shown(), alive.size]).toEqual(['none', 0])
  })

  test('is not made of what only says that it is a picture, nor does that hold up the next', async () => {
    render(<Picture file={fileOf('bad.png', LARGE)} />)
    await vi.waitFor(() => expect(decoding).toHaveLength(1))
    await decoding[0]?.done(false)
    expect([shown(), alive.size]).toEqual(['none', 0])
    cleanup()
    render(<Picture file={fileOf('good.png', LARGE)} />)
    await vi.waitFor(() => expect(decoding).toHaveLength(2))
    await decoding[1]?.done(true)
    expect(alive.size).toBe(1)
  })

  test('is the file itself where browsers cannot make it smaller', () => {
    vi.stubGlobal('createImageBitmap', undefined)
    const file = fileOf('a.png', LARGE)
    render(<Picture file={file} />)
    expect(alive.get(`${shown()}`)).toBe(file)
  })

  test('is nothing on a server', () => {
    expect(renderToString(<Picture file={fileOf('a.png')} />)).toBe('<p>none</p>')
  })
})
