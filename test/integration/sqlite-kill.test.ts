import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { SqliteStore } from '../../src/stores/sqlite.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-kill-'))
afterAll(() => rmSync(folder, { recursive: true }))

const KILLS = 8
const OPS = 400

/**
 * Commits without end: each replaces all 400 values of one table by its number, moves a checkpoint in another, and says
 * the number once it is answered.
 */
const WRITER = `
  import { SqliteStore } from '${join(import.meta.dirname, '../../src/stores/sqlite.ts')}'
  const store = new SqliteStore({ path: process.argv[1] })
  const [before] = await store.get('checkpoint', [['prod']])
  for (let n = (before ?? 0) + 1; ; n += 1) {
    const keys = Array.from({ length: ${OPS} }, (_, at) => ['prod', String(at)])
    await store.commit([
      { op: 'check', table: 'checkpoint', key: ['prod'], is: n === 1 ? undefined : n - 1 },
      ...keys.map((key) => ({ op: 'put', table: 'membership', key, value: n })),
      { op: 'put', table: 'checkpoint', key: ['prod'], value: n },
    ])
    process.stdout.write(n + '\\n')
  }`

test('[I3] a commit that SIGKILL falls into is there whole or not at all, and one that was answered is there', async () => {
  const path = join(folder, 'store.db')
  const killedAt: number[] = []
  for (let kill = 0; kill < KILLS; kill += 1) {
    const answered = await killedWriter(path, 2 + kill * 3, (kill * 7) % 10)
    const store = new SqliteStore({ path })
    const [cursor] = (await store.get('checkpoint', [['prod']])) as [number]
    const values = (await store.scan('membership', { prefix: ['prod'], limit: 1_000 })).map(({ value }) => value)
    expect(new Set(values)).toEqual(new Set([cursor]))
    expect(values.length).toBe(OPS)
    expect(cursor - answered).toBeGreaterThanOrEqual(0)
    expect(cursor - answered).toBeLessThanOrEqual(1)
    killedAt.push(cursor)
    await store.close()
  }
  expect(killedAt).toEqual([...killedAt].sort((a, b) => a - b))
})

/** Lets a writer answer some commits, kills it a moment later, and gives the last number it answered. */
async function killedWriter(path: string, answers: number, delayMs: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', WRITER, path])
  let [out, err] = ['', '']
  let scheduled = false
  child.stderr.on('data', (data) => {
    err += String(data)
  })
  child.stdout.on('data', (data) => {
    out += String(data)
    if (scheduled || out.split('\n').length <= answers) return
    scheduled = true
    setTimeout(() => child.kill('SIGKILL'), delayMs)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect([signal, err]).toEqual(['SIGKILL', ''])
  // The last line may be cut off by the kill; it counts only with its end.
  return Number(out.slice(0, out.lastIndexOf('\n')).split('\n').at(-1))
}
