/** A counter that is cut off and comes back: what the tests of coming back share. */

import type { ResumeOutcome } from '@fluxstack/client'
import { digest } from '../src/digest.js'
import { Counter } from './shapes.js'
import { type Frame, settled, type World, type WorldOptions, world } from './world.js'

/** A world with one counter, live as `live-1` at 5, in a session. */
export async function counting(options: WorldOptions = {}) {
  const it: World = world(options)
  const counter = it.client.live(Counter, { componentId: 'a', props: { count: 5 } })
  const seen: (string | undefined)[] = []
  const outcomes: ResumeOutcome[] = []
  const leave = counter.subscribe((view) => seen.push(`${view.status} ${view.state?.count}`))
  counter.onResume((outcome) => outcomes.push(outcome))
  it.socket().hello({}, 'token-1')
  await settled()
  it.socket().mounted(it.socket().heard()[0], 'live-1', { count: 5 })
  seen.length = 0
  return { ...it, counter, leave, seen, outcomes }
}

/** The connection dies and is made again; what the client says then. */
export async function cutAndBack(it: World, token = 'token-2', limits = {}): Promise<Frame[]> {
  it.socket().events.closed(1006)
  await it.clock.advance(125)
  it.socket().hello(limits, token)
  await settled()
  return it.socket().heard()
}

export const state = (count: number, version: number) => ({
  state: { count },
  version,
  digest: digest({ count }),
})
export const update = (count: number, version: number) => ({
  type: 'STATE_UPDATE',
  componentId: 'live-1',
  payload: state(count, version),
})
export const delta = (base: number, count: number) => ({
  type: 'STATE_DELTA',
  componentId: 'live-1',
  payload: { base, version: base + 1, digest: digest({ count }), delta: { count } },
})
export const resumed = (count: number, version: number) => ({
  outcome: 'resumed',
  version,
  digest: digest({ count }),
})
