import fc from 'fast-check'
import { Pool } from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { isLakeloopError } from '../../src/errors.js'
import type { Json } from '../../src/model/value.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { PostgresStore } from '../../src/stores/postgres.js'
import type { Key, Op, Range, Store } from '../../src/stores/store.js'
import { holds, script } from '../history/history-stage.js'
import { samePeople, step } from '../identity/same-people.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'

/** A tenth of what laws in memory run: each has a schema of its own. A failure prints its seed, LAW_SEED runs it again. */
const numRuns = Math.ceil(Number(process.env.LAW_RUNS ?? 100) / 10)
const law = {
  numRuns,
  endOnFailure: true,
  ...(process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }),
}

const connectionString = await sharedPostgres()
const pool = new Pool({ connectionString, max: 4 })
afterAll(() => pool.end())

/** Does the same in memory and in Postgres. */
async function inBoth(work: (memory: Store, postgres: Store) => Promise<void>): Promise<void> {
  const [memory, postgres] = [new MemoryStore(), new PostgresStore({ pool, schema: freshSchema() })]
  await work(memory, postgres).finally(() => postgres.close())
}

const codeOf = (error: unknown): unknown => (isLakeloopError(error) ? [error.code, error.facts] : error)

const part = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'é', '\0', '\u0001', '\u0002', '\uffff', '😀', "'", '\\x61', '"') },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom('y'.repeat(1_999), `${'y'.repeat(1_999)}z`, 'é'.repeat(1_010)) },
)
const key: fc.Arbitrary<Key> = fc.array(part, { minLength: 1, maxLength: 2 })
const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>
const value = fc.oneof({ weight: 3, arbitrary: fc.constantFrom<Json>(1, 2) }, { weight: 1, arbitrary: json })
const table = fc.constantFrom('run', 'deadLetter')
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('put'), table, key, value }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('delete'), table, key }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('check'), table, key, is: fc.option(value, { nil: undefined }) }),
  },
)
const range: fc.Arbitrary<Range> = fc.record({
  prefix: fc.oneof(fc.constant([]), key),
  after: fc.option(key, { nil: undefined }),
  limit: fc.integer({ min: 1, max: 6 }),
})

describe.skipIf(connectionString === undefined)('PostgresStore', () => {
  test('gives and throws what MemoryStore does, whatever is done to both', async () => {
    const step = fc.record({ ops: fc.array(op, { maxLength: 8 }), table, keys: fc.array(key, { maxLength: 4 }), range })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) =>
        inBoth(async (memory, postgres) => {
          for (const { ops, table, keys, range } of steps) {
            const ends = [memory, postgres].map((store) => store.commit(ops).catch(codeOf))
            const [inMemory, inPostgres] = await Promise.all(ends)
            expect(inPostgres).toEqual(inMemory)
            expect(await postgres.get(table, keys)).toEqual(await memory.get(table, keys))
            expect(await postgres.scan(table, range)).toEqual(await memory.scan(table, range))
          }
          for (const each of ['run', 'deadLetter'] as const) {
            const all = { prefix: [], limit: 10_000 }
            expect(await postgres.scan(each, all)).toEqual(await memory.scan(each, all))
          }
        }),
      ),
      law,
    )
  })

  test('G5 [I5] has the same people in it as MemoryStore, entry for entry, whatever is done to a graph', async () => {
    const steps = fc.array(step, { minLength: 2, maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(steps, (all) => inBoth((memory, postgres) => samePeople([memory, postgres], all))),
      law,
    )
  })

  test('history answers as plain arrays of all pages do, whatever was folded, pruned, erased, and whenever a process died', {
    timeout: 60_000 + 10_000 * numRuns,
  }, async () => {
    const inPostgres = fc.asyncProperty(script, async (one) => {
      const store = new PostgresStore({ pool, schema: freshSchema() })
      await holds(one, store).finally(() => store.close())
    })
    await fc.assert(inPostgres, law)
  })
})
