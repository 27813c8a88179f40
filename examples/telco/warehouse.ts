// A warehouse in this process: DuckDB with the tables of the churn use case, and what happens to them over time.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { Source } from 'lakeloop'
import { DuckDbSource } from 'lakeloop/sources/duckdb'
import { evidence } from './recipe.js'
import { scores } from './scores.js'

const SCORE_COLUMNS = `{
  user_id: 'VARCHAR', email: 'VARCHAR', churn_risk_score: 'DOUBLE', account_tier: 'VARCHAR',
  feature_importance: 'STRUCT(constant DOUBLE, contract DOUBLE, tenure DOUBLE, internet DOUBLE, payment DOUBLE, paperless DOUBLE, online_security DOUBLE, tech_support DOUBLE)',
  reasons: 'VARCHAR[]', category_encoding: 'MAP(VARCHAR, INTEGER)',
  monthly_charges: 'DECIMAL(8,2)', total_charges: 'DECIMAL(10,2)', last_active_date: 'DATE', updated_at: 'TIMESTAMP' }`

const CONTACT_COLUMNS = `{
  source: 'VARCHAR', key: 'VARCHAR', observed_at: 'TIMESTAMP',
  customer_id: 'VARCHAR', user_id: 'VARCHAR', email: 'VARCHAR', phone: 'VARCHAR' }`

/** What a query is read by, whichever warehouse it is in. */
export interface QueryOptions {
  readonly name: string
  readonly query: string
  readonly key?: readonly string[]
  readonly changedAt?: string
  readonly complete?: boolean
  readonly order?: 'key'
}

export interface Warehouse {
  /** Rows of a query, in it. */
  source(options: QueryOptions): Source
  /** The model ran again: 1,531 rows get a new `updated_at`. */
  secondModelRun(): Promise<void>
  /** A data scientist adds two columns and renames `churn_risk_score` to `churn_probability`. */
  dataScientistsChange(): Promise<void>
  close(): Promise<void>
}

/** `analytics.user_churn_scores` after the first model run, and `crm.contacts` with all 14,176 records. */
export async function openWarehouse(): Promise<Warehouse> {
  const database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  await connection.run('CREATE SCHEMA analytics; CREATE SCHEMA crm')
  await load(connection, 'analytics.user_churn_scores', SCORE_COLUMNS, scores(1))
  await load(connection, 'crm.contacts', CONTACT_COLUMNS, contacts())
  return {
    source: (options) => new DuckDbSource({ ...options, database }),
    secondModelRun: () => load(connection, 'analytics.user_churn_scores', SCORE_COLUMNS, scores(2)),
    dataScientistsChange: async () => {
      await connection.run(`
        ALTER TABLE analytics.user_churn_scores ADD COLUMN model_version VARCHAR DEFAULT 'v2';
        ALTER TABLE analytics.user_churn_scores ADD COLUMN expected_months DOUBLE;
        ALTER TABLE analytics.user_churn_scores RENAME COLUMN churn_risk_score TO churn_probability`)
    },
    close: async () => {
      connection.closeSync()
      database.closeSync()
    },
  }
}

async function load(
  connection: DuckDBConnection,
  table: string,
  columns: string,
  rows: readonly object[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lakeloop-warehouse-'))
  const file = join(folder, 'rows.ndjson')
  try {
    await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await connection.run(
      `CREATE OR REPLACE TABLE ${table} AS SELECT * FROM read_json('${file}', format = 'newline_delimited', columns = ${columns})`,
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The evidence of the recipe as rows: one column for each namespace. */
export function contacts(): readonly object[] {
  return evidence().map(({ source, key, observedAt, ids }) => ({
    source,
    key,
    observed_at: observedAt,
    ...Object.fromEntries(ids.map(({ namespace, value }) => [namespace, value])),
  }))
}
