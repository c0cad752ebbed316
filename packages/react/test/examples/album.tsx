/** What docs/uploads.md says beyond the shortest: a list of one's own, other words, pictures beside what is sent. */

import { useLive } from '@fluxstack/react'
import {
  deedsFor,
  type LiveUpload,
  type UploadItem,
  UploadList,
  type UploadMessageOptions,
  UploadNews,
  useThumbnail,
  useUpload,
} from '@fluxstack/react/upload'
import { Album } from './live.gen'

const german: UploadMessageOptions = {
  locale: 'de',
  errors: {
    UPLOAD_TYPE: () => 'Das ist kein Bild. Bitte ein PNG oder JPEG.',
    UPLOAD_TOO_LARGE: ({ name }) => `${name} ist zu groß.`,
  },
  deeds: { pause: 'Anhalten', resume: 'Weiter', cancel: 'Abbrechen' },
  status: { sending: 'unterwegs', done: 'angekommen' },
}

export function GermanAlbum() {
  const album = useLive(Album, { componentId: 'album' })
  const upload = useUpload(album, 'pictures', { messages: german })
  return (
    <section {...upload.dropProps}>
      <input {...upload.inputProps} />
      <button {...upload.buttonProps}>Bilder wählen</button>
      <UploadList upload={upload} />
    </section>
  )
}

export function OwnAlbum() {
  const album = useLive(Album, { componentId: 'album' })
  const upload = useUpload(album, 'pictures', { pasteAnywhere: true, guard: true })
  return (
    <section className="box" {...upload.dropProps}>
      <input {...upload.inputProps} />
      <button {...upload.buttonProps}>{upload.isOver ? 'Let go' : 'Add pictures'}</button>
      <progress hidden={!upload.isActive} value={upload.progress} aria-label="All pictures" />
      <ul>
        {upload.items.map((item) => (
          <Picture key={item.id} item={item} upload={upload} />
        ))}
      </ul>
      {upload.rejected.map((file) => (
        <p key={file.id}>
          {file.name}: {upload.message(file)}
        </p>
      ))}
      <UploadNews upload={upload} className="visually-hidden" />
      <button type="button" disabled={album.loading || upload.isActive} onClick={() => album.call.save()}>
        Save
      </button>
    </section>
  )
}

function Picture({ item, upload }: { item: UploadItem; upload: LiveUpload }) {
  const src = useThumbnail(item.file)
  const can = deedsFor(item)
  return (
    <li data-status={item.status}>
      {src && <img src={src} alt="" />}
      {item.name} {upload.message(item) ?? upload.messages.status[item.status]}
      {can.includes('retry') && (
        <button type="button" onClick={() => upload.retry(item.id)}>
          Once more
        </button>
      )}
      {can.includes('again') && (
        <button type="button" onClick={() => upload.choose(item.id)}>
          Choose it again
        </button>
      )}
      <button type="button" aria-label={`Remove ${item.name}`} onClick={() => upload.cancel(item.id)}>
        ×
      </button>
    </li>
  )
}
