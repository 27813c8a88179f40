import { Pool } from 'pg'
import { afterAll, describe, test } from 'vitest'
import { PostgresStore } from '../../src/stores/postgres.js'
import type { Store } from '../../src/stores/store.js'
import { conformance, storeConformance, storeReopenConformance } from '../../src/testing/index.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'

const connectionString = await sharedPostgres()
const pool = new Pool({ connectionString, max: 6 })
afterAll(() => pool.end())

let last = ''
const KINDS: readonly (readonly [string, () => Promise<Store>])[] = [
  ['PostgresStore', async () => new PostgresStore({ connectionString, schema: last })],
  ["PostgresStore on the host's pool", async () => new PostgresStore({ pool, schema: last })],
]

describe.skipIf(connectionString === undefined).each(KINDS)('%s', (_, reopen) => {
  const open = async (): Promise<Store> => {
    last = freshSchema()
    return await reopen()
  }
  conformance({ test }, storeConformance, open)
  for (const { name, run } of storeReopenConformance) test(name, () => run({ open, reopen }))
})
