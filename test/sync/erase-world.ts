import { IdentityResolver } from '../../src/identity/resolver.js'
import type { Action } from '../../src/model/action.js'
import type { Identifier } from '../../src/model/identifier.js'
import type { Outcome } from '../../src/model/outcome.js'
import type { RunReport, RunStatus } from '../../src/model/report.js'
import { type Row, rowBlock, type Schema } from '../../src/model/row.js'
import type { Source } from '../../src/sources/source.js'
import { MemoryStore } from '../../src/stores/memory.js'
import { type Entry, type Key, type Op, type Store, TABLES, type Table } from '../../src/stores/store.js'
import type { SyncOptions } from '../../src/sync/options.js'
import type { Sync } from '../../src/sync/sync.js'
import { plainTransform } from './plain-transform.js'
import { RecordingDestination } from './recording-destination.js'
import { World } from './world.js'

/** All that a canary is called, in any spelling; each of these letters stands in nobody else's. */
export const CANARY = { customer_id: 'canary-4711', email: 'Canary.New@Example.com', phone: '+4917099988877' } as const
export const OLD_ADDRESS = 'old.canary@example.com'
export const NEW_ADDRESS = 'canary.new@example.com'
export const BROKEN_ADDRESS = 'canary@@broken.example'
const NEEDLES = /canary|4917099988877/i
/** Of somebody who is in the same places. */
export const BOB = /c-2\b|bob/

/** Each kind of row ends in another place. */
const make = (row: Row): readonly Action[] => {
  const identifiers = {
    ...(typeof row.who === 'string' ? { customer_id: row.who } : {}),
    ...(typeof row.email === 'string' ? { email: row.email } : {}),
    ...(typeof row.phone === 'string' ? { phone: row.phone } : {}),
  }
  const dataFields = { nickname: String(row.who) }
  if (row.kind === 'throws') throw new Error('a bad row')
  if (row.kind === 'event') return [{ kind: 'event', identifiers, eventName: 'seen', dataFields }]
  if (row.kind === 'purchase') return [{ kind: 'purchase', identifiers, total: 1, items: [], dataFields }]
  if (row.kind === 'refused') return [{ kind: 'cart', identifiers, items: [] }]
  if (row.kind === 'waits') return [{ kind: 'subscription', identifiers, unsubscribedChannelIds: [7] }]
  const member: Action = { kind: 'membership', identifiers, list: 'at-risk', member: true }
  return [{ kind: 'profile', identifiers, dataFields }, member]
}

const columns = (...names: string[]): Schema => ({
  columns: names.map((name) => ({ name, type: 'string', nullable: true })),
})
const ALL = columns('id', 'who', 'email', 'phone', 'kind')

/** Changes of a table, of one schema. */
export const changes = (rows: readonly Row[], schema: Schema = ALL): Source => ({
  name: 'scores',
  key: ['id'],
  async *read() {
    yield { schema, rows: rowBlock(rows, { key: ['id'] }), cursor: { at: rows.length }, mode: 'changes' }
  },
  describe: async () => schema,
  close: async () => undefined,
})

export const row = (id: string, who: string, email: string | null, kind = 'profile', more: Row = {}): Row => ({
  id,
  who,
  email,
  kind,
  ...more,
})

/** The parts of a sync over rows of {@link row}. */
export function syncOf(world: World, rows: readonly Row[], more: Partial<SyncOptions> = {}): Sync {
  const transform = plainTransform(make, ['who', 'email', 'kind'])
  return world.sync([], { source: changes(rows), transform, rejectedShareMax: 1, ...more })
}

/** Carts are refused, and subscriptions wait. */
export const hostile = () =>
  new RecordingDestination({
    sizeMax: 10,
    knob: ({ rows }) =>
      rows.map(({ action }): Outcome => {
        if (action.kind === 'cart') return { status: 'rejected', reason: { code: 'DATA_INVALID', facts: {} } }
        if (action.kind === 'subscription') return { status: 'parked', reason: { code: 'FORGET_WAITING', facts: {} } }
        return { status: 'accepted' }
      }),
  })

/** A world whose identity knows phones too. */
export function worldOver(store: Store, destination = hostile()): World {
  const world = new World({ store, destination })
  const identity = new IdentityResolver({
    store,
    target: 'email',
    namespaces: {
      customer_id: { priority: 1, maxIdentifiers: 1, anchor: true },
      email: { priority: 2, maxIdentifiers: 5 },
      phone: { priority: 3, hub: 2 },
    },
  })
  return Object.assign(world, { identity })
}

