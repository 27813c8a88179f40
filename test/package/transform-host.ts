/**
 * A user's host of a transform, and of a store in a file. scripts/check-package.mjs runs it against the packed tarball in each way in which a program
 * may be run or bundled; where that is a test runner, it is a test.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rowBlock, Transform, type TransformOptions } from 'lakeloop'
import { SqliteStore } from 'lakeloop/stores/sqlite'

const SOURCE = 'export default async (row) => ({ email: row.email, dataFields: { twice: row.n * 2, at: new Date() } })'
const MADE = '{"twice":42,"at":"1970-01-01T00:00:00.000Z"}'

async function runs(isolation: NonNullable<TransformOptions['isolation']>): Promise<void> {
  const transform = Transform.fromText(SOURCE, { isolation })
  try {
    const rows = rowBlock([{ email: 'ada@example.com', n: 21 }])
    const { actions } = await transform.run({ rows }, { now: 0 })
    const made = new TextDecoder().decode(actions.payload(0))
    if (made !== MADE) throw new Error(`isolation ${isolation}: ${made}`)
  } finally {
    await transform.close()
  }
  if ('lockdown' in globalThis || 'Compartment' in globalThis) throw new Error('ses ran in the host')
}

/** The thread of a file is a program of ours, too. */
async function keeps(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lakeloop-host-'))
  const store = new SqliteStore({ path: join(folder, 'a.db') })
  await store.commit([{ op: 'put', table: 'run', key: ['a'], value: 42 }])
  const [kept] = await store.get('run', [['a']])
  await store.close()
  rmSync(folder, { recursive: true })
  if (kept !== 42) throw new Error(`a store: ${String(kept)}`)
}

async function main(): Promise<void> {
  for (const isolation of ['process', 'thread', 'none'] as const) await runs(isolation)
  if (isBuiltin('node:sqlite')) await keeps() // no peer is installed here
}

const { test } = globalThis as { test?: (name: string, run: () => Promise<void>) => void }
if (test !== undefined) test('a transform runs in every isolation', main)
else {
  main().then(
    () => console.log('ran'),
    (error: unknown) => {
      console.error(error)
      process.exitCode = 1
    },
  )
}
