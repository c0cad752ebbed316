/** Files to send, pictures among them, and how much of a file a page hands over to its socket. */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { numberIn } from './visit'

/** How many bytes are on their way at once, at most: what an interruption may cost. */
export const CHUNK = 1 << 20

/** A file for an input. */
export interface Payload {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

/** A picture of one pixel in a colour of its own. */
export function pixel(name: string, red = 0, green = 0, blue = 0): Payload {
  const head = Buffer.from('GIF89a')
  const screen = [1, 0, 1, 0, 0x80, 0, 0, red, green, blue, 255, 255, 255]
  const image = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]
  return { name, mimeType: 'image/gif', buffer: Buffer.concat([head, Buffer.from([...screen, ...image])]) }
}

/** Writes a file of so many bytes, no part of it like another. Brings its SHA-256. */
export async function writeNoise(path: string, size: number, seed: number): Promise<string> {
  const digest = createHash('sha256')
  const file = await open(path, 'w')
  for (let at = 0, block = 0; at < size; at += CHUNK, block += 1) {
    const words = new Uint32Array(Math.ceil(Math.min(CHUNK, size - at) / 4))
    let state = (seed * 0x9e3779b1 + block * 0x85ebca6b) | 1
    for (let word = 0; word < words.length; word += 1) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[word] = state
    }
    const bytes = Buffer.from(words.buffer, 0, Math.min(CHUNK, size - at))
    digest.update(bytes)
    await file.write(bytes)
  }
  await file.close()
  return digest.digest('hex')
}

/** The SHA-256 of what an address answers with, which is read as it comes. */
export async function digestOf(response: Response): Promise<string> {
  const digest = createHash('sha256')
  for await (const bytes of response.body ?? []) digest.update(bytes)
  return digest.digest('hex')
}

/** Counts from now on the bytes of files that the page hands over to its sockets. For `prepare` of a visit. */
export function countPieces(page: Page): Promise<unknown> {
  return page.addInitScript(() => {
    const send = WebSocket.prototype.send
    WebSocket.prototype.send = function (frame: string | Blob | BufferSource) {
      if (ArrayBuffer.isView(frame)) {
        const head = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true)
        const before = Number(sessionStorage.getItem('pieces'))
        sessionStorage.setItem('pieces', String(before + frame.byteLength - 4 - head))
      }
      send.call(this, frame)
    }
  })
}

/** What {@link countPieces} has counted, over reloads of the page. */
export function pieces(page: Page): Promise<number> {
  return page.evaluate(() => Number(sessionStorage.getItem('pieces')))
}

/** How the parcel is: the status of its upload, `arrived`, or `none`. */
export function parcel(page: Page): Promise<string | null> {
  return page.getByTestId('parcel').getAttribute('data-status')
}

/** How many bytes of the parcel the server has. */
export function parcelSent(page: Page): Promise<number> {
  return page.getByTestId('parcel-sent').getAttribute('data-bytes').then(numberIn)
}

/** What hangs in the gallery, newest first, in the words of who does not see it. */
export function pictures(page: Page): Promise<(string | null)[]> {
  return page
    .getByTestId('picture')
    .locator('img')
    .evaluateAll((images) => images.map((image) => image.getAttribute('alt')))
}

/** Drops files somewhere, as somebody does who drags them there. */
export async function drop(page: Page, place: string, files: readonly Payload[]): Promise<void> {
  const passed = files.map(({ name, mimeType, buffer }) => ({
    name,
    mimeType,
    base64: buffer.toString('base64'),
  }))
  const dragged = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer()
    for (const { name, mimeType, base64 } of files) {
      const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))
      transfer.items.add(new File([bytes], name, { type: mimeType }))
    }
    return transfer
  }, passed)
  for (const type of ['dragenter', 'dragover', 'drop'])
    await page.getByTestId(place).dispatchEvent(type, { dataTransfer: dragged })
}
