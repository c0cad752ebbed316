/** What becomes of calls while there is no connection. */

import { offlineOutbox, policy } from '@fluxstack/client/offline'
import { Chat, Cursors, Notebook } from './live.gen'

export const outbox = offlineOutbox({
  // Counters are clicked here by scripts, thousands of times at once.
  maxCalls: 10_000,
  maxBytes: 8 * 1024 * 1024,
  policies: [
    policy(Notebook, {
      // Only the last thing looked for is of interest.
      search: 'latest',
      // Two new texts of the same note are one.
      rename: { merge: (earlier, later) => (earlier.id === later.id ? later : undefined) },
      // Whoever bumps wants to see it now.
      bump: 'fail',
    }),
    // Where somebody pointed, and that they typed, means nothing later.
    policy(Cursors, { point: 'drop', lift: 'drop' }),
    policy(Chat, { typing: 'drop' }),
  ],
  // They are listed below the notebook.
  onConflict: () => undefined,
})
