import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeIterable } from 'lakeloop/testing'
import { expect, test } from 'vitest'
import type { RunReport } from '../../src/model/report.js'
import { audience } from './programs/audience.js'
import type { CrashRun, Moment } from './programs/crash-run.js'

const program = join(import.meta.dirname, 'programs/crash-run.ts')

/** Runs the program; gives the report, or the signal that ended it. */
function runOnce(run: CrashRun): Promise<RunReport | NodeJS.Signals> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(run)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (signal !== null) return resolve(signal)
      if (code !== 0) return reject(new Error(`the program ended with ${code}`))
      resolve(JSON.parse(text) as RunReport)
    })
  })
}

/** A fake of one's own and an empty folder, for the time of one test. */
async function inWorld(
  work: (world: { fake: FakeIterable; url: string; folder: string }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lakeloop-crash-'))
  const fake = new FakeIterable({ projectType: 'email', rates: 'off' })
  const { url, close } = await fake.listen()
  try {
    await work({ fake, url, folder })
  } finally {
    await close()
    await rm(folder, { recursive: true })
  }
}

/** The fake's ledger against the truth: every profile and every member, nobody else. */
function expectTruth(fake: FakeIterable, generation: 1 | 2): void {
  const truth = audience(generation)
  const scores = Object.fromEntries(truth.map(({ email, score }) => [email, score]))
  const stored = Object.fromEntries(truth.map(({ email }) => [email, fake.ledger.user(email)?.dataFields?.score]))
  expect(stored).toEqual(scores)
  const atRisk = truth.filter(({ score }) => score > 0.7).map(({ email }) => email)
  expect([...fake.ledger.members('at-risk')].sort()).toEqual(atRisk.sort())
}

const moments: readonly (readonly [Moment, 1 | 2, number])[] = [
  ['after an answer, before the commit', 1, 1],
  ['after an answer, before the commit', 1, 4],
  ['after an answer, before the commit', 2, 2],
  ['between two pages', 1, 3],
  ['between two pages', 2, 5],
  ['between intent and list call', 1, 2],
  ['between intent and list call', 2, 1],
]

test.concurrent.each(moments)(
  'killed %s (generation %i, time %i): the next run ends with the truth [I1] [I3]',
  (at, generation, nth) =>
    inWorld(async ({ fake, url, folder }) => {
      const run = { path: join(folder, 'state.db'), url, generation }
      if (generation === 2) expect(await runOnce({ ...run, generation: 1 })).toMatchObject({ status: 'complete' })
      expect(await runOnce({ ...run, die: { at, nth } })).toBe('SIGKILL')
      const report = await runOnce(run)
      expect(report).toMatchObject({ status: 'complete', rows: { unsettled: 0 } })
      expectTruth(fake, generation)
      const again = await runOnce(run)
      expect(again).toMatchObject({ status: 'complete', rows: { read: 200, unchanged: 200 }, requests: {} })
    }),
)
