import { setImmediate } from 'node:timers/promises'
import type { Key, Op, Store } from '../../stores/store.js'
import { endAt, viewOf } from './record.js'

/**
 * What is kept of a list whose claims were always a whole audience, in blocks of records (record.ts):
 *
 *     audience  project, list, 'kept', part, nth, n   -> records: the addresses of a part, up to the nth plan; a short list
 *                                                        is one part, `all`
 *     audience  project, list, 'log', nth, n          -> records: what the nth plan has changed, address by address
 *
 * A block of the log replaces what was told of its addresses before. Whoever plans writes its changes there, a thousand or
 * more in one block, and not one row for each: a row in a random place of a long table costs twenty times as much.
 */
export const PARTS = 256
const PART_SHIFT = 23

/** The part that an address belongs to, by its hash. */
export const partOfHash = (hash: number): number => hash >>> PART_SHIFT

/** Bytes of records in a block. */
export const BLOCK_BYTES = 192 * 1_024
/** Blocks read at once: a scan must not hold the loop. */
const BLOCKS_PER_PAGE = 4

const digits = (n: number, width: number): string => n.toString().padStart(width, '0')

export const logKey = (list: Key, nth: number, n: number): Key => [...list, 'log', digits(nth, 10), digits(n, 8)]

/** A part of what is kept; ALL of a short list. */
export const ALL = -1

export const keptKey = (list: Key, part: number): Key => [...list, 'kept', part === ALL ? 'all' : digits(part, 3)]

export const logOp = (list: Key, at: { readonly nth: number; readonly n: number }, records: Buffer): Op => ({
  op: 'put',
  table: 'audience',
  key: logKey(list, at.nth, at.n),
  value: records.toString('base64'),
})

/** The blocks of the log in their order. */
export async function* readLog(
  store: Store,
  list: Key,
): AsyncGenerator<{ readonly nth: number; readonly records: Buffer }> {
  for await (const { key, value } of blocks(store, [...list, 'log'])) {
    yield { nth: Number(key.at(-2)), records: Buffer.from(value as string, 'base64') }
  }
}

/** What is kept of a part. */
export interface Kept {
  /** Up to which plan it tells all. */
  readonly nth: number
  /** Bytes of the records. */
  readonly size: number
  /** Writes them to the beginning of `target`. */
  copy(target: Buffer): void
}

export const NOTHING_KEPT: Kept = { nth: -1, size: 0, copy: () => undefined }

export async function readKept(store: Store, list: Key, part: number): Promise<Kept> {
  const texts: string[] = []
  let nth = -1
  for await (const { key, value } of blocks(store, keptKey(list, part))) {
    nth = Number(key.at(-2))
    texts.push(value as string)
  }
  const copy = (target: Buffer): void => {
    let at = 0
    for (const text of texts) at += target.write(text, at, 'base64')
  }
  return { nth, size: texts.reduce((sum, text) => sum + Buffer.byteLength(text, 'base64'), 0), copy }
}

/** Ops that put these records in the place of a part's. */
export async function keepOps(
  store: Store,
  list: Key,
  { part, nth, records }: { readonly part: number; readonly nth: number; readonly records: Buffer },
): Promise<readonly Op[]> {
  const before = await store.scan('audience', { prefix: keptKey(list, part), limit: 10_000 })
  const ops = before.map(({ key }): Op => ({ op: 'delete', table: 'audience', key }))
  let n = 0
  for (const block of cut(records)) {
    const key = [...keptKey(list, part), digits(nth, 10), digits(n, 4)]
    ops.push({ op: 'put', table: 'audience', key, value: block.toString('base64') })
    n += 1
  }
  return ops
}

/** Records in blocks, none of which is cut. */
function* cut(records: Buffer): Generator<Buffer> {
  const view = viewOf(records)
  let from = 0
  for (let at = 0; at < records.length; ) {
    const end = endAt(view, at)
    if (end - from > BLOCK_BYTES && at > from) {
      yield records.subarray(from, at)
      from = at
    }
    at = end
  }
  if (from < records.length) yield records.subarray(from)
}

/** Blocks are long: more of them in one commit hold the loop. */
export const DELETES_PER_COMMIT = 100

/** Takes away the blocks that `isGone` names, below a prefix. */
export async function dropBlocks(
  store: Store,
  prefix: Key,
  { isGone, fence }: { readonly isGone: (key: Key) => boolean; readonly fence: readonly Op[] },
): Promise<void> {
  let ops: Op[] = []
  for await (const { key } of blocks(store, prefix)) {
    if (isGone(key)) ops.push({ op: 'delete', table: 'audience', key })
    if (ops.length < DELETES_PER_COMMIT) continue
    await store.commit([...fence, ...ops])
    ops = []
  }
  if (ops.length > 0) await store.commit([...fence, ...ops])
}

async function* blocks(store: Store, prefix: Key) {
  for (let after: Key | undefined; ; ) {
    const page = await store.scan('audience', { prefix, after, limit: BLOCKS_PER_PAGE })
    yield* page
    if (page.length < BLOCKS_PER_PAGE) return
    after = page.at(-1)?.key
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}
