import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { FakeIterable } from 'lakeloop/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Failpoint, PointBesideRuns } from '../../src/sync/failpoint.js'
import { freshSchema, sharedPostgres } from './postgres/shared.js'
import { customers, lives } from './programs/customers.js'
import type { FailpointEnd, FailpointRun } from './programs/failpoint-run.js'

const ROOT = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'lakeloop-failpoints-'))
const program = join(folder, 'failpoint-run.mjs')
const postgres = await sharedPostgres()

/** Each with what it comes by in one undisturbed run, so that nobody hopes for a point that is never reached. */
const POINTS: readonly Failpoint[] = [
  ...(['before-lease', 'after-lease', 'after-prepare', 'before-intent', 'after-intent'] as const),
  ...(['before-request', 'after-answer', 'before-commit', 'after-commit', 'before-cursor', 'after-cursor'] as const),
  ...(['before-dead-letter', 'before-list-intent', 'after-list-intent'] as const),
  ...(['before-list-settled', 'after-list-settled', 'before-report', 'after-report'] as const),
]
/**
 * Those of pushes, drains, replays, what is parked, and erasures. A life after a death goes on behind what was done before, so that
 * each of these is one world, in the order in which lives come by its points.
 */
const BESIDE_RUNS: readonly (readonly PointBesideRuns[])[] = [
  [
    ...(['before-push', 'after-push', 'after-inbox-read', 'before-inbox-left', 'after-inbox-left'] as const),
    'after-letters-learned',
  ],
  [
    ...(['before-held-claimed', 'after-held-claimed', 'before-erase-begun', 'after-erase-begun'] as const),
    ...(['before-forget-settled', 'after-forget-settled'] as const),
  ],
  ['before-held-settled', 'before-graph-erased', 'after-graph-erased'],
  ['before-other-erased'],
  ['after-held-settled', 'after-table-erased', 'before-sync-erased', 'after-sync-erased', 'after-erase-done'],
]
/** Requests under way at once, and actions in each: what a crash may send twice. */
const WINDOW = 3 * 4

