import { DuckDBInstance } from '@duckdb/node-api'
import { describe, test } from 'vitest'
import type { Row } from '../../src/model/row.js'
import { DuckDbSource } from '../../src/sources/duckdb.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { conformance, type SourceSetup, sourceConformance } from '../../src/testing/index.js'
import { DAY, NOW, pagesOf, rowsOf, stage } from '../collect/export-stage.js'

const rows: Row[] = Array.from({ length: 7 }, (_, n) => ({ id: `c-${n}`, score: n / 8, tags: [`t${n}`] }))

async function* stream(): AsyncGenerator<Row> {
  yield* rows
}

async function duckdb(order: boolean, complete = false): Promise<SourceSetup> {
  const database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  await connection.run(
    "CREATE TABLE scores AS SELECT 'c-' || n AS id, (n / 8)::DOUBLE AS score, ['t' || n] AS tags FROM range(7) AS t(n)",
  )
  connection.closeSync()
  const query = 'SELECT id, score, tags FROM scores'
  const options = { name: 'scores', database, query, key: ['id'], complete }
  const source = new DuckDbSource({ ...options, ...(order ? { order: 'key' } : {}) })
  return { source, rows, ordered: order }
}

/** Seven opens on four days, with days between them on which nothing happened. */
async function exported(): Promise<SourceSetup> {
  const made = () => {
    const staged = stage()
    for (let n = 0; n < 7; n += 1)
      staged.open(NOW - (n % 4) * 2 * DAY - DAY + n * 1_000, { email: `c-${n}@example.com` })
    return staged.source
  }
  return { source: made(), rows: rowsOf(await pagesOf(made())), ordered: false }
}

const sources: Readonly<Record<string, () => Promise<SourceSetup>>> = {
  'RowsSource over an array': async () => ({
    source: new RowsSource({ name: 'scores', rows, key: ['id'] }),
    rows,
    ordered: true,
  }),
  'RowsSource over an array that is a whole audience': async () => ({
    source: new RowsSource({ name: 'scores', rows, key: ['id'], complete: true }),
    rows,
    ordered: true,
  }),
  'RowsSource over a stream that is made anew': async () => ({
    source: new RowsSource({ name: 'scores', rows: stream }),
    rows,
    ordered: false,
  }),
  'DuckDbSource in the order of its key': () => duckdb(true),
  'DuckDbSource in the order of its key, a whole audience': () => duckdb(true, true),
  'DuckDbSource over a bare query': () => duckdb(false),
  'IterableExport over days, some of them empty': exported,
}

describe.each(Object.entries(sources))('%s', (_, make) => {
  conformance({ test }, sourceConformance, make)
})
