import { setImmediate } from 'node:timers/promises'
import type { Entry, Key, Op, Store, Table } from '../stores/store.js'
import type { ListRecord } from './list-state.js'
import { Kept, printsKeyOf } from './whole/kept.js'
import { BlockWriter, type KeptBlock, tailAt, wordAt } from './whole/kept-block.js'
import { Log, recordIs } from './whole/log.js'
import { addressAt, claimantAt, endAt, hashAt, recordsOf, stateAt, viewOf } from './whole/record.js'

/** Whom to take off the books of the lists. */
export interface Leavers {
  readonly isAddress: (text: string) => boolean
  readonly isClaimant: (text: string) => boolean
  /** Texts, in lower case, one of which stands in every block that holds a place of theirs. */
  readonly needles: readonly string[]
}

export interface ErasePlaces {
  readonly store: Store
  readonly project: string
  readonly leavers: Leavers
  /** `check` ops in front of every commit. */
  readonly fence: readonly Op[]
}

/** What was taken out: places in rows, and places in blocks of whole audiences. */
export interface PlacesErased {
  readonly claim: number
  readonly claimByAddress: number
  readonly membership: number
  readonly audience: number
}

const PAGE = 2_000
/** Blocks are long: a scan must not hold the loop. */
const BLOCKS_PER_PAGE = 4

/**
 * Takes people out of all that is kept of the lists of a project, whoever owns them. A list of whole audiences stays one: its
 * blocks are written anew without them.
 *
 * Repeat   the same again changes nothing; after a crash it is done again from the beginning.
 * Throws   STORE_CONFLICT where the fence does not hold, or a whole audience is planned at this moment.
 * Cost     the claims, memberships and blocks of the project, once from end to end.
 */
export async function erasePlaces(erasing: ErasePlaces): Promise<PlacesErased> {
  const { isAddress, isClaimant } = erasing.leavers
  const isClaim = ({ key: [, , claimant = ''], value }: Entry): boolean =>
    isClaimant(claimant) || isAddress(String((value as readonly unknown[])[0]))
  return {
    claim: await sweep(erasing, 'claim', isClaim),
    // A claim and its index stand and fall together: both see the address and the claimant.
    claimByAddress: await sweep(
      erasing,
      'claimByAddress',
      ({ key }) => isAddress(at(key, 2)) || isClaimant(at(key, 3)),
    ),
    membership: await sweep(erasing, 'membership', ({ key }) => isAddress(at(key, 2))),
    audience: await eraseBlocks(erasing),
  }
}

const at = (key: Key, part: number): string => key[part] ?? ''

async function sweep(
  { store, project, fence }: ErasePlaces,
  table: Table,
  isTheirs: (entry: Entry) => boolean,
): Promise<number> {
  let count = 0
  for (let after: Key | undefined; ; ) {
    const page = await store.scan(table, { prefix: [project], after, limit: PAGE })
    const ops = page.filter(isTheirs).map(({ key }): Op => ({ op: 'delete', table, key }))
    if (ops.length > 0) await store.commit([...fence, ...ops])
    count += ops.length
    if (page.length < PAGE) return count
    after = page.at(-1)?.key
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}

/** Lists whose blocks hold them are planned by nobody while they are written anew: see `Log.begin`. */
async function eraseBlocks(erasing: ErasePlaces): Promise<number> {
  const { store, fence } = erasing
  let count = 0
  let standing = { list: '', holds: fence }
  for await (const { key, value } of blocksOf(erasing)) {
    if (!hasTheirs(key, value as string, erasing.leavers)) continue
    const list = key.slice(0, 2)
    if (standing.list !== list[1]) standing = { list: at(list, 1), holds: await stand(erasing, list) }
    const left = await without(erasing, key)
    // A block stays, also an empty one: its key says up to which plan it tells.
    if (left !== undefined) await store.commit([...fence, ...standing.holds, ...left.puts])
    count += left?.count ?? 0
  }
  return count
}

async function* blocksOf({ store, project }: ErasePlaces): AsyncGenerator<Entry> {
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('audience', { prefix: [project], after, limit: BLOCKS_PER_PAGE })
    yield* page
    if (page.length < BLOCKS_PER_PAGE) return
    after = page.at(-1)?.key
    await setImmediate()
  }
}

