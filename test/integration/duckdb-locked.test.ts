import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DuckDbSource } from '../../src/sources/duckdb.js'

const HOLDER = `
  import { DuckDBInstance } from '@duckdb/node-api'
  const instance = await DuckDBInstance.create(process.argv[1])
  process.stdout.write('held')
  setInterval(() => instance, 1_000)
`

test('DuckDbSource says that another process holds the file, and reads it once that has ended [I7]', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'lakeloop-locked-')), 'scores.db')
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, path], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(holder, 'exit')
  const source = new DuckDbSource({ name: 'scores', path, query: 'SELECT 1 AS a' })
  const { signal } = new AbortController()
  try {
    await once(holder.stdout, 'data')
    const problem = ': the file is locked by another process'
    const refused = source.describe(signal)
    await expect(refused).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', facts: { source: 'scores', problem } })
    await expect(refused).rejects.not.toThrow(path)
  } finally {
    holder.kill('SIGKILL')
    await ended
  }
  expect(await source.describe(signal)).toEqual({ columns: [{ name: 'a', type: 'int', nullable: true }] })
  await source.close()
})
