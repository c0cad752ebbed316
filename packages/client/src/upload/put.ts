/**
 * Sends a file to a storage beside the server, in one request. `fetch` would do, if it said how far it is.
 */

import type { PutFile } from './shape.js'

/** Sends it with the browser's `XMLHttpRequest`. */
export const browserPut: PutFile = ({ url, method, headers }, file, { progress, done, failed }) => {
  const request = new XMLHttpRequest()
  request.open(method, url)
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
  request.upload.onprogress = ({ loaded }) => progress(loaded)
  request.onload = () => (request.status >= 200 && request.status < 300 ? done() : failed(request.status))
  request.onerror = request.ontimeout = () => failed(0)
  request.send(file)
  return () => request.abort()
}
