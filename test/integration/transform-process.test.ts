import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rowBlock } from '../../src/model/row.js'
import { Transform } from '../../src/transform/transform.js'
import { actionsOf, fatesOf, runProgram } from '../transform/programs.js'
import { isAlive, isGone, Watch } from './sandboxes.js'

let watch: Watch
beforeEach(() => {
  watch = new Watch()
})
afterEach(() => watch.end())

const POISON = `export default (row) => {
  if (row.poison === 'loop') for (;;);
  if (row.poison === 'memory') { const all = []; for (;;) all.push(new Array(1000).fill(all.length)) }
  if (row.poison === 'never') return new Promise(() => {})
  return { identifiers: { k: row.n } }
}`

describe('a poison row is rejected alone [I8]', () => {
  const rowsWith = (poison: Record<number, string>) =>
    Array.from({ length: 50 }, (_, n) => ({ n, poison: poison[n] ?? null }))

  test.each([
    [{ 0: 'loop' }, 'TRANSFORM_TIMEOUT', 3],
    [{ 49: 'loop' }, 'TRANSFORM_TIMEOUT', 2],
    [{ 10: 'memory' }, 'TRANSFORM_OUT_OF_MEMORY', 3],
    [{ 10: 'never', 11: 'never' }, 'TRANSFORM_NEVER_SETTLES', 1],
  ])('%j', async (poison, code, processes) => {
    const made = await runProgram(POISON, rowsWith(poison), {
      timeoutMs: code === 'TRANSFORM_TIMEOUT' ? 500 : 20_000,
      sliceRows: 25,
      spare: false,
    })
    const bad = new Set(Object.keys(poison).map(Number))
    expect(fatesOf(made)).toEqual(Array.from({ length: 50 }, (_, n) => (bad.has(n) ? code : 1)))
    expect(actionsOf(made).map(({ identifiers }) => Number(identifiers.k))).toEqual(
      Array.from({ length: 50 }, (_, n) => n).filter((n) => !bad.has(n)),
    )
    expect(watch.processes).toHaveLength(processes)
  })

  test('several of them, and rows that are slow but end', async () => {
    const slow = POISON.replace('return {', 'for (let i = 0; i < 2e6; i += 1); return {')
    const made = await runProgram(slow, rowsWith({ 3: 'loop', 4: 'loop', 5: 'never', 40: 'loop' }), {
      timeoutMs: 500,
    })
    const expected: (number | string)[] = new Array(50).fill(1)
    expected[3] = 'TRANSFORM_TIMEOUT'
    expected[4] = 'TRANSFORM_TIMEOUT'
    expected[5] = 'TRANSFORM_NEVER_SETTLES'
    expected[40] = 'TRANSFORM_TIMEOUT'
    expect(fatesOf(made)).toEqual(expected)
  })

  test('a promise that settles after it was given up changes nothing', async () => {
    const source = `let late
export default async (row) => {
  if (row.n === 0) return new Promise((settle) => { late = settle })
  late({ email: 'late' })
  await null
  await null
  return { identifiers: { k: row.n } }
}`
    const made = await runProgram(source, [{ n: 0 }, { n: 1 }, { n: 2 }])
    expect(fatesOf(made)).toEqual(['TRANSFORM_NEVER_SETTLES', 1, 1])
    expect(actionsOf(made).map(({ identifiers }) => identifiers)).toEqual([{ k: '1' }, { k: '2' }])
  })

  test('a page of nothing else is given up', async () => {
    const rows = Array.from({ length: 30 }, (_, n) => ({ n, poison: 'loop' }))
    await expect(runProgram(POISON, rows, { timeoutMs: 20 })).rejects.toThrow(
      'TRANSFORM_KILLS_SPENT: the transform churn.js had to be stopped on 20 rows of one page, the last time with TRANSFORM_TIMEOUT',
    )
  })
})

