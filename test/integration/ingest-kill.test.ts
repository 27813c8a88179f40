import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { PostgresStore } from '../../src/stores/postgres.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { type Entry, type Key, type Store, TABLES } from '../../src/stores/store.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-ingest-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Where a store is: a file, or a schema of Postgres. */
type Place = { readonly path: string } | { readonly connectionString: string; readonly schema: string }

const postgres = await sharedPostgres()
const inFile = (): Place => ({ path: join(folder, `${freshSchema()}.db`) })
const inPostgres = (): Place => ({ connectionString: postgres as string, schema: freshSchema() })
const open = (place: Place): Store => ('path' in place ? new SqliteStore(place) : new PostgresStore(place))

const PAGE = 350
const PAGES = 6
/** After how many commits of a process it is killed. A page takes two, or fewer where it was cut off before. */
const KILLS = [1, 1, 2, 3, 2]

/** Reads a table of people, some of whom share an address, into the graph; two commits a page. Says each commit
 * and each page once it is there. */
const program = (source: string): string => `
  import { IdentityResolver } from '${join(import.meta.dirname, '../../src/identity/resolver.ts')}'
  import { RowsSource } from '${join(import.meta.dirname, '../../src/sources/from-rows.ts')}'
  import { PostgresStore } from '${join(import.meta.dirname, '../../src/stores/postgres.ts')}'
  import { SqliteStore } from '${join(import.meta.dirname, '../../src/stores/sqlite.ts')}'
  const [, place, name] = process.argv
  const rows = Array.from({ length: ${PAGE * PAGES} }, (_, n) => ({
    id: name + n,
    email: 'p' + ((n * 7919) % ${PAGE * PAGES - 500}) + '@example.com',
    spare: 's' + n + '@' + name + '.example',
    phone: '+4917' + String(1_000_000 + n),
    at: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
  }))
  const { path, ...at } = JSON.parse(place)
  const store = path === undefined ? new PostgresStore(at) : new SqliteStore({ path })
  const commit = store.commit.bind(store)
  store.commit = async (ops) => {
    await commit(ops)
    process.stdout.write('commit\\n')
  }
  const resolver = new IdentityResolver({
    store,
    target: 'email',
    namespaces: { customer_id: { priority: 1, maxIdentifiers: 1 }, email: { priority: 2 }, phone: { priority: 3 } },
  })
  const source = ${source}
  const mapping = { identifiers: { customer_id: 'id', email: ['email', 'spare'], phone: 'phone' } }
  try {
    await resolver.ingest(source, mapping, {
      pageSize: ${PAGE},
      onPage: () => process.stdout.write('page\\n'),
    })
    process.stdout.write('done\\n')
  } catch (error) {
    process.stdout.write(error.code + '\\n')
  }
  await store.close()`
const ALL = "new RowsSource({ name, rows, key: ['id'], changedAt: 'at' })"

function start(source: string, place: Place, name: string): ChildProcessWithoutNullStreams {
  const args = ['--import', 'tsx', '--input-type=module', '-e', program(source), JSON.stringify(place), name]
  return spawn(process.execPath, args)
}

