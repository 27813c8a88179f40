import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ErrorFacts } from '../../src/errors.js'
import { rowBlock } from '../../src/model/row.js'
import { readAnswer, readSlice } from '../../src/transform/answers.js'
import { encodeFrame, type Frame, FrameReader, readFrame } from '../../src/transform/frames.js'
import { COLUMN_COUNT, COLUMNS, KINDS, type Ran } from '../../src/transform/protocol.js'
import { inSlices, POISON_MAX, type RanSlice, type SliceEnd } from '../../src/transform/slices.js'
import { Gathering } from '../../src/transform/transformed.js'

describe('FrameReader', () => {
  test('puts frames together from any chunks', () => {
    const frames = fc.array(fc.tuple(fc.jsonValue(), fc.uint8Array({ maxLength: 50 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(frames, fc.array(fc.nat(40)), (given, cuts) => {
        const headers = given.map(([value]) => JSON.parse(JSON.stringify({ value })) as object)
        const bytes = Buffer.concat(given.flatMap(([, body], at) => encodeFrame(headers[at] as object, body)))
        const reader = new FrameReader(10_000)
        const read: Frame[] = []
        let from = 0
        for (const cut of [...cuts, bytes.length]) {
          const to = Math.min(bytes.length, from + cut)
          if (to > from) read.push(...(reader.add(bytes.subarray(from, to)) ?? []))
          from = to
        }
        expect(reader.size).toBe(0)
        expect(read.map(({ header }) => header)).toEqual(headers)
        expect(read.map(({ body }) => [...body])).toEqual(given.map(([, body]) => [...body]))
      }),
    )
  })

  test('refuses what is larger than allowed, longer than it says, or no JSON', () => {
    const frame = Buffer.concat(encodeFrame({ a: 1 }, new Uint8Array(20)))
    expect(new FrameReader(20).add(frame)).toBeUndefined()
    expect(new FrameReader(1_000).add(Buffer.from('\x08\0\0\0\x04\0\0\0nope'))).toBeUndefined()
    expect(new FrameReader(1_000).add(Buffer.from('\x08\0\0\0\x99\0\0\0nope'))).toBeUndefined()
    expect(readFrame(frame, 1_000)).toMatchObject({ header: { a: 1 } })
    for (const more of [Buffer.from('x'), frame]) expect(readFrame(Buffer.concat([frame, more]), 1_000)).toBeUndefined()
    expect(readFrame(frame.subarray(1), 1_000)).toBeUndefined()
  })

  test('refuses a header that as JSON would take the memory of the host: too long, or too deep', () => {
    const read = (header: string) => {
      const head = Buffer.from(header)
      const sizes = Buffer.alloc(8)
      sizes.writeUInt32LE(4 + head.length, 0)
      sizes.writeUInt32LE(head.length, 4)
      return readFrame(Buffer.concat([sizes, head]), 2 ** 27)
    }
    const long = 'x'.repeat(2 ** 18)
    const nested = (depth: number, text: string): string => `${'[{"a":'.repeat(depth)}"${text}"${'}]'.repeat(depth)}`
    expect(read(nested(100, `${long}${'[{'.repeat(300)}\\"[`))).toMatchObject({ header: expect.any(Array) })
    expect(read(nested(101, long))).toBeUndefined()
    expect(read(nested(101, ''))).toMatchObject({ header: expect.any(Array) }) // short enough to do no harm
    expect(read(`["${'x'.repeat(2 ** 24)}"]`)).toBeUndefined()
  })
})

const RAN: Ran = {
  type: 'ran',
  done: 2,
  unmade: [],
  count: 2,
  detailTable: [{}],
  shapeTable: [{ fields: [], dotted: false }],
  logs: [],
}
const ASKED = { count: 2, isRefused: () => false }
/** Kind, row, detail, shape and size of two actions. */
const NUMBERS = [0, 0, 0, 0, 2, 0, 1, 0, 0, 2]

function bodyOf(numbers: readonly number[], rest = '\x07\0\0\0[{},{}]{}{}'): Buffer {
  const words = Int32Array.from(numbers)
  return Buffer.concat([Buffer.from(words.buffer), Buffer.from(rest)])
}

/** The numbers with one of them changed. */
const changed = (action: 0 | 1, column: keyof typeof COLUMNS, number: number): Buffer =>
  bodyOf(NUMBERS.with(action * COLUMN_COUNT + COLUMNS[column], number))

describe('readSlice() takes no answer that contradicts itself [I8]', () => {
  test('a sound one', () => {
    const slice = readSlice(RAN, { header: RAN, body: bodyOf(NUMBERS) }, ASKED)
    expect(slice).toMatchObject({ end: 'ran', numbers: Int32Array.from(NUMBERS) })
    expect([slice?.identifiers.toString(), slice?.payload.toString()]).toEqual(['[{},{}]', '{}{}'])
  })

  test.each<[string, Partial<Ran>, Buffer?]>([
    ['fewer numbers than said', {}, bodyOf(NUMBERS.slice(5))],
    ['more numbers than said', { count: 1 }],
    ['no number of actions', { count: undefined as unknown as number }],
    ['less than no action', { count: -1 }],
    ['no table', { detailTable: undefined as unknown as [] }],
    ['a row that was not asked for', {}, changed(1, 'row', 2)],
    ['rows out of order', {}, bodyOf([...NUMBERS.slice(5), ...NUMBERS.slice(0, 5)])],
    ['a row before the first', {}, changed(0, 'row', -1)],
    ['more done than asked', { done: 3 }],
    ['nothing done', { done: 0 }],
    ['a shape that is not there', {}, changed(1, 'shape', 1)],
    ['a detail that is not there', {}, changed(1, 'detail', -1)],
    ['an unknown kind', {}, changed(0, 'kind', KINDS.length)],
    [
      'an end for a row that was not asked for',
      { unmade: [{ row: 9, status: 'filtered', reason: { code: 'x', facts: {} } }] },
    ],
    ['a row without an end', {}, changed(1, 'row', 0)],
    ['an end that is none', { unmade: [null as unknown as Ran['unmade'][0]] }],
    [
      'an end whose facts are none',
      { unmade: [{ row: 1, status: 'rejected', reason: { code: 'x', facts: null as unknown as ErrorFacts } }] },
      changed(1, 'row', 0),
    ],
    ['a detail that is none', { detailTable: [1 as unknown as Ran['detailTable'][0]] }],
    ['a shape without fields', { shapeTable: [{ dotted: true } as unknown as Ran['shapeTable'][0]] }],
    ['a line that is none', { logs: [{ level: 'log', row: 0, text: 1 as unknown as string }] }],
    ['payloads longer than said', {}, bodyOf(NUMBERS, '\x07\0\0\0[{},{}]{}{}x')],
    ['a payload that takes bytes of another', {}, bodyOf(NUMBERS.with(4, -2).with(9, 6))],
    ['identifiers longer than said', {}, bodyOf(NUMBERS, '\x99\0\0\0[{},{}]{}{}')],
    ['no room for the numbers', {}, Buffer.from('\x02')],
  ])('%s', (_, change, body = bodyOf(NUMBERS)) => {
    const ran = { ...RAN, ...change }
    expect(readSlice(ran, { header: ran, body }, ASKED)).toBeUndefined()
  })

  test.each(['no JSON', '[{}]', '{}', '[{},null]', '[{},{"email":1}]'])(
    'identifiers that are none are told where they are asked for: %s',
    (text) => {
      const body = bodyOf(NUMBERS, `${String.fromCharCode(text.length)}\0\0\0${text}{}{}`)
      const gathering = new Gathering(rowBlock([{}, {}]), undefined)
      gathering.add(0, readSlice(RAN, { header: RAN, body }, ASKED) as RanSlice)
      expect(() => gathering.done().actions.identifiers(0)).toThrow('TRANSFORM_CRASHED')
    },
  )
})

test('readAnswer() takes nothing that the host could stumble over [I8]', () => {
  const read = (header: unknown) => readAnswer({ header, body: Buffer.alloc(0) })
  const loaded = {
    type: 'loaded',
    form: 'send',
    at: 't.js:1:1',
    reads: [{ column: 'a', at: 't.js:1:1' }],
    readsAll: false,
  }
  const refused = { type: 'refused', code: 'TRANSFORM_THREW', facts: { at: 't.js:1:1', name: 'Error' } }
  const needs = {
    type: 'needs',
    files: [{ from: 'a', specifier: './b', at: 'a:1:1' }],
    packages: [{ slug: 'x', at: 'a:1:1' }],
  }
  const undone = { type: 'undone', reason: { code: 'TRANSFORM_THREW', facts: {} } }
  for (const sound of [loaded, refused, needs, undone, RAN]) expect(read(sound)).toBe(sound)
  const bad: unknown[] = [null, 1, [], {}, { type: 'constructor' }]
  bad.push({ ...loaded, form: 'x' }, { ...loaded, reads: {} }, { ...loaded, reads: [null] }, { ...loaded, readsAll: 1 })
  bad.push({ ...refused, code: 'constructor' }, { ...refused, facts: null }, { ...refused, facts: { at: {} } })
  bad.push({ ...loaded, at: 1 }, { ...needs, files: [{}] }, { ...needs, packages: [null] }, { type: 'needs' })
  bad.push({ ...undone, reason: null }, { type: 'undone', reason: { code: 'constructor', facts: {} } })
  for (const one of bad) expect(read(one)).toBeUndefined()
})

describe('inSlices()', () => {
  /** Rows `poison` end the process; others are worked off, at most `doneMax` at a time. */
  async function work(length: number, poison: ReadonlySet<number>, sliceRows: number, doneMax: number) {
    const ran: number[] = []
    const poisoned: number[] = []
    let asked = 0
    const told: number[] = []
    await inSlices({
      rows: rowBlock(Array.from({ length }, (_, n) => ({ n }))),
      sliceRows,
      file: 't.js',
      together: false,
      run: async (from, json, count): Promise<SliceEnd> => {
        asked += 1
        const rows = JSON.parse(Buffer.from(json).toString()) as { n: number }[]
        expect([rows[0]?.n, rows.length]).toEqual([from, count])
        const done = Math.min(doneMax, count)
        if (rows.slice(0, done).some(({ n }) => poison.has(n))) return { end: 'timeout' }
        const nothing = { numbers: new Int32Array(), identifiers: new Uint8Array(), payload: new Uint8Array() }
        return { end: 'ran', ran: { ...RAN, done }, ...nothing }
      },
      asked: ({ done }) => told.push(done),
      ran: (from, { ran: { done } }) => ran.push(...Array.from({ length: done }, (_, n) => from + n)),
      poisoned: (row) => poisoned.push(row),
      reasonOf: () => ({ code: 'TRANSFORM_TIMEOUT', facts: {} }),
    })
    expect(told).toHaveLength(asked)
    expect(told.reduce((sum, done) => sum + done, 0)).toBe(ran.length)
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

  /** Slices of one row each, answered when a test says so. */
  function held(length: number, rejects: (from: number) => boolean = () => false) {
    const asked: number[] = []
    const answers: (() => void)[] = []
    const taken: number[] = []
    const done = inSlices({
      rows: rowBlock(Array.from({ length }, (_, n) => ({ n }))),
      sliceRows: 1,
      file: 't.js',
      together: false,
      run: (from) => {
        asked.push(from)
        const nothing = { numbers: new Int32Array(), identifiers: new Uint8Array(), payload: new Uint8Array() }
        return new Promise((settle, fail) => {
          answers.push(() => {
            if (rejects(from)) fail(new Error(`row ${from}`))
            else settle({ end: 'ran', ran: { ...RAN, done: 1 }, ...nothing })
          })
        })
      },
      asked: () => undefined,
      ran: (from) => taken.push(from),
      poisoned: () => undefined,
      reasonOf: () => ({ code: 'TRANSFORM_TIMEOUT', facts: {} }),
    })
    return { asked, answers, taken, done }
  }
  const turn = (): Promise<void> => new Promise(setImmediate)

  test('one slice is on its way while another is worked on, and they are taken in row order', async () => {
    const { asked, answers, taken, done } = held(3)
    expect(asked).toEqual([0, 1])
    answers[1]?.()
    await turn()
    expect([asked, taken]).toEqual([[0, 1], []])
    answers[0]?.()
    await turn()
    expect([asked, taken]).toEqual([
      [0, 1, 2],
      [0, 1],
    ])
    answers[2]?.()
    await done
    expect(taken).toEqual([0, 1, 2])
  })

  test('what fails waits for the slice that is on its way', async () => {
    const { answers, taken, done } = held(3, (from) => from === 0)
    let ended = false
    const failed = expect(done.finally(() => (ended = true))).rejects.toThrow('row 0')
    answers[0]?.()
    await turn()
    expect(ended).toBe(false)
    answers[1]?.()
    await failed
    expect(taken).toEqual([])
  })

  test('one poison row costs its slice once more, row by row, and no other', async () => {
    const { asked } = await work(100, new Set([30]), 25, 100)
    expect(asked).toBe(4 + 25)
  })
})
