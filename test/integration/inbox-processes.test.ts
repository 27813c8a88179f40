import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, test } from 'vitest'
import { PostgresStore } from '../../src/stores/postgres.js'
import { SqliteStore } from '../../src/stores/sqlite.js'
import type { Store } from '../../src/stores/store.js'
import { SYSTEM_CLOCK } from '../../src/sync/clock.js'
import { World } from '../sync/world.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'

const url = await sharedPostgres()

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-inbox-'))
afterAll(() => rmSync(folder, { recursive: true }))

const PUSHES = 20
/** Tells of each line that a writer says. */
const heard = new EventEmitter()

/** Where the processes meet. */
interface Kept {
  readonly place: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly store: Store
}

class Writer {
  readonly added: number[] = []
  readonly ended: Promise<unknown>
  said = ''

  /** @param diesAt  the push over which it is killed: whether that one is kept nobody knows */
  constructor({ place, env }: Kept, name: string, diesAt?: number) {
    const program = join(import.meta.dirname, 'programs/pushing.ts')
    const child: ChildProcessWithoutNullStreams = spawn(
      process.execPath,
      ['--import', 'tsx', program, place, name, String(PUSHES), String(diesAt ?? '')],
      { env: { ...process.env, TSX_DISABLE_CACHE: '1', ...env } },
    )
    this.ended = once(child, 'close')
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.added.push(Number(line))
      heard.emit('line')
    })
    child.stderr.on('data', (text) => {
      this.said += String(text)
    })
  }
}

async function drainedWhilePushed(kept: Kept): Promise<void> {
  const { store } = kept
  const world = new World({ store })
  const sync = world.sync([], { complete: false, clock: SYSTEM_CLOCK })
  const writing = async (): Promise<readonly number[]> => {
    const [killed, whole] = [new Writer(kept, 'a', 8), new Writer(kept, 'b')]
    await killed.ended
    const again = new Writer(kept, 'a')
    await Promise.all([again.ended, whole.ended])
    expect([killed.said, whole.said, again.said]).toEqual(['', '', ''])
    expect([8, 9]).toContain(killed.added.length)
    expect(whole.added).toEqual(Array(PUSHES).fill(3))
    expect(again.added.slice(0, killed.added.length)).toEqual(killed.added.map(() => 0))
    return again.added
  }
  let isOver = false
  const written = writing().finally(() => {
    isOver = true
    heard.emit('line')
  })
  written.catch(() => undefined) // told below
  let read = 0
  for (let wasOver = false; !wasOver; ) {
    if (!isOver) await once(heard, 'line')
    wasOver = isOver
    const report = await sync.drain()
    expect(report.error).toBeUndefined()
    read += report.rows.read
  }
  expect((await written).length).toBe(PUSHES)
  expect(read).toBe(2 * PUSHES * 3)
  for (const address of ['a0@example.com', 'b2@example.com']) {
    const sent = world.destination.applied.filter((one) => one.address === address)
    const said = sent.flatMap(({ action }) => (action.kind === 'profile' ? [action.dataFields?.score] : []))
    expect(said).toEqual(Array.from({ length: PUSHES }, (_, nth) => nth))
  }
  await sync.close()
  await store.close()
}

describe('two processes push, one of them killed and begun again, while a third one drains: each row is sent once [I1]', () => {
  test('on one file of SQLite', async () => {
    const place = join(folder, 'lakeloop.db')
    await drainedWhilePushed({ place, env: {}, store: new SqliteStore({ path: place }) })
  }, 60_000)

  test.skipIf(url === undefined)(
    'on one schema of Postgres',
    async () => {
      const place = freshSchema()
      const store = new PostgresStore({ connectionString: url ?? '', schema: place })
      await drainedWhilePushed({ place, env: { URL_OF_TEST: url }, store })
    },
    60_000,
  )
})
