import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ListDeltaComputer } from '../../src/delta/list-delta.js'
import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Action } from '../../src/model/action.js'
import type { Row } from '../../src/model/row.js'
import { RowsSource } from '../../src/sources/from-rows.js'
import { MemoryStore } from '../../src/stores/memory.js'
import type { Store } from '../../src/stores/store.js'
import { type Plan, planJson } from '../../src/sync/plan.js'
import { Sync } from '../../src/sync/sync.js'
import { plainTransform } from '../sync/plain-transform.js'
import { RecordingDestination } from '../sync/recording-destination.js'
import { VirtualClock } from '../sync/virtual-clock.js'

const RUNS = Number(process.env.LAW_RUNS ?? 60)
const SEED = process.env.LAW_SEED === undefined ? {} : { seed: Number(process.env.LAW_SEED) }

interface Person {
  readonly id: number
  readonly email: number | undefined
  readonly score: number
  readonly does: 'profile' | 'event' | 'purchase' | 'throws' | 'nothing' | 'leaves'
}

interface Day {
  readonly people: readonly Person[]
  /** What another system says of a person's address, before the day. */
  readonly said: readonly { readonly id: number; readonly email: number }[]
  /** Whether the plan is given to the run, or only compared with what it sent. */
  readonly held: boolean
}

interface Script {
  readonly days: readonly Day[]
  readonly pageSize: number
  readonly concurrency: number
  readonly sizeMax: number
  readonly complete: boolean
  readonly adds: 'wait' | 'carry'
  readonly stores: 1 | 3
  /** Turns of the loop that each answer takes, in turn. */
  readonly slow: readonly number[]
}

