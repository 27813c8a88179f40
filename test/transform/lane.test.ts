import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Bytes } from '../../src/transform/child/bytes.js'
import { Made } from '../../src/transform/child/made.js'
import type { Program } from '../../src/transform/child/program.js'
import { Refused } from '../../src/transform/child/refused.js'
import { COLUMN_COUNT, COLUMNS, type RunRequest } from '../../src/transform/protocol.js'

const program = {
  words: new Set(['a', 'b']),
  facts: { at: 't.js:1:1' },
  positionOf: () => 't.js:1:1',
} as unknown as Program
const requestOf = (nulls: 'omit' | 'remove'): RunRequest => ({
  type: 'run',
  from: 0,
  now: 0,
  seed: '',
  nulls,
  outputMaxBytes: 1_000,
  softMs: 1,
  softChars: 1,
  limitMs: 1,
})

/** Since when is looked at what becomes of an action: everything is written behind each other. */
interface Before {
  readonly count: number
  readonly identifiers: number
  readonly payload: number
  readonly chars: number
}
const FIRST: Before = { count: 0, identifiers: 1, payload: 0, chars: 0 }
const before = new WeakMap<Made, Before>()

/** What an action becomes, with the types of its fields instead of the number of its shape. */
function become(made: Made, action: object): unknown {
  const { columns } = made
  const { count, identifiers, payload, chars } = before.get(made) ?? FIRST
  try {
    if (!made.take(action, 7)) return undefined
  } catch (thrown) {
    return Refused.is(thrown) ? [thrown.code, thrown.facts] : thrown
  } finally {
    before.set(made, {
      count: columns.header().count,
      identifiers: columns.identifiers.size,
      payload: columns.payload.size,
      chars: made.chars,
    })
  }
  const { shapeTable, detailTable } = columns.header()
  const numbers = columns.body().numbers.subarray(count * COLUMN_COUNT)
  const text = (bytes: Bytes, from: number): string => Buffer.from(bytes.taken().subarray(from)).toString()
  const named = text(columns.identifiers, identifiers)
  columns.identifiers.over(0x2c) // the list goes on
  return {
    numbers: [numbers[COLUMNS.kind], numbers[COLUMNS.row], numbers[COLUMNS.size], numbers.length],
    identifiers: named.slice(0, -1),
    payload: text(columns.payload, payload),
    shape: shapeTable[numbers[COLUMNS.shape] as number],
    detail: detailTable[numbers[COLUMNS.detail] as number],
    chars: made.chars - chars,
  }
}

const odd = fc.constantFrom<unknown[]>(
  NaN,
  Infinity,
  -0,
  2 ** 53,
  undefined,
  null,
  Symbol('s'),
  1n,
  () => 1,
  new Map(),
  [1],
  { x: 1 },
  new Date(0),
)
const simple = fc.constantFrom<unknown[]>(
  'a',
  'b',
  '',
  '2026-03-15',
  '2026/3/1',
  '<"\\',
  '\ud800',
  1,
  1.5,
  0,
  true,
  false,
)
const value = fc.oneof({ weight: 6, arbitrary: simple }, { weight: 1, arbitrary: odd })
const few = (name: fc.Arbitrary<string>, most: number) =>
  fc.dictionary(name, value, { maxKeys: most, noNullPrototype: true })
const dataFields = fc.oneof(
  { weight: 6, arbitrary: few(fc.constantFrom('a', 'b', '1', 'toJSON', 'c.d'), 4) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown[]>(
      null,
      undefined,
      [],
      'x',
      { toJSON: () => ({ a: 1 }) },
      { a: 'x'.repeat(2_000) },
    ),
  },
)
const identifiers = fc.oneof(
  { weight: 4, arbitrary: few(fc.constantFrom('customer_id', 'email', 'crm'), 2) },
  { weight: 1, arbitrary: fc.constantFrom<unknown[]>(undefined, null, []) },
)
const PARTS = {
  kind: fc.constantFrom('profile', 'event', 'membership', 'nonsense'),
  email: value,
  userId: value,
  identifiers,
  eventName: fc.constantFrom('seen', 'order.purchased', ''),
  list: fc.constantFrom('vip', 7),
  member: fc.constantFrom(true, false, undefined),
  dataFields,
  extra: simple,
  from: simple,
}
const action = fc.record(PARTS, { requiredKeys: [] })
/** The names of one form again and again, with values of their own: what a program does. */
const family = fc
  .subarray(['kind', 'email', 'userId', 'identifiers', 'dataFields'] as const)
  .chain((names) => fc.array(fc.record(Object.fromEntries(names.map((name) => [name, PARTS[name]]))), { maxLength: 8 }))
const memberships = fc.array(
  fc.record({
    kind: fc.constant('membership'),
    email: simple,
    list: PARTS.list,
    member: PARTS.member,
    dataFields: fc.constantFrom({}, { toJSON: () => ({}) }),
  }),
  { maxLength: 5 },
)

