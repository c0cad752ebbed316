/**
 * What is shown before the server has said so.
 *
 * Each thing shown early is a layer over the server's state; the layers are laid anew, in order, over every
 * state that comes. A layer goes when all calls it stands for are settled. That a state has a call's effect
 * already, the server says right before the state (`CALL_DONE`): then the layer goes without a word, and the
 * state shows. So nothing is seen twice, and nothing disappears in between.
 *
 * A guess is one call, or one that will be made after a delay, with the layers that stand for it.
 */

import { share } from './delta.js'
import type { JsonObject } from './protocol.js'

/** Makes the fields that change from the state. */
export type Update = (state: never) => object

interface Layer {
  readonly update: Update
  /** What it was laid over last, and what it made of that: one more layer does not do them all again. */
  from?: JsonObject
  made: JsonObject
  /** Guesses it stands for that are not settled. */
  open: number
}

/** A call that is shown already. */
export interface Guess {
  /** The name of the call, once it has one. */
  id?: string
  /** It was answered, and its effect is not seen yet. */
  isHeld?: unknown
  /** Its effect is in the next state, whatever that is. */
  isDue?: unknown
  /**
   * The call is done, and its effect perhaps `held` back for a while: it is shown until it comes. Or the call came
   * to nothing, unless another one takes its place and is shown in the same breath.
   */
  settle(held?: unknown, isReplaced?: boolean): void
}

/** The layers of one handle. */
export interface Layers {
  /** How many guesses are shown. */
  size(): number
  /** A call is about to be made that will do this, or what was shown just now. Nothing, if neither is shown. */
  guess(update: Update | undefined): Guess | undefined
  /** Shows it for the calls that are made right after. Returns how to take it back. */
  lay(update: Update): () => void
  /** What is shown over a state; as much as possible of it is what was `shown` before. */
  over(state: JsonObject, shown: JsonObject | undefined): JsonObject
  /** The state that comes next has the effects of these calls, and of all that were answered if `answered`. */
  done(ids: unknown, answered?: boolean): void
  /** The instance that all of it was meant for is gone. */
  clear(): void
  /** The calls whose effect may be seen already, though nobody said so: at most so many. */
  doubt(most: number): string[]
}

/** No layers. `changed` hears that they are others; while it `isOutOfStep`, an answer comes before its effect. */
export function createLayers(changed: () => void, isOutOfStep: () => unknown): Layers {
  const layers = new Set<Layer>()
  const guesses = new Map<Guess, Layer[]>()
  /** Stand for the calls that are made now. */
  const current = new Set<Layer>()

  function lay(update: Update): Layer {
    const layer: Layer = { update, made: {}, open: 0 }
    layers.add(layer)
    return layer
  }

  function takeOff(layer: Layer): boolean {
    current.delete(layer)
    return layers.delete(layer)
  }

  function drop(guess: Guess): boolean {
    for (const layer of guesses.get(guess) ?? []) if (--layer.open === 0) takeOff(layer)
    return guesses.delete(guess)
  }

  return {
    size: () => guesses.size,
    guess(update) {
      const mine = [...current]
      if (update) mine.push(lay(update))
      if (mine.length === 0) return undefined
      for (const layer of mine) layer.open += 1
      const guess: Guess = {
        settle(held, isReplaced) {
          guess.isHeld = held
          guess.isDue = held === false && isOutOfStep()
          if (!held && !guess.isDue && drop(guess) && !isReplaced) changed()
        },
      }
      guesses.set(guess, mine)
      changed()
      return guess
    },
    lay(update) {
      const layer = lay(update)
      const takeBack = (): void => {
        if (takeOff(layer)) changed()
      }
      current.add(layer)
      queueMicrotask(() => {
        current.delete(layer)
        // No call came with it, so no answer would end it.
        if (layer.open === 0) takeBack()
      })
      changed()
      return takeBack
    },
    over(state, shown) {
      let next = state
      for (const layer of layers) {
        try {
          if (layer.from !== next) {
            layer.made = { ...next, ...layer.update(next as never) }
            layer.from = next
          }
          next = layer.made
        } catch (cause) {
          console.error('[fluxstack] an optimistic update failed:', cause)
          takeOff(layer)
        }
      }
      return next === state ? state : (share(shown, next) as JsonObject)
    },
    done(ids, answered) {
      for (const guess of guesses.keys()) {
        const isDone = Array.isArray(ids) && ids.includes(guess.id)
        if (isDone || guess.isDue || (answered && guess.isHeld)) drop(guess)
      }
    },
    clear() {
      for (const layer of layers) takeOff(layer)
      guesses.clear()
    },
    doubt: (most) => [...guesses.keys()].flatMap(({ id }) => id ?? []).slice(0, most),
  }
}
