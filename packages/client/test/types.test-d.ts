import {
  type Calls,
  type ClientCode,
  type Component,
  component,
  createLiveClient,
  type LiveError,
  type LiveHandle,
  type LiveView,
  type ResumeOutcome,
  type UploadState,
} from '@fluxstack/client'
import { batch } from '@fluxstack/client/batch'
import { offlineOutbox, policy } from '@fluxstack/client/offline'
import { room } from '@fluxstack/client/rooms'
import { authenticate, signIn } from '@fluxstack/client/sign-in'
import { fakeServer } from '@fluxstack/client/testing'
import { type Uploader, type UploadField, uploads } from '@fluxstack/client/upload'
import { describe, expectTypeOf, test } from 'vitest'
import { Bell, type BellShape, Counter, type CounterShape, Profile, Todos } from './shapes.js'
import { Picker, type PickerShape } from './upload-world.js'

const client = createLiveClient()
const counter = client.live(Counter, { props: { count: 5 } })

describe('mounting', () => {
  test('needs the props that are required', () => {
    // @ts-expect-error the props are missing
    client.live(Counter)
    // @ts-expect-error the props are missing
    client.live(Counter, { componentId: 'a' })
    // @ts-expect-error a count is a number
    client.live(Counter, { props: { count: '5' } })
    client.live(Todos)
    client.live(Todos, { componentId: 'a' })
  })

  test('takes components only, not anything with a name', () => {
    // @ts-expect-error a component carries its shape
    client.live({ name: 'Counter' })
    expectTypeOf(component<BellShape>('Bell')).toEqualTypeOf<Component<BellShape>>()
  })

  test('takes components whose props are null', () => {
    const Nothing = component<{
      props: null
      state: { n: number }
      writable: object
      actions: object
      event: never
    }>('N')
    client.live(Nothing)
  })
})

describe('a view', () => {
  const view = counter.getState()

  test('has a state only once it is there', () => {
    expectTypeOf(view).toEqualTypeOf<LiveView<CounterShape>>()
    expectTypeOf(view.state).toEqualTypeOf<Readonly<CounterShape['state']> | undefined>()
    // @ts-expect-error there may be no state yet
    view.state.count
    if (view.status === 'live' || view.status === 'stale')
      expectTypeOf(view.state.count).toEqualTypeOf<number>()
    if (view.status === 'mounting') expectTypeOf(view.state).toEqualTypeOf<undefined>()
    if (view.status === 'failed') expectTypeOf(view.error.code).toExtend<string>()
  })

  test('is for reading', () => {
    if (view.status !== 'live') return
    // @ts-expect-error changing the state is an action's work
    view.state.count = 1
    // @ts-expect-error so is replacing it
    view.state = { count: 1 }
  })
})

describe('calls', () => {
  test('take the arguments of the action and promise its result', () => {
    expectTypeOf(counter.call.increment).toEqualTypeOf<() => Promise<void>>()
    expectTypeOf(counter.call.add).toEqualTypeOf<(args: { by: number }) => Promise<number>>()
    expectTypeOf(counter.callMethod('add', { by: 1 })).toEqualTypeOf<Promise<number>>()
    expectTypeOf(counter.call).toEqualTypeOf<Calls<CounterShape>>()
  })

  test('refuse what the component does not have', () => {
    // @ts-expect-error no such action
    counter.call.vanish()
    // @ts-expect-error an argument is missing
    counter.call.add()
    // @ts-expect-error the argument has another type
    counter.call.add({ by: '1' })
    // @ts-expect-error no such argument
    counter.call.add({ by: 1, of: 2 })
    // @ts-expect-error no such action
    counter.callMethod('vanish')
    // @ts-expect-error an argument is missing
    counter.callMethod('add')
    // @ts-expect-error actions are not replaced
    counter.call.increment = async () => undefined
  })
})

describe('coming back', () => {
  test('ends in one of four outcomes', () => {
    expectTypeOf<ResumeOutcome['kind']>().toEqualTypeOf<'resumed' | 'replayed' | 'rehydrated' | 'reset'>()
    expectTypeOf(counter.getState().outcome).toEqualTypeOf<ResumeOutcome | undefined>()
    counter.onResume((outcome) => {
      if (outcome.kind === 'reset') expectTypeOf(outcome.reason).toExtend<string>()
      if (outcome.kind === 'replayed') expectTypeOf(outcome.frames).toEqualTypeOf<number>()
      // @ts-expect-error only a reset has a reason
      if (outcome.kind === 'resumed') outcome.reason
    })
  })

  test('can be left out for an instance', () => {
    client.live(Todos, { componentId: 'a', persistState: false })
    // @ts-expect-error yes or no
    client.live(Todos, { componentId: 'a', persistState: 'never' })
  })

  test('keeps what is called offline only where it is asked to', () => {
    createLiveClient({ offline: offlineOutbox({ onConflict: ({ call, retry }) => call.action && retry() }) })
    // @ts-expect-error an outbox is made, not named
    createLiveClient({ offline: 'indexedDB' })
  })
})

