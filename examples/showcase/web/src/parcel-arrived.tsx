/** A parcel that has arrived, as the server has it. */

import { sizeWords } from '@fluxstack/react/upload'
import type { Arrived } from './live.gen'
import { Controls } from './section'

const UNTIL = new Intl.DateTimeFormat(undefined, { weekday: 'long', hour: '2-digit', minute: '2-digit' })

interface ParcelArrivedProps {
  readonly arrived: Arrived
  readonly stale: boolean
  readonly onDiscard: () => void
}

export function ParcelArrived({ arrived, stale, onDiscard }: ParcelArrivedProps) {
  const { name, size, sha256, link, until } = arrived
  return (
    <div className="arrived" data-testid="parcel-arrived">
      <p className="sending-name">{name}</p>
      <dl className="arrived-figures">
        <dt>Size</dt>
        <dd data-testid="parcel-size" data-bytes={size}>
          {sizeWords(size)}
        </dd>
        <dt>SHA-256</dt>
        <dd>
          <code data-testid="parcel-sha256">{sha256}</code>
        </dd>
        <dt>Kept</dt>
        <dd>until {UNTIL.format(until)}, for whoever has the link</dd>
      </dl>
      <Controls stale={stale}>
        <div className="sending-deeds">
          <a href={link} download={name} className="button primary" data-testid="parcel-link">
            Download
          </a>
          <button type="button" onClick={onDiscard} data-testid="parcel-discard">
            Discard
          </button>
        </div>
      </Controls>
    </div>
  )
}
