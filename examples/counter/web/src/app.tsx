import { createLiveClient } from '@fluxstack/client'
import { LiveProvider, useLive } from '@fluxstack/react'
import { createRoot } from 'react-dom/client'
import { Counter } from './live.gen'

function Clicks() {
  const counter = useLive(Counter)
  if (counter.status === 'mounting') return <p>…</p>
  if (counter.status === 'failed') return <p role="alert">{counter.error.message}</p>
  return (
    <button type="button" disabled={counter.status === 'stale'} onClick={() => counter.call.add({ by: 1 })}>
      Clicked {counter.state.count} times
    </button>
  )
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <LiveProvider value={createLiveClient()}>
    <Clicks />
  </LiveProvider>,
)