const id = fc.nat(11)
const person: fc.Arbitrary<Person> = fc.record({
  id,
  email: fc.option(fc.nat(9), { nil: undefined, freq: 4 }),
  score: fc.constantFrom(0.1, 0.5, 0.8, 0.9),
  does: fc.constantFrom('profile', 'profile', 'profile', 'event', 'purchase', 'throws', 'nothing', 'leaves'),
})
const script: fc.Arbitrary<Script> = fc.record({
  days: fc.array(
    fc.record({
      people: fc.array(person, { maxLength: 14 }),
      said: fc.array(fc.record({ id, email: fc.nat(9) }), { maxLength: 2 }),
      held: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  pageSize: fc.integer({ min: 1, max: 6 }),
  concurrency: fc.integer({ min: 1, max: 6 }),
  sizeMax: fc.integer({ min: 1, max: 5 }),
  complete: fc.boolean(),
  adds: fc.constantFrom('wait', 'carry'),
  stores: fc.constantFrom(1, 3),
  slow: fc.array(fc.nat(4), { maxLength: 6 }),
})

const rowOf = (one: Person): Row => ({
  id: `c-${one.id}`,
  email: one.email === undefined ? null : `p${one.email}@example.com`,
  score: one.score,
  does: one.does,
})

function actionsOf({ id, email, score, does }: Row): readonly Action[] {
  if (does === 'throws') throw new Error('no')
  if (does === 'nothing') return []
  const identifiers = { customer_id: String(id), ...(typeof email === 'string' ? { email } : {}) }
  const made: Action[] = [{ kind: 'profile', identifiers, dataFields: { score: score ?? null } }]
  if (does === 'event')
    made.push({ kind: 'event', identifiers, eventName: 'seen', dataFields: { score: score ?? null } })
  if (does === 'purchase') made.push({ kind: 'purchase', identifiers, total: Number(score), items: [] })
  if (does === 'leaves') return [{ kind: 'delete', identifiers }]
  return [...made, { kind: 'membership', identifiers, list: 'at-risk', member: Number(score) > 0.7 }]
}

/** The same store for who only looks. */
function readOnly(store: Store): Store {
  return {
    supports: store.supports,
    get: (table, keys) => store.get(table, keys),
    scan: (table, range) => store.scan(table, range),
    commit: () => Promise.reject(new Error('a plan writes nothing')),
    close: async () => undefined,
  }
}

const digest = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')
const met = { requests: 0, held: 0, parked: 0, moved: 0, listed: 0 }
afterAll(() => process.stdout.write(`plans: met ${JSON.stringify(met)}\n`))

class World {
  readonly #script: Script
  readonly #stores: readonly [Store, Store, Store]
  readonly destination: RecordingDestination
  readonly #clock = new VirtualClock()

  constructor(script: Script) {
    this.#script = script
    const one = new MemoryStore()
    this.#stores = script.stores === 1 ? [one, one, one] : [one, new MemoryStore(), new MemoryStore()]
    this.destination = new RecordingDestination({ sizeMax: script.sizeMax })
    this.destination.knob = (_, nth) => this.#slowly(nth) as Promise<never>
  }

  identity(store: Store = this.#stores[1]): IdentityResolver {
    return new IdentityResolver({
      store,
      target: 'email',
      namespaces: {
        customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
        email: { priority: 2, maxIdentifiers: 5 },
      },
    })
  }

  sync(day: Day, look: (store: Store) => Store = (store) => store): Sync {
    const { pageSize, concurrency, complete, adds } = this.#script
    const rows = day.people.map(rowOf)
    const over = new Map(this.#stores.map((store) => [store, look(store)]))
    const [store, graph, lists] = this.#stores.map((one) => over.get(one) as Store) as [Store, Store, Store]
    return new Sync({
      name: 'law',
      source: new RowsSource({ name: 'rows', rows, key: ['id'], complete }),
      transform: plainTransform(actionsOf),
      identity: this.identity(graph),
      lists: new ListDeltaComputer({ store: lists, guard: { removedShareMax: 1 } }),
      destination: this.destination,
      store,
      clock: this.#clock,
      pageSize,
      concurrency,
      adds,
      settleMs: 0,
      rejectedShareMax: 1,
    })
  }

  async #slowly(nth: number): Promise<undefined> {
    const { slow } = this.#script
    for (let turns = slow[nth % Math.max(1, slow.length)] ?? 0; turns > 0; turns -= 1) await setImmediate()
  }
}

test('a plan is what run sends, byte for byte, and writes nothing [I9]', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (script) => {
      const world = new World(script)
      for (const day of script.days) {
        const records = day.said.map(({ id, email }) => ({
          source: 'crm',
          key: String(id),
          observedAt: null,
          ids: [
            { namespace: 'customer_id', value: `c-${id}` },
            { namespace: 'email', value: `p${email}@example.com` },
          ],
        }))
        await world.identity().observe(records)
        const plan = await world.sync(day, readOnly).plan()
        expect([undefined, 'LIST_GUARD']).toContain(plan.error?.code)
        const before = world.destination.sent.length
        const given = JSON.parse(planJson(plan)) as Plan
        const report = await world.sync(day).run(day.held ? { plan: given } : {})
        expect(report).toMatchObject({
          status: plan.error === undefined ? 'complete' : 'stopped',
          rows: plan.rows,
          lists: plan.lists,
          reasons: plan.reasons,
        })
        expect(report.error).toEqual(plan.error)
        const sent = world.destination.sent.slice(before)
        expect(sent.map(({ body }) => digest(body)).sort()).toEqual(plan.requests.map((one) => one.digest).sort())
        met.requests += sent.length
        met.held += Number(day.held)
        met.parked += report.unparked
        met.moved += report.retargeted
        met.listed += report.lists.reduce((sum, { add, remove }) => sum + add + remove, 0)
      }
    }),
    { numRuns: RUNS, ...SEED },
  )
  // A few draws may well meet none of something.
  if (RUNS >= 500) for (const [what, times] of Object.entries(met)) expect([what, times > 0]).toEqual([what, true])
}, 600_000)
