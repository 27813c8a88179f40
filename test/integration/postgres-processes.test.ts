import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { PostgresStore } from '../../src/stores/postgres.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'

const url = await sharedPostgres()
const SOURCE = join(import.meta.dirname, '../../src/stores/postgres.ts')

/** A process of its own with `store` on a schema. The connection string is handed over where no list of processes shows it. */
function start(program: string, schema: string): ChildProcess {
  const opened = `
    import { PostgresStore } from '${SOURCE}'
    const store = new PostgresStore({ connectionString: process.env.URL_OF_TEST, schema: process.argv[1] })`
  const args = ['--import', 'tsx', '--input-type=module', '-e', `${opened}\n${program}`, schema]
  const env = { ...process.env, TSX_DISABLE_CACHE: '1', URL_OF_TEST: url }
  return spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** What it printed, once it has ended well and said nothing else. */
async function printed(child: ChildProcess): Promise<string> {
  const [out, err, [code]] = await Promise.all([
    text(child.stdout as never),
    text(child.stderr as never),
    once(child, 'close') as Promise<[number]>,
  ])
  expect([err, code]).toEqual(['', 0])
  return out
}

const ROUNDS = 60

describe.skipIf(url === undefined)('several processes on one schema of Postgres', () => {
  test('lose no write, wait for each other without a deadlock, and are refused by their checks alone', async () => {
    const schema = freshSchema() // they make it, too
    // Both count on one row, which they read before; and each writes rows of both projects, in the other's order.
    const program = `
      const counter = ['p', 'counter']
      let conflicts = 0
      for (let n = 0; n < ${ROUNDS}; n += 1) {
        const own = ['p', 'q'].map((part) => [part, String(process.pid), String(n)])
        if (process.pid % 2) own.reverse()
        for (;;) {
          const [before] = await store.get('run', [counter])
          try {
            await store.commit([
              ...own.map((key) => ({ op: 'put', table: 'run', key, value: n })),
              { op: 'check', table: 'run', key: counter, is: before },
              { op: 'put', table: 'run', key: counter, value: (before ?? 0) + 1 },
            ])
            break
          } catch (error) {
            if (error.code !== 'STORE_CONFLICT') throw error
            conflicts += 1
          }
        }
      }
      await store.close()
      console.log(conflicts)`
    const conflicts = await Promise.all([1, 2, 3].map(() => printed(start(program, schema))))
    const store = new PostgresStore({ connectionString: url ?? '', schema })
    expect(await store.get('run', [['p', 'counter']])).toEqual([3 * ROUNDS])
    expect((await store.scan('run', { prefix: ['q'], limit: 1_000 })).length).toBe(3 * ROUNDS)
    expect((await store.scan('run', { prefix: ['p'], limit: 1_000 })).length).toBe(3 * ROUNDS + 1)
    expect(conflicts.map(Number).reduce((sum, n) => sum + n)).toBeGreaterThan(0) // they have met
    await store.close()
  })

  const KILLS = 6
  const ROWS = 400
  /** Commits without end: each replaces all rows of one table by its number, and says the number once it is answered. */
  const WRITER = `
    const [before] = await store.get('checkpoint', [['prod']])
    for (let n = (before ?? 0) + 1; ; n += 1) {
      const keys = Array.from({ length: ${ROWS} }, (_, at) => ['prod', String(at)])
      await store.commit([
        { op: 'check', table: 'checkpoint', key: ['prod'], is: n === 1 ? undefined : n - 1 },
        ...keys.map((key) => ({ op: 'put', table: 'membership', key, value: n })),
        { op: 'put', table: 'checkpoint', key: ['prod'], value: n },
      ])
      process.stdout.write(n + '\\n')
    }`

  test('[I3] a commit that SIGKILL falls into is there whole or not at all, and one that was answered is there', async () => {
    const schema = freshSchema()
    for (let kill = 0; kill < KILLS; kill += 1) {
      const answered = await killed(start(WRITER, schema), 2 + kill * 3, (kill * 7) % 10)
      const store = new PostgresStore({ connectionString: url ?? '', schema })
      // What the server still has of the dead process ends before this does.
      await store.commit([{ op: 'put', table: 'run', key: ['prod'], value: kill }])
      const [cursor] = (await store.get('checkpoint', [['prod']])) as [number]
      const values = (await store.scan('membership', { prefix: ['prod'], limit: 1_000 })).map(({ value }) => value)
      expect([new Set(values), values.length]).toEqual([new Set([cursor]), ROWS])
      expect([0, 1]).toContain(cursor - answered)
      await store.close()
    }
  })
})

/** Lets a writer answer some commits, kills it a moment later, and gives the last number it answered. */
async function killed(child: ChildProcess, answers: number, delayMs: number): Promise<number> {
  let out = ''
  let scheduled = false
  child.stdout?.on('data', (data) => {
    out += String(data)
    if (scheduled || out.split('\n').length <= answers) return
    scheduled = true
    setTimeout(() => child.kill('SIGKILL'), delayMs)
  })
  const [err, [, signal]] = await Promise.all([
    text(child.stderr as never),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ])
  expect([err, signal]).toEqual(['', 'SIGKILL'])
  // The last line may be cut off by the kill; it counts only with its end.
  return Number(out.slice(0, out.lastIndexOf('\n')).split('\n').at(-1))
}
