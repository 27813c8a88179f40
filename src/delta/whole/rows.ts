import { LakeloopError } from '../../errors.js'
import type { ListRef } from '../../model/action.js'
import type { Key, Op, Store, Table } from '../../stores/store.js'
import { noteWishes, type Wish } from '../claims.js'
import { foundClaimant } from '../found.js'
import { type ListRecord, membershipOp, type Scope } from '../list-state.js'
import { dropBlocks, PARTS } from './kept.js'
import { Log, recordIs } from './log.js'
import { everyPart, readTold } from './parts.js'
import type { Places } from './places.js'
import { addressAt, claimantAt, MEMBER, type State } from './record.js'
import { Spool } from './spool.js'
import { STATES } from './verdicts.js'
import { BOUNDS } from './whole.js'
import { Wishes } from './wishes.js'

export interface RowsOptions {
  readonly store: Store
  /** Project and list. */
  readonly list: Key
  readonly ref: ListRef
  readonly scope: Omit<Scope, 'epoch'>
  readonly record: ListRecord
  readonly fence: readonly Op[]
  readonly directory: string
}

const OPS_PER_COMMIT = 2_000
const TABLES: readonly Table[] = ['claim', 'claimByAddress', 'membership']

/**
 * Turns a list that is kept as a whole audience into rows of claims and memberships, once, and for good: so that single rows can
 * be noted, moved, shared or compared. What was decided last stays decided.
 *
 * Repeat  after a crash it is done again from the beginning; until its last commit the blocks are what counts.
 * Cost    three rows for each member.
 */
export async function toRows(options: RowsOptions): Promise<void> {
  const { store, list, record, scope, fence } = options
  const log = new Log({ store, list, owner: scope.owner, record, fence })
  await log.begin()
  for (const table of TABLES) await clear(options, table, log.fence)
  const spool = new Spool(options.directory, PARTS)
  const wishes = new Wishes({ directory: options.directory, key: log.key }, { aloneBytes: 0, keptBytes: 0 }) // none
  try {
    const kept = { store, list, parts: record.whole?.parts ?? 1, shortBytes: BOUNDS.shortBytes }
    const known = { ...kept, told: await readTold(kept, spool), wishes, taken: [] }
    for await (const { places } of everyPart(known, { opensUnseen: true, all: true }))
      await writeRows(options, places, log)
  } finally {
    await wishes.close()
    await spool.close()
  }
  const now = await recordOf(options, log)
  const { whole: _, ...rows } = now
  await store.commit([...fence, recordIs(list, now), { op: 'put', table: 'list', key: list, value: rows }])
  await dropBlocks(store, list, { isGone: () => true, fence })
}

/** The record of the list, in which noting counts claims. Throws STORE_CONFLICT where another plans the list meanwhile. */
async function recordOf({ store, list }: RowsOptions, { nth }: Log): Promise<ListRecord> {
  const record = (await store.get('list', [list]))[0] as unknown as ListRecord | undefined
  if (record?.nth !== nth || record.whole === undefined) throw new LakeloopError('STORE_CONFLICT', { table: 'list' })
  return record
}

async function writeRows(options: RowsOptions, places: Places, log: Log) {
  const { store, list, ref, scope, record, fence } = options
  let wishes: PlacedWish[] = []
  let ops: Op[] = []
  const found: { readonly address: string; readonly claimants: readonly string[]; readonly state: State }[] = []
  await places.each(
    (at) => {
      found.push({ address: addressAt(places.bytes, at), claimants: [claimantAt(places.bytes, at)], state: MEMBER })
    },
    (address, { claims, state }) => {
      found.push({ address, claimants: [...claims.keys()], state })
    },
  )
  const commit = async (): Promise<void> => {
    const held = recordIs(list, await recordOf(options, log))
    const noted = await noteWishes(store, await apart(store, list, wishes), { ...scope, epoch: record.epoch })
    await store.commit([...fence, held, ...noted.ops, ...ops])
    wishes = []
    ops = []
  }
  for (const { address, claimants, state } of found) {
    for (const claimant of claimants) wishes.push({ list: ref, claimant, address, member: true })
    const member = STATES[state]
    if (member !== undefined) ops.push(membershipOp(list, address, member))
    if (wishes.length + ops.length >= OPS_PER_COMMIT) await commit()
  }
  await commit()
}

/**
 * A claimant that has two places, since the guard held one or its audience named both, has one of them in rows. The other is kept as
 * that of a member found, about whom the next whole audience decides: nobody would know which of the two is the older.
 */
async function apart(store: Store, list: Key, wishes: readonly PlacedWish[]): Promise<readonly PlacedWish[]> {
  const known = await store.get(
    'claim',
    wishes.map(({ claimant }) => [...list, claimant]),
  )
  const met = new Set(wishes.filter((_, at) => known[at] !== undefined).map(({ claimant }) => claimant))
  return wishes.map((wish) => {
    if (met.has(wish.claimant)) return { ...wish, claimant: foundClaimant(wish.address) }
    met.add(wish.claimant)
    return wish
  })
}

type PlacedWish = Wish & { readonly address: string }

async function clear({ store, list }: RowsOptions, table: Table, fence: readonly Op[]): Promise<void> {
  for (;;) {
    const page = await store.scan(table, { prefix: list, limit: OPS_PER_COMMIT })
    if (page.length === 0) return
    await store.commit([...fence, ...page.map(({ key }): Op => ({ op: 'delete', table, key }))])
  }
}
