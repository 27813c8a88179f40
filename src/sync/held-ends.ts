import type { Subject } from '../history/page-records.js'
import { isOfTheForgotten, type Outcome } from '../model/outcome.js'
import type { Json, JsonObject, Reason } from '../model/value.js'
import type { Entry, Op } from '../stores/store.js'
import type { RunContext } from './context.js'
import { kept, keptAgain, keptIn, orderOf, rowKeyOf } from './letter.js'
import { isAfter } from './order.js'
import { endOf, subjectOf } from './subjects.js'

export type HeldTable = 'parked' | 'deadLetter'

/** What became of an entry, and where the destination has whom it is about, if that was found. */
export type End = readonly [entry: Entry, outcome: Outcome, address?: string | undefined]

/**
 * Ops for what became of entries of a table: they leave it, stay as they are, or move on to the other one. With what history
 * keeps of it; one that waits on as it did says nothing new.
 */
export async function endOps(context: RunContext, table: HeldTable, ends: readonly End[]): Promise<readonly Op[]> {
  const refused = ends.filter(([, { status }]) => status === 'rejected').map(([entry]) => entry)
  const isNewer = table === 'parked' ? await newerIn(context, 'deadLetter', refused) : () => false
  const told = ends.filter(([, { status }]) => table !== 'parked' || status !== 'parked')
  const moved = ends.flatMap(([entry, outcome]): Op[] => {
    const { key } = entry
    const gone: Op = { op: 'delete', table, key }
    if (!('reason' in outcome) || isOfTheForgotten(outcome.reason)) return [gone]
    if (outcome.status === 'parked') return table === 'parked' ? [] : [gone, waits(context, entry, outcome.reason)]
    if (table === 'deadLetter')
      return [{ op: 'put', table, key, value: keptAgain(keptIn(entry), outcome.reason, context) }]
    return isNewer(entry) ? [gone] : [gone, letter(context, entry, outcome.reason)]
  })
  return [...moved, ...context.history.ops(told.map(heldSubject))]
}

/** An entry and what became of it, as history keeps it. */
export function heldSubject([entry, outcome, address]: End): Subject {
  const { action } = keptIn(entry)
  const about = { key: rowKeyOf(entry), address }
  if (action !== undefined) return subjectOf(action, about, outcome)
  return { identifiers: {}, ...about, ends: [endOf('row', outcome)] }
}

/** Of which of them another table holds something that was read later. */
export async function newerIn(
  { store }: RunContext,
  table: HeldTable,
  entries: readonly Entry[],
): Promise<(entry: Entry) => boolean> {
  if (entries.length === 0) return () => false
  const others = await store.get(
    table,
    entries.map(({ key }) => key),
  )
  const newer = new Set(
    entries.filter((entry, at) => {
      const value = others[at]
      return value !== undefined && isAfter(orderOf({ key: entry.key, value }), orderOf(entry))
    }),
  )
  return (entry) => newer.has(entry)
}

/** A dead letter that only waits for something now: the next run tries it. */
function waits({ runId }: RunContext, entry: Entry, reason: Reason): Op {
  const value = { ...keptIn(entry), reason: { code: reason.code, facts: reason.facts }, runId } as unknown as Json
  return { op: 'put', table: 'parked', key: entry.key, value }
}

function letter(context: RunContext, entry: Entry, reason: Reason): Op {
  const { sent, reason: _, runId, epoch, at, ...what } = keptIn(entry)
  const value = kept(what as unknown as JsonObject, reason, context)
  return { op: 'put', table: 'deadLetter', key: entry.key, value }
}
