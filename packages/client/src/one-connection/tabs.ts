/**
 * What the tabs of one browser need to share a connection: locks to know who is there, and channels to talk.
 *
 * An interface with the browser's own as the default, like those of `environment.ts`, so that a test can have
 * any number of tabs in one program. Both are for pages of one origin only, and locks for secure ones.
 */

/** A lock that was asked for. */
export interface LockEvents {
  /** It is ours, until it is given back or lost. */
  held(): void
  /** It is ours no more: another page took it. Or it never will be: the browser does not give any. */
  lost(): void
}

/** A channel to all pages that opened one of the same name. */
export interface TabChannel {
  post(said: unknown): void
  close(): void
}

/** The other tabs, as seen from this page. */
export interface Tabs {
  /** Whether there is all it takes. */
  readonly isPossible: boolean
  /**
   * Asks for a lock, in turn, or takes it from whoever has it. Nothing is told before it returns. Calling what it
   * returns gives the lock back, or waits no longer, and nothing is told any more.
   */
  lock(name: string, events: LockEvents, steal?: boolean): () => void
  /** Hears what other pages say on the channel of this name. */
  channel(name: string, hear: (said: unknown) => void): TabChannel
  /** Hears that the page is left, or about to be stopped where it is. */
  onLeave(listener: () => void): () => void
}

/** The browser's tabs. */
export const browserTabs: Tabs = {
  get isPossible() {
    const { BroadcastChannel, document, navigator } = globalThis
    return Boolean(BroadcastChannel && document && navigator?.locks)
  },
  lock(name, { held, lost }, steal = false) {
    const waiting = new AbortController()
    let isOver = false
    let giveBack = (): void => undefined
    const hold = (): Promise<void> =>
      new Promise((resolve) => {
        giveBack = resolve
        if (isOver) resolve()
        else held()
      })
    const onEnd = (): void => {
      if (!isOver) lost()
      isOver = true
    }
    // The two cannot be combined, and who steals does not wait.
    const options = steal ? { steal } : { signal: waiting.signal }
    navigator.locks.request(name, options, hold).then(onEnd, onEnd)
    return () => {
      isOver = true
      waiting.abort()
      giveBack()
    }
  },
  channel(name, hear) {
    const channel = new BroadcastChannel(name)
    channel.onmessage = (message) => hear(message.data)
    return {
      post: (said) => channel.postMessage(said),
      close() {
        channel.onmessage = null
        channel.close()
      },
    }
  },
  onLeave(listener) {
    const gone = new AbortController()
    const { signal } = gone
    window.addEventListener('pagehide', listener, { signal })
    document.addEventListener('freeze', listener, { signal })
    return () => gone.abort()
  },
}
