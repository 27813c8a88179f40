import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isLakeloopError, type LakeloopError } from '../../src/errors.js'
import { rowBlock } from '../../src/model/row.js'
import type { JsonObject } from '../../src/model/value.js'
import { Transform, type Transformed } from '../../src/transform/transform.js'
import { CASES, type Case } from './isolation-programs.js'
import { fatesOf } from './programs.js'

const ISOLATIONS = ['process', 'thread', 'none'] as const

/** Everything that a caller can see of what was made, payloads as the bytes that they are. */
function seen({ actions, rows, logs }: Transformed): string {
  const all = Array.from({ length: actions.length }, (_, at) => [
    actions.kind(at),
    actions.row(at),
    actions.key(at),
    actions.identifiers(at),
    actions.detail(at),
    [...actions.shape(at).fields],
    Buffer.from(actions.payload(at)).toString('latin1'),
  ])
  return JSON.stringify({ all, rows, logs }, null, 1)
}

async function endOf(one: Case, isolation: (typeof ISOLATIONS)[number]): Promise<{ ends: Case['ends']; seen: string }> {
  const { name: _, source, rows = [], context, ends: __, refused, ...options } = one
  const transform = Transform.fromText(source, { name: 'churn.js', ...options, isolation })
  try {
    const facts = await transform.prepare()
    const made = await transform.run({ rows: rowBlock(rows, { refused }) }, { now: 0, ...context })
    return { ends: fatesOf(made), seen: JSON.stringify(facts) + seen(made) }
  } catch (error) {
    if (!isLakeloopError(error)) throw error
    return { ends: error.code, seen: (error as LakeloopError).message }
  } finally {
    await transform.close()
  }
}

describe('the three isolations end alike [I9]', () => {
  // A thread and a context of the host have the host's zone; a process of its own is given UTC.
  const { TZ } = process.env
  beforeAll(() => {
    process.env.TZ = 'Australia/Lord_Howe'
  })
  afterAll(() => {
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  })

  test('the host is in a zone of its own', () => {
    expect(new Date(0).getTimezoneOffset()).toBe(-600)
  })

  test.each(CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const process = await endOf(one, 'process')
    expect(process.ends).toEqual(one.ends)
    for (const isolation of ['thread', 'none'] as const) expect(await endOf(one, isolation)).toEqual(process)
  })
})

describe('the three isolations and a plain call agree byte for byte [I9]', () => {
  /** As text: each is evaluated here, and is the program there. */
  const TABLE = [
    "(row) => ({ email: 'a', dataFields: row })",
    "(row) => ({ email: 'a', dataFields: { ...row, more: [row, { row }] } })",
    "(row) => ({ email: 'a', dataFields: Object.fromEntries(Object.entries(row).reverse()) })",
    "(row) => ({ email: 'a', dataFields: { keys: Object.keys(row).sort(), text: JSON.stringify(row) } })",
    "(row) => ({ email: 'a', dataFields: { v: Object.values(row).map((v) => typeof v === 'string' ? v.normalize('NFC').toUpperCase() : typeof v === 'number' ? Math.round(v * 100) / 100 : v) } })",
    "async (row) => { const all = []; for (const k in row) all.push(await row[k]); return { email: 'a', dataFields: { all, n: all.length } } }",
    "(row) => ({ email: 'a', dataFields: { d: Object.values(row).filter((v) => typeof v === 'number').map((v) => new Date(Math.trunc(v)).getTime()).filter(Number.isFinite) } })",
    "({ ...rest }) => ({ email: 'a', dataFields: structure(rest) }); function structure(v) { return typeof v !== 'object' || v === null ? v : Array.isArray(v) ? v.flat().map(structure) : Object.fromEntries(Object.entries(v).map(([k, w]) => [k, structure(w)])) }",
  ]
  const plain = TABLE.map((text) => {
    const [first, ...rest] = text.split('; function ')
    return new Function(`${rest.map((one) => `function ${one}`).join('\n')}\nreturn ${first}`)() as (
      row: JsonObject,
    ) => Promise<{ dataFields: JsonObject }>
  })
  const open: Transform[][] = []
  beforeAll(() => {
    for (const text of TABLE) {
      open.push(ISOLATIONS.map((isolation) => Transform.fromText(`export default ${text}`, { isolation })))
    }
  })
  afterAll(async () => {
    await Promise.all(open.flat().map((transform) => transform.close()))
  })

  const value = fc.jsonValue({ maxDepth: 3 }).filter((json) => !JSON.stringify(json).includes('__proto__'))
  const name = fc.string({ unit: 'binary' }).filter((text) => text !== '__proto__')
  const row = fc.dictionary(name, value, { noNullPrototype: true })
  const seed = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

  test('random rows through a table of programs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), fc.nat(TABLE.length - 1), async (rows, pick) => {
        const exact = JSON.parse(JSON.stringify(rows)) as JsonObject[]
        const expected = await Promise.all(exact.map((one) => plain[pick]?.(one)))
        const page = { rows: rowBlock(exact) }
        const all: string[] = []
        for (const transform of open[pick] ?? []) {
          const made = await transform.run(page, { now: 0, nulls: 'remove' })
          expect(fatesOf(made)).toEqual(exact.map(() => 1))
          const payloads = exact.map((_, at) => Buffer.from(made.actions.payload(at)).toString())
          expect(payloads).toEqual(expected.map((one) => Buffer.from(JSON.stringify(one?.dataFields)).toString()))
          all.push(seen(made))
        }
        expect(all).toHaveLength(ISOLATIONS.length)
        expect(new Set(all).size).toBe(1)
      }),
      { numRuns: Number(process.env.LAW_RUNS ?? 100), ...seed },
    )
  })
})
