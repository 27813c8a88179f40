import { createHash } from 'node:crypto'
import { LakeloopError } from '../../errors.js'
import { TABLES } from '../store.js'
import type { PostgresClient } from './driver.js'

/** Where a store lies, and how long it may wait. */
export interface Place {
  readonly schema: string
  /** As errors name it. */
  readonly store: string
  readonly lockTimeoutMs: number
  readonly statementTimeoutMs: number
}

/** One step from a version of the schema to the next. Steps are added at the end and never changed or taken back. */
export type Migration = (schema: string) => string

/**
 * Version 1: a table `lakeloop` for facts about the schema, a table `lakeloop_writer` with the number of the last commit of
 * each handle, and one table of keys and JSON texts for each table of the contract. A table that joins the contract later
 * has the same shape and is no new version.
 */
export const MIGRATIONS: readonly Migration[] = [
  (schema) => `
    CREATE TABLE "${schema}".lakeloop (name text PRIMARY KEY, value integer NOT NULL);
    CREATE TABLE "${schema}".lakeloop_writer (id text PRIMARY KEY, n bigint NOT NULL, at timestamptz NOT NULL)`,
]

/**
 * `k` are the first 2,000 bytes of an encoded key, `r` the rest and `d` its digest: an index of Postgres takes no entry of
 * more than 2,700 bytes, and a key may have 4,096. With nearly every key `d` and `r` are empty.
 */
const TABLE = '(k bytea, d bytea, r bytea NOT NULL, v text COLLATE "C" NOT NULL, PRIMARY KEY (k, d))'

/** How many locks share the projects of a schema, so that no commit needs more. */
const SLOTS = 64
const MIGRATING = -1

/**
 * Begins a transaction that has the locks of `slots`, taken in ascending order, so that no two wait for each other.
 * `SET LOCAL`, because behind a pooler the connection is somebody else's right after.
 */
export function begin({ schema, lockTimeoutMs, statementTimeoutMs }: Place, slots: Iterable<number>): string {
  const ascending = [...new Set(slots)].sort((a, b) => a - b)
  return `BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = ${lockTimeoutMs};
    SET LOCAL statement_timeout = ${statementTimeoutMs};
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
    SELECT pg_advisory_xact_lock(${numberOf(schema)}, slot) FROM unnest('{${ascending}}'::int4[]) AS slot`
}

/** The lock of a project, or of an identity graph: the first part of a key. */
export const slotOf = (part: string): number => (numberOf(part) & 0x7fff_ffff) % SLOTS

const numberOf = (text: string): number => createHash('sha256').update(`lakeloop ${text}`).digest().readInt32BE()

/**
 * Brings a schema to this version, in one transaction and under a lock that only those who do the same take; writes
 * nothing where there is nothing to do.
 *
 * Throws  STORE_VERSION_NEWER, STORE_CORRUPT for a schema that holds other tables, STORE_FAILED for a database that is not
 *         in UTF8; and what the driver throws.
 */
export async function migrate(client: PostgresClient, place: Place, migrations = MIGRATIONS): Promise<void> {
  if (await isCurrent(client, place, migrations)) return
  await rowsOf(client, place, begin(place, [MIGRATING]))
  try {
    // Read again under the lock: another process may have done it meanwhile.
    if (!(await isCurrent(client, place, migrations))) await bringUp(client, place, migrations)
  } catch (error) {
    await rowsOf(client, place, 'ROLLBACK').catch(() => undefined)
    throw error
  }
  await rowsOf(client, place, 'COMMIT')
}

async function isCurrent(client: PostgresClient, place: Place, migrations: readonly Migration[]): Promise<boolean> {
  const present = await tablesOf(client, place)
  const version = await versionOf(client, place, present, migrations)
  return version === migrations.length && TABLES.every((table) => present.has(table))
}

async function bringUp(client: PostgresClient, place: Place, migrations: readonly Migration[]): Promise<void> {
  const { schema } = place
  const [there] = await rowsOf(client, place, 'SELECT FROM pg_namespace WHERE nspname = $1', [schema])
  const [database] = await rowsOf<{ encoding: string }>(
    client,
    place,
    "SELECT current_setting('server_encoding') AS encoding",
  )
  if (database?.encoding !== 'UTF8') throw new LakeloopError('STORE_FAILED', { problem: 'the database is not in UTF8' })
  const version = await versionOf(client, place, await tablesOf(client, place), migrations)
  const steps = [
    // Who may make tables in a schema need not be allowed to make schemas.
    ...(there === undefined ? [`CREATE SCHEMA "${schema}"`] : []),
    ...migrations.slice(version).map((step) => step(schema)),
    `INSERT INTO "${schema}".lakeloop VALUES ('version', ${migrations.length})
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    ...TABLES.map((table) => `CREATE TABLE IF NOT EXISTS "${schema}"."${table}" ${TABLE}`),
  ]
  await rowsOf(client, place, steps.join(';\n'))
}

async function tablesOf(client: PostgresClient, place: Place): Promise<ReadonlySet<string>> {
  const sql = `SELECT c.relname::text AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`
  return new Set((await rowsOf<{ name: string }>(client, place, sql, [place.schema])).map(({ name }) => name))
}

async function versionOf(
  client: PostgresClient,
  place: Place,
  present: ReadonlySet<string>,
  migrations: readonly Migration[],
): Promise<number> {
  const { schema, store } = place
  if (!present.has('lakeloop')) {
    if (present.size > 0) throw new LakeloopError('STORE_CORRUPT', { file: store })
    return 0
  }
  const sql = `SELECT value FROM "${schema}".lakeloop WHERE name = 'version'`
  const [row] = await rowsOf<{ value: number }>(client, place, sql)
  if (row === undefined) throw new LakeloopError('STORE_CORRUPT', { file: store })
  const version = Number(row.value)
  if (version > migrations.length) throw new LakeloopError('STORE_VERSION_NEWER', { file: store, version })
  return version
}

/** Longer than the server's own bound, so that where both can tell, the server does. */
const GRACE_MS = 5_000

/** The rows of what is sent as one, as its text says they look. A text of several statements takes no values. */
export async function rowsOf<Row>(
  client: PostgresClient,
  { statementTimeoutMs }: Place,
  text: string,
  values?: unknown[],
): Promise<readonly Row[]> {
  const answer = await client.query({ text, query_timeout: statementTimeoutMs + GRACE_MS, ...(values && { values }) })
  return [answer].flat().flatMap(({ rows }) => rows as Row[])
}
