import { setImmediate } from 'node:timers/promises'
import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { absorb } from './absorb.js'
import { agedRecord, asOfIn, dueOf, timePart } from './aging.js'
import { COMMIT_ROWS_AIM } from './commit-again.js'
import type { RecordRef } from './evidence.js'
import { type RecordChange, refText } from './neighbourhood.js'
import { isoOf, microsecondsOf } from './order.js'
import { invalidOption } from './place.js'
import type { MetaRow, Rows } from './rows.js'
import type { Rules } from './rules.js'
import type { Writer } from './writer.js'

/** What `advance` did. */
export interface Advanced {
  /** The time as of which the graph stands, ISO 8601 in UTC. */
  readonly asOf: string
  /** Records of which identifiers went out of use. */
  readonly records: number
  /** Open conflicts of the graph afterwards. */
  readonly conflicts: number
}

const PAGE = 500

/** Throws OPTION_INVALID for what is no time. */
export function timeOf(asOf: unknown): number {
  const time = typeof asOf === 'string' ? microsecondsOf(asOf) : null
  if (time === null) throw invalidOption('asOf', 'is no ISO 8601 time')
  return time
}

/**
 * Moves a graph on to a time: the records that crossed a line since are derived anew, a few hundred in a commit. Where it
 * goes is written first and what has been reached last, so that after a crash the next call goes on, and records that
 * come in between are taken as of the new time.
 *
 * Throws  OPTION_INVALID for a time before the one that the graph stands at or is on its way to.
 */
export async function advanceTo(rules: Rules, writer: Writer, asOf: number): Promise<Advanced> {
  let records = 0
  for (let moved: number | undefined = 0; moved !== undefined; records += moved ?? 0) {
    moved = await writer.untilCommitted((rows, meta) => oneStep(rules, rows, meta, asOf))
    await setImmediate() // lets the host's loop turn between commits
  }
  return { asOf: isoOf(asOf), records, conflicts: await writer.conflictCount() }
}

/** One commit. Returns how many records it derived anew; `undefined`: the graph stands there. */
async function oneStep(rules: Rules, rows: Rows, meta: MetaRow | undefined, asOf: number): Promise<number | undefined> {
  if (asOf < (asOfIn(meta) ?? asOf)) throw invalidOption('asOf', 'is earlier than that of the graph')
  const entries = await rows.store.scan('aging', { prefix: [rows.graph], limit: PAGE })
  const due = entries.map(({ key }) => key).filter(([, time]) => (time as string) < timePart(asOf))
  if (due.length === 0 && meta?.asOf === asOf && meta.aging === undefined) return undefined
  const isUnderWay = due.length > 0 && meta?.aging === asOf
  const { changes, stale } = isUnderWay ? await crossed(rules, rows, due, asOf) : NOTHING
  const times = due.length === 0 ? { asOf } : { ...meta, aging: asOf }
  const ops = changes.length > 0 ? await absorb(rules, rows, meta, changes) : metaOps(rules, rows, meta, times)
  await rows.store.commit([...ops, ...stale.map((key): Op => ({ op: 'delete', table: 'aging', key }))])
  return changes.length
}

interface Crossed {
  readonly changes: readonly RecordChange[]
  /** Keys that no record stands behind any more. */
  readonly stale: readonly Key[]
}

const NOTHING: Crossed = { changes: [], stale: [] }

/** The first of the records named by these keys, as many as one commit takes. */
async function crossed(rules: Rules, rows: Rows, due: readonly Key[], asOf: number): Promise<Crossed> {
  const kept = await rows.records(new Map(due.map((key) => [refText(refOf(key)), refOf(key)] as const)))
  const changes: RecordChange[] = []
  const stale: Key[] = []
  let cost = 0
  for (const key of due) {
    const ref = refOf(key)
    const before = kept.get(refText(ref))
    if (before === undefined || dueOf(rules, before) !== key[1]) {
      stale.push(key)
      continue
    }
    cost += 1 + 3 * before.ids.length
    if (changes.length > 0 && cost > COMMIT_ROWS_AIM) break
    changes.push({ ref, before, after: agedRecord(rules, before, asOf) })
  }
  return { changes, stale }
}

const refOf = ([, , ...ref]: Key): RecordRef => ref as unknown as RecordRef

/** Writes the times of a graph, and nothing else. */
function metaOps(
  rules: Rules,
  rows: Rows,
  meta: MetaRow | undefined,
  { asOf, aging }: Pick<MetaRow, 'asOf' | 'aging'>,
): readonly Op[] {
  const { asOf: _, aging: __, ...others } = meta ?? { rules: rules.hash, sequence: 0, conflicts: 0, version: 0 }
  const next: MetaRow = {
    ...others,
    version: others.version + 1,
    ...(asOf !== undefined && { asOf }),
    ...(aging !== undefined && { aging }),
  }
  return [
    { op: 'check', table: 'identityMeta', key: rows.metaKey, is: meta as object | undefined as Json | undefined },
    { op: 'put', table: 'identityMeta', key: rows.metaKey, value: next as object as Json },
  ]
}
