/**
 * Files to try with, for those who have none at hand.
 *
 * A file of half a gigabyte takes no more memory than one block of it, because a blob refers to another that is put
 * into it many times. The same size is the same file on every page, so that one that was lost can be made again.
 */

const MEGABYTE = 1 << 20
const PICTURE = 720

/** A file of so many megabytes, of which no two are alike. */
export function madeFile(megabytes: number): File {
  const numbered = 4
  const block = new Blob([noise(MEGABYTE - numbered)])
  const parts = Array.from({ length: megabytes }, (_, number) => [new Uint32Array([number]), block])
  return new File(parts.flat(), `parcel-${megabytes}-mb.bin`, { lastModified: 0 })
}

/** How many megabytes a file has that was made here. */
export function madeSize(name: string): number | undefined {
  const digits = /^parcel-(\d+)-mb\.bin$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Bytes that nothing makes smaller, and always the same. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let seed = 0x2545f491
  for (let at = 0; at < length; at += 1) {
    seed ^= seed << 13
    seed ^= seed >>> 17
    seed ^= seed << 5
    bytes[at] = seed
  }
  return bytes
}

/** A picture nobody has seen before. */
export async function paintedPicture(): Promise<File> {
  const canvas = new OffscreenCanvas(PICTURE, PICTURE)
  const brush = canvas.getContext('2d')
  if (!brush) throw new Error('this browser cannot paint')
  const hue = Math.random() * 360
  const sky = brush.createLinearGradient(0, 0, 0, PICTURE)
  sky.addColorStop(0, `hsl(${hue} 65% 78%)`)
  sky.addColorStop(1, `hsl(${hue + 50} 70% 90%)`)
  brush.fillStyle = sky
  brush.fillRect(0, 0, PICTURE, PICTURE)
  const [x, y, radius] = [PICTURE * (0.2 + Math.random() * 0.6), PICTURE * 0.32, 45 + Math.random() * 50]
  brush.fillStyle = `hsl(${hue + 180} 85% 72%)`
  brush.beginPath()
  brush.arc(x, y, radius, 0, 2 * Math.PI)
  brush.fill()
  // Hills, the nearer the darker.
  for (let hill = 0; hill < 4; hill += 1) {
    const phase = Math.random() * 7
    const length = 90 + Math.random() * 120
    const top = PICTURE * (0.48 + hill * 0.13)
    brush.fillStyle = `hsl(${hue + hill * 14} ${38 + hill * 4}% ${62 - hill * 13}%)`
    brush.beginPath()
    brush.moveTo(0, PICTURE)
    for (let x = 0; x <= PICTURE; x += 6) {
      const height = Math.sin(x / length + phase) * 34 + Math.sin(x / (length / 2.7) + phase) * 13
      brush.lineTo(x, top + height)
    }
    brush.lineTo(PICTURE, PICTURE)
    brush.fill()
  }
  const blob = await canvas.convertToBlob({ type: 'image/png' })
  return new File([blob], 'hills.png', { type: blob.type })
}
