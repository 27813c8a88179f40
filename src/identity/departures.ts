import { setImmediate } from 'node:timers/promises'
import { compareBytes } from '../model/byte-order.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { type NewRecord, type RecordRef, recordRef } from './evidence.js'
import type { CursorPlace, Pass } from './ingest-cursor.js'
import type { Rows } from './rows.js'

/** Records and marks that are read together. */
const PAGE = 1_000

/**
 * The records of a source that a pass has not shown, to be taken out, in pages. Both tables are in the order of their keys
 * and are read beside each other.
 *
 * Cost    reads all records of the source once; two pages of keys in memory.
 */
export async function* takeOutUnseen(
  rows: Rows,
  place: CursorPlace,
  pass: Pass,
  source: string,
): AsyncGenerator<readonly NewRecord[]> {
  const [name] = recordRef(source, 'any')
  const marks = keysOf(rows, 'identitySeen', place.seenPrefix(pass), 3)
  let mark = await marks.next()
  let found: NewRecord[] = []
  for await (const key of keysOf(rows, 'evidence', [rows.graph, name], 2)) {
    while (!mark.done && compareBytes(mark.value, key) < 0) mark = await marks.next()
    if (!mark.done && mark.value === key) continue
    found.push({ ref: [name, key] as RecordRef, versions: [] })
    if (found.length < PAGE) continue
    yield found
    found = []
  }
  if (found.length > 0) yield found
}

/** One part of the keys under a prefix, each once, in byte order. */
async function* keysOf(
  { store }: Rows,
  table: 'identitySeen' | 'evidence',
  prefix: Key,
  part: number,
): AsyncGenerator<string> {
  let last: string | undefined
  for (let after: Key | undefined; ; ) {
    const page: readonly Entry[] = await store.scan(table, { prefix, after, limit: PAGE })
    for (const { key } of page) {
      const one = key[part] as string
      if (one !== last) yield one
      last = one
    }
    if (page.length < PAGE) return
    after = page.at(-1)?.key
    await setImmediate() // a store that answers at once would never let the host's loop turn
  }
}

/** Forgets what passes have shown, but for the one that is under way. */
export async function dropSeen(rows: Rows, place: CursorPlace, but: Pass | undefined): Promise<void> {
  const kept = but === undefined ? undefined : String(but.number)
  const prefix = place.prefix
  for (let after: Key | undefined; ; ) {
    const page = await rows.store.scan('identitySeen', { prefix, after, limit: PAGE })
    const ops = page.flatMap(({ key }): readonly Op[] =>
      key[2] === kept ? [] : [{ op: 'delete', table: 'identitySeen', key }],
    )
    if (ops.length > 0) await rows.store.commit([place.guard, ...ops])
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    // Behind all marks of the pass that is kept: a part that begins with it and goes on.
    after = last.key[2] === kept ? [...prefix, `${kept}!`] : last.key
    await setImmediate()
  }
}
