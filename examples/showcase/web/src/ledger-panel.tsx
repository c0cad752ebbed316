/** A hundred thousand rows on the server, of which this page reads and holds those in view. */

import { useLive } from '@fluxstack/react'
import { LiveWhenVisible } from '@fluxstack/react/lazy'
import { useLiveVirtualList } from '@fluxstack/react/virtual-list'
import { useRef } from 'react'
import { LedgerAdd } from './ledger-add'
import { LedgerRow } from './ledger-row'
import { LedgerTools } from './ledger-tools'
import { Ledger } from './live.gen'
import { cameBack } from './outcome'
import { Controls, Failure, Section, Skeleton } from './section'

/** Rows are of all heights, most of them of this one. */
const ROW = 57

/** Nothing of it is mounted before somebody is about to see it. */
export function LedgerPanel() {
  return (
    <LiveWhenVisible className="wide ledger-place" data-testid="ledger-place">
      <LedgerSection />
    </LiveWhenVisible>
  )
}

function LedgerSection() {
  const ledger = useLive(Ledger, { componentId: 'ledger', props: { rows: rowsWanted() }, onResume: cameBack })
  const scroll = useRef<HTMLDivElement>(null)
  const list = useLiveVirtualList(ledger, 'rows', {
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    getItemKey: ({ id }) => id,
  })
  const { state, call } = ledger
  const stale = ledger.status === 'stale'
  return (
    <Section
      title="Ledger"
      source="ledger.rs"
      outcome={ledger.outcome}
      about="A hundred thousand rows of all heights. The page reads what is in view and a little around it, holds no more, and stays where it is while rows come and go above."
    >
      {ledger.status === 'mounting' && <Skeleton lines={10} />}
      {ledger.status === 'failed' && <Failure error={ledger.error} retry={ledger.reset} />}
      {state && ledger.status !== 'failed' && (
        <Controls stale={stale}>
          <LedgerAdd call={call} />
          <LedgerTools
            call={call}
            isTicking={state.ticking}
            first={list.virtualizer.range?.startIndex ?? 0}
            length={list.length}
            focusRow={list.focusRow}
          />
          <div
            ref={scroll}
            className="ledger"
            tabIndex={-1}
            data-testid="ledger"
            data-status={ledger.status}
            data-length={list.length}
            data-held={list.held}
            data-rendered={list.rows.length}
            data-rev={state.rows.rev}
          >
            <ul {...list.listProps} aria-label="Entries" data-testid="ledger-list">
              {list.rows.map(({ key, row, isOld, props }) => (
                <LedgerRow key={key} row={row} isOld={isOld} props={props} call={call} />
              ))}
            </ul>
          </div>
          <div className="todo-foot">
            <p className="muted">
              <strong>{list.length.toLocaleString('en')}</strong> entries, {list.held} of them here
              {list.error && <span className="complaint"> {list.error.message}</span>}
            </p>
            <p className="muted">
              <span data-testid="ledger-changes">{state.changes}</span> changes
            </p>
          </div>
        </Controls>
      )}
    </Section>
  )
}

/** `?ledger=2000` in the address opens a smaller one. */
function rowsWanted(): number | null {
  const wanted = new URLSearchParams(location.search).get('ledger')
  return wanted === null ? null : Number(wanted)
}