/** What it said and how it ended; killed a moment after it said so many lines. */
async function ran(
  child: ChildProcessWithoutNullStreams,
  kill?: { readonly after: number; readonly delayMs: number },
): Promise<{ readonly said: readonly string[]; readonly signal: string | null }> {
  let [out, err] = ['', '']
  let scheduled = kill === undefined
  child.stderr.on('data', (data) => {
    err += String(data)
  })
  child.stdout.on('data', (data) => {
    out += String(data)
    if (scheduled || kill === undefined || out.split('\n').length <= kill.after) return
    scheduled = true
    setTimeout(() => child.kill('SIGKILL'), kill.delayMs)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(err).toBe('')
  return { said: out.split('\n').slice(0, -1), signal }
}

async function entries(store: Store, table: (typeof TABLES)[number]): Promise<readonly Entry[]> {
  const found: Entry[] = []
  for (let after: Key | undefined; ; ) {
    const page = await store.scan(table, { prefix: [], after, limit: 10_000 })
    found.push(...page)
    if (page.length < 10_000) return found
    after = page.at(-1)?.key
  }
}

/** All that a store holds, as text. */
async function contents(place: Place): Promise<string> {
  const store = open(place)
  const tables = await Promise.all(
    TABLES.map(async (table) => `${table} ${JSON.stringify(await entries(store, table))}`),
  )
  await store.close()
  return tables.join('\n')
}

describe.each([
  { kind: 'SQLite', isHere: true, fresh: inFile },
  { kind: 'Postgres', isHere: postgres !== undefined, fresh: inPostgres },
])('a source that is read into the graph on $kind', { timeout: 180_000 }, ({ isHere, fresh }) => {
  test.skipIf(!isHere)(
    '[I3] is there exactly once, to the byte, however often SIGKILL falls into it; the cursor is never ahead',
    async () => {
      const calm = fresh()
      expect((await ran(start(ALL, calm, 'crm'))).said.at(-1)).toBe('done')
      const path = fresh()
      const inMiddle: boolean[] = []
      let behind = 0
      for (let kill = 0; kill < KILLS.length; kill += 1) {
        const { said, signal } = await ran(start(ALL, path, 'crm'), { after: KILLS[kill] as number, delayMs: kill % 3 })
        if (signal === null) break // it was through before the kill came
        const store = open(path)
        const [row] = (await store.get('identityCursor', [['main', 'crm']])) as [
          { cursor: { offset: number } } | undefined,
        ]
        const read = row?.cursor.offset ?? 0
        const kept = await entries(store, 'evidence')
        const keys = new Set(kept.map(({ key }) => key[2]))
        for (let n = 0; n < read; n += 1) expect(keys.has(`crm${n}`)).toBe(true)
        // What it said was there is, and at most one page is there in part.
        expect(read).toBeGreaterThanOrEqual(behind + said.filter((line) => line === 'page').length * PAGE)
        expect(kept.length).toBeLessThanOrEqual(read + PAGE)
        inMiddle.push(kept.length > read)
        behind = read
        await store.close()
      }
      expect(inMiddle).toContain(true)
      expect(inMiddle.length).toBeGreaterThanOrEqual(3)
      expect((await ran(start(ALL, path, 'crm'))).said.at(-1)).toBe('done')
      expect(await contents(path)).toBe(await contents(calm))
    },
  )

  test.skipIf(!isHere)(
    'and another one by another process at the same time: neither loses evidence, and both come to an end',
    async () => {
      const path = fresh()
      const both = await Promise.all([ran(start(ALL, path, 'crm')), ran(start(ALL, path, 'shop'))])
      expect(both.map(({ said }) => said.at(-1))).toEqual(['done', 'done'])
      const calm = fresh()
      for (const name of ['crm', 'shop']) await ran(start(ALL, calm, name))
      const [left, right] = [open(path), open(calm)]
      for (const table of [
        'evidence',
        'evidenceById',
        'identifier',
        'quarantine',
        'conflict',
        'identityCursor',
      ] as const) {
        expect(await entries(left, table)).toEqual(await entries(right, table))
      }
      const living = async (store: Store) =>
        (await entries(store, 'profile')).flatMap(({ key, value }) => {
          const { members, to } = value as { members?: unknown; to?: string }
          return to === undefined ? [[key[1], members]] : []
        })
      expect(await living(left)).toEqual(await living(right))
      await Promise.all([left.close(), right.close()])
    },
  )

  test.skipIf(!isHere)(
    'by two processes at once is read by one of them, and the other says so or has nothing left',
    async () => {
      const path = fresh()
      const both = await Promise.all([ran(start(ALL, path, 'crm')), ran(start(ALL, path, 'crm'))])
      const ends = both.map(({ said }) => said.at(-1) ?? '')
      expect(ends).toContain('done')
      for (const end of ends) expect(['done', 'IDENTITY_INGEST_OVERTAKEN']).toContain(end)
      const store = open(path)
      expect(await entries(store, 'evidence')).toHaveLength(PAGE * PAGES)
      await store.close()
    },
  )
})
