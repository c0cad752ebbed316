/** What the gallery and the parcel have in common. */

import type { LiveUpload } from '@fluxstack/react/upload'
import { useEffect } from 'react'

/** Takes files off the list as soon as they are there: where they are shown then is the component's to say. */
export function useForgetDone({ items, cancel }: LiveUpload): void {
  useEffect(() => {
    for (const { id, status } of items) if (status === 'done') cancel(id)
  }, [items, cancel])
}