describe('a policy', () => {
  test('knows the actions of its component, and what they are called with', () => {
    policy(Counter, {
      increment: 'drop',
      fail: 'latest',
      add: {
        merge(earlier, later) {
          expectTypeOf(earlier).toEqualTypeOf<{ by: number }>()
          expectTypeOf(later).toEqualTypeOf<{ by: number }>()
          return { by: earlier.by + later.by }
        },
      },
    })
    policy(Counter, { add: { merge: () => undefined }, increment: { merge: (earlier) => earlier } })
    // @ts-expect-error no such action
    policy(Counter, { subtract: 'queue' })
    // @ts-expect-error no such policy
    policy(Counter, { add: 'keep' })
    // @ts-expect-error what is made must be what the action takes
    policy(Counter, { add: { merge: () => ({ with: 1 }) } })
    // @ts-expect-error a component, not its name
    policy('Counter', { add: 'queue' })
  })

  test('names a code of this side for what is dropped', () => {
    expectTypeOf<'DROPPED'>().toExtend<ClientCode>()
  })
})

test('credentials are an object, or a function that has one or none', () => {
  createLiveClient({ auth: signIn({ token: 'secret', provider: 'jwt', tenant: 7 }) })
  createLiveClient({ auth: signIn(() => undefined) })
  createLiveClient({ auth: signIn(async () => ({ token: 'secret' })) })
  // @ts-expect-error a token is a string
  signIn({ token: 7 })
  // @ts-expect-error a string is not credentials
  signIn(() => 'secret')
  expectTypeOf(authenticate(client, { token: 'secret' })).toEqualTypeOf<Promise<string | undefined>>()
  expectTypeOf(client.getUser()).toEqualTypeOf<string | undefined>()
  createLiveClient({ onSignedOut: (reason) => expectTypeOf(reason).toEqualTypeOf<LiveError>() })
})

test('events are told apart by their type', () => {
  type Event = { type: 'said'; text: string } | { type: 'left'; who: string }
  const Chat = component<{ props: null; state: object; writable: object; actions: object; event: Event }>('C')
  client.live(Chat).on((event) => {
    if (event.type === 'said') expectTypeOf(event.text).toEqualTypeOf<string>()
    else expectTypeOf(event.who).toEqualTypeOf<string>()
    // @ts-expect-error not every event has a text
    event.text
  })
  client.live(Chat).emit({ type: 'said', text: 'hello' })
  // @ts-expect-error who left says nothing
  client.live(Chat).emit({ type: 'left', text: 'hello' })
})

test('a component may be of a later version', () => {
  expectTypeOf(component<BellShape>('Bell', 3)).toEqualTypeOf<Component<BellShape>>()
  // @ts-expect-error a version is a number
  component<BellShape>('Bell', '3')
})

test('writing is for writable fields', () => {
  const profile = client.live(Profile)
  profile.write('name', 'Ada')
  // @ts-expect-error a name is a string
  profile.write('name', 7)
  // @ts-expect-error not writable
  profile.write('saved', 7)
  // @ts-expect-error a counter has nothing to write
  counter.write('count', 7)
})

test('events have the type of the component', () => {
  client.live(Bell).on((event) => expectTypeOf(event).toEqualTypeOf<{ type: 'rang'; times: number }>())
  client.live(Bell).emit({ type: 'rang', times: 1 })
  // @ts-expect-error no such event
  client.live(Bell).emit({ type: 'fell' })
  // @ts-expect-error a counter has no events
  counter.emit({})
})

test('a batch knows what each of its calls takes and answers', async () => {
  const todos = client.live(Todos)
  const [added, pushed] = await batch(
    client,
    [
      [counter, 'add', { by: 1 }],
      [todos, 'push', { text: 'tea' }],
      [counter, 'increment'],
    ],
    { atomic: true },
  )
  if (added.ok) expectTypeOf(added.result).toEqualTypeOf<number>()
  else expectTypeOf(added.error).toEqualTypeOf<LiveError>()
  if (pushed.ok) expectTypeOf(pushed.result).toEqualTypeOf<void>()
  // @ts-expect-error no such action
  batch(client, [[counter, 'push', { text: 'tea' }]])
  // @ts-expect-error the argument has another type
  batch(client, [[counter, 'add', { by: '1' }]])
  // @ts-expect-error an argument is missing
  batch(client, [[counter, 'add']])
})

