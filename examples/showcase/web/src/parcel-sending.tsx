/** A parcel on its way: how far it is, how fast, how long still, and what can be done about it. */

import type { UploadItem } from '@fluxstack/client/upload'
import { deedsFor, type LiveUpload, sizeWords, timeWords } from '@fluxstack/react/upload'
import { useId } from 'react'
import { madeFile, madeSize } from './made-files'

interface ParcelSendingProps {
  readonly upload: LiveUpload
  readonly item: UploadItem
  readonly onCancel: (id: string) => void
}

export function ParcelSending({ upload, item, onCancel }: ParcelSendingProps) {
  const { id, name, size, sent, status } = item
  const title = useId()
  const can = deedsFor(item)
  const made = madeSize(name)
  return (
    <div className="sending">
      <p className="sending-name" id={title}>
        {name}
      </p>
      <progress value={sent} max={Math.max(size, 1)} aria-labelledby={title} data-status={status} />
      <dl className="sending-figures">
        <div>
          <dt>Sent</dt>
          <dd data-testid="parcel-sent" data-bytes={sent}>
            {sizeWords(sent)} of {sizeWords(size)}
          </dd>
        </div>
        <div>
          <dt>Speed</dt>
          <dd data-testid="parcel-speed">{status === 'sending' ? `${sizeWords(item.speed)}/s` : '–'}</dd>
        </div>
        <div>
          <dt>Time left</dt>
          <dd data-testid="parcel-remaining">
            {status === 'sending' && item.remaining !== undefined ? timeWords(item.remaining) : '–'}
          </dd>
        </div>
      </dl>
      <p className={item.error ? 'complaint' : 'hint'} role="status" data-testid="parcel-note">
        {upload.message(item) ?? upload.messages.status[status]}
      </p>
      <div className="sending-deeds">
        {can.includes('pause') && (
          <button type="button" onClick={() => upload.pause(id)} data-testid="parcel-pause">
            Pause
          </button>
        )}
        {can.includes('resume') && (
          <button
            type="button"
            className="primary"
            onClick={() => upload.resume(id)}
            data-testid="parcel-resume"
          >
            Go on
          </button>
        )}
        {can.includes('retry') && (
          <button type="button" onClick={() => upload.retry(id)} data-testid="parcel-retry">
            Try again
          </button>
        )}
        {can.includes('again') && (
          <button type="button" onClick={() => upload.choose(id)}>
            Choose it again
          </button>
        )}
        {can.includes('again') && made !== undefined && (
          <button type="button" onClick={() => upload.again(id, madeFile(made))} data-testid="parcel-remake">
            Make it again
          </button>
        )}
        <button type="button" className="quiet" onClick={() => onCancel(id)} data-testid="parcel-cancel">
          Cancel
        </button>
      </div>
    </div>
  )
}
