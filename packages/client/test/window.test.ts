/**
 * A part of a long list: what is read, what is kept, and that no row is ever shown where it does not stand.
 */

import { LiveError, type LiveHandle } from '@fluxstack/client'
import { type FakeServer, fakeServer } from '@fluxstack/client/testing'
import { type ListWindow, listWindow } from '@fluxstack/client/window'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Ledger, type LedgerShape, type Row } from './shapes.js'
import { TestClock } from './world.js'

const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id, text: `row ${id}` }))

function ledger(count: number, clock?: TestClock): FakeServer {
  return fakeServer({ ...(clock && { clock }) }).mounted(
    Ledger,
    { rows: rowsOf(count), short: rowsOf(3), changes: 0 },
    {
      add: (state, { text }) => {
        const id = state.rows.length + 1000
        state.rows.unshift({ id, text })
        return id
      },
      remove: (state, { id }) =>
        void state.rows.splice(
          state.rows.findIndex((row) => row.id === id),
          1,
        ),
    },
    { windowed: ['rows'] },
  )
}

/** What was read so far, as `[from, count]`. */
function reads({ received }: FakeServer): number[][] {
  return received.flatMap((message) =>
    message.type === 'LIST_READ' ? [[message.payload.from, message.payload.count]] : [],
  )
}

async function open(
  server: FakeServer,
  overscan?: number,
): Promise<{
  handle: LiveHandle<LedgerShape>
  list: ListWindow<Row>
  changes: () => number
  leave: () => void
}> {
  const handle = server.client.live(Ledger)
  const list = listWindow(handle, 'rows', { overscan })
  let changes = 0
  const leave = list.subscribe(() => {
    changes += 1
  })
  await server.settled()
  return { handle, list, changes: () => changes, leave }
}

const ids = (list: ListWindow<Row>, from: number, to: number): (number | undefined)[] =>
  Array.from({ length: to - from }, (_, at) => list.getSnapshot().row(from + at)?.id)
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)

/** What the server has. */
function truth(server: FakeServer): readonly Row[] {
  return server.instances()[0]?.state.rows as Row[]
}

function change(server: FakeServer, edit: (rows: Row[]) => void): void {
  const rows = [...truth(server)]
  edit(rows)
  server.push(Ledger, { rows })
}