test('a room has the events of its component', () => {
  const lobby = room(client.live(Bell), 'lobby')
  lobby.on((event) => expectTypeOf(event).toEqualTypeOf<{ type: 'rang'; times: number }>())
  lobby.onMissed((count) => expectTypeOf(count).toEqualTypeOf<number | undefined>())
  lobby.emit({ type: 'rang', times: 1 }, { self: true })
  // @ts-expect-error no such event
  lobby.emit({ type: 'fell' })
  expectTypeOf(lobby.join({ history: 3 })).resolves.toEqualTypeOf<{
    readonly events: readonly { type: 'rang'; times: number }[]
  }>()
})

test('a handle of one component is not a handle of another', () => {
  // @ts-expect-error a bell is no counter
  const wrong: LiveHandle<CounterShape> = client.live(Bell)
  expectTypeOf(wrong).not.toBeAny()
})

test('a fake server knows the component it plays', () => {
  fakeServer().mounted(Counter, { count: 1 }, { add: (state, { by }) => (state.count += by) })
  fakeServer().mounted(Counter, (props) => ({ count: props.count }))
  // @ts-expect-error no such field
  fakeServer().mounted(Counter, { total: 1 })
  // @ts-expect-error no such action
  fakeServer().mounted(Counter, { count: 1 }, { vanish: () => undefined })
  // @ts-expect-error the result is a number
  fakeServer().mounted(Counter, { count: 1 }, { add: () => 'x' })
  // @ts-expect-error no such event
  fakeServer().event(Bell, { type: 'fell' })
})

describe('what is shown early', () => {
  test('is made of the state and the arguments of its action', () => {
    client.live(Counter, {
      props: { count: 1 },
      optimistic: {
        increment: ({ count }) => ({ count: count + 1 }),
        add: (state, { by }) => {
          expectTypeOf(state).toEqualTypeOf<Readonly<CounterShape['state']>>()
          expectTypeOf(by).toEqualTypeOf<number>()
          return { count: state.count + by }
        },
      },
    })
    // @ts-expect-error there is no such action
    client.live(Counter, { props: { count: 1 }, optimistic: { subtract: () => ({}) } })
    // @ts-expect-error a count is a number
    client.live(Counter, { props: { count: 1 }, optimistic: { increment: () => ({ count: '1' }) } })
    // @ts-expect-error there is no such action
    client.live(Counter, { props: { count: 1 }, debounceMs: { subtract: 5 } })
    counter.configure({ debounceMs: { add: 5 }, throttleMs: 10 })
  })

  test('changes fields that there are', () => {
    expectTypeOf(counter.optimisticUpdate(({ count }) => ({ count: count + 1 }))).toEqualTypeOf<() => void>()
    // @ts-expect-error there is no such field
    counter.optimisticUpdate(() => ({ cuont: 1 }))
    // @ts-expect-error a count is a number
    counter.optimisticUpdate(() => ({ count: '1' }))
    expectTypeOf(counter.pending).toEqualTypeOf<number>()
  })
})

describe('uploads', () => {
  const picker = client.live(Picker)

  test('go to fields that take files only', () => {
    expectTypeOf(uploads(picker, 'file')).toEqualTypeOf<Uploader>()
    // @ts-expect-error a number takes no files
    uploads(picker, 'clicks')
    // @ts-expect-error there is no such field
    uploads(picker, 'files')
    // @ts-expect-error a counter takes no files at all
    uploads(counter, 'count')
    expectTypeOf<UploadField<PickerShape>>().toEqualTypeOf<'file'>()
    expectTypeOf<UploadField<CounterShape>>().toBeNever()
  })

  test('are of files, with the handle that they were picked by where there is one', () => {
    const file = {} as File
    const uploader = uploads(picker, 'file', { parallel: 2, keep: 0, chunk: { max: 65_536 } })
    expectTypeOf(uploader.add([file])).toEqualTypeOf<readonly string[]>()
    uploader.add([{ file, handle: {} as FileSystemFileHandle }])
    uploader.add({} as FileList)
    // @ts-expect-error bytes have no name
    uploader.add([new Uint8Array()])
    expectTypeOf(uploader.getSnapshot().items[0]?.error).toEqualTypeOf<LiveError | undefined>()
  })

  test('are in the state as the server sees them', () => {
    expectTypeOf(picker.getState().state?.file).toEqualTypeOf<UploadState | undefined>()
  })
})