test('[I9] an action becomes what it is alone, whatever came before it', () => {
  let taken = 0
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          family,
          memberships,
          action.map((one) => [one]),
        ),
        { maxLength: 8 },
      ),
      fc.constantFrom('omit' as const, 'remove' as const),
      (families, nulls) => {
        const shared = new Made(program, requestOf(nulls))
        for (const one of families.flat()) {
          expect(become(shared, one)).toEqual(become(new Made(program, requestOf(nulls)), one))
          taken += 1
        }
      },
    ),
    { numRuns: Number(process.env.LAW_RUNS ?? 1_000) },
  )
  expect(taken).toBeGreaterThan(1_000)
})

test('[I4] of a row that is rejected nothing stays, be its first actions of a known form or of a new one', () => {
  const made = new Made(program, requestOf('omit'))
  const good = (n: number) => ({ email: `${n}\u00fc@example.com`, dataFields: { n, text: '\u00fc' } })
  const odd = { email: 'b@example.com', dataFields: { list: ['\u00fc', 1] } }
  const large = { email: 'c@example.com', dataFields: { text: '\u00fc'.repeat(495) } }
  made.take([good(1), good(2)], 0)
  for (const bad of [{ kind: 'nonsense' }, { email: 'a', extra: 1 }, large]) {
    expect(() => made.take([good(3), odd, good(4), bad], 1)).toThrow()
  }
  made.take([odd, good(5)], 2)
  const { numbers, identifiers, payload } = made.columns.body()
  const column = (of: number): number[] => [...numbers].filter((_, at) => at % COLUMN_COUNT === of)
  const payloads = [good(1), good(2), odd, good(5)].map(({ dataFields }) => JSON.stringify(dataFields))
  expect(Buffer.from(payload).toString()).toBe(payloads.join(''))
  expect(column(COLUMNS.size)).toEqual(payloads.map((text) => Buffer.byteLength(text)))
  expect(column(COLUMNS.row)).toEqual([0, 0, 2, 2])
  const named = [good(1), good(2), odd, good(5)].map(({ email }) => ({ email }))
  expect(JSON.parse(Buffer.from(identifiers).toString())).toEqual(named)
})

test('outputMaxBytes counts the bytes of all of a row, and of no other row', () => {
  const made = new Made(program, requestOf('omit'))
  const email = `${'\u00fc'.repeat(20)}@example.com`
  const long = (chars: number) => ({ email, dataFields: { text: '\u00fc'.repeat(chars) } })
  /** Bytes besides the text: the field, the identifier with its name, an empty detail. */
  const besides = '{"text":""}'.length + 'email'.length + Buffer.byteLength(email) + 6 + '{}'.length
  const most = Math.floor((1_000 - besides) / 2)
  for (let row = 0; row < 3; row += 1) {
    expect(made.take(long(most), row)).toBe(true)
    expect(() => made.take(long(most + 1), row)).toThrow(Refused)
    expect(() => made.take([long(most / 2), long(most / 2)], row)).toThrow(Refused)
  }
})

describe('each property of what was returned is read once', () => {
  /** The same object, each of whose properties counts how often it is read, also of what lies inside. */
  function counted(value: unknown, reads: Map<string, number>, path = ''): unknown {
    if (typeof value !== 'object' || value === null) return value
    const made: object = Array.isArray(value) ? [] : {}
    for (const name of Object.keys(value)) {
      const inside = `${path}/${name}`
      const held = counted((value as Record<string, unknown>)[name], reads, inside)
      const get = (): unknown => {
        reads.set(inside, (reads.get(inside) ?? 0) + 1)
        return held
      }
      Object.defineProperty(made, name, { get, enumerable: true, configurable: true })
    }
    return made
  }

  test('whatever came before: a form that is known, one that is new, one that is odd', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(family, memberships), { maxLength: 6 }), (families) => {
        const made = new Made(program, requestOf('remove'))
        for (const one of families.flat()) {
          const reads = new Map<string, number>()
          const alone = become(new Made(program, requestOf('remove')), counted(one, new Map()) as object)
          expect(become(made, counted(one, reads) as object)).toEqual(alone)
          expect([...reads].filter(([, count]) => count > 1)).toEqual([])
        }
      }),
      { numRuns: Number(process.env.LAW_RUNS ?? 500) },
    )
  })

  test('so a getter that counts shows what it counted, and never a value that was not checked', () => {
    const made = new Made(program, requestOf('omit'))
    let count = 0
    const showing = (value: () => unknown): object => ({
      email: 'a@example.com',
      dataFields: {
        get a() {
          count += 1
          return value()
        },
      },
    })
    const becomes = [() => count, () => count, () => `${count}`, () => count / 2, () => null].map((value) =>
      become(made, showing(value)),
    )
    expect(becomes).toMatchObject(['{"a":1}', '{"a":2}', '{"a":"3"}', '{"a":2}', '{}'].map((payload) => ({ payload })))
  })
})
