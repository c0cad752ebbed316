import type { LiveError, ResumeOutcome } from '@fluxstack/client'
import { type OutboxState, offlineOutbox } from '@fluxstack/client/offline'
import { useConnection, useLive, useLiveClient, useUser } from '@fluxstack/react'
import { useBound } from '@fluxstack/react/forms'
import { OfflineIndicator, useOutbox, usePending } from '@fluxstack/react/offline'
import { dehydrate, hydrate, LiveErrorBoundary, preload, useLiveSuspense } from '@fluxstack/react/suspense'
import { describe, expectTypeOf, test } from 'vitest'
import { useStore } from 'zustand'
import { Bell, Counter, type CounterShape, Profile, Todos } from '../../client/test/shapes.js'

type State = Readonly<CounterShape['state']>

describe('useLive', () => {
  test('knows that there is no state before the mount', () => {
    const counter = useLive(Counter, { props: { count: 5 } })
    expectTypeOf(counter.state).toEqualTypeOf<State | undefined>()
    // @ts-expect-error there may be no state yet
    counter.state.count
    if (counter.status === 'mounting') return
    if (counter.status === 'failed') {
      expectTypeOf(counter.error).toEqualTypeOf<LiveError>()
      return
    }
    expectTypeOf(counter.state).toEqualTypeOf<State>()
    // @ts-expect-error changing the state is an action's work
    counter.state.count = 1
  })

  test('narrows by loading and error too', () => {
    const counter = useLive(Counter, { props: { count: 5 } })
    if (counter.loading || counter.error) return
    expectTypeOf(counter.state).toEqualTypeOf<State>()
  })

  test('demands the props that are required, and only those', () => {
    // @ts-expect-error the props are missing
    useLive(Counter)
    // @ts-expect-error the props are missing
    useLive(Counter, { componentId: 'a' })
    // @ts-expect-error a count is a number
    useLive(Counter, { props: { count: '5' } })
    useLive(Todos)
    useLive(Todos, { componentId: 'a' })
  })

  test('calls what the component has', () => {
    const counter = useLive(Counter, { props: { count: 5 } })
    expectTypeOf(counter.call.add({ by: 1 })).toEqualTypeOf<Promise<number>>()
    // @ts-expect-error no such action
    counter.call.vanish()
    // @ts-expect-error an argument is missing
    counter.call.add()
    expectTypeOf(counter.callMethod('add', { by: 1 })).toEqualTypeOf<Promise<number>>()
    // A click goes straight to an action without arguments.
    ;<button type="button" onClick={counter.call.increment} />
  })

  test('has the selected part as its state', () => {
    const counter = useLive(Counter, { props: { count: 5 }, select: (state) => state.count > 3 })
    expectTypeOf(counter.state).toEqualTypeOf<boolean | undefined>()
    if (counter.status === 'live') expectTypeOf(counter.state).toEqualTypeOf<boolean>()
    useLive(Todos, {
      select: (state) => state.items.map((item) => item.id),
      isEqual: (a, b) => a.length === b.length,
    })
    // @ts-expect-error no such field
    useLive(Counter, { props: { count: 5 }, select: (state) => state.total })
  })

  test('is typed by name as well', () => {
    const counter = useLive({ name: 'Counter', props: { count: 5 } })
    expectTypeOf(counter.state).toEqualTypeOf<State | undefined>()
    const count = useLive({ name: 'Counter', props: { count: 5 }, select: (state) => state.count })
    expectTypeOf(count.state).toEqualTypeOf<number | undefined>()
    useLive({ name: 'Todos' })
    // @ts-expect-error the props are missing
    useLive({ name: 'Counter' })
    // @ts-expect-error no such component
    useLive({ name: 'Nothing' })
  })

  test('hears events by their type', () => {
    useLive(Bell, {
      onEvent: (event) => expectTypeOf(event.times).toEqualTypeOf<number>(),
      eventHandlers: {
        rang: (event) => expectTypeOf(event).toEqualTypeOf<{ type: 'rang'; times: number }>(),
      },
    })
    // @ts-expect-error no such event
    useLive(Bell, { eventHandlers: { fell: () => undefined } })
  })
})

test('useUser is a name or nothing', () => {
  expectTypeOf(useUser()).toEqualTypeOf<string | undefined>()
})

