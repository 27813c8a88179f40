import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ErrorFacts } from '../../src/errors.js'
import { rowBlock } from '../../src/model/row.js'
import { readAnswer, readSlice } from '../../src/transform/answers.js'
import { encodeFrame, FrameReader } from '../../src/transform/frames.js'
import type { Ran } from '../../src/transform/protocol.js'
import { inSlices, POISON_MAX, type SliceEnd } from '../../src/transform/slices.js'

describe('FrameReader', () => {
  test('puts a frame together from any chunks', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.uint8Array({ maxLength: 50 }), fc.array(fc.nat(20)), (value, body, cuts) => {
        const header = JSON.parse(JSON.stringify({ value })) as object
        const bytes = Buffer.concat(encodeFrame(header, body))
        const reader = new FrameReader(10_000)
        let from = 0
        let frame: ReturnType<FrameReader['add']>
        for (const cut of [...cuts, bytes.length]) {
          const to = Math.min(bytes.length, from + cut)
          if (frame === undefined && to > from) frame = reader.add(bytes.subarray(from, to))
          from = to
        }
        expect(frame).toMatchObject({ header })
        expect(Buffer.from(frame?.body ?? []).equals(Buffer.from(body))).toBe(true)
      }),
    )
  })

  test('refuses what is larger than allowed, longer than it says, or no JSON', () => {
    const frame = Buffer.concat(encodeFrame({ a: 1 }, new Uint8Array(20)))
    expect(new FrameReader(20).add(frame)).toBeNull()
    expect(new FrameReader(1_000).add(Buffer.concat([frame, Buffer.from('x')]))).toBeNull()
    expect(new FrameReader(1_000).add(Buffer.from('\x08\0\0\0\x04\0\0\0nope'))).toBeNull()
    expect(new FrameReader(1_000).add(Buffer.from('\x08\0\0\0\x99\0\0\0nope'))).toBeNull()
  })

  test('refuses a header that as JSON would take the memory of the host: too long, or too deep', () => {
    const read = (header: string) => {
      const head = Buffer.from(header)
      const sizes = Buffer.alloc(8)
      sizes.writeUInt32LE(4 + head.length, 0)
      sizes.writeUInt32LE(head.length, 4)
      return new FrameReader(2 ** 27).add(Buffer.concat([sizes, head]))
    }
    const long = 'x'.repeat(2 ** 18)
    const nested = (depth: number, text: string): string => `${'[{"a":'.repeat(depth)}"${text}"${'}]'.repeat(depth)}`
    expect(read(nested(100, `${long}${'[{'.repeat(300)}\\"[`))).toMatchObject({ header: expect.any(Array) })
    expect(read(nested(101, long))).toBeNull()
    expect(read(nested(101, ''))).toMatchObject({ header: expect.any(Array) }) // short enough to do no harm
    expect(read(`["${'x'.repeat(2 ** 24)}"]`)).toBeNull()
  })
})

const RAN: Ran = {
  type: 'ran',
  done: 2,
  unmade: [],
  kinds: ['profile', 'profile'],
  rows: [0, 1],
  identifiers: [{}, {}],
  details: [0, 0],
  detailTable: [{}],
  shapes: [0, 0],
  shapeTable: [{ fields: [], dotted: false }],
  logs: [],
}
const ASKED = { count: 2, isRefused: () => false }
const BODY = Buffer.from('\x02\0\0\0\x02\0\0\0{}{}')

