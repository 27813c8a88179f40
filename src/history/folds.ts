import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { actionsIn, type Block, bucketed, bucketsFor, type Head, lengthOf, type PageHead } from './block.js'
import type { PageRecord } from './page-records.js'
import { type Place, partKey, type Scope } from './place.js'

/** Pages that were folded into buckets, as the list of all folds has them. */
export interface Fold {
  /** That of its first page. */
  readonly id: string
  /** How often its pages were folded; {@link FULL} is never folded again. */
  readonly level: number
  readonly buckets: number
  readonly entries: number
  readonly actions: number
  /** When its oldest and its newest page were recorded, in ms. */
  readonly from: number
  readonly to: number
}

export const FULL = 9

/** Keys that are asked for at once. */
const KEYS_MAX = 1_000

const PAGES_PER_SCAN = 64

export interface Waiting {
  readonly key: Key
  readonly record: PageRecord
  readonly block: Block
}

/** Pages that no fold holds yet, oldest first. */
export async function* waitingPages({ store, scope }: Place): AsyncGenerator<Waiting> {
  let after: Key | undefined
  for (;;) {
    const entries = await store.scan('outcome', { prefix: partKey(scope, 'page'), after, limit: PAGES_PER_SCAN })
    for (const { key, value } of entries) {
      const record = value as unknown as PageRecord
      yield { key, record, block: { head: record.head, entries: Buffer.from(record.entries, 'base64') } }
    }
    after = entries.at(-1)?.key
    if (after === undefined || entries.length < PAGES_PER_SCAN) return
  }
}

/** Oldest first. */
export async function readFolds({ store, scope }: Place): Promise<readonly Fold[]> {
  const [folds] = await store.get('outcome', [partKey(scope, 'folds')])
  return (folds ?? []) as unknown as readonly Fold[]
}

export function foldsOp(scope: Scope, folds: readonly Fold[]): Op {
  const ordered = [...folds].sort((a, b) => (a.id < b.id ? -1 : 1))
  return { op: 'put', table: 'outcome', key: partKey(scope, 'folds'), value: ordered as unknown as Json }
}

export async function readHeads({ store, scope }: Place, folds: readonly Fold[]): Promise<readonly Head[]> {
  const heads: Head[] = []
  for (let from = 0; from < folds.length; from += KEYS_MAX) {
    const keys = folds.slice(from, from + KEYS_MAX).map(({ id }) => partKey(scope, 'head', id))
    heads.push(...((await store.get('outcome', keys)) as unknown as readonly Head[]))
  }
  return heads
}

/** Buckets of several folds, in the order asked; empty where there is none. */
export async function readBuckets(
  { store, scope }: Place,
  asked: readonly { readonly fold: Fold; readonly bucket: number }[],
): Promise<readonly Buffer[]> {
  const found: Buffer[] = []
  for (let from = 0; from < asked.length; from += KEYS_MAX) {
    const keys = asked.slice(from, from + KEYS_MAX).map(({ fold, bucket }) => partKey(scope, 'bucket', fold.id, bucket))
    for (const text of await store.get('outcome', keys)) {
      found.push(text === undefined ? Buffer.alloc(0) : Buffer.from(text as string, 'base64'))
    }
  }
  return found
}

/** A fold, whole. */
export async function readFold(place: Place, fold: Fold): Promise<Block> {
  const [head] = await readHeads(place, [fold])
  const parts = await readBuckets(
    place,
    Array.from({ length: fold.buckets }, (_, bucket) => ({ fold, bucket })),
  )
  return { head: head as Head, entries: Buffer.concat(parts) }
}

/** Ops that take a fold away, but for what the list of all says. */
export const dropFold = (scope: Scope, { id, buckets }: Fold): readonly Op[] => [
  { op: 'delete', table: 'outcome', key: partKey(scope, 'head', id) },
  ...Array.from({ length: buckets }, (_, bucket): Op => {
    return { op: 'delete', table: 'outcome', key: partKey(scope, 'bucket', id, bucket) }
  }),
]

/** A block as a fold, and the ops that write it. It must hold a page. */
export function foldOf(
  scope: Scope,
  block: Block,
  level: number,
): { readonly fold: Fold; readonly ops: readonly Op[] } {
  const { pages } = block.head
  const buckets = bucketsFor(lengthOf(block.entries))
  const times = pages.map(({ at }) => at)
  const fold: Fold = {
    id: (pages[0] as PageHead).id,
    level,
    buckets,
    entries: lengthOf(block.entries),
    actions: actionsIn(block.head),
    from: times.reduce((a, b) => Math.min(a, b)),
    to: times.reduce((a, b) => Math.max(a, b)),
  }
  const put = (key: Key, value: Json): Op => ({ op: 'put', table: 'outcome', key, value })
  const ops: Op[] = [put(partKey(scope, 'head', fold.id), block.head as unknown as Json)]
  bucketed(block.entries, buckets).forEach((part, bucket) => {
    if (part !== undefined) ops.push(put(partKey(scope, 'bucket', fold.id, bucket), part.toString('base64')))
  })
  return { fold, ops }
}
