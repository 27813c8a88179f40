import { setImmediate } from 'node:timers/promises'
import { LakeloopError } from '../errors.js'
import type { Op } from '../stores/store.js'
import { absorb } from './absorb.js'
import { anew, oneForEach } from './anew.js'
import type { NewRecord, RecordRef, StoredRecord } from './evidence.js'
import { isRedirect, type ProfileRow, type RedirectRow, type Rows } from './rows.js'
import type { Rules } from './rules.js'
import { withoutTheForgotten } from './tombstones.js'
import { changesOf, chunksOf } from './writer.js'

/** One generation that is made from another. */
export interface Making {
  readonly rules: Rules
  readonly from: Rows
  readonly to: Rows
  /** Every commit checks it: what a later preview has replaced writes nothing more. */
  readonly guard: Op
  readonly signal?: AbortSignal | undefined
}

/** Records that are read together. */
const RECORDS_PAGE = 500

/**
 * Reads all evidence of one generation anew, under other rules, into another that is empty. Gives how many records.
 *
 * Cost    what observing all records costs; memory for a page of 500 and the people that it touches.
 * Throws  ABORTED; STORE_CONFLICT once another preview has begun.
 */
export async function rebuild(making: Making): Promise<number> {
  let records = 0
  for await (const page of making.from.pages('evidence', RECORDS_PAGE)) {
    const anewAll = page.map(({ key, value }) =>
      anew(making.rules, key.slice(1) as readonly string[] as RecordRef, value as StoredRecord),
    )
    for (const chunk of chunksOf(oneForEach(anewAll))) await takeIn(making, chunk)
    records += page.length
  }
  return records
}

async function takeIn(making: Making, chunk: readonly NewRecord[]): Promise<void> {
  const { rules, from, to } = making
  const meta = await to.meta()
  // What a crash kept a forget from erasing on the old side must not be taken over.
  const records = await withoutTheForgotten(rules, from, meta, chunk)
  const kept = await to.recordsAt(records.map(({ ref }) => ref))
  const changes = changesOf(rules, records, kept, meta)
  if (changes.length > 0) await commitTo(making, (await absorb(rules, to, meta, changes)).flatMap(withoutPast))
}

/** A commit of a preview: checked, and with a pause for the host's loop. */
export async function commitTo({ to, guard, signal }: Making, ops: readonly Op[]): Promise<void> {
  if (signal?.aborted) throw new LakeloopError('ABORTED')
  await to.store.commit([guard, ...ops])
  await setImmediate()
}

/** Nobody knew the people that came and went while a graph was made: they leave no redirect, no heritage, no log and no history. */
function withoutPast(op: Op): readonly Op[] {
  if (op.table === 'identityLog' || op.table === 'identityHistory') return []
  if (op.table !== 'profile' || op.op !== 'put') return [op]
  const row = op.value as object as ProfileRow | RedirectRow
  if (isRedirect(row)) return [{ op: 'delete', table: op.table, key: op.key }]
  const { was: _, ...living } = row
  return [{ ...op, value: living as object as typeof op.value }]
}