describe('the process', () => {
  const rows = rowBlock([{ email: 'a' }])
  const source = 'export default (row) => { if (row.loop) for (;;); return { email: row.email } }'

  test('starts at the first use, stays, and is started anew when it was killed from outside', async () => {
    const transform = Transform.fromText(source)
    expect(watch.processes).toEqual([])
    await transform.prepare()
    expect(fatesOf(await transform.run({ rows }))).toEqual([1])
    expect(watch.processes).toHaveLength(1)
    process.kill(watch.pid(0), 'SIGKILL')
    expect(await isGone(watch.pid(0), 5_000)).toBe(true)
    expect(fatesOf(await transform.run({ rows }))).toEqual([1])
    expect(watch.processes).toHaveLength(2)
    await transform.close()
    expect(await isGone(watch.pid(1), 5_000)).toBe(true)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'does not end at a %s, which a terminal sends to all of the host',
    async (signal) => {
      const transform = Transform.fromText(source)
      await transform.prepare()
      process.kill(watch.pid(0), signal)
      for (let time = 0; time < 5; time += 1) expect(fatesOf(await transform.run({ rows }))).toEqual([1])
      expect(watch.processes).toHaveLength(1)
      await transform.close()
      expect(await isGone(watch.pid(0), 5_000)).toBe(true)
    },
  )

  test('calls queue up; close ends them, twice is once, and later calls say CLOSED', async () => {
    const transform = Transform.fromText(source)
    const both = await Promise.all([transform.run({ rows }), transform.run({ rows })])
    expect(both.map(fatesOf)).toEqual([[1], [1]])
    const waiting = transform.run({ rows: rowBlock([{ loop: true }]) })
    const behind = transform.run({ rows })
    const ends = Promise.allSettled([waiting, behind])
    await transform.close()
    await transform.close()
    expect((await ends).map((end) => end.status === 'rejected' && end.reason.code)).toEqual(['CLOSED', 'CLOSED'])
    await expect(transform.prepare()).rejects.toThrow('CLOSED: the transform transform was used after close()')
  })

  test('an aborted run stops at once, and the next one works', async () => {
    const transform = Transform.fromText(source)
    await transform.prepare()
    const stop = new AbortController()
    const running = transform.run({ rows: rowBlock([{ loop: true }]) }, { signal: stop.signal })
    setTimeout(() => stop.abort(), 50)
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(transform.run({ rows }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(fatesOf(await transform.run({ rows }))).toEqual([1])
    await transform.close()
  })

  test('a process that cannot be started is an error of the host, not of a row', async () => {
    const { execPath } = process
    process.execPath = '/no/such/node'
    const transform = Transform.fromText(source)
    await expect(transform.run({ rows })).rejects.toThrow(
      'TRANSFORM_START_FAILED: the transform process could not be started: ENOENT.',
    )
    process.execPath = execPath
    expect(fatesOf(await transform.run({ rows }))).toEqual([1])
    await transform.close()
  })

  test('no rows give no actions', async () => {
    expect(await runProgram(source, [])).toMatchObject({ rows: [], logs: [], actions: { length: 0 } })
  })

  test('large pages cross in bounded frames', async () => {
    const big = Array.from({ length: 40 }, (_, n) => ({ email: `${n}`, text: 'x'.repeat(500_000) }))
    const copy = 'export default (row) => ({ email: row.email, dataFields: { text: row.text } })'
    const made = await runProgram(copy, big)
    expect(fatesOf(made)).toEqual(big.map(() => 1))
    expect(made.actions.payload(39)).toHaveLength(500_011)
  })

  test('the console is bounded', async () => {
    const made = await runProgram(
      "export default () => { for (let i = 0; i < 500; i += 1) console.warn('x'.repeat(9999), i); return null }",
      [{}],
    )
    expect(made.logs).toHaveLength(101)
    expect(made.logs[0]?.text).toHaveLength(500)
    expect(made.logs[100]).toEqual({ level: 'warn', row: 1, text: '400 more lines were not kept' })
  })
})

/** Runs the host program until it has named its sandboxes; gives their process ids. */
function startHost(mode: string): { ended: Promise<number | null>; ready: Promise<number[]>; kill: () => void } {
  const program = fileURLToPath(new URL('programs/transform-host.ts', import.meta.url))
  const host = spawn(process.execPath, ['--import', 'tsx', program, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  const ready = new Promise<number[]>((resolve) => {
    host.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const pids = /sandboxes (.*)\n/.exec(printed)?.[1]
      if (pids !== undefined) resolve(pids.split(' ').map(Number))
    })
  })
  const ended = new Promise<number | null>((resolve) => host.on('exit', resolve))
  return { ended, ready, kill: () => host.kill('SIGKILL') }
}

describe('nothing is left behind', () => {
  test('a host that closes nothing can end, and the sandbox ends with it', async () => {
    const { ended, ready } = startHost('idle')
    const [sandbox = 0, ...more] = await ready
    expect(more).toEqual([])
    expect(await ended).toBe(0)
    expect(await isGone(sandbox, 3_000)).toBe(true)
  })

  test('so can one with a spare, which ends too', async () => {
    const { ended, ready } = startHost('spare')
    const pids = await ready
    expect(pids).toHaveLength(2)
    expect(await ended).toBe(0)
    for (const pid of pids) expect(await isGone(pid, 3_000)).toBe(true)
  })

  test('so can one with a thread', async () => {
    const { ended } = startHost('thread')
    expect(await ended).toBe(0)
  })

  test('a host that is killed in the middle of an endless row leaves no orphan', async () => {
    const { ended, ready, kill } = startHost('looping')
    const [sandbox = 0] = await ready
    await sleep(100) // the endless row is on its way
    kill()
    await ended
    expect(isAlive(sandbox)).toBe(true)
    expect(await isGone(sandbox, 8_000)).toBe(true)
  })

  test('nor does one that had a spare', async () => {
    const { ended, ready, kill } = startHost('spare-looping')
    const pids = await ready
    expect(pids).toHaveLength(2)
    kill()
    await ended
    for (const pid of pids) expect(await isGone(pid, 8_000)).toBe(true)
  })
})