describe('a part of a long list', () => {
  test('is read around what is shown, at once, and nothing else', async () => {
    const server = ledger(10_000)
    const { list } = await open(server, 20)
    expect([list.getSnapshot().length, reads(server)]).toEqual([10_000, []])
    list.show(5_000, 5_030)
    await server.settled()
    expect(reads(server)).toEqual([[4_980, 70]])
    expect(ids(list, 5_000, 5_030)).toEqual(range(5_000, 5_030))
    expect(ids(list, 0, 3)).toEqual([undefined, undefined, undefined])
  })

  test('is read further as it is scrolled, and what is far away is let go of', async () => {
    const server = ledger(10_000)
    const { list } = await open(server, 20)
    for (let from = 0; from < 3_000; from += 10) {
      list.show(from, from + 30)
      await server.settled()
      expect(list.getSnapshot().rows.length).toBeLessThanOrEqual(30 + 4 * 20)
    }
    expect(ids(list, 2_990, 3_020)).toEqual(range(2_990, 3_020))
    const read = reads(server)
    expect(read.reduce((sum, [, count = 0]) => sum + count, 0)).toBe(3_040)
  })

  test('asks one thing at a time, and for what is shown by then', async () => {
    const clock = new TestClock()
    const server = ledger(10_000, clock)
    const { list } = await open(server, 10)
    server.latency(100)
    for (let from = 0; from < 9_000; from += 100) list.show(from, from + 20)
    await clock.advance(100)
    expect(reads(server)).toEqual([[0, 30]])
    await clock.advance(200)
    expect(reads(server)).toEqual([
      [0, 30],
      [8_890, 40],
    ])
    expect(ids(list, 8_900, 8_920)).toEqual(range(8_900, 8_920))
  })

  test('stays where it is when rows come, go and move above it', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 5)
    list.show(500, 510)
    await server.settled()
    const before = reads(server).length
    const keys = range(500, 510).map(list.getSnapshot().key)
    change(server, (rows) => rows.unshift({ id: 5_000, text: 'new' }, { id: 5_001, text: 'new' }))
    change(server, (rows) => void rows.splice(100, 1))
    change(server, (rows) => rows.splice(200, 0, ...rows.splice(50, 1)))
    await server.settled()
    expect(ids(list, 501, 511)).toEqual(range(500, 510))
    expect(range(501, 511).map(list.getSnapshot().key)).toEqual(keys)
    expect(list.getSnapshot().placeOf(Number(keys[0]))).toBe(501)
    expect(reads(server).length).toBe(before)
  })

  test('reads again only what changed in it, and shows the old row until then', async () => {
    const clock = new TestClock()
    const server = ledger(1_000, clock)
    const { list } = await open(server, 5)
    list.show(500, 510)
    await clock.advance(0)
    server.latency(100)
    change(server, (rows) => {
      rows[505] = { id: 505, text: 'changed' }
    })
    await clock.advance(100)
    const meanwhile = list.getSnapshot()
    expect([meanwhile.row(505)?.text, meanwhile.isOld(505), meanwhile.isOld(504)]).toEqual([
      'row 505',
      true,
      false,
    ])
    await clock.advance(200)
    expect(list.getSnapshot().row(505)?.text).toBe('changed')
    expect(reads(server).at(-1)).toEqual([505, 1])
    change(server, (rows) => {
      rows[900] = { id: 900, text: 'far away' }
    })
    await clock.advance(500)
    expect(reads(server).at(-1)).toEqual([505, 1])
  })

  test('puts rows that come late where they belong by then', async () => {
    const clock = new TestClock()
    const server = ledger(1_000, clock)
    const { list } = await open(server, 0)
    list.show(500, 510)
    server.latency(100)
    await clock.advance(60)
    // The read is being answered, and what happens now is told after the answer was made.
    change(server, (rows) => rows.unshift({ id: 5_000, text: 'new' }))
    await clock.advance(1_000)
    expect(ids(list, 501, 511)).toEqual(range(500, 510))
  })

  /** Shows something, loses the answer, and says how to answer after all. */
  async function withoutAnswer(
    server: FakeServer,
    list: ListWindow<Row>,
  ): Promise<(rev: number) => Promise<void>> {
    server.lose()
    list.show(500, 505)
    await server.settled()
    const asked = server.received.at(-1)
    const rows = rowsOf(505).slice(500)
    return async (rev) => {
      const result = { from: 500, length: 1_000, rev, rows }
      const { requestId } = asked ?? {}
      server.send({ type: 'MESSAGE_RESPONSE', originalType: 'LIST_READ', success: true, result, requestId })
      await server.settled()
    }
  }

  test('moves rows that are older than the state, and waits for the state of newer ones', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 0)
    const answer = await withoutAnswer(server, list)
    change(server, (rows) => rows.unshift({ id: 5_000, text: 'new' }))
    change(server, (rows) => void rows.splice(503, 1))
    await server.settled()
    await answer(0)
    // A slow client is told of both edits first. The row that went is not shown, and neither is one in its place.
    expect(ids(list, 501, 505)).toEqual([500, 501, 503, 504])
    const later = await open(server, 0)
    const ahead = await withoutAnswer(server, later.list)
    await ahead(9)
    expect(ids(later.list, 500, 502)).toEqual([undefined, undefined])
    change(server, (rows) => rows.pop())
    await server.settled()
    expect(later.list.getSnapshot().row(501)?.id).toBe(500)
  })

  test('does not ask again and again for what is not given', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 0)
    const answer = await withoutAnswer(server, list)
    list.show(700, 705)
    // Other rows than those that were asked for.
    await answer(0)
    expect(reads(server)).toEqual([
      [500, 5],
      [700, 5],
    ])
    server.lose()
    list.show(800, 805)
    await server.settled()
    const { requestId } = server.received.at(-1) ?? {}
    const result = { from: 0, length: 1_000, rev: 0, rows: [] }
    server.send({ type: 'MESSAGE_RESPONSE', originalType: 'LIST_READ', success: true, result, requestId })
    await server.settled()
    expect(reads(server).length).toBe(3)
    change(server, (rows) => rows.pop())
    await server.settled()
    expect(ids(list, 800, 801)).toEqual([800])
  })

  test('takes no rows of an instance that is gone, though they count like those of the new one', async () => {
    const server = ledger(1_000)
    const { list, handle } = await open(server, 0)
    const answer = await withoutAnswer(server, list)
    server.mounted(
      Ledger,
      { rows: rowsOf(1_000).reverse(), short: [], changes: 0 },
      {},
      { windowed: ['rows'] },
    )
    handle.reset()
    await server.settled()
    await answer(0)
    expect(ids(list, 500, 502)).toEqual([499, 498])
  })

  test('is thrown away where nobody knows what happened, and shown as old until it was read', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 5)
    list.show(100, 110)
    await server.settled()
    server.disconnect()
    for (let at = 0; at < 40; at += 1) change(server, (rows) => rows.unshift({ id: 5_000 + at, text: 'new' }))
    server.restart({ keep: true })
    await server.settled()
    expect(list.getSnapshot().isOld(100)).toBe(false)
    expect(ids(list, 100, 110)).toEqual(
      truth(server)
        .slice(100, 110)
        .map(({ id }) => id),
    )
  })

  test('is another one when the component was mounted afresh, whatever its revision', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 5)
    list.show(100, 110)
    await server.settled()
    const keys = list.getSnapshot().key(100)
    server.mounted(Ledger, { rows: rowsOf(200).reverse(), short: [], changes: 0 }, {}, { windowed: ['rows'] })
    server.restart()
    for (let round = 0; round < 3; round += 1) {
      const { row } = list.getSnapshot()
      expect([100, undefined, 99]).toContain(row(100)?.id)
      await server.settled()
    }
    expect(ids(list, 100, 103)).toEqual([99, 98, 97])
    expect(list.getSnapshot().key(100)).not.toBe(keys)
  })

  test('goes on after a lost connection without reading what it has', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 5)
    list.show(100, 110)
    await server.settled()
    const before = reads(server).length
    server.disconnect()
    change(server, (rows) => rows.unshift({ id: 5_000, text: 'while away' }))
    list.show(103, 113)
    await server.settled()
    server.reconnect()
    await server.settled()
    expect(ids(list, 101, 116)).toEqual(range(100, 115))
    // It was asked to show what is three rows further down, and of that it misses the end.
    expect(reads(server).slice(before)).toEqual([[116, 3]])
  })

  test('asks again a little later when the server is busy, and says when it may not read', async () => {
    const clock = new TestClock()
    const server = ledger(1_000, clock)
    const { list } = await open(server, 5)
    server.refuse('BUSY')
    list.show(100, 110)
    await clock.advance(60_000)
    expect(ids(list, 100, 102)).toEqual([100, 101])
    server.refuse('FORBIDDEN')
    list.show(500, 510)
    await clock.advance(60_000)
    expect(list.getSnapshot().error).toBeInstanceOf(LiveError)
    expect(reads(server).length).toBe(3)
  })

  test('is brought back with its component when that is gone', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 5)
    server.refuse('REHYDRATION_REQUIRED').refuse('REHYDRATION_REQUIRED')
    list.show(100, 110)
    await server.settled()
    expect(ids(list, 100, 102)).toEqual([100, 101])
  })

  test('believes nothing that makes no sense', async () => {
    const server = ledger(1_000)
    const { list } = await open(server, 5)
    list.show(0, 10)
    await server.settled()
    const tell = (said: unknown) => server.push(Ledger, { changes: said as number })
    tell(1)
    const other = listWindow(server.client.live(Ledger), 'changes' as 'rows')
    const leave = other.subscribe(() => undefined)
    for (const said of [
      { length: 5 },
      { length: -1, rev: 0, edits: [] },
      { length: 1e12, rev: 0, edits: [] },
      { length: 5, rev: 0, edits: [[0, 1, 2]] },
      { length: 5, rev: 0.5, edits: [] },
    ]) {
      tell(said)
      await server.settled()
      expect(other.getSnapshot().length).toBe(0)
    }
    tell({ length: 5, rev: 0, edits: [] })
    await server.settled()
    expect(other.getSnapshot().length).toBe(5)
    // Edits that do not lead there: all of it may be another one.
    tell({ length: 6, rev: 1, edits: [[1, 50, 1, 9e15]] })
    await server.settled()
    expect(other.getSnapshot().length).toBe(6)
    leave()
  })

  test('is the same object until something changes, and tells of nothing else', async () => {
    const server = ledger(1_000)
    const { list, changes } = await open(server, 5)
    list.show(0, 10)
    await server.settled()
    const [snapshot, before] = [list.getSnapshot(), changes()]
    server.push(Ledger, { changes: 5 })
    await server.settled()
    expect([list.getSnapshot() === snapshot, changes()]).toEqual([true, before])
  })

  test('reads nothing for nobody', async () => {
    const server = ledger(1_000)
    const { list, leave } = await open(server, 5)
    leave()
    list.show(500, 510)
    change(server, (rows) => rows.pop())
    await server.settled()
    expect(reads(server)).toEqual([])
  })
})

