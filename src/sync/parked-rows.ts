import { hash } from 'node:crypto'
import { actionBlock } from '../model/action-block.js'
import { type Column, type Row, type RowBlock, rowBlock, type Schema } from '../model/row.js'
import type { Json, JsonObject, Reason } from '../model/value.js'
import type { Page } from '../sources/source.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import type { RunContext } from './context.js'
import { type Judge, judge } from './drift-decision.js'
import { rowsOfTheForgotten } from './erase-rows.js'
import { kept } from './letter.js'
import type { Order } from './order.js'
import { type Former, PageWork, type ReadPage } from './page.js'

/** Rows that are kept at most because the schema changed, those of former runs too; then a run stops, as if the policy said so (I12). */
export const PARKED_ROWS_MAX = 1_000_000

const NOBODY: ReadonlySet<number> = new Set()
const FORGOTTEN: Reason = { code: 'USER_FORGOTTEN', facts: {} }

/**
 * A page whose schema the transform does not know: each row is kept whole, in the order read, and counts as parked. Rows of
 * a snapshot are not kept, since the next snapshot shows them again; nor are those of the forgotten, which are rejected.
 */
export async function parkedPage(page: Page, reason: Reason, first: Order, context: RunContext): Promise<PageWork> {
  const { rows, schema, mode } = page
  const whole = Array.from({ length: rows.length }, (_, row) => ({ row: rows.at(row), key: rows.key(row) }))
  const forgotten = mode === 'snapshot' ? NOBODY : await rowsOfTheForgotten(context, whole)
  const fates = Array.from({ length: rows.length }, (_, row) => {
    const refused = forgotten.has(row) ? FORGOTTEN : rows.refused.get(row)
    return refused === undefined
      ? ({ status: 'parked', reason } as const)
      : ({ status: 'rejected', reason: refused } as const)
  })
  const work = new PageWork(page, actionBlock([]), fates, first)
  if (mode === 'snapshot') return work
  const { scope } = context
  const digest = digestOf(schema)
  work.kept.push({
    op: 'put',
    table: 'schema',
    key: schemaKey(scope, digest),
    value: schema.columns as unknown as Json,
  })
  fates.forEach(({ status }, row) => {
    if (status === 'rejected') return
    const [turn, order] = first
    const what = {
      row: rows.at(row),
      schema: digest,
      key: rows.key(row) ?? null,
      changedAt: rows.changedAt(row) ?? null,
    }
    const key = [...checkpointKey(scope), padded(turn), padded(order + row)]
    work.kept.push({ op: 'put', table: 'parkedRow', key, value: kept(what, reason, context) })
  })
  return work
}

/** Schemas looked at per run; more than a table has in years. */
const SCHEMAS_MAX = 1_000

/** What former runs have kept and this one cannot read yet. */
export interface StillParked {
  rows: number
}

/** Rows that were kept, as a page of their own, with what takes them out of the store once they are finished. */
export interface Unparked {
  readonly page: ReadPage
  readonly done: readonly Op[]
  /** Of rows of former runs. */
  readonly former?: Former
}

/** Rows that the store keeps, oldest first; each page with what takes it out of the store. */
export type KeptRows = (
  context: RunContext,
  options: { readonly judging: Judge; readonly pageSize: number; readonly cursor: ReadPage['cursor'] },
) => AsyncIterable<Unparked>

/**
 * The rows that former runs parked and that the transform finds its columns in now, oldest first. Read before the
 * source, since what it gives is newer (I6); what was accepted since they were read is newer too, and stays.
 */
export async function* unparkedRows(
  context: RunContext,
  judging: Judge,
  {
    pageSize,
    cursor,
    still,
  }: { readonly pageSize: number; readonly cursor: ReadPage['cursor']; readonly still: StillParked },
): AsyncGenerator<Unparked> {
  const { store, scope } = context
  const known = new Map<string, Schema | undefined>()
  let after: Key | undefined
  for (;;) {
    const entries = await store.scan('parkedRow', {
      prefix: checkpointKey(scope),
      after,
      limit: Math.min(pageSize, 10_000),
    })
    for (const [digest, among] of bySchema(entries)) {
      if (!known.has(digest)) known.set(digest, await readable(context, judging, digest))
      const schema = known.get(digest)
      if (schema === undefined) {
        still.rows += among.length
        continue
      }
      const done = among.map(({ key }): Op => ({ op: 'delete', table: 'parkedRow', key }))
      const orders = among.map(({ key }): Order => [Number(key.at(-2)), Number(key.at(-1))])
      yield {
        page: { schema, rows: blockOf(among.map(({ value }) => value as unknown as KeptRow)), cursor, mode: 'changes' },
        done,
        former: { orders, keptAt: among.map(({ value }) => String((value as JsonObject).at)) },
      }
    }
    after = entries.at(-1)?.key
    if (after === undefined) break
  }
  await dropSchemas(context, known)
}

/** Schemas of which no row was there: rows that were just read are still there until what was made of them is committed. */
async function dropSchemas({ store, scope, commits }: RunContext, used: ReadonlyMap<string, unknown>): Promise<void> {
  const prefix = [...checkpointKey(scope), 'parked']
  const kept = await store.scan('schema', { prefix, limit: SCHEMAS_MAX })
  const ops = kept
    .filter(({ key }) => !used.has(String(key.at(-1))))
    .map(({ key }): Op => ({ op: 'delete', table: 'schema', key }))
  await commits.commit({ main: ops })
}

/** Neighbours of one schema: the order is kept. */
function bySchema(entries: readonly Entry[]): readonly (readonly [string, readonly Entry[]])[] {
  const runs: [string, Entry[]][] = []
  for (const entry of entries) {
    const digest = String((entry.value as JsonObject).schema)
    const last = runs.at(-1)
    if (last?.[0] === digest) last[1].push(entry)
    else runs.push([digest, [entry]])
  }
  return runs
}

async function readable({ store, scope }: RunContext, judging: Judge, digest: string): Promise<Schema | undefined> {
  const [columns] = await store.get('schema', [schemaKey(scope, digest)])
  if (columns === undefined) return undefined
  const schema = { columns: columns as unknown as readonly Column[] }
  const { stop, park } = judge(judging, schema)
  return stop === undefined && park === undefined ? schema : undefined
}

interface KeptRow {
  readonly row: Row
  readonly key: string | null
  readonly changedAt: string | null
}

/** Rows as they were read, with those that are refused. */
export function blockOf(values: readonly KeptRow[], refused?: ReadonlyMap<number, Reason>): RowBlock {
  const block = rowBlock(
    values.map(({ row }) => row),
    { refused },
  )
  return {
    length: block.length,
    refused: block.refused,
    at: (index) => block.at(index),
    json: (from, to) => block.json(from, to),
    key: (index) => values[index]?.key ?? undefined,
    changedAt: (index) => values[index]?.changedAt ?? undefined,
  }
}

const digestOf = ({ columns }: Schema): string => hash('sha256', JSON.stringify(columns)).slice(0, 32)

const schemaKey = (scope: Scope, digest: string): Key => [...checkpointKey(scope), 'parked', digest]

/** So that the order of keys is the order of numbers. */
export const padded = (number: number): string => String(number).padStart(15, '0')
