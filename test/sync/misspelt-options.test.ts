import { describe, expect, test } from 'vitest'
import { IterableExport } from '../../src/collect/index.js'
import {
  DatabricksSource,
  IdentityResolver,
  IterableDestination,
  ListDeltaComputer,
  MemoryStore,
  RowsSource,
  Sync,
  type SyncOptions,
  Transform,
} from '../../src/index.js'
import { DuckDbSource } from '../../src/sources/duckdb.js'
import { PostgresStore } from '../../src/stores/postgres.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { observe } from '../../src/telemetry/index.js'
import { FakeIterable } from '../../src/testing/index.js'
import { RecordingDestination } from './recording-destination.js'

const store = new MemoryStore()
const iterable = { project: 'p', apiKey: 'key-canary', dataCenter: 'us', projectType: 'email' } as const
const rows = { name: 'rows', rows: [], key: ['id'] }
const databricks = { host: 'a.cloud.databricks.com', httpPath: '/sql/1', auth: { token: 'key-canary' }, table: 'a.b.c' }

const identity = new IdentityResolver({ store, target: 'email', namespaces: {} })
const sync = (more: object = {}): Sync =>
  new Sync({
    name: 'sync',
    source: new RowsSource(rows),
    transform: Transform.fromText('export default () => []'),
    identity: new IdentityResolver({ store, target: 'email', namespaces: {} }),
    lists: new ListDeltaComputer({ store }),
    destination: new RecordingDestination(),
    store,
    ...more,
  } as SyncOptions)

async function first(told: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of told) return
}

/** What is called with options that somebody misspelt, or left out, and what is said about them. */
const SAID: readonly (readonly [what: string, how: () => unknown, said: string])[] = [
  ['Sync', () => sync({ settelMs: 0 }), 'settelMs is not an option (perhaps settleMs)'],
  ['drift', () => sync({ drift: { aded: 'stop' } }), 'drift.aded is not an option (perhaps added)'],
  ['history', () => sync({ history: { outcome: 'plain' } }), 'history.outcome is not an option (perhaps outcomes)'],
  ['a destination left out', () => sync({ destination: undefined }), 'destination has no open, close'],
  ['an enum', () => sync({ nulls: 'delete' }), 'nulls is not valid: invalid option: expected one of "omit"|"remove"'],
  ['run', () => sync().run({ sginal: undefined } as never), 'sginal is not an option (perhaps signal)'],
  ['replay', () => sync().replay({} as never), 'deadLetters is missing'],
  ['types', () => sync().types({ fil: 'a.d.ts' } as never), 'fil is not an option (perhaps file)'],
  ['outcomes', () => first(sync().outcomes({ persn: {} } as never)), 'persn is not an option (perhaps person)'],
  ['history()', () => sync().history({ limt: 1 } as never), 'limt is not an option (perhaps limit)'],
  ['history() of none', () => sync().history({ limit: 0 }), 'limit is not valid: too small: expected number to be >=1'],
  ['batches()', () => first(sync().batches({} as never)), 'runId is missing'],
  [
    'erase',
    () => sync().erase({ email: 'a@x.example' }, { lande: [] } as never),
    'lande is not an option (perhaps landed)',
  ],
  [
    'letters of a replay',
    () => sync().replay({ deadLetters: { reasn: 'X' } } as never),
    'deadLetters.reasn is not an option (perhaps reason)',
  ],
  [
    'letters of a replay that says nothing',
    () => sync().replay({ deadLetters: {} } as never),
    "deadLetters says nothing: 'all' is a word of its own",
  ],
  ['letters', () => first(sync().deadLetters({ runid: 'r' } as never)), 'query.runid is not an option (perhaps runId)'],
  [
    'ingest',
    () => identity.ingest(new RowsSource(rows), { identifiers: { email: 'email' } }, { gard: {} } as never),
    'gard is not an option (perhaps guard)',
  ],
  [
    'ingest of no source',
    () => identity.ingest([] as never, { identifiers: { email: 'email' } }),
    'source is no Source',
  ],
  [
    'the mapping of an ingest',
    () => identity.ingest(new RowsSource(rows), { identifiers: { email: 'email' }, observdAt: 'x' } as never),
    'mapping.observdAt is not an option (perhaps observedAt)',
  ],
  [
    'a time that is no text',
    () => identity.observe([{ source: 's', key: 'k', observedAt: new Date(0), ids: [] }] as never),
    'records is no list of',
  ],
  [
    'an export',
    () => new IterableExport({ project: 'p', apiKey: 'k', dataCenter: 'us', dataType: 'user', form: '2026' } as never),
    'form is not an option (perhaps from)',
  ],
  ['observe', () => observe(sync(), { loger: console } as never), 'loger is not an option (perhaps logger)'],
  ['observe of nothing', () => observe(undefined as never), 'sync has no on, off'],
  ['lists', () => new ListDeltaComputer({ store, gard: {} } as never), 'gard is not an option (perhaps guard)'],
  [
    'the guard of lists',
    () => new ListDeltaComputer({ store, guard: { removedShareMaxx: 0.5 } } as never),
    'guard.removedShareMaxx is not an option (perhaps removedShareMax)',
  ],
  ['lists without a store', () => new ListDeltaComputer({} as never), 'store is no store'],
  ['rows', () => new RowsSource({ ...rows, keys: ['id'] } as never), 'keys is not an option (perhaps key)'],
  ['rows of an object', () => new RowsSource({ ...rows, rows: {} } as never), 'rows is no array, no iterable and no'],
  ['DuckDB', () => new DuckDbSource({ query: 'SELECT 1', kye: [] } as never), 'kye is not an option (perhaps key)'],
  ['DuckDB by key', () => new DuckDbSource({ query: 'SELECT 1', order: 'key' }), 'order needs a key'],
  [
    'Databricks',
    () => new DatabricksSource({ ...databricks, change: 'feed' } as never),
    'change is not an option (perhaps changes)',
  ],
  ['SQLite', () => new SqliteStore({ path: 'a', busyTimeout: 1 } as never), 'busyTimeout is not an option'],
  ['Postgres', () => new PostgresStore({ poolMx: 1 } as never), 'poolMx is not an option (perhaps poolMax)'],
  [
    'Transform',
    () => Transform.fromText('', { timeoutMS: 1 } as never),
    'timeoutMS is not an option (perhaps timeoutMs)',
  ],
  ['map', () => Transform.map({ identifier: {} } as never), 'map.identifier is not an option (perhaps identifiers)'],
  [
    'Iterable',
    () => new IterableDestination({ ...iterable, lists: { creat: true } } as never),
    'lists.creat is not an option (perhaps create)',
  ],
  [
    'a fake',
    () => new FakeIterable({ projectTyp: 'email' } as never),
    'projectTyp is not an option (perhaps projectType)',
  ],
  [
    'preview',
    () => new IdentityResolver({ store, target: 'email', namespaces: {} }).preview(undefined, { sample: 1 } as never),
    'sample is not an option (perhaps samples)',
  ],
]

describe('an option that is misspelt is not taken for a default, but named:', () => {
  test.each(SAID)('%s', async (_, how, said) => {
    const error: unknown = await Promise.resolve()
      .then(how)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
    const message = String((error as Error | undefined)?.message)
    expect(message).toContain('OPTION_INVALID: ')
    expect(message).toContain(`option ${said}`)
    expect(message).not.toContain('canary')
  })
})
