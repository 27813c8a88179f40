import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { piecesOf } from '../../src/transform/child/pieces.js'
import { Rows } from '../../src/transform/child/rows.js'

const read = (rows: Rows): unknown[] => {
  const all: unknown[] = []
  for (let at = 0; ; at += 1) {
    const row = rows.at(at)
    if (row === undefined) return all
    expect(rows.at(at)).toBe(row)
    all.push(row)
  }
}
const piecesOfRows = (rows: readonly unknown[]): string[] => piecesOf(Buffer.from(JSON.stringify(rows)))

describe('rows in pieces', () => {
  test('are those of the whole, in many pieces', () => {
    const rows = Array.from({ length: 3_000 }, (_, n) =>
      n % 100 === 7 ? null : { id: n, name: `Zoë ${n}`, tags: [n] },
    )
    const pieces = piecesOfRows(rows)
    expect(pieces.length).toBeGreaterThan(2)
    for (const piece of pieces) expect(Array.isArray(JSON.parse(piece))).toBe(true)
    expect(read(new Rows(pieces))).toEqual(rows)
    expect(new Rows(pieces).all()).toEqual(rows)
  })

  test('wherever a text, or an object inside, looks like the beginning of a row', () => {
    const traps = [
      { id: '},{"id":1' },
      { id: 1, inside: [{ id: 1 }, { id: 2, more: [{ id: 3 }, { id: 4 }] }] },
      { id: '\\"},{\\"id\\":', inside: { id: [[{ id: 1 }, { id: 2 }]] } },
      { other: 1, id: '"' },
      { id: null },
      null,
    ]
    const long = 'x'.repeat(3_000)
    const rows = fc.array(fc.record({ nth: fc.nat(traps.length - 1), repeated: fc.nat(40), long: fc.boolean() }))
    fc.assert(
      fc.property(rows, (chosen) => {
        const made = chosen.flatMap(({ nth, repeated, long: isLong }) => {
          const trap = traps[nth] as object | null
          return Array.from({ length: 1 + repeated }, () =>
            trap === null ? null : { ...trap, ...(isLong && { long }) },
          )
        })
        const all = [{ id: 0 }, ...made]
        expect(read(new Rows(piecesOfRows(all)))).toEqual(all)
        expect(new Rows(piecesOfRows(all)).all()).toEqual(all)
      }),
    )
  })

  test('one that was cut inside of a row is read as one with what follows it', () => {
    const inside = Array.from({ length: 12_000 }, (_, id) => ({ id }))
    const rows = [{ id: 0 }, { key: 1, inside }, { id: 2 }]
    const pieces = piecesOfRows(rows)
    expect(pieces.length).toBeGreaterThan(2)
    expect(read(new Rows(pieces))).toEqual(rows)
  })

  test('no rows, and rows of which none has a name', () => {
    for (const rows of [[], [null], [{}], [{}, { id: 1 }], [null, { id: 1 }]]) {
      expect(read(new Rows(piecesOfRows(rows)))).toEqual(rows)
    }
  })

  test('what is no JSON throws', () => {
    expect(() => new Rows(['[{"a":1}']).at(0)).toThrow(SyntaxError)
  })
})