describe('a list that is sent whole', () => {
  test('is seen in the same way, and rows keep their numbers', async () => {
    const server = ledger(10)
    const list = listWindow(server.client.live(Ledger), 'short')
    list.subscribe(() => undefined)
    list.show(0, 10)
    await server.settled()
    const before = list.getSnapshot()
    expect([before.length, before.row(2)?.id, before.isOld(2)]).toEqual([3, 2, false])
    server.push(Ledger, { short: [{ id: 9, text: 'first' }, ...rowsOf(3)] })
    await server.settled()
    const after = list.getSnapshot()
    expect([after.length, after.row(0)?.id, after.row(3)?.id]).toEqual([4, 9, 2])
    expect(reads(server)).toEqual([])
  })
})

describe('whatever happens', () => {
  const MOST_SHOWN = 40
  const at = fc.nat(600)
  const step = fc.oneof(
    fc.record({ kind: fc.constant('insert' as const), at, count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('remove' as const), at, count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant('move' as const), at, to: at }),
    fc.record({ kind: fc.constant('update' as const), at }),
    fc.record({ kind: fc.constant('sort' as const) }),
    fc.record({ kind: fc.constant('cut' as const), ms: fc.nat(2_000) }),
    fc.record({ kind: fc.constant('restart' as const), keep: fc.boolean() }),
    fc.record({ kind: fc.constant('lose' as const) }),
    fc.record({ kind: fc.constant('show' as const), at, count: fc.nat(MOST_SHOWN) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(150) }),
  )

  test('what is shown in the end is what the server has, and no row was ever shown as new that was not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        if (process.env.TRACE)
          (await import('node:fs')).writeFileSync('/tmp/window-steps.json', JSON.stringify(steps))
        const clock = new TestClock()
        const server = ledger(400, clock)
        const list = listWindow(server.client.live(Ledger), 'rows', { overscan: 10 })
        const history: (readonly Row[])[] = [rowsOf(400)]
        let wrong: unknown
        list.subscribe(() => {
          const { from, rows, isOld } = list.getSnapshot()
          const fresh = rows.flatMap((row, at) =>
            row && !isOld(from + at) ? [{ place: from + at, row }] : [],
          )
          const fits = (all: readonly Row[]) =>
            fresh.every(({ place, row }) => all[place]?.id === row.id && all[place]?.text === row.text)
          if (!history.some(fits)) wrong ??= fresh
        })
        const edit = (what: (rows: Row[]) => void): void => {
          change(server, what)
          history.push(truth(server))
        }
        await clock.advance(10)
        server.latency(50)
        let [from, to] = [0, 20]
        list.show(from, to)
        let made = 10_000
        for (const now of steps) {
          if (server.instances().length === 0) await clock.advance(20_000)
          const { length } = truth(server)
          if (now.kind === 'insert') {
            const first = made
            made += now.count
            const fresh = range(first, made).map((id) => ({ id, text: 'new' }))
            edit((rows) => rows.splice(now.at % (length + 1), 0, ...fresh))
          } else if (now.kind === 'remove') {
            edit((rows) => rows.splice(now.at % Math.max(length, 1), now.count))
          } else if (now.kind === 'move') {
            edit((rows) =>
              rows.splice(now.to % Math.max(length, 1), 0, ...rows.splice(now.at % Math.max(length, 1), 1)),
            )
          } else if (now.kind === 'update') {
            made += 1
            edit((rows) => {
              const row = rows[now.at % Math.max(length, 1)]
              if (row) rows[now.at % length] = { ...row, text: `${made}` }
            })
          } else if (now.kind === 'sort') {
            edit((rows) => rows.sort((left, right) => left.text.localeCompare(right.text)))
          } else if (now.kind === 'cut') {
            server.disconnect()
            await clock.advance(now.ms)
            server.reconnect()
          } else if (now.kind === 'restart') {
            server.restart({ keep: now.keep })
          } else if (now.kind === 'lose') {
            server.lose()
          } else if (now.kind === 'show') {
            from = now.at
            to = now.at + now.count
            list.show(from, to)
          } else {
            await clock.advance(now.ms)
          }
          expect(list.getSnapshot().rows.length).toBeLessThanOrEqual(MOST_SHOWN + 4 * 10)
        }
        await clock.advance(120_000)
        // What was lost is missed with what comes next.
        edit((rows) => rows.push({ id: 1, text: 'last' }))
        await clock.advance(120_000)
        expect(wrong).toBeUndefined()
        const rows = truth(server)
        const snapshot = list.getSnapshot()
        expect(snapshot.length).toBe(rows.length)
        list.show(from, to)
        await clock.advance(1_000)
        const { row } = list.getSnapshot()
        const shown = range(from, Math.min(to, rows.length))
        expect(shown.map(row)).toEqual(shown.map((place) => rows[place]))
        expect(new Set(range(0, rows.length).map(list.getSnapshot().key)).size).toBe(rows.length)
      }),
      { numRuns: 100 },
    )
  })
})
