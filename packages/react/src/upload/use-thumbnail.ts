/**
 * A small picture of a file that is on its way, or of one that was chosen.
 *
 * What must stay true: only what a browser draws as pixels is shown, never a document that looks like a picture; every
 * address that was made is revoked; and of many large pictures one at a time is decoded.
 */

import { useEffect, useState } from 'react'

/** Pictures made of pixels that browsers draw. SVG is not one of them: it is a document. */
const RASTER = /^image\/(png|jpeg|gif|webp|avif|bmp)$/

/** What is shown as it is: decoding it costs less than making it smaller. */
const SMALL_BYTES = 256 * 1024

/** How wide thumbnails are unless somebody says otherwise: sharp at 80 pixels on a good screen. */
const WIDTH = 160

/**
 * The address of a small picture of a file, for `<img src>`; undefined until it is there, and for what is no picture.
 *
 * @example
 * const src = useThumbnail(item.file)
 * return src ? <img src={src} alt="" /> : <Icon type={item.type} />
 */
export function useThumbnail(file: File | undefined, width: number = WIDTH): string | undefined {
  const [made, setMade] = useState<{ readonly file: File; readonly url: string }>()

  useEffect(() => {
    if (!file || !RASTER.test(file.type)) return undefined
    let isWanted = true
    let url = ''
    const show = (picture: Blob | undefined): void => {
      if (!picture || !isWanted) return
      url = URL.createObjectURL(picture)
      setMade({ file, url })
    }
    if (file.size <= SMALL_BYTES || !globalThis.createImageBitmap) show(file)
    else void inLine(() => (isWanted ? shrink(file, width) : undefined)).then(show)
    return () => {
      isWanted = false
      if (!url) return
      URL.revokeObjectURL(url)
      setMade(undefined)
    }
  }, [file, width])

  // What is shown is never the picture of another file.
  return made?.file === file ? made?.url : undefined
}

let line: Promise<unknown> = Promise.resolve()

/** Does something once everything before it is done. */
function inLine<T>(what: () => T | Promise<T>): Promise<T | undefined> {
  const done = line.then(what).catch(() => undefined)
  line = done
  return done
}

/** A smaller picture; undefined if it is none that can be read. */
async function shrink(file: File, width: number): Promise<Blob | undefined> {
  const bitmap = await createImageBitmap(file, { resizeWidth: width, resizeQuality: 'medium' })
  try {
    const canvas = document.createElement('canvas')
    canvas.width = bitmap.width
    canvas.height = bitmap.height
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0)
    return await new Promise((done) => canvas.toBlob((blob) => done(blob ?? undefined)))
  } finally {
    bitmap.close()
  }
}
