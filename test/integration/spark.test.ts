import { describe, expect, test } from 'vitest'
import { SPARK } from '../../src/transform/child/spark/spark.js'
import { dataFields, errorIn, examples, program, row } from '../docs/spark-page.js'
import { runProgram } from '../transform/programs.js'

const fieldsOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString())
const evaluate = (expression: string): unknown => new Function('spark', `return (${expression})`)(SPARK)

test('the program of docs/spark.md makes what the page shows', async () => {
  const made = await runProgram(program, [JSON.parse(row)])
  expect(fieldsOf(made.actions.payload(0))).toEqual(JSON.parse(dataFields))
})

test('every helper gives a program in the sandbox what docs/spark.md shows', async () => {
  const calls = examples.map(({ call }) => `tried(() => (${call}))`)
  const source = `const tried = (run) => {
    try {
      return { value: run() }
    } catch ({ name, message }) {
      return { error: [name, message] }
    }
  }
  export default (row, { spark }) => ({ email: 'a@b.c', dataFields: { all: [${calls.join(', ')}] } })`
  const made = await runProgram(source, [{}], { context: { nulls: 'remove' } })
  const expected = examples.map((example) => {
    const error = errorIn(example)
    return error === undefined ? { value: evaluate(example.result) } : { error }
  })
  expect(expected.length).toBeGreaterThan(30)
  expect(made.rows).toEqual([{ status: 'made', from: 0, count: 1 }])
  expect(fieldsOf(made.actions.payload(0))).toEqual(JSON.parse(JSON.stringify({ all: expected })))
})

describe('in the sandbox', () => {
  test('what a helper throws is told at the line of the program that called it', async () => {
    const source = `const deep = (levels) => (levels === 0 ? {} : { a: deep(levels - 1) })
const calls = [
  (spark) => spark.flatten(deep(100)),
  (spark) => spark.flatten({ a_b: 1, a: { b: 2 } }),
  (spark) => spark.mapToObject([{ key: null }]),
  (spark) => spark.mapToEntries([1]),
  (spark) => spark.vectorToDense({ type: 0, size: 1, indices: [1], values: [1] }),
  (spark) => spark.topK({ a: 'b' }, 1),
  (spark) => spark.pick({}, ['a'], { missing: 'throw' }),
  (spark) => spark.coerce.number('a'),
  (spark) => spark.coerce.integer('0.5'),
  (spark) => spark.coerce.boolean('a'),
  (spark) => spark.coerce.string([]),
  (spark) => spark.iterableDate('a'),
  (spark) => spark.iterableDate(1),
  (spark) => spark.cents('0.001'),
  (spark) => spark.cents('1', { round: 'down' }),
]
export default ({ n }, { spark }) => calls[n](spark)
`
    const lines = source
      .split('\n')
      .flatMap((line, index) => (line.startsWith('  (spark) =>') ? [{ line, index }] : []))
    const made = await runProgram(
      source,
      lines.map((_, n) => ({ n })),
    )
    const RANGE = /100\)|indices|0\.5|0\.001/
    expect(made.rows).toEqual(
      lines.map(({ line, index }) => {
        // A call is told at the name of its last member.
        const column = line.lastIndexOf('.', line.indexOf('(', 10)) + 2
        const facts = { at: `churn.js:${index + 1}:${column}`, name: RANGE.test(line) ? 'RangeError' : 'TypeError' }
        return { status: 'rejected', reason: { code: 'TRANSFORM_THREW', facts } }
      }),
    )
  })

  test('helpers cannot be changed, and lead nowhere', async () => {
    const source = `const attempts = [
      (spark) => { spark.flatten = 1 },
      (spark) => { spark.coerce.number = 1 },
      (spark) => { spark.coerce.more = 1 },
      (spark) => { spark.cents.more = 1 },
      (spark) => { delete spark.pick },
      (spark) => spark.topK.constructor('return this')(),
      (spark) => Object.getPrototypeOf(spark.pick).constructor('return 1')(),
      (spark) => { Object.getPrototypeOf(spark.coerce).more = 1 },
    ]
    export default ({ n }, { spark }) => {
      const failed = attempts.map((attempt) => { try { attempt(spark); return 'done' } catch { return 'failed' } })
      return { email: 'a@b.c', dataFields: { failed, same: spark.cents('1.5') } }
    }`
    const made = await runProgram(source, [{ n: 0 }, { n: 1 }])
    const fields = { failed: Array(8).fill('failed'), same: 150 }
    expect([0, 1].map((index) => fieldsOf(made.actions.payload(index)))).toEqual([fields, fields])
  })

  test('names of intrinsics are names like others', async () => {
    const source = `export default ({ struct, map }, { spark }) => ({ email: 'a@b.c', dataFields: {
      flat: spark.flatten(struct),
      object: spark.mapToObject(map),
      picked: spark.pick(struct, ['constructor', 'hasOwnProperty', 'valueOf']),
      top: spark.topK(map, 2, { as: 'object' }),
      entries: spark.mapToEntries(map, { key: 'toString', value: 'constructor' }),
    } })`
    const made = await runProgram(source, [
      { struct: { constructor: { name: 1 }, hasOwnProperty: 2 }, map: { toString: 1, constructor: 2 } },
    ])
    expect(fieldsOf(made.actions.payload(0))).toEqual({
      flat: { constructor_name: 1, hasOwnProperty: 2 },
      object: { toString: 1, constructor: 2 },
      picked: { constructor: { name: 1 }, hasOwnProperty: 2 },
      top: { constructor: 2, toString: 1 },
      entries: [
        { toString: 'toString', constructor: 1 },
        { toString: 'constructor', constructor: 2 },
      ],
    })
  })

  test('a program that gets all rows at once gets the same helpers', async () => {
    const source = `export default (rows, { spark }) => rows.map((row) => ({
      from: row, email: 'a@b.c', dataFields: { cents: spark.cents(row.amount) } }))`
    const made = await runProgram(source, [{ amount: '0.1' }, { amount: 4.35 }], { batch: true })
    expect([0, 1].map((index) => fieldsOf(made.actions.payload(index)))).toEqual([{ cents: 10 }, { cents: 435 }])
  })

  test('dates of the program are dates', async () => {
    const source = `export default (row, { spark, now }) => ({ email: 'a@b.c', dataFields: {
      at: spark.iterableDate(new Date()), day: spark.iterableDate(new Date(Date.UTC(2026, 2, 15))) } })`
    const made = await runProgram(source, [{}], { context: { now: 1_000 } })
    expect(fieldsOf(made.actions.payload(0))).toEqual({
      at: '1970-01-01T00:00:01.000Z',
      day: '2026-03-15T00:00:00.000Z',
    })
  })
})
