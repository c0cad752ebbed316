import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advance, share, takeSnapshot } from '../src/delta.js'
import { digest } from '../src/digest.js'
import { applyPlainly } from './world.js'

describe('the digest', () => {
  test('is what the server computes', () => {
    // Computed by crates/protocol.
    for (const [json, expected] of [
      ['{"count":5}', 2412064337],
      ['null', 1853189228],
      ['[1,2.5,-0.0,1e300,-7,true,false,null]', 3378487503],
      ['{"items":[{"id":1,"text":"brød 😀","done":false}],"total":1}', 1097626941],
      ['"😀"', 183022615],
      ['{"__proto__":{"a":1},"b":[[]]}', 928120421],
      ['9007199254740991', 3383613923],
      ['{"x":0.1,"y":-1.5e-10}', 2607087936],
    ] as const) {
      expect(digest(JSON.parse(json)), json).toBe(expected)
    }
  })

  test('does not depend on the order of keys, but on that of items', () => {
    expect(digest({ a: 1, b: 2 })).toBe(digest({ b: 2, a: 1 }))
    expect(digest([1, 2])).not.toBe(digest([2, 1]))
  })

  test('tells types apart that look alike', () => {
    const alike = [0, '0', false, null, '', [], {}, [null], ['']].map((value) => digest(value))
    expect(new Set(alike).size).toBe(alike.length)
    expect(digest(-0)).toBe(digest(0))
  })
})

