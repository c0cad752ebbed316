/** What is generated from the Rust of docs/uploads.md. */
import { component, type Component, type UploadState } from '@fluxstack/client'

/** Somebody's picture. */
export interface AvatarPickerShape {
  props: Record<never, never>
  state: {
    /** Where it is served. */
    url?: string | null
    /** The next one, on its way. */
    file: UploadState
  }
  writable: Record<never, never>
  actions: Record<never, never>
  event: never
}
export const AvatarPicker: Component<AvatarPickerShape> = component<AvatarPickerShape>('AvatarPicker')

/** Pictures that are looked at before they are kept. */
export interface AlbumShape {
  props: Record<never, never>
  state: {
    /** Where those that are kept are served. */
    urls: string[]
    pictures: UploadState
  }
  writable: Record<never, never>
  actions: {
    /** Keeps what has arrived. */
    save(): number
    /** Throws one away that was not kept yet. */
    discard(args: { id: string }): void
  }
  event: never
}
export const Album: Component<AlbumShape> = component<AlbumShape>('Album')
