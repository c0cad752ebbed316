/** Pictures that everybody sees, and the visitor's own on their way there. */

import { useLive, useUser } from '@fluxstack/react'
import { UploadList, useUpload } from '@fluxstack/react/upload'
import { Easel, Gallery, type Picture } from './live.gen'
import { paintedPicture } from './made-files'
import { cameBack } from './outcome'
import { Failure, Section, Skeleton } from './section'
import { told } from './toasts'
import { useIntroduction } from './visitor'

export function GalleryPanel() {
  const gallery = useLive(Gallery, { componentId: 'gallery', onResume: cameBack })
  const mayTakeDown = useUser() === 'admin'
  return (
    <Section
      title="Gallery"
      source="gallery.rs"
      className="wide"
      outcome={gallery.outcome}
      about="Drop pictures here, paste them, or choose some: everybody sees them as soon as they are here. The wall takes two dozen; then the oldest makes room."
    >
      <PictureEasel />
      {gallery.status === 'mounting' && <Skeleton lines={4} />}
      {gallery.status === 'failed' && <Failure error={gallery.error} retry={gallery.reset} />}
      {gallery.state && (
        <ul className="pictures" aria-label="Pictures" data-testid="pictures">
          {gallery.state.pictures.map((picture) => (
            <Hung
              key={picture.key}
              picture={picture}
              onTakeDown={mayTakeDown && (() => told(gallery.call.takeDown({ key: picture.key })))}
            />
          ))}
          {gallery.state.pictures.length === 0 && <li className="empty">Nothing hangs here yet.</li>}
        </ul>
      )}
    </Section>
  )
}

interface HungProps {
  readonly picture: Picture
  readonly onTakeDown: false | (() => void)
}

function Hung({ picture, onTakeDown }: HungProps) {
  const { url, name, by } = picture
  return (
    <li className="picture" data-testid="picture">
      <a href={url} target="_blank" rel="noopener">
        <img src={url} alt={`${name}, hung by ${by}`} loading="lazy" decoding="async" />
      </a>
      <p className="picture-by">
        <span className="picture-name">{name}</span>
        <span className="muted">{by}</span>
      </p>
      {onTakeDown && (
        <button type="button" className="small" aria-label={`Take down ${name}`} onClick={onTakeDown}>
          Take down
        </button>
      )}
    </li>
  )
}

/** Where pictures are brought: the visitor's own, so that nobody waits for the others. */
function PictureEasel() {
  const easel = useLive(Easel, { componentId: 'easel', onResume: cameBack })
  // It hangs on the wall then, where everybody sees it.
  const upload = useUpload(easel, 'pictures', { forgetDone: true })
  useIntroduction(easel)

  async function paint(): Promise<void> {
    upload.add([await paintedPicture()])
  }

  if (easel.status === 'mounting') return <Skeleton lines={2} />
  if (easel.status === 'failed') return <Failure error={easel.error} retry={easel.reset} />
  return (
    <div className="easel" {...upload.pasteProps}>
      <div className="drop-zone" {...upload.dropProps} data-testid="easel">
        <input {...upload.inputProps} aria-label="Pictures" data-testid="easel-input" />
        <p>{upload.isOver ? 'Let go of them here.' : 'Drop pictures here, or'}</p>
        <button {...upload.buttonProps} className="primary">
          Choose pictures
        </button>
        <button type="button" onClick={() => told(paint())} data-testid="paint">
          Paint one for me
        </button>
        <p className="hint" {...upload.hintProps}>
          {upload.hint}
        </p>
      </div>
      <UploadList upload={upload} />
    </div>
  )
}
