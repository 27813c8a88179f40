import { setImmediate } from 'node:timers/promises'
import { isLakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { absorb } from './absorb.js'
import { agedRecord, asOfIn, dueOf, timePart } from './aging.js'
import { ATTEMPTS_MAX } from './commit-again.js'
import type { RecordRef } from './evidence.js'
import { type RecordChange, refText } from './neighbourhood.js'
import { isoOf, microsecondsOf } from './order.js'
import { invalidOption } from './place.js'
import type { MetaRow, Rows } from './rows.js'
import type { Rules } from './rules.js'
import { COMMIT_ROWS_AIM, type Writer } from './writer.js'

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
export async function advanceTo(rules: Rules, rows: Rows, writer: Writer, asOf: number): Promise<Advanced> {
  let records = 0
  let attempt = 1
  for (;;) {
    const meta = await writer.settled()
    if (asOf < (asOfIn(meta) ?? asOf)) throw invalidOption('asOf', 'is earlier than that of the graph')
    const entries = await rows.store.scan('aging', { prefix: [rows.graph], limit: PAGE })
    const due = entries.map(({ key }) => key).filter(([, time]) => (time as string) < timePart(asOf))
    if (due.length === 0 && meta?.asOf === asOf && meta.aging === undefined) break
    const isUnderWay = due.length > 0 && meta?.aging === asOf
    const { changes, stale } = isUnderWay ? await crossed(rules, rows, due, asOf) : NOTHING
    const times = due.length === 0 ? { asOf } : { ...meta, aging: asOf }
    const ops = changes.length > 0 ? await absorb(rules, rows, meta, changes) : metaOps(rules, rows, meta, times)
    try {
      await rows.store.commit([...ops, ...stale.map((key): Op => ({ op: 'delete', table: 'aging', key }))])
      records += changes.length
      attempt = 1
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !isLakeloopError(error, 'STORE_CONFLICT')) throw error
      attempt += 1
    }
    await setImmediate() // lets the host's loop turn between commits
  }
  return { asOf: isoOf(asOf), records, conflicts: await writer.conflictCount() }
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
  const { sequence, conflicts, version, forgets } = meta ?? { sequence: 0, conflicts: 0, version: 0 }
  const next: MetaRow = {
    ...{ rules: rules.hash, sequence, conflicts, version: version + 1 },
    ...(asOf !== undefined && { asOf }),
    ...(aging !== undefined && { aging }),
    ...(forgets !== undefined && { forgets }),
  }
  return [
    { op: 'check', table: 'identityMeta', key: [rows.graph], is: meta as Json | undefined },
    { op: 'put', table: 'identityMeta', key: [rows.graph], value: next as object as Json },
  ]
}
