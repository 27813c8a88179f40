import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import { LakeloopError } from '../../src/errors.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { RunReport } from '../../src/model/report.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'
import { Sync } from '../../src/sync/sync.js'
import { plainTransform } from '../sync/plain-transform.js'
import { type Knob, RecordingDestination } from '../sync/recording-destination.js'
import { VirtualClock } from '../sync/virtual-clock.js'
import { scoreAndList } from '../sync/world.js'

const RUNS = Number(process.env.LAW_RUNS ?? 200)
const SEED = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

/** What goes wrong at the nth request or commit of a run. */
type Fault =
  | 'unclear, not applied'
  | 'unclear, applied'
  | 'throttled'
  | 'refused whole'
  | 'row refused'
  | 'crash'
  | 'credential'
const FAULTS: readonly Fault[] = [
  'unclear, not applied',
  'unclear, applied',
  'throttled',
  'refused whole',
  'row refused',
  'crash',
  'credential',
]
const hits = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>
afterAll(() => process.stdout.write(`run simulation: faults hit ${JSON.stringify(hits)}\n`))

interface Script {
  readonly people: readonly { readonly id: number; readonly score: number }[]
  /** Fault by request number. */
  readonly faults: ReadonlyMap<number, Fault>
  /** The commit at which the process dies, if any: nothing is written from there on. */
  readonly dieAt: number | undefined
}

const script: fc.Arbitrary<Script> = fc.record({
  people: fc.uniqueArray(fc.record({ id: fc.nat(30), score: fc.constantFrom(0.1, 0.5, 0.8, 0.9) }), {
    selector: ({ id }) => id,
    maxLength: 25,
  }),
  faults: fc
    .array(fc.tuple(fc.nat(12), fc.constantFrom(...FAULTS.filter((fault) => fault !== 'crash'))), { maxLength: 4 })
    .map((pairs) => new Map(pairs)),
  dieAt: fc.option(fc.nat(14), { nil: undefined, freq: 2 }),
})

class Death extends Error {}

/** The store as one process sees it: from commit `dieAt` on it is dead, and so is the process. */
function mortal(store: Store, dieAt: number | undefined): Store {
  let commits = 0
  let dead = false
  const alive = <T>(go: () => Promise<T>): Promise<T> => (dead ? Promise.reject(new Death()) : go())
  return {
    supports: store.supports,
    get: (table, keys) => alive(() => store.get(table, keys)),
    scan: (table, range) => alive(() => store.scan(table, range)),
    commit: (ops) =>
      alive(() => {
        if (commits++ !== dieAt) return store.commit(ops)
        dead = true
        hits.crash += 1
        return Promise.reject(new Death())
      }),
    close: async () => undefined,
  }
}

function knobOf(faults: Script['faults'], destination: RecordingDestination): Knob {
  let nth = 0
  return (request) => {
    const fault = faults.get(nth++)
    if (fault === undefined) return undefined
    hits[fault] += 1
    const facts = { endpoint: 'apply' }
    if (fault === 'row refused') {
      // A list that refuses an address refuses it for good (it stays off until it leaves the audience): profiles only.
      if (request.rows[0]?.action.kind === 'membership') return undefined
      const no: Outcome = { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
      return request.rows.map((_, at): Outcome => (at === 0 ? no : { status: 'accepted' }))
    }
    if (fault === 'unclear, applied') destination.applied.push(...request.rows)
    if (fault === 'throttled') return Promise.reject(new LakeloopError('DESTINATION_THROTTLED', facts))
    if (fault === 'refused whole' && request.rows.length > 1) {
      return Promise.reject(new LakeloopError('REQUEST_REFUSED', facts))
    }
    if (fault === 'credential') return Promise.reject(new LakeloopError('DESTINATION_UNAUTHORIZED', facts))
    return Promise.reject(new LakeloopError('DESTINATION_ANSWER_UNCLEAR', facts))
  }
}

async function oneRun(
  base: Store,
  destination: RecordingDestination,
  clock: VirtualClock,
  { people, faults, dieAt }: Script,
) {
  destination.knob = knobOf(faults, destination)
  const store = mortal(base, dieAt)
  const rows: Row[] = people.map(({ id, score }) => ({ id: `c-${id}`, email: `p${id}@example.com`, score }))
  const sync = new Sync({
    name: 'churn',
    source: new RowsSource({ name: 'scores', rows, key: ['id'], complete: true, schema: SCHEMA }),
    transform: plainTransform(scoreAndList, ['id', 'score']),
    identity: new IdentityResolver({
      store,
      target: 'email',
      namespaces: {
        customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
        email: { priority: 2, maxIdentifiers: 5 },
      },
    }),
    lists: new ListDeltaComputer({ store, guard: { removedShareMax: 1 } }),
    destination,
    store,
    clock,
    pageSize: 4,
    settleMs: 0,
  })
  const report = await sync.run().catch((error: unknown) => {
    if (error instanceof Death) return undefined
    throw error
  })
  clock.advance(60_001) // a dead holder of this very process: wait for its lease to end
  return report
}

const SCHEMA = {
  columns: ['id', 'email', 'score'].map((name) => ({
    name,
    type: name === 'score' ? 'double' : 'string',
    nullable: true,
  })),
}

/**
 * Random histories: each generation of people is run twice with faults and crashes, then once without, which goes on
 * where the others stood. Oracles after each generation:
 * conservation: every row read has one outcome, or was not finished. no invention: nobody is written who was never in
 * the rows. integrity and liveness: the destination holds exactly these rows, and the list exactly who should be on it.
 */
test('any history of faults and crashes, each ended by a clean run, keeps to the truth [I1] [I3] [I4] [I10]', async () => {
  const histories = fc.array(fc.tuple(script, script), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const base = new MemoryStore()
      const destination = new RecordingDestination({ sizeMax: 3 })
      const clock = new VirtualClock()
      const everyone = new Set<string>()
      for (const [first, second] of history) {
        for (const { id } of first.people) everyone.add(address(id))
        const clean = { people: first.people, faults: new Map<number, Fault>(), dieAt: undefined }
        // A row that was refused for good is a dead letter: the pass that goes on does not read it again, the next one does.
        const refused = [first, second].some(({ faults }) => [...faults.values()].includes('row refused'))
        for (const one of [first, { ...second, people: first.people }, clean, ...(refused ? [clean] : [])]) {
          conserves(await oneRun(base, destination, clock, one))
        }
        expectTruth(destination, first.people, everyone)
      }
    }),
    { numRuns: RUNS, ...SEED },
  )
}, 120_000)

const address = (id: number): string => `p${id}@example.com`

function conserves(report: RunReport | undefined): void {
  if (report === undefined) return
  const { read, unsettled, ...ended } = report.rows
  expect(Object.values(ended).reduce((sum, rows) => sum + rows, 0) + unsettled).toBe(read)
}

function expectTruth(destination: RecordingDestination, people: Script['people'], everyone: ReadonlySet<string>): void {
  const profiles = destination.profiles()
  for (const written of profiles.keys()) expect(everyone).toContain(written)
  for (const { id, score } of people) expect(profiles.get(address(id))).toEqual({ score })
  const members = destination.members('at-risk')
  const atRisk = people.filter(({ score }) => score > 0.7).map(({ id }) => address(id))
  for (const one of atRisk) expect(members).toContain(one)
  // An audience without anybody at risk takes nobody off the list: the guard holds that back.
  if (atRisk.length > 0) expect([...members].sort()).toEqual(atRisk.sort())
}
