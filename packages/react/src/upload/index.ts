/**
 * Files into a component: choosing, dropping, pasting them, and showing how far they are. An entry point of its own, on
 * `@fluxstack/client/upload`.
 */

export type {
  RejectedFile,
  UploadField,
  UploadItem,
  UploadOptions,
  UploadSource,
  UploadStatus,
} from '@fluxstack/client/upload'
export {
  english,
  percentWords,
  sizeWords,
  timeWords,
  type UploadCount,
  type UploadDeed,
  type UploadMessageOptions,
  type UploadMessages,
  type UploadPace,
  type UploadProblem,
  type UploadRules,
} from './messages.js'
export { UploadList, type UploadListProps, UploadNews, type UploadNewsProps } from './upload-list.js'
export {
  deedsFor,
  type LiveUpload,
  type UploadButtonProps,
  type UploadDeeds,
  type UploadInputProps,
  type UploadRejection,
  type UseUploadOptions,
} from './upload-types.js'
export type { DropProps, PasteProps } from './use-drop.js'
export { useThumbnail } from './use-thumbnail.js'
export { useUpload } from './use-upload.js'
