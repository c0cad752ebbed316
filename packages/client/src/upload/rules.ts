/**
 * What a field accepts, checked before anything is sent. The server checks again, and more: what is in the file.
 *
 * The codes are the server's own: it would say the same, only later.
 */

import { LiveError } from '../error.js'
import { isObject } from '../protocol.js'
import type { UploadState } from '../shape.js'

/** What is known of a file before it is read. */
export interface FileFacts {
  readonly name: string
  readonly type: string
  readonly size: number
}

/** The field as the state has it now; undefined while there is none. */
export function rulesOf(state: unknown, field: string): UploadState | undefined {
  const said = isObject(state) ? state[field] : undefined
  return isObject(said) && Array.isArray(said.accept) && Array.isArray(said.files)
    ? // That its parts are what they should be is the generated type's promise.
      (said as unknown as UploadState)
    : undefined
}

/** Why a file is not taken by a field that has `others` already, if it is not. */
export function refusalOf(
  { name, type, size }: FileFacts,
  { accept, maxBytes, maxFiles }: UploadState,
  others: number,
): LiveError | undefined {
  if (accept.length > 0 && !accept.some((rule) => isOf(rule.toLowerCase(), name.toLowerCase(), type)))
    return new LiveError('UPLOAD_TYPE', `${name} is of another type than ${accept.join(', ')}`)
  if (size > maxBytes)
    return new LiveError('UPLOAD_TOO_LARGE', `${name} has ${inWords(size)}, more than ${inWords(maxBytes)}`)
  if (others >= maxFiles)
    return new LiveError('UPLOAD_REFUSED', `${name} would be one more than ${maxFiles} at once`)
  return undefined
}

function isOf(rule: string, name: string, type: string): boolean {
  if (rule.startsWith('.')) return name.endsWith(rule)
  // What the browser does not know the server finds out.
  const kind = type.toLowerCase().replace(/;.*/, '').trim()
  return (
    kind === '' ||
    rule === '*/*' ||
    (rule.endsWith('/*') ? kind.startsWith(rule.slice(0, -1)) : kind === rule)
  )
}

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB']

/** A number of bytes as people read it. */
export function inWords(bytes: number): string {
  let [amount, unit] = [bytes, 0]
  for (; amount >= 1000 && unit < UNITS.length - 1; unit += 1) amount /= 1024
  return `${amount.toFixed(unit > 0 && amount < 100 ? 1 : 0)} ${UNITS[unit]}`
}
