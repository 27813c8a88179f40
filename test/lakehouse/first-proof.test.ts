import { DatabricksSource } from 'lakeloop'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Admin, lakeOptions, readAll } from './lake.js'

/** The query of the README, letter by letter. */
const QUERY = `SELECT user_id, email, churn_risk_score::DOUBLE AS churn_risk_score, account_tier, last_active_date, updated_at
            FROM catalog.analytics.user_churn_scores WHERE updated_at > DATEADD(DAY, -1, CURRENT_DATE())`

const admin = new Admin()

beforeAll(async () => {
  await admin.schema('analytics')
  await admin.runAll(
    `CREATE TABLE catalog.analytics.user_churn_scores (user_id STRING, email STRING, churn_risk_score DECIMAL(4,3),
       account_tier STRING, last_active_date DATE, updated_at TIMESTAMP) USING DELTA`,
    `INSERT INTO catalog.analytics.user_churn_scores VALUES
       ('u-1', 'one@example.com', 0.82, 'enterprise', DATE '2026-03-15', current_timestamp()),
       ('u-2', 'two@example.com', 0.125, NULL, NULL, current_timestamp() - INTERVAL 2 HOURS),
       ('u-3', 'three@example.com', 0.5, 'free', DATE '2026-03-01', current_timestamp() - INTERVAL 3 DAYS)`,
  )
})
afterAll(() => admin.close())

test('reads the rows of the last day of a real Delta table through the unmodified driver, exactly', async () => {
  const source = new DatabricksSource({ ...lakeOptions(), query: QUERY, key: ['user_id'], changedAt: 'updated_at' })
  const { rows, pages } = await readAll(source)
  await source.close()
  const sorted = rows.sort((a, b) => (String(a.user_id) < String(b.user_id) ? -1 : 1))
  expect(sorted.map(({ updated_at, ...row }) => row)).toEqual([
    {
      user_id: 'u-1',
      email: 'one@example.com',
      churn_risk_score: 0.82,
      account_tier: 'enterprise',
      last_active_date: '2026-03-15',
    },
    { user_id: 'u-2', email: 'two@example.com', churn_risk_score: 0.125, account_tier: null, last_active_date: null },
  ])
  for (const { updated_at } of sorted) expect(updated_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  expect(pages[0]?.schema.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'user_id string',
    'email string',
    'churn_risk_score double',
    'account_tier string',
    'last_active_date date',
    'updated_at timestamp',
  ])
  expect(pages[0]?.mode).toBe('changes')
})

test.each(['main.analytics.user_churn_scores', 'catalog.analytics.user_churn_scores'])('reads %s', async (table) => {
  const source = new DatabricksSource({ ...lakeOptions(), table, key: ['user_id'], changes: 'snapshot' })
  const { rows } = await readAll(source)
  await source.close()
  expect(rows.map(({ user_id, churn_risk_score }) => [user_id, churn_risk_score])).toEqual([
    ['u-1', 0.82],
    ['u-2', 0.125],
    ['u-3', 0.5],
  ])
})
