import { setImmediate } from 'node:timers/promises'
import { compareBytes } from '../model/byte-order.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { type NewRecord, type RecordRef, recordRef } from './evidence.js'
import type { CursorPlace, Pass } from './ingest-cursor.js'
import type { Rows } from './rows.js'

/** Records and marks that are read together. */
const PAGE = 1_000

/** How many records a source has, and how many of them a pass has not shown. */
export async function countUnseen(
  rows: Rows,
  place: CursorPlace,
  pass: Pass,
  source: string,
): Promise<{ readonly records: number; readonly absent: number }> {
  const counts = { records: 0, absent: 0 }
  for await (const { isShown } of besideMarks(rows, place, pass, source)) {
    counts.records += 1
    if (!isShown) counts.absent += 1
  }
  return counts
}

/** The records of a source that a pass has not shown, to be taken out, in pages. Cost    two pages of keys in memory. */
export async function* takeOutUnseen(
  rows: Rows,
  place: CursorPlace,
  pass: Pass,
  source: string,
): AsyncGenerator<readonly NewRecord[]> {
  let found: NewRecord[] = []
  for await (const { ref, isShown } of besideMarks(rows, place, pass, source)) {
    if (isShown) continue
    found.push({ ref, versions: [] })
    if (found.length < PAGE) continue
    yield found
    found = []
  }
  if (found.length > 0) yield found
}

/** Each record of a source, and whether a pass has shown it. Both tables are in the order of their keys. */
async function* besideMarks(
  rows: Rows,
  place: CursorPlace,
  pass: Pass,
  source: string,
): AsyncGenerator<{ readonly ref: RecordRef; readonly isShown: boolean }> {
  const [name] = recordRef(source, 'any')
  const marks = keysOf(rows, 'identitySeen', place.seenPrefix(pass), 3)
  let mark = await marks.next()
  for await (const key of keysOf(rows, 'evidence', [rows.graph, name], 2)) {
    while (!mark.done && compareBytes(mark.value, key) < 0) mark = await marks.next()
    yield { ref: [name, key], isShown: !mark.done && mark.value === key }
  }
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
