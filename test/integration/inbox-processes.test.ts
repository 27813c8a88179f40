import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, expect, test } from 'vitest'
import { SqliteStore } from '../../src/stores/sqlite.js'
import { SYSTEM_CLOCK } from '../../src/sync/clock.js'
import { World } from '../sync/world.js'

const folder = mkdtempSync(join(tmpdir(), 'lakeloop-inbox-'))
afterAll(() => rmSync(folder, { recursive: true }))

const PUSHES = 20
/** Tells of each line that a writer says. */
const heard = new EventEmitter()

class Writer {
  readonly added: number[] = []
  readonly ended: Promise<unknown>
  said = ''

  /** @param diesAt  the push over which it is killed: whether that one is kept nobody knows */
  constructor(path: string, name: string, diesAt?: number) {
    const program = join(import.meta.dirname, 'programs/pushing.ts')
    const child: ChildProcessWithoutNullStreams = spawn(
      process.execPath,
      ['--import', 'tsx', program, path, name, String(PUSHES), String(diesAt ?? '')],
      {
        env: { ...process.env, TSX_DISABLE_CACHE: '1' },
      },
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

test('two processes push, one of them killed and begun again, while a third one drains: each row is sent once [I1]', async () => {
  const path = join(folder, 'lakeloop.db')
  const store = new SqliteStore({ path })
  const world = new World({ store })
  const sync = world.sync([], { complete: false, clock: SYSTEM_CLOCK })
  const writing = async (): Promise<readonly number[]> => {
    const [killed, whole] = [new Writer(path, 'a', 8), new Writer(path, 'b')]
    await killed.ended
    const again = new Writer(path, 'a')
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
}, 60_000)