describe('readSlice() takes no answer that contradicts itself [I8]', () => {
  test('a sound one', () => {
    expect(readSlice(RAN, { header: RAN, body: BODY }, ASKED)).toMatchObject({
      end: 'ran',
      lengths: Uint32Array.of(2, 2),
    })
  })

  test.each<[string, Partial<Ran>, Buffer?]>([
    ['fewer columns', { details: [0] }],
    ['no column', { rows: undefined as unknown as number[] }],
    ['a row that was not asked for', { rows: [0, 2] }],
    ['rows out of order', { rows: [1, 0] }],
    ['a row that is no number', { rows: [0, '1' as unknown as number] }],
    ['more done than asked', { done: 3 }],
    ['nothing done', { done: 0 }],
    ['a shape that is not there', { shapes: [0, 1] }],
    ['a detail that is not there', { details: [0, 'length' as unknown as number] }],
    ['an unknown kind', { kinds: ['profile', 'addressChange'] }],
    [
      'an end for a row that was not asked for',
      { unmade: [{ row: 9, status: 'filtered', reason: { code: 'x', facts: {} } }] },
    ],
    ['a row without an end', { rows: [0, 0] }],
    ['an end that is none', { kinds: [], rows: [], unmade: [null as unknown as Ran['unmade'][0]] }],
    [
      'an end whose facts are none',
      { unmade: [{ row: 1, status: 'rejected', reason: { code: 'x', facts: null as unknown as ErrorFacts } }] },
    ],
    ['identifiers that are no texts', { identifiers: [{}, { email: 1 as unknown as string }] }],
    ['identifiers that are none', { identifiers: [{}, null as unknown as Ran['identifiers'][0]] }],
    ['a detail that is none', { detailTable: [1 as unknown as Ran['detailTable'][0]] }],
    ['a shape without fields', { shapeTable: [{ dotted: true } as unknown as Ran['shapeTable'][0]] }],
    ['a line that is none', { logs: [{ level: 'log', row: 0, text: 1 as unknown as string }] }],
    ['payloads longer than said', {}, Buffer.concat([BODY, Buffer.from('x')])],
    ['no room for the lengths', {}, Buffer.from('\x02')],
  ])('%s', (_, change, body = BODY) => {
    const ran = { ...RAN, ...change }
    expect(readSlice(ran, { header: ran, body }, ASKED)).toBeUndefined()
  })
})

test('readAnswer() takes nothing that the host could stumble over [I8]', () => {
  const read = (header: unknown) => readAnswer({ header, body: BODY })
  const loaded = { type: 'loaded', form: 'send', reads: [{ column: 'a', at: 't.js:1:1' }], readsAll: false }
  const refused = { type: 'refused', code: 'TRANSFORM_THREW', facts: { at: 't.js:1:1', name: 'Error' } }
  for (const sound of [loaded, refused, RAN]) expect(read(sound)).toBe(sound)
  const bad: unknown[] = [null, 1, [], {}, { type: 'constructor' }]
  bad.push({ ...loaded, form: 'x' }, { ...loaded, reads: {} }, { ...loaded, reads: [null] }, { ...loaded, readsAll: 1 })
  bad.push({ ...refused, code: 'constructor' }, { ...refused, facts: null }, { ...refused, facts: { at: {} } })
  for (const one of bad) expect(read(one)).toBeUndefined()
})

describe('inSlices()', () => {
  /** Rows `poison` end the process; others are worked off, at most `doneMax` at a time. */
  async function work(length: number, poison: ReadonlySet<number>, sliceRows: number, doneMax: number) {
    const ran: number[] = []
    const poisoned: number[] = []
    let asked = 0
    await inSlices({
      rows: rowBlock(Array.from({ length }, (_, n) => ({ n }))),
      sliceRows,
      file: 't.js',
      run: async (from, json, count): Promise<SliceEnd> => {
        asked += 1
        const rows = JSON.parse(Buffer.from(json).toString()) as { n: number }[]
        expect([rows[0]?.n, rows.length]).toEqual([from, count])
        const done = Math.min(doneMax, count)
        if (rows.slice(0, done).some(({ n }) => poison.has(n))) return { end: 'timeout' }
        return { end: 'ran', ran: { ...RAN, done }, lengths: new Uint32Array(), payload: new Uint8Array() }
      },
      ran: (from, { ran: { done } }) => ran.push(...Array.from({ length: done }, (_, n) => from + n)),
      poisoned: (row) => poisoned.push(row),
      reasonOf: () => ({ code: 'TRANSFORM_TIMEOUT', facts: {} }),
    })
    return { ran, poisoned, asked }
  }

  test('each row ends once: worked off, or rejected if it is poison [I4]', async () => {
    const poisons = fc.uniqueArray(fc.nat(99), { maxLength: POISON_MAX - 1 })
    const size = fc.integer({ min: 1, max: 40 })
    await fc.assert(
      fc.asyncProperty(fc.nat(100), poisons, size, size, async (length, poison, sliceRows, doneMax) => {
        const bad = poison.filter((row) => row < length).sort((a, b) => a - b)
        const { ran, poisoned } = await work(length, new Set(bad), sliceRows, doneMax)
        expect(poisoned).toEqual(bad)
        expect(ran).toEqual(Array.from({ length }, (_, n) => n).filter((n) => !bad.includes(n)))
      }),
    )
  })

  test('one poison row costs its slice once more, row by row, and no other', async () => {
    const { asked } = await work(100, new Set([30]), 25, 100)
    expect(asked).toBe(4 + 25)
  })
})
