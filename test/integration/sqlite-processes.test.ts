import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { SqliteStore } from '../../src/stores/sqlite.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-processes-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ADDRESS = 'ada@example.com'

function start(program: string, path: string): ChildProcessWithoutNullStreams {
  const imports = `
    import { SqliteStore } from '${join(import.meta.dirname, '../../src/stores/sqlite.ts')}'
    import { findDriver } from '${join(import.meta.dirname, '../../src/stores/sqlite/driver.ts')}'
    import { libsqlPlace } from '${join(import.meta.dirname, '../../src/stores/sqlite/place.ts')}'
    const open = findDriver(libsqlPlace())`
  const args = ['--import', 'tsx', '--input-type=module', '-e', `${imports}\n${program}`, path]
  return spawn(process.execPath, args, { env: { ...process.env, TSX_DISABLE_CACHE: '1' } })
}

async function seeded(name: string): Promise<string> {
  const path = join(folder, name)
  const store = new SqliteStore({ path })
  await store.commit([{ op: 'put', table: 'membership', key: ['prod', 'news', 'seed'], value: 1 }])
  await store.close()
  return path
}

test('SqliteStore says that another process holds the file, and writes once it has let go', async () => {
  const path = await seeded('locked.db')
  const child = start(
    `const db = open(process.argv[1])
     db.exec('BEGIN IMMEDIATE')
     process.stdin.once('data', () => { db.exec('COMMIT'); process.exit() })
     console.log('held')`,
    path,
  )
  await once(child.stdout, 'data')
  const store = new SqliteStore({ path, busyTimeoutMs: 30 })
  const commit = () =>
    store.commit([{ op: 'put', table: 'membership', key: ['prod', 'news', ADDRESS], value: ADDRESS }])
  await expect(commit()).rejects.toThrow(
    `STORE_LOCKED: the store ${path} is locked by another process. End the other process, or wait.`,
  )
  child.stdin.write('let go\n')
  await once(child, 'close')
  await commit()
  await store.close()
})

// Root may write everything, so where we are root the process gives that up first.
test('SqliteStore says that a file that belongs to somebody else cannot be written', async () => {
  const path = await seeded('read-only.db')
  chmodSync(path, 0o444)
  chmodSync(folder, 0o555)
  const child = start(
    `if (process.getuid() === 0) process.setuid(65534)
     const store = new SqliteStore({ path: process.argv[1] })
     const op = { op: 'put', table: 'membership', key: ['prod', 'news', '${ADDRESS}'], value: 1 }
     await store.commit([op]).catch((error) => console.log(error.message))
     await store.close()`,
    path,
  )
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => {
    out += String(data)
  })
  child.stderr.on('data', (data) => {
    err += String(data)
  })
  await once(child, 'close')
  chmodSync(folder, 0o755)
  const message = `STORE_READ_ONLY: the store ${path} cannot be written. Check the permissions of the file and its folder, or the grants of the role.\n`
  expect([out, err]).toEqual([message, ''])
})

test('two processes that write to one file at once lose nothing', async () => {
  const path = await seeded('shared.db')
  const program = `
    const store = new SqliteStore({ path: process.argv[1] })
    for (let n = 0; n < 60; n += 1) {
      await store.commit([{ op: 'put', table: 'run', key: [String(process.pid), String(n)], value: n }])
    }
    await store.close()`
  const children = [start(program, path), start(program, path)]
  const ends = await Promise.all(children.map((child) => once(child, 'close')))
  expect(ends.map(([code]) => code)).toEqual([0, 0])
  const store = new SqliteStore({ path })
  expect((await store.scan('run', { prefix: [], limit: 1_000 })).length).toBe(120)
  await store.close()
})

test('a store that nobody closes keeps no process from ending, and what it is asked is answered before', async () => {
  const path = await seeded('unclosed.db')
  const child = start(
    `const store = new SqliteStore({ path: process.argv[1] })
     store.commit([{ op: 'put', table: 'run', key: ['p'], value: 1 }]).then(() => console.log('answered'))`,
    path,
  )
  let out = ''
  child.stdout.on('data', (data) => {
    out += String(data)
  })
  expect([await once(child, 'close'), out]).toEqual([[0, null], 'answered\n'])
  const store = new SqliteStore({ path })
  expect(await store.get('run', [['p']])).toEqual([1])
  await store.close()
})
