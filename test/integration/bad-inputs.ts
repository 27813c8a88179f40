import { join } from 'node:path'
import type { LakeloopError, RunReport } from 'lakeloop'
import { DuckDbSource } from 'lakeloop/sources/duckdb'
import { SqliteStore } from 'lakeloop/stores/sqlite'
import { findDriver, type SqliteDriver } from '../../src/stores/sqlite/driver.js'
import { libsqlPlace } from '../../src/stores/sqlite/place.js'
import type { Stage } from './stage.js'

/** What the host gets: an error that was thrown, or the report of a run. */
export type Got = LakeloopError | RunReport

const list = (name: string): string => `export default (row) => {
  const identifiers = { email: row.email }
  return [
    { kind: 'profile', identifiers, dataFields: { tier: row.tier } },
    { kind: 'membership', list: ${name}, identifiers, member: true },
  ]
}`

async function query(stage: Stage, sql: string): Promise<RunReport> {
  const source = new DuckDbSource({ name: 'scores', query: sql, key: ['id'] })
  try {
    return await stage.play({ source })
  } finally {
    await source.close()
  }
}

/** Runs with a store whose file is opened, and made bad, by `spoil`. */
async function spoiled(stage: Stage, spoil: (path: string, open: (path: string) => SqliteDriver) => SqliteStore) {
  await stage.store.get('run', [['x']]) // makes the file
  const path = join(stage.folder, 'lakeloop.db')
  const store = spoil(path, findDriver(libsqlPlace()))
  try {
    return await stage.play({ store })
  } finally {
    await store.close()
  }
}

/** Bad input by name, and how it reaches lakeloop. In each the canary is the first row, and the key that is used. */
export const BAD_INPUT = {
  'no credentials': async (stage) => (await stage.attempt(() => stage.destination(''))) as LakeloopError,

  'credentials that the vault does not give': (stage) =>
    stage.play({
      apiKey: () => {
        throw new Error(`no grant for ${stage.canary.apiKey}`)
      },
    }),

  'a query with a syntax error': (stage) =>
    query(stage, `SELECT *\nFORM scores WHERE email = '${stage.canary.email}' AND tier = '${stage.canary.value}'`),

  'a query that casts what it cannot': (stage) =>
    query(
      stage,
      `SELECT 'c-1' AS id, '${stage.canary.email}' AS email, CAST(CAST('${stage.canary.value}' AS INT) AS VARCHAR) AS tier`,
    ),

  'a missing table': (stage) =>
    query(
      stage,
      `SELECT * FROM analytics.scores WHERE email = '${stage.canary.email}' AND tier = '${stage.canary.value}'`,
    ),

  'a transform that throws': (stage) =>
    stage.play({
      transform: `export default (row) => {
        if (row.id === 'c-1') throw new TypeError('cannot read ' + row.email + ' of ' + row.tier)
        return { identifiers: { email: row.email }, dataFields: { tier: row.tier } }
      }`,
    }),

  'a transform that does not parse': (stage) =>
    stage.play({
      transform: `const vip = '${stage.canary.email}'\nexport default (row) => ({ tier: '${stage.canary.value}' ]`,
    }),

  'an unknown list': (stage) => stage.play({ transform: list(`row.id === 'c-1' ? 'vip' : 'news'`) }),

  'a row without any identifier': (stage) => stage.play({ rows: stage.rows({ id: null, email: null }) }),

  'an email such as none': (stage) => stage.play({ rows: stage.rows({ id: null, email: 'none' }) }),

  'an email that is none': (stage) =>
    stage.play({ rows: stage.rows({ id: null, email: stage.canary.email.replace('@', ' at ') }) }),

  'an email such as none, of a known customer': (stage) => stage.play({ rows: stage.rows({ email: 'none' }) }),

  'a value of the wrong type for an existing field': (stage) =>
    stage.play({
      transform: `export default (row) => ({
        identifiers: { email: row.email },
        dataFields: { score: row.id === 'c-1' ? row.tier : 0.5 },
      })`,
    }),

  'a locked database file': (stage) =>
    spoiled(stage, (path, open) => {
      const other = open(path)
      other.exec('BEGIN IMMEDIATE')
      return new SqliteStore({ path, busyTimeoutMs: 40, driver: (file) => closingWith(open(file), other) })
    }),

  // What a file without the right to write answers; test/integration/sqlite-processes.test.ts has a real one.
  'a read-only database file': (stage) =>
    spoiled(stage, (path, open) => {
      const driver = (file: string): SqliteDriver => {
        const opened = open(file)
        opened.exec('PRAGMA query_only = ON')
        return opened
      }
      return new SqliteStore({ path, driver })
    }),
} as const satisfies Record<string, (stage: Stage) => Promise<Got>>

export type BadInput = keyof typeof BAD_INPUT

/** The same driver, which takes `other` along when it is closed. */
const closingWith = (driver: SqliteDriver, other: SqliteDriver): SqliteDriver => ({
  exec: (sql) => driver.exec(sql),
  prepare: (sql) => driver.prepare(sql),
  close: () => {
    other.close()
    driver.close()
  },
})