describe('a delta', () => {
  const rows = [{ id: 1 }, { id: 2 }, { id: 3 }]
  const from = takeSnapshot({ rows, tags: { a: { n: 1 }, b: { n: 2 } }, title: 'x' }, 0)
  const after = (state: Record<string, unknown>, change: object) =>
    advance(from, { base: 0, version: 1, digest: digest(state), ...change })

  test('leaves what it does not name the same', () => {
    const next = after({ ...from.state, title: 'y' }, { delta: { title: 'y' } })
    expect(next?.state.title).toBe('y')
    expect(next?.state.rows).toBe(rows)
    expect(next?.state.tags).toBe(from.state.tags)
  })

  test('leaves the rows beside a splice the same', () => {
    const next = after(
      { ...from.state, rows: [{ id: 1 }, { id: 9 }, { id: 3 }] },
      { splice: { rows: [[1, 1, { id: 9 }]] } },
    )
    const list = next?.state.rows as unknown[]
    expect([list[0], list[2]]).toEqual([rows[0], rows[2]])
    expect(list[0]).toBe(rows[0])
    expect(list[2]).toBe(rows[2])
  })

  test('leaves the entries beside a merge the same', () => {
    const tags = { b: { n: 2 }, c: { n: 3 } }
    const next = after({ ...from.state, tags }, { merge: { tags: [{ c: { n: 3 } }, ['a']] } })
    expect(next?.state.tags).toEqual(tags)
    expect((next?.state.tags as { b: unknown } | undefined)?.b).toBe((from.state.tags as { b: unknown }).b)
  })

  test('leaves equal parts of a field that came whole the same', () => {
    const whole = JSON.parse('[{"id":1},{"id":2},{"id":4}]')
    const next = after({ ...from.state, rows: whole }, { delta: { rows: whole } })
    expect((next?.state.rows as unknown[] | undefined)?.[0]).toBe(rows[0])
  })

  test('changes nothing it was given', () => {
    const before = JSON.stringify(from.state)
    after({}, { splice: { rows: [[0, 3]] }, merge: { tags: [{}, ['a']] } })
    expect(JSON.stringify(from.state)).toBe(before)
  })

  test('that does not fit is refused', () => {
    for (const change of [
      { splice: { rows: [[4, 0, 1]] } },
      { splice: { rows: [[0, 4]] } },
      { splice: { rows: [[-1, 0]] } },
      { splice: { rows: [[0.5, 0]] } },
      { splice: { rows: [['0', 0]] } },
      { splice: { rows: [null] } },
      { splice: { rows: 7 } },
      { splice: { title: [[0, 0]] } },
      { splice: { missing: [[0, 0]] } },
      { splice: { constructor: [[0, 0]] } },
      { merge: { tags: [null, []] } },
      { merge: { tags: [{}, [7]] } },
      { merge: { tags: [{}, 'a'] } },
      { merge: { rows: [{}, []] } },
      { merge: { __proto__x: [{}, []] } },
      { delta: { title: 'y' } },
    ]) {
      expect(after(from.state, change), JSON.stringify(change)).toBeUndefined()
    }
  })

  test('that removes more than there is is refused, even if the digest fits what would be left', () => {
    const emptied = { ...from.state, rows: [] }
    expect(after(emptied, { splice: { rows: [[0, 3]] } })).toBeDefined()
    expect(after(emptied, { splice: { rows: [[0, 4]] } })).toBeUndefined()
  })

  test('with a key named __proto__ has a key, and nothing else has', () => {
    const state = JSON.parse('{"title":"x","__proto__":{"admin":true}}')
    const start = takeSnapshot({ title: 'x' }, 0)
    const next = advance(start, {
      base: 0,
      version: 1,
      digest: digest(state),
      delta: JSON.parse('{"__proto__":{"admin":true}}'),
    })
    expect(JSON.stringify(next?.state)).toBe('{"title":"x","__proto__":{"admin":true}}')
    expect((next?.state as { admin?: unknown } | undefined)?.admin).toBeUndefined()
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  test('with more rows than a call has arguments is applied', () => {
    const many = Array.from({ length: 200_000 }, (_, index) => index)
    const next = advance(takeSnapshot({ rows: [] }, 0), {
      base: 0,
      version: 1,
      digest: digest({ rows: many }),
      splice: { rows: [[0, 0, ...many]] },
    })
    expect(next?.state.rows).toHaveLength(200_000)
  })
})

test('any chain of deltas leaves the state and the digest that plain application leaves', () => {
  const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'ä')
  const change = fc.oneof(
    fc.record({ kind: fc.constant('delta' as const), value: fc.jsonValue({ maxDepth: 2 }) }),
    fc.record({
      kind: fc.constant('splice' as const),
      edits: fc.array(
        fc.tuple(fc.nat(8), fc.nat(3), fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 })),
        { maxLength: 3 },
      ),
    }),
    fc.record({
      kind: fc.constant('merge' as const),
      set: fc.dictionary(key, fc.integer()),
      removed: fc.array(key, { maxLength: 2 }),
    }),
  )
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const plain: Record<string, unknown> = { list: [], map: Object.create(null), value: 0 }
      let snapshot = takeSnapshot({ list: [], map: {}, value: 0 }, 0)
      changes.forEach((made, version) => {
        const message: Record<string, unknown> = {}
        if (made.kind === 'delta') message.delta = { value: made.value }
        if (made.kind === 'merge') message.merge = { map: [made.set, made.removed] }
        if (made.kind === 'splice') {
          let length = (plain.list as unknown[]).length
          message.splice = {
            list: made.edits.map(([at, take, items]) => {
              const index = Math.min(at, length)
              const removed = Math.min(take, length - index)
              length += items.length - removed
              return [index, removed, ...items]
            }),
          }
        }
        const sent = JSON.parse(JSON.stringify(message))
        applyPlainly(plain, sent)
        const next = advance(snapshot, {
          ...sent,
          base: version,
          version: version + 1,
          digest: digest(plain),
        })
        expect(next).toBeDefined()
        if (next) snapshot = next
      })
      expect(snapshot.digest).toBe(digest(snapshot.state))
      expect(JSON.parse(JSON.stringify(snapshot.state))).toEqual(JSON.parse(JSON.stringify(plain)))
    }),
    { numRuns: 300 },
  )
})

test('what is equal is shared, all the way down', () => {
  const before = { a: [1, { b: 2 }], c: null }
  expect(share(before, JSON.parse(JSON.stringify(before)))).toBe(before)
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (previous, next) => {
      expect(JSON.stringify(share(previous, next))).toBe(JSON.stringify(next))
    }),
  )
})
