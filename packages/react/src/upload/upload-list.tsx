/**
 * The files of an upload, as a list: how far each is, what went wrong, and what one can do about it.
 *
 * Without style: there are class names, and `data-status` says how a file is. What must stay true: a row renders again
 * only when its file has changed; the keyboard is not thrown out of the list when a row goes; and everything a button
 * does is in its name.
 */

import type { UploadItem } from '@fluxstack/client/upload'
import { type ComponentProps, memo, type ReactNode, type SyntheticEvent, useRef } from 'react'
import { useLatest } from '../use-latest.js'
import { sizeWords, type UploadDeed, type UploadMessages } from './messages.js'
import { deedsFor, type LiveUpload } from './upload-types.js'
import { useKeptFocus } from './use-kept-focus.js'
import { useNews } from './use-news.js'
import { useThumbnail } from './use-thumbnail.js'

/** What {@link UploadNews} takes, and what else a `div` takes. */
export interface UploadNewsProps extends Omit<ComponentProps<'div'>, 'children'> {
  /** What `useUpload` gave. */
  readonly upload: LiveUpload
  /** The shortest time between two words about progress, in ms. Default 10,000. */
  readonly everyMs?: number | undefined
}

/**
 * Says what happens to whoever does not see it. It is part of {@link UploadList}; a list of your own wants one, in the
 * page from the beginning.
 *
 * @example
 * <UploadNews upload={upload} className="visually-hidden" />
 */
export function UploadNews({ upload, everyMs = 10_000, className, ...others }: UploadNewsProps): ReactNode {
  const words = useNews(upload, everyMs)
  return (
    <div role="status" aria-live="polite" {...others} className={named('fluxstack-upload-news', className)}>
      {words}
    </div>
  )
}

/** What {@link UploadList} takes, and what else a `div` takes. */
export interface UploadListProps
  extends Omit<ComponentProps<'div'>, 'children' | 'ref' | 'onFocus' | 'onBlur'> {
  /** What `useUpload` gave. */
  readonly upload: LiveUpload
  /** Whether pictures are shown small. Default true. */
  readonly thumbnails?: boolean | undefined
  /** The shortest time between two words about progress, in ms. Default 10,000. */
  readonly everyMs?: number | undefined
}

/**
 * Lists the files that are sent, and those that were not accepted.
 *
 * @example
 * const upload = useUpload(album, 'pictures')
 * return <UploadList upload={upload} />
 */
export function UploadList({
  upload,
  thumbnails = true,
  everyMs,
  className,
  ...others
}: UploadListProps): ReactNode {
  const { items, rejected, messages: say, message } = upload
  const list = useRef<HTMLDivElement>(null)
  const focus = useKeptFocus(list, upload.focus)
  const act = useLatest((deed: UploadDeed, id: string) => {
    if (deed === 'pause' || deed === 'resume' || deed === 'retry') upload[deed](id)
    else if (deed === 'again') upload.choose(id)
    else upload.cancel(id)
  })
  return (
    <div {...others} {...focus} ref={list} tabIndex={-1} className={named('fluxstack-upload', className)}>
      {items.length + rejected.length > 0 && (
        <ul className="fluxstack-upload-list" aria-label={say.list}>
          {items.map((item) => (
            <Row
              key={item.id}
              item={item}
              wrong={message(item)}
              say={say}
              act={act}
              hasThumbnail={thumbnails}
            />
          ))}
          {rejected.map((file) => (
            <li key={file.id} className="fluxstack-upload-item" data-status="rejected" tabIndex={-1}>
              <span className="fluxstack-upload-name">{file.name}</span>
              <span className="fluxstack-upload-error">{message(file)}</span>
              <Deed deed="dismiss" name={file.name} say={say} act={() => upload.dismiss(file)} />
            </li>
          ))}
        </ul>
      )}
      <UploadNews upload={upload} everyMs={everyMs} />
    </div>
  )
}

interface RowProps {
  readonly item: UploadItem
  /** What is wrong with it. */
  readonly wrong: string | undefined
  readonly say: UploadMessages
  readonly act: (deed: UploadDeed, id: string) => void
  readonly hasThumbnail: boolean
}

const Row = memo(function Row({ item, wrong, say, act, hasThumbnail }: RowProps): ReactNode {
  const { id, name, size, sent, status, speed, remaining } = item
  const src = useThumbnail(hasThumbnail ? item.file : undefined)
  const progress = size > 0 ? sent / size : 0
  const isOnTheWay = status === 'sending' || status === 'paused' || status === 'interrupted'
  const deeds = deedsFor(item)
  return (
    <li className="fluxstack-upload-item" data-status={status} tabIndex={-1}>
      {src && <img key={src} className="fluxstack-upload-thumbnail" src={src} alt="" onError={hide} />}
      <span className="fluxstack-upload-name">{name}</span>{' '}
      <span className="fluxstack-upload-size">{sizeWords(size, say.locale)}</span>{' '}
      {isOnTheWay && <progress aria-label={name} max={1} value={progress} />}
      {/* Without a value: nobody knows how long that takes. */}
      {status === 'checking' && <progress aria-label={name} />}{' '}
      <span className="fluxstack-upload-status">
        {say.status[status]}
        {status === 'sending' && `, ${say.pace({ progress, speed, remaining }, say)}`}
      </span>{' '}
      {wrong && <span className="fluxstack-upload-error">{wrong}</span>}{' '}
      {deeds.map((deed, index) => (
        // The button keeps its place, and with it the keyboard, when it means something else.
        <Deed
          key={index === 0 && deeds.length > 1 ? 'first' : index === deeds.length - 1 ? 'last' : deed}
          deed={deed}
          name={name}
          say={say}
          act={() => act(deed, id)}
        />
      ))}
    </li>
  )
})

/** What calls itself a picture and is none is not shown as a broken one. */
function hide({ currentTarget }: SyntheticEvent<HTMLElement>): void {
  currentTarget.hidden = true
}

interface DeedProps {
  readonly deed: UploadDeed
  readonly name: string
  readonly say: UploadMessages
  readonly act: () => void
}

function Deed({ deed, name, say, act }: DeedProps): ReactNode {
  const label = say.deeds[deed]
  return (
    <button type="button" data-deed={deed} aria-label={say.deed(label, name)} onClick={act}>
      {label}
    </button>
  )
}

function named(name: string, more: string | undefined): string {
  return more ? `${name} ${more}` : name
}
