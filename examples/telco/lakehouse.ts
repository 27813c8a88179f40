// The same warehouse on real Spark and Delta: the engine of the tests, which `npm run lakehouse:setup` installs.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DBSQLClient } from '@databricks/sql'
import { DatabricksSource } from 'lakeloop'
import { notSetUp, running, startEngine } from '../../test/lakehouse/engine.js'
import { scores } from './scores.js'
import { contacts, type Warehouse } from './warehouse.js'

const SCORE_COLUMNS = `user_id STRING, email STRING, churn_risk_score DOUBLE, account_tier STRING,
  feature_importance STRUCT<constant: DOUBLE, contract: DOUBLE, tenure: DOUBLE, internet: DOUBLE, payment: DOUBLE, paperless: DOUBLE, online_security: DOUBLE, tech_support: DOUBLE>,
  reasons ARRAY<STRING>, category_encoding MAP<STRING, INT>,
  monthly_charges DECIMAL(8,2), total_charges DECIMAL(10,2), last_active_date DATE, updated_at TIMESTAMP_NTZ`

const CONTACT_COLUMNS = `source STRING, key STRING, observed_at STRING,
  customer_id STRING, user_id STRING, email STRING, phone STRING`

const PROPERTIES = "'delta.columnMapping.mode' = 'name', 'delta.feature.timestampNtz' = 'supported'"

/** `analytics.user_churn_scores` and `crm.contacts` as Delta tables, behind the driver. */
export async function openLakehouse(): Promise<Warehouse> {
  const problem = notSetUp()
  if (problem !== undefined) {
    process.stderr.write(`The lakehouse is ${problem}\n`)
    process.exit(1)
  }
  const found = running()
  const started = found === undefined ? await startEngine() : undefined
  const { port, token, ca } = found ?? (started as NonNullable<typeof started>)
  const reach = { host: 'localhost', port, customCaCert: ca }
  const httpPath = '/sql/1.0/warehouses/lake'
  const client = new DBSQLClient({ logger: { log: () => undefined } })
  await client.connect({ ...reach, path: httpPath, token, telemetryEnabled: false })
  const session = await client.openSession({ configuration: { TIMEZONE: 'UTC' } })
  const run = async (...statements: readonly string[]): Promise<void> => {
    for (const statement of statements) {
      const operation = await session.executeStatement(statement)
      await operation.finished()
      await operation.close()
    }
  }
  const load = (table: string, columns: string, rows: readonly object[], select = 'row.*') =>
    withFile(rows, (file) =>
      run(`CREATE OR REPLACE TABLE ${table} TBLPROPERTIES (${PROPERTIES}) AS
      SELECT ${select} FROM (SELECT from_json(value, '${columns}') AS row FROM text.\`${file}\`)`),
    )
  await run('CREATE SCHEMA IF NOT EXISTS analytics', 'CREATE SCHEMA IF NOT EXISTS crm')
  await load('analytics.user_churn_scores', SCORE_COLUMNS, scores(1))
  // from_json reads no time without a clock, a cast does
  await load(
    'crm.contacts',
    CONTACT_COLUMNS,
    contacts(),
    'row.* EXCEPT (observed_at), CAST(row.observed_at AS TIMESTAMP_NTZ) AS observed_at',
  )
  return {
    source: (options) =>
      new DatabricksSource({ ...options, ...reach, httpPath, allowPrivateHost: true, auth: { token } }),
    secondModelRun: () => load('analytics.user_churn_scores', SCORE_COLUMNS, scores(2)),
    dataScientistsChange: () =>
      run(
        'ALTER TABLE analytics.user_churn_scores ADD COLUMNS (model_version STRING, expected_months DOUBLE)',
        'ALTER TABLE analytics.user_churn_scores RENAME COLUMN churn_risk_score TO churn_probability',
      ),
    close: async () => {
      await session.close()
      await client.close()
      await started?.stop()
    },
  }
}

async function withFile(rows: readonly object[], use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lakeloop-lakehouse-'))
  const file = join(folder, 'rows.ndjson')
  try {
    await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await use(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}