describe('coming back', () => {
  test('has an outcome, undefined until there was one', () => {
    const counter = useLive(Counter, {
      props: { count: 5 },
      componentId: 'a',
      persistState: false,
      onResume: (outcome) => expectTypeOf(outcome).toEqualTypeOf<ResumeOutcome>(),
    })
    expectTypeOf(counter.outcome).toEqualTypeOf<ResumeOutcome | undefined>()
    expectTypeOf(counter.stale).toEqualTypeOf<boolean>()
    if (counter.outcome?.kind === 'rehydrated') expectTypeOf(counter.outcome.version).toEqualTypeOf<number>()
    // @ts-expect-error what was resumed was not replayed
    if (counter.outcome?.kind === 'resumed') counter.outcome.frames
    // @ts-expect-error it is told what became of the instance, not how it is
    useLive(Todos, { onResume: (state: { total: number }) => state.total })
  })

  test('says whether the server is newer', () => {
    expectTypeOf(useConnection().outdated).toEqualTypeOf<boolean>()
  })
})

test("zustand's useStore takes a handle as it is", () => {
  const counter = useLive(Counter, { props: { count: 5 } })
  expectTypeOf(useStore(counter.handle, (view) => view.state?.count)).toEqualTypeOf<number | undefined>()
})

test('useBound binds writable fields', () => {
  const profile = useLive(Profile)
  const name = useBound(profile, 'name')
  expectTypeOf(name.value).toEqualTypeOf<string | undefined>()
  ;<input value={name.value ?? ''} onChange={name.onChange} />
  name.onChange('Ada')
  // @ts-expect-error a name is a string
  name.onChange(7)
  // @ts-expect-error not writable
  useBound(profile, 'saved')
})

describe('an outbox', () => {
  const outbox = offlineOutbox()

  test('is what zustand takes, and what its own hooks take', () => {
    expectTypeOf(useStore(outbox, ({ pending }) => pending)).toEqualTypeOf<number>()
    expectTypeOf(useOutbox(outbox)).toEqualTypeOf<OutboxState>()
    expectTypeOf(usePending()).toEqualTypeOf<number>()
    expectTypeOf(usePending(Counter)).toEqualTypeOf<number>()
    // @ts-expect-error a component, not its name
    usePending('Counter')
  })

  test('has an indicator that is a div, with a function for its words', () => {
    void (<OfflineIndicator className="banner" data-testid="it" />)
    void (<OfflineIndicator>{({ conflicts }, phase) => `${phase} ${conflicts.length}`}</OfflineIndicator>)
    // @ts-expect-error the words are made from the state
    void (<OfflineIndicator>offline</OfflineIndicator>)
  })
})

describe('useLiveSuspense', () => {
  test('has a state always, and never an error', () => {
    const counter = useLiveSuspense(Counter, { props: { count: 5 } })
    expectTypeOf(counter.state).toEqualTypeOf<State>()
    expectTypeOf(counter.status).toEqualTypeOf<'live' | 'stale'>()
    expectTypeOf(counter.error).toEqualTypeOf<undefined>()
    expectTypeOf(counter.call.add({ by: 1 })).toEqualTypeOf<Promise<number>>()
    // @ts-expect-error changing the state is an action's work
    counter.state.count = 1
  })

  test('has the selected part as its state, and demands the props that are required', () => {
    const counter = useLiveSuspense(Counter, { props: { count: 5 }, select: (state) => state.count > 3 })
    expectTypeOf(counter.state).toEqualTypeOf<boolean>()
    expectTypeOf(useLiveSuspense(Todos).state.total).toEqualTypeOf<number>()
    expectTypeOf(useLiveSuspense({ name: 'Todos' }).state.total).toEqualTypeOf<number>()
    // @ts-expect-error the props are missing
    useLiveSuspense(Counter)
    // @ts-expect-error no such component
    useLiveSuspense({ name: 'Nothing' })
  })

  test('is preloaded with what it takes', () => {
    const client = useLiveClient()
    expectTypeOf(preload(client, Counter, { props: { count: 5 } })).toEqualTypeOf<Promise<void>>()
    preload(client, Todos)
    // @ts-expect-error the props are missing
    preload(client, Counter)
    hydrate(client, dehydrate(client))
  })

  test('leaves to the boundary what can go wrong', () => {
    ;<LiveErrorBoundary
      fallback={(error, retry) => {
        expectTypeOf(error).toEqualTypeOf<LiveError>()
        return (
          <button type="button" onClick={retry}>
            {error.code}
          </button>
        )
      }}
    />
  })
})
