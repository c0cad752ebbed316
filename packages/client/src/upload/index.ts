/**
 * Files into a component: sent in pieces over the same connection, whatever happens to it. An entry of its own.
 */

export type {
  ChunkOptions,
  DirectTarget,
  PutFile,
  RejectedFile,
  Uploader,
  UploadField,
  UploadItem,
  UploadOptions,
  UploadSource,
  UploadStatus,
  UploadsView,
} from './shape.js'
export { uploads } from './uploader.js'