beforeAll(async () => {
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await build({
    entryPoints: [join(ROOT, 'test/integration/programs/failpoint-run.ts')],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function runOnce(run: FailpointRun): Promise<FailpointEnd | NodeJS.Signals> {
  const child = spawn(process.execPath, [program, JSON.stringify(run)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (signal !== null) resolve(signal)
      else if (code === 0) resolve(JSON.parse(text) as FailpointEnd)
      else reject(new Error(`the program ended with ${code}`))
    })
  })
}

/** Profiles that the fake takes in a run: some twice, since a request with a bad row is taken apart. */
const profilesIn = ({ ledger }: FakeIterable): number => ledger.entries.filter(({ kind }) => kind === 'profile').length

/**
 * The fake's ledger against the truth: nobody is missing, nobody else is there, and no more came twice than a window.
 *
 * @param undisturbed  profiles that it takes in a run without a death
 */
function expectTruth(fake: FakeIterable, undisturbed: number): void {
  const { ledger } = fake
  const people = customers()
  const there = people.filter(({ email }) => !email.endsWith('.invalid'))
  const scores = Object.fromEntries(there.map(({ email, score }) => [email, score]))
  expect(Object.fromEntries(ledger.users().map(({ email, dataFields }) => [email, dataFields.score]))).toEqual(scores)
  const atRisk = there.filter(({ score }) => score > 0.7).map(({ email }) => email)
  expect([...ledger.members('at-risk')].sort()).toEqual(atRisk.sort())
  expect(
    ledger
      .events()
      .map(({ address }) => address)
      .sort(),
  ).toEqual(there.map(({ email }) => email).sort())
  const bought = ledger.entries.filter(({ kind }) => kind === 'purchase').map(({ detail }) => detail.id)
  expect(bought.sort()).toEqual(
    people
      .filter(({ buys }) => buys)
      .map(({ id }) => `p-${id}`)
      .sort(),
  ) // once, not twice
  expect(profilesIn(fake)).toBeGreaterThanOrEqual(there.length)
  expect(profilesIn(fake)).toBeLessThanOrEqual(undisturbed + WINDOW)
}

/**
 * The ledger, and what is left in the store, against the truth of a life: nothing that was pushed, kept or replayed is missing,
 * what is not harmless came once, and of those who were erased nothing is left anywhere.
 *
 * @param deaths  each may send a window again, and ask once more to forget somebody
 */
function expectLife(fake: FakeIterable, { reports, left, traces }: FailpointEnd, deaths: number, undisturbed: number) {
  const { ledger } = fake
  const ends = reports.map(({ status, rows, error }) => [status, rows.unsettled, error?.message])
  expect(ends).toEqual(reports.map(() => ['complete', 0, undefined]))
  const [leaving, there] = [true, false].map((isSo) => lives().filter(({ fate }) => (fate === 'leaving') === isSo))
  const emails = (there ?? []).map(({ email }) => email).sort()
  const scores = Object.fromEntries((there ?? []).map(({ email, score }) => [email, score]))
  expect(Object.fromEntries(ledger.users().map(({ email, dataFields }) => [email, dataFields.score]))).toEqual(scores)
  const isThere = ({ address }: { readonly address: string }): boolean => !address.startsWith('leaving')
  const addresses = ledger
    .events()
    .filter(isThere)
    .map(({ address }) => address)
  expect(addresses.sort()).toEqual(emails)
  const bought = ledger.entries.filter(({ kind }) => kind === 'purchase').map(({ detail }) => String(detail.id))
  const buyers = (there ?? []).filter(({ buys }) => buys).map(({ id }) => `p-${id}`)
  expect(bought.filter((id) => !id.startsWith('p-leaving')).sort()).toEqual(buyers.sort()) // once, not twice
  const of = (fate: string) => lives().filter((one) => one.fate === fate)
  expect([...(ledger.catalogs.get('shoes')?.items.keys() ?? [])].sort()).toEqual(of('shoeless').map(({ id }) => id))
  expect([...ledger.members('vip')].sort()).toEqual(of('listless').map(({ email }) => email))
  expect(profilesIn(fake)).toBeLessThanOrEqual(undisturbed + deaths * WINDOW)
  const forgotten = ledger.entries.filter(({ kind }) => kind === 'forget').map(({ address }) => address)
  expect([...new Set(forgotten)].sort()).toEqual((leaving ?? []).map(({ email }) => email).sort())
  expect(forgotten.length).toBeLessThanOrEqual((leaving ?? []).length + deaths * 3)
  expect({ ...left, traces }).toMatchObject({ deadLetter: 0, parked: 0, inbox: 0, erasing: 0, traces: 0 })
}

/** Lives that end at a point, one after the other in one world, and then one that does not; and those that did not come by theirs. */
async function lived(run: FailpointRun, points: readonly Failpoint[]) {
  const missed: Failpoint[] = []
  for (const at of points)
    if ((await runOnce({ ...run, life: true, die: { at, nth: 1 } })) !== 'SIGKILL') missed.push(at)
  const end = (await runOnce({ ...run, life: true })) as FailpointEnd
  return { missed, end }
}

async function inWorld(work: (fake: FakeIterable, url: string) => Promise<void>): Promise<void> {
  // Unsure of the vendor, and only so can a purchase that may have arrived be looked up; else its id overwrites it.
  const fake = new FakeIterable({ projectType: 'email', rates: 'off', unsure: { purchasesAmongEvents: true } })
  const { url, close } = await fake.listen()
  try {
    await work(fake, url)
  } finally {
    await close()
  }
}

let worlds = 0
const STORES = {
  SQLite: () => ({ path: join(folder, `state-${++worlds}.db`) }),
  Postgres: () => ({ connectionString: postgres ?? '', schema: freshSchema() }),
}

for (const [name, open] of Object.entries(STORES)) {
  describe.skipIf(name === 'Postgres' && postgres === undefined)(
    `killed with SIGKILL at a failpoint, on ${name}`,
    () => {
      let times: FailpointEnd['times'] = {}
      let undisturbed = 0
      let profilesOfALife = 0
      beforeAll(async () => {
        await inWorld(async (fake, url) => {
          const end = (await runOnce({ store: open(), url, apiKey: 'fake-key', life: true })) as FailpointEnd
          profilesOfALife = profilesIn(fake)
          expectLife(fake, end, 0, profilesOfALife)
          expect(Object.keys(end.times)).toEqual(expect.arrayContaining(BESIDE_RUNS.flat()))
        })
        await inWorld(async (fake, url) => {
          const end = (await runOnce({ store: open(), url, apiKey: 'fake-key' })) as FailpointEnd
          expect(end.report).toMatchObject({ status: 'complete', rows: { read: 32, rejected: 1 } })
          undisturbed = profilesIn(fake)
          expect(undisturbed).toBeLessThanOrEqual(32 + 4) // of one request
          expectTruth(fake, undisturbed)
          times = end.times
        })
      })

      test('every point is come by', () => {
        expect(Object.keys(times).sort()).toEqual([...POINTS].sort())
      })

      test.concurrent.each(POINTS)(
        '%s: first time, second, last: nothing is lost, and twice is only the window [I1] [I2] [I3] [I4]',
        async (at) => {
          const last = times[at] ?? 0
          for (const nth of new Set([1, Math.min(2, last), last])) {
            await inWorld(async (fake, url) => {
              const run = { store: open(), url, apiKey: 'fake-key' }
              expect(await runOnce({ ...run, die: { at, nth } })).toBe('SIGKILL')
              const end = (await runOnce(run)) as FailpointEnd
              expect(end.report).toMatchObject({ status: 'complete', rows: { unsettled: 0 } })
              expect(end.deadLetters).toBeGreaterThan(0)
              expectTruth(fake, undisturbed)
            })
          }
        },
      )

      test.concurrent.each(BESIDE_RUNS.map((points) => ({ first: points[0], points })))(
        'beside runs, $first and on, life after life: nothing is lost, and of the erased nothing is left [I1] [I2] [I4]',
        async ({ points }) => {
          await inWorld(async (fake, url) => {
            const run = { store: open(), url, apiKey: 'fake-key' }
            const { missed, end } = await lived(run, points)
            expect(missed).toEqual([])
            expectLife(fake, end, points.length, profilesOfALife)
          })
        },
      )

      test.concurrent('SIGTERM with grace: what is on its way is settled, and nothing comes twice [I3]', async () => {
        await inWorld(async (fake, url) => {
          const run = { store: open(), url, apiKey: 'fake-key' }
          const end = (await runOnce({ ...run, term: { at: 'before-request', nth: 2 } })) as FailpointEnd
          expect(end.report).toMatchObject({ status: 'cancelled', error: { code: 'ABORTED' } })
          const next = (await runOnce(run)) as FailpointEnd
          expect(next.report).toMatchObject({ status: 'complete', rows: { unsettled: 0 } })
          expectTruth(fake, undisturbed - WINDOW)
        })
      })
    },
  )
}