const record = (key: string, observedAt: string, bag: Record<string, string>, source = 'crm') => ({
  source,
  key,
  observedAt,
  ids: Object.entries(bag).map(([namespace, value]): Identifier => ({ namespace, value })),
})

async function ran(sync: Sync, as: RunStatus = 'complete'): Promise<RunReport> {
  const report = await sync.run()
  if (report.status !== as) throw new Error(`${sync.name} was ${report.status}: ${report.error?.message}`)
  return report
}

/** Takes a canary, and Bob beside it, through every place that holds anything of anybody. */
export async function populate(world: World): Promise<void> {
  const { store, identity, lists } = world
  const bob = row('bob', 'c-2', 'bob@example.com')
  await identity.observe([record('canary-4711', '2026-01-01T00:00:00Z', { ...CANARY, email: OLD_ADDRESS })])
  await ran(syncOf(world, [row('r-1', CANARY.customer_id, null), bob]))
  // The address moves: the old one is nobody's now, and only history knows whose it was.
  await identity.observe([
    record('canary-4711', '2026-02-01T00:00:00Z', CANARY),
    record('x', '2026-02-01T00:00:00Z', { customer_id: CANARY.customer_id, email: BROKEN_ADDRESS }),
    record('s-1', '2026-02-01T00:00:00Z', { customer_id: 'c-8', phone: '+4917000000000' }),
    record('s-2', '2025-03-01T00:00:00Z', { customer_id: 'c-9', email: CANARY.email }), // a conflict
    // More than stand in the identifier's own row.
    ...['m-1', 'm-2', 'm-3'].map((key) => record(key, '2026-02-01T00:00:00Z', { customer_id: CANARY.customer_id })),
  ])
  const who = [CANARY.customer_id, CANARY.email] as const
  const rows = [
    row('r-1', CANARY.customer_id, null),
    row('e-1', ...who, 'event'),
    row('order/canary-4711/1', ...who, 'purchase'),
    row('b-1', 'c-2', 'bob@example.com', 'event'),
    row('x-1', ...who, 'refused'),
    row('x-2', 'c-2', 'bob@example.com', 'refused'),
    row('t-1', ...who, 'throws'),
    row('t-2', 'c-2', 'bob@example.com', 'throws'),
    row('w-1', ...who, 'waits'),
    row('w-2', 'c-2', 'bob@example.com', 'waits'),
  ]
  await ran(syncOf(world, rows))
  await keepRows(world)
  await keepCarried(world)
  await keepWhole(world)
  const news = [
    row('n-1', ...who, 'refused'),
    row('canary-4711', ...who, 'event'),
    row('n-2', 'c-2', 'bob@example.com', 'event'),
  ]
  await ran(syncOf(world, news, { name: 'news', history: { outcomes: 'plain' } }))
  await keepPushed(world)
  const beside: Key = ['test', 'r:s:at-risk', NEW_ADDRESS]
  await store.commit([
    { op: 'put', table: 'membership', key: beside, value: 'member' }, // of a comparison that died
    { op: 'put', table: 'identitySeen', key: ['main', 'crm', '1', 'canary-4711'], value: 0 }, // of a reading that died
    { op: 'put', table: 'identitySeen', key: ['main', 'crm', '1', 'bob'], value: 0 },
    // Of a run that died.
    {
      op: 'put',
      table: 'firstWrite',
      key: ['test', 'news', 'run 1'],
      value: ['p_1', OLD_ADDRESS, 'p_2', 'eve@b.example'],
    },
    ...(await lists.note([{ list: 'n', claimant: 'f', address: OLD_ADDRESS, member: true }], OTHER)).ops,
  ])
}

/** Rows that wait in the inbox of a sync that has never run, under ids of pushes that name people. */
async function keepPushed(world: World): Promise<void> {
  const sync = syncOf(world, [], { name: 'live' })
  await sync.push([row('l-1', CANARY.customer_id, null, 'event')], { id: 'canary-4711/1' })
  await sync.push([row('l-2', 'c-2', 'bob@example.com', 'event')], { id: 'bob/1' })
}

const OTHER = { project: 'test', owner: 'elsewhere', epoch: '1' }

const UNKNOWN: readonly Row[] = [
  { id: 'p-1', who: 'c-5', mail: `write to ${CANARY.email}.`, kind: 'profile' },
  { id: 'p-2', who: 'c-2', mail: 'bob@example.com', kind: 'profile' },
]

