import type { LiveError } from '@fluxstack/client'
import type { UploadStatus } from '@fluxstack/client/upload'
import { useLive } from '@fluxstack/react'
import {
  deedsFor,
  type UploadDeed,
  UploadList,
  type UploadMessageOptions,
  type UploadRules,
  useThumbnail,
  useUpload,
} from '@fluxstack/react/upload'
import { expectTypeOf, test } from 'vitest'
import { Counter } from '../../../client/test/shapes.js'
import { Album } from './album.js'

test('only fields that take files take files', () => {
  function Page() {
    const album = useLive(Album)
    useUpload(album, 'pictures')
    useUpload(album, 'cover', { parallel: 1, guard: true })
    // @ts-expect-error a title is no file
    useUpload(album, 'title')
    // @ts-expect-error there is no such field
    useUpload(album, 'picture')
    const counter = useLive(Counter, { props: { count: 1 } })
    // @ts-expect-error a counter takes no files
    useUpload(counter, 'count')
    // @ts-expect-error there is no such option
    useUpload(album, 'pictures', { parralel: 1 })
  }
  void Page
})

test('a part of the state may be selected all the same', () => {
  function Page() {
    const album = useLive(Album, { select: ({ title }) => title })
    return useUpload(album, 'pictures')
  }
  void Page
})

test('what it gives has types', () => {
  function Page() {
    const upload = useUpload(useLive(Album), 'pictures')
    expectTypeOf(upload.rules).toEqualTypeOf<UploadRules | undefined>()
    expectTypeOf(upload.items).items.toHaveProperty('status').toEqualTypeOf<UploadStatus>()
    expectTypeOf(upload.items).items.toHaveProperty('error').toEqualTypeOf<LiveError | undefined>()
    expectTypeOf(upload.message).returns.toEqualTypeOf<string | undefined>()
    const [item] = upload.items
    expectTypeOf(useThumbnail(item?.file)).toEqualTypeOf<string | undefined>()
    if (!item) return null
    expectTypeOf(deedsFor(item)).toEqualTypeOf<readonly UploadDeed[]>()
    // @ts-expect-error items are replaced, never changed
    item.sent = 5
    return (
      <section {...upload.dropProps} {...upload.pasteProps}>
        <input {...upload.inputProps} />
        <button {...upload.buttonProps}>choose</button>
        <UploadList upload={upload} className="mine" everyMs={5000} thumbnails={false} />
        {/* @ts-expect-error a list is of an upload */}
        <UploadList />
      </section>
    )
  }
  void Page
})

test('words are checked', () => {
  const some: UploadMessageOptions = {
    errors: { UPLOAD_TYPE: ({ name, size, rules }) => `${name} ${size} ${rules?.maxBytes}` },
    deeds: { pause: 'halt' },
  }
  void some
  // @ts-expect-error nothing of the sort can be done
  const wrong: UploadMessageOptions = { deeds: { explode: 'boom' } }
  void wrong
})
