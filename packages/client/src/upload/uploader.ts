/**
 * Sends files into one field of a component.
 */

import type { ComponentShape, LiveHandle } from '../shape.js'
import type { Uploader, UploadField, UploadOptions } from './shape.js'

/**
 * What sends files into `field` of a component: the same for the same handle and field.
 *
 * @example
 * const avatar = uploads(picker, 'file')
 * avatar.subscribe(() => draw(avatar.getSnapshot().items))
 * avatar.add(input.files)
 */
export function uploads<C extends ComponentShape>(
  handle: LiveHandle<C>,
  field: UploadField<C>,
  options: UploadOptions = {},
): Uploader {
  throw new Error(`${handle.componentId} ${field} ${options.keep}`)
}
