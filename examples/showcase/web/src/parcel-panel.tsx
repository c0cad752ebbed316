/** One large file on its way to the server, and a counter beside it that does not wait for it. */

import { useLive } from '@fluxstack/react'
import { useUpload } from '@fluxstack/react/upload'
import { useEffect, useRef } from 'react'
import { Parcel } from './live.gen'
import { madeFile } from './made-files'
import { cameBack } from './outcome'
import { ParcelArrived } from './parcel-arrived'
import { ParcelMeter } from './parcel-meter'
import { ParcelSending } from './parcel-sending'
import { Failure, Section, Skeleton } from './section'
import { told } from './toasts'

/** In megabytes. */
const SIZES = [64, 500]

export function ParcelPanel() {
  const parcel = useLive(Parcel, { componentId: 'parcel', onResume: cameBack })
  const upload = useUpload(parcel, 'file', { forgetDone: true })
  const [item] = upload.items
  const arrived = parcel.state?.arrived
  const isCancelled = useRef(false)
  // With the parcel go its buttons: the keyboard is where the next one is chosen.
  useEffect(() => {
    if (item || !isCancelled.current) return
    isCancelled.current = false
    upload.focus()
  }, [item, upload.focus])

  function cancel(id: string): void {
    isCancelled.current = true
    upload.cancel(id)
  }

  return (
    <Section
      title="Parcel"
      source="parcel.rs"
      className="parcel-section"
      outcome={parcel.outcome}
      about="One file, up to a gigabyte. Cut the network, load the page anew, restart the server: it goes on where it was."
    >
      {parcel.status === 'mounting' && <Skeleton lines={6} />}
      {parcel.status === 'failed' && <Failure error={parcel.error} retry={parcel.reset} />}
      {parcel.state && (
        <div
          className="parcel"
          data-testid="parcel"
          data-status={item?.status ?? (arrived ? 'arrived' : 'none')}
        >
          {item ? (
            <ParcelSending upload={upload} item={item} onCancel={cancel} />
          ) : arrived ? (
            <ParcelArrived
              arrived={arrived}
              stale={parcel.status === 'stale'}
              onDiscard={() => told(parcel.call.discard())}
            />
          ) : (
            <div className="drop-zone" {...upload.dropProps}>
              <p>{upload.isOver ? 'Let go of it here.' : 'Drop a file here, or'}</p>
              <button {...upload.buttonProps} className="primary">
                Choose a file
              </button>
              <p className="muted">Or have one made:</p>
              {SIZES.map((size) => (
                <button
                  key={size}
                  type="button"
                  className="small"
                  onClick={() => upload.add([madeFile(size)])}
                  data-testid={`parcel-make-${size}`}
                >
                  {size} MB
                </button>
              ))}
            </div>
          )}
          {/* It stays, so that what it was given is not lost with it. */}
          <input {...upload.inputProps} aria-label="A file" data-testid="parcel-input" />
          {upload.rejected.map((file) => (
            <p key={file.id} className="complaint" role="alert">
              {file.name}: {upload.message(file)}
            </p>
          ))}
          <ParcelMeter
            count={parcel.state.count}
            call={parcel.call}
            isSending={parcel.status === 'live' && item?.status === 'sending'}
            stale={parcel.status === 'stale'}
          />
        </div>
      )}
    </Section>
  )
}