/** Rows of a schema that the transform does not know. */
export async function keepRows(world: World, rows: readonly Row[] = UNKNOWN): Promise<RunReport> {
  const schema = columns('id', 'who', 'mail', 'kind')
  const drift = { dropped: 'park', renamed: 'park' } as const
  return ran(syncOf(world, [], { source: changes(rows, schema), drift }))
}

/** A run that dies before its lists: what they were to carry waits on. */
async function keepCarried(world: World): Promise<void> {
  const { knob } = world.destination
  world.destination.knob = (request, nth) => {
    if (request.rows.some(({ action }) => action.kind === 'membership')) throw new Error('died')
    return knob(request, nth)
  }
  const rows = [row('k-1', 'c-6', 'friend@example.com'), row('k-2', CANARY.customer_id, null)]
  const transform = plainTransform(carriedOf, ['who', 'email', 'kind'])
  await ran(syncOf(world, rows, { adds: 'carry', name: 'carrier', transform }), 'failed')
  world.destination.knob = knob
}

/** Fields and a list of the sync's own. */
const carriedOf = (one: Row): readonly Action[] =>
  make(one).map((action) => {
    if (action.kind === 'membership') return { ...action, list: 'carried' }
    return { ...action, dataFields: { title: String(one.who) } } as Action
  })

/** A list that is planned from whole audiences by hand, twice: kept blocks, and a log. */
async function keepWhole({ lists }: World): Promise<void> {
  const wish = (claimant: string, address: string) => ({ list: 'vip', claimant, address, member: true })
  const audiences = [
    [wish('bob', 'bob@example.com'), wish('canary-4711', NEW_ADDRESS)],
    [wish('bob', 'bob@example.com'), wish('canary-4711', NEW_ADDRESS), wish('canary-4711', 'shared@example.com')],
  ]
  for (const claims of audiences) {
    const delta = await lists.plan({ project: 'test', owner: 'by hand', list: 'vip', complete: true, claims })
    for await (const chunk of delta.chunks({ sizeMax: 10 })) {
      await chunk.intend()
      await chunk.settle(chunk.addresses.map(() => ({ status: 'accepted' })))
    }
    await delta[Symbol.asyncDispose]()
  }
}

/** Every entry of every table, whatever its key begins with. */
export async function entriesOf(store: Store, table: Table): Promise<readonly Entry[]> {
  const found: Entry[] = []
  for (let after: Key | undefined; ; ) {
    const page = await store.scan(table, { prefix: [], after, limit: 10_000 })
    found.push(...page)
    if (page.length < 10_000) return found
    after = page.at(-1)?.key
  }
}

/** How many entries of each table have the canary in them; blocks are read as what they hold. */
export async function traces(store: Store, of = NEEDLES): Promise<Partial<Record<Table, number>>> {
  const found: Partial<Record<Table, number>> = {}
  for (const table of TABLES) {
    const texts = (await entriesOf(store, table)).map(({ key, value }) =>
      JSON.stringify([key, table === 'audience' ? Buffer.from(String(value), 'base64').toString('latin1') : value]),
    )
    const count = texts.filter((text) => of.test(text)).length
    if (count > 0) found[table] = count
  }
  return found
}

/** Where the canary is among bytes: in plain, as UTF-16, and as base64 at any of its three places. */
export function bytesFound(bytes: Buffer): readonly string[] {
  const text = bytes.toString('latin1')
  const found: string[] = []
  if (/canary|4917099988877/i.test(text)) found.push('plain')
  if (/c\0a\0n\0a\0r\0y/i.test(text)) found.push('utf16')
  for (const name of ['canary', 'Canary', 'CANARY', '4917099988877']) {
    for (const before of [0, 1, 2]) {
      const coded = Buffer.from('x'.repeat(before) + name).toString('base64')
      // Without the letters that the neighbours have a share in.
      const sure = coded.slice(before === 0 ? 0 : before + 1, Math.floor(((before + name.length) * 8) / 6))
      if (text.includes(sure)) found.push(`base64+${before} ${name}`)
    }
  }
  return found
}

/** The same, to begin again from. */
export async function copyOf(store: Store): Promise<MemoryStore> {
  const copy = new MemoryStore()
  for (const table of TABLES) {
    const ops = (await entriesOf(store, table)).map(({ key, value }): Op => ({ op: 'put', table, key, value }))
    if (ops.length > 0) await copy.commit(ops)
  }
  return copy
}
