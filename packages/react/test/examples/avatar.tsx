/** The shortest of docs/uploads.md. */

import { useLive } from '@fluxstack/react'
import { UploadList, useUpload } from '@fluxstack/react/upload'
import { AvatarPicker } from './live.gen'

export function Avatar() {
  const picker = useLive(AvatarPicker, { componentId: 'avatar' })
  const upload = useUpload(picker, 'file')
  return (
    <section {...upload.dropProps}>
      {picker.state?.url && <img src={picker.state.url} alt="You" />}
      <input {...upload.inputProps} />
      <button {...upload.buttonProps}>Choose a picture</button>
      <p {...upload.hintProps}>{upload.hint}</p>
      <UploadList upload={upload} />
    </section>
  )
}
