import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Pool } from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import type { Json } from '../../src/model/value.js'
import { MIGRATIONS } from '../../src/stores/postgres/schema.js'
import { PostgresStore } from '../../src/stores/postgres.js'
import type { Key, Table } from '../../src/stores/store.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'

const url = await sharedPostgres()
const pool = new Pool({ connectionString: url, max: 2 })
afterAll(() => pool.end())

const FOLDER = join(import.meta.dirname, '../golden/postgres')
const versions = readdirSync(FOLDER).flatMap((file) => /^(v\d+)\.sql$/.exec(file)?.[1] ?? [])

/** Columns and keys of every table, in words that name no schema. */
async function shapeOf(schema: string): Promise<Map<string, string>> {
  const columns = `SELECT table_name AS name, string_agg(concat_ws(' ', column_name, data_type, is_nullable, collation_name),
      ', ' ORDER BY ordinal_position) AS shape FROM information_schema.columns WHERE table_schema = $1 GROUP BY 1`
  const keys = `SELECT conrelid::regclass::text AS name, string_agg(pg_get_constraintdef(oid), ', ') AS shape
    FROM pg_constraint WHERE connamespace = $1::regnamespace AND contype = 'p' GROUP BY 1`
  const shape = new Map<string, string>()
  for (const sql of [columns, keys]) {
    for (const row of (await pool.query<{ name: string; shape: string }>(sql, [schema])).rows) {
      const name = row.name.replace(/^.*\./, '').replaceAll('"', '')
      shape.set(name, `${shape.get(name) ?? ''} ${row.shape}`)
    }
  }
  return shape
}

describe.skipIf(url === undefined)('a schema that an earlier version of PostgresStore wrote', () => {
  test('is kept of every version', () => {
    expect(versions).toEqual(MIGRATIONS.map((_, nth) => `v${nth + 1}`))
  })

  test.each(versions)('%s opens, with all that is in it, and has the shape of a new one', async (version) => {
    const [schema, fresh] = [freshSchema(), freshSchema()]
    const sql = readFileSync(join(FOLDER, `${version}.sql`), 'utf8')
    await pool.query(sql.replaceAll('golden.', `${schema}.`).replace('SCHEMA golden;', `SCHEMA ${schema};`))
    const expected = JSON.parse(readFileSync(join(FOLDER, `${version}.json`), 'utf8')) as {
      readonly table: Table
      readonly key: Key
      readonly value: Json
    }[]
    const [old, made] = [schema, fresh].map((name) => new PostgresStore({ pool, schema: name })) as [
      PostgresStore,
      PostgresStore,
    ]
    for (const table of new Set(expected.map((entry) => entry.table))) {
      const entries = expected.filter((entry) => entry.table === table).map(({ key, value }) => ({ key, value }))
      await made.commit(entries.map((entry) => ({ op: 'put', table, ...entry })))
      const inOrder = await made.scan(table, { prefix: [], limit: 100 })
      expect(inOrder).toEqual(expect.arrayContaining(entries))
      expect(await old.scan(table, { prefix: [], limit: 100 })).toEqual(inOrder)
    }
    await old.commit(expected.map(({ table, key, value }) => ({ op: 'check', table, key, is: value })))
    await old.commit(expected.map(({ table, key }) => ({ op: 'delete', table, key })))
    expect(await shapeOf(schema)).toEqual(await shapeOf(fresh))
    await Promise.all([old.close(), made.close()])
  })
})