/** Stops the plans of a list that began before. Of a list in rows the blocks are left from before, and nobody reads them. */
async function stand({ store, fence }: ErasePlaces, list: Key): Promise<readonly Op[]> {
  const [found] = await store.get('list', [list])
  const record = found as unknown as ListRecord | undefined
  if (record?.whole === undefined) return [recordIs(list, record)]
  const log = new Log({ store, list, owner: record.owner, record, fence })
  await log.begin()
  return log.fence
}

/** What stands for places names nobody: it is written anew with the texts of the same places. */
function hasTheirs(key: Key, value: string, leavers: Leavers): boolean {
  if (key[2] === 'prints') return false
  return hasNeedle(key[2] === 'texts' ? value : Buffer.from(value, 'base64').toString('utf8'), leavers)
}

/** A block without what is theirs, read again behind the fence, since who planned the list meanwhile may have written it. */
async function without({ store, leavers }: ErasePlaces, key: Key) {
  const printsKey = printsKeyOf(key)
  const [value, prints] = await store.get('audience', printsKey === undefined ? [key] : [key, printsKey])
  if (value === undefined) return undefined
  if (printsKey === undefined) {
    const { records, count } = withoutRecords(value as string, leavers)
    return { count, puts: [putOp(key, records)] }
  }
  const { block, count } = withoutPlaces({ texts: value as string, prints: prints as string }, leavers)
  return { count, puts: [putOp(key, block.texts), putOp(printsKey, block.prints)] }
}

const putOp = (key: Key, value: string): Op => ({ op: 'put', table: 'audience', key, value })

/** The places of what is kept. */
function withoutPlaces(value: KeptBlock, leavers: Leavers) {
  const kept = new Kept()
  kept.take(value.texts)
  kept.takePrints(Buffer.from(value.prints, 'base64'))
  const writer = new BlockWriter(Number.POSITIVE_INFINITY)
  let count = 0
  for (let nth = 0; nth < kept.count; nth += 1) {
    const place = kept.placeAt(nth)
    const theirs = theirsOf(place.address, place.claimant, leavers)
    if (theirs !== undefined) count += 1
    if (theirs === 'address') continue
    const claimant = theirs === 'claim' ? '' : place.claimant
    writer.put({ ...place, claimant }, { word: wordAt(kept.prints, nth), tail: tailAt(kept.prints, nth) })
  }
  return { block: writer.block(), count }
}

/** The records of a block of the log. */
function withoutRecords(value: string, leavers: Leavers) {
  const records = Buffer.from(value, 'base64')
  const view = viewOf(records)
  const left: Buffer[] = []
  let count = 0
  for (let from = 0; from < records.length; ) {
    const end = endAt(view, from)
    const address = addressAt(records, from)
    const theirs = theirsOf(address, claimantAt(records, from), leavers)
    if (theirs !== undefined) count += 1
    if (theirs === 'claim') left.push(recordsOf({ hash: hashAt(view, from), address }, [], stateAt(view, from)))
    else if (theirs === undefined) left.push(records.subarray(from, end))
    from = end
  }
  return { records: Buffer.concat(left).toString('base64'), count }
}

const hasNeedle = (text: string, { needles }: Leavers): boolean => {
  const lower = text.toLowerCase()
  return needles.some((needle) => lower.includes(needle))
}

/** Of a claim the address stays: the block says something of it, and would say what an older one says if nothing were left. */
function theirsOf(
  address: string,
  claimant: string,
  { isAddress, isClaimant }: Leavers,
): 'address' | 'claim' | undefined {
  if (isAddress(address)) return 'address'
  return isClaimant(claimant) ? 'claim' : undefined
}
