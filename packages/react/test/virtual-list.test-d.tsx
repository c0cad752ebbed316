import type { LiveError, LiveHandle } from '@fluxstack/client'
import { listWindow } from '@fluxstack/client/window'
import { useLive } from '@fluxstack/react'
import { useLiveVirtualList } from '@fluxstack/react/virtual-list'
import { expectTypeOf, test } from 'vitest'
import { Ledger, type LedgerShape, type Row } from '../../client/test/shapes.js'

const how = { getScrollElement: () => null, estimateSize: () => 40 }

test('rows are of the type of the list, however it is sent', () => {
  function Page() {
    const ledger = useLive(Ledger)
    const { rows, error } = useLiveVirtualList(ledger, 'rows', { ...how, getItemKey: (row) => row.id })
    expectTypeOf(rows).items.toHaveProperty('row').toEqualTypeOf<Row | undefined>()
    expectTypeOf(error).toEqualTypeOf<LiveError | undefined>()
    const { rows: short } = useLiveVirtualList(ledger.handle, 'short', how)
    expectTypeOf(short).items.toHaveProperty('row').toEqualTypeOf<Row | undefined>()
  }
  void Page
})

test('only lists are lists', () => {
  function Page() {
    const ledger = useLive(Ledger)
    // @ts-expect-error a number is no list
    useLiveVirtualList(ledger, 'changes', how)
    // @ts-expect-error there is no such field
    useLiveVirtualList(ledger, 'row', how)
    // @ts-expect-error a row has no such field
    useLiveVirtualList(ledger, 'rows', { ...how, getItemKey: (row) => row.nothing })
  }
  void Page
})

test('without a framework it is the same', () => {
  const handle = {} as LiveHandle<LedgerShape>
  const check = () => {
    const rows = listWindow(handle, 'rows')
    expectTypeOf(rows.getSnapshot().row).returns.toEqualTypeOf<Row | undefined>()
    // @ts-expect-error a number is no list
    listWindow(handle, 'changes')
  }
  void check
})
