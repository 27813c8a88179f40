import { isLakeloopError, LakeloopError } from '../errors.js'
import type { DriftChange } from '../model/report.js'
import type { Schema } from '../model/row.js'
import type { Reason } from '../model/value.js'
import type { ColumnOrigin, ReadOptions, Source } from '../sources/source.js'
import { sourceError } from '../sources/source-error.js'
import type { TransformFacts } from '../transform/transform.js'
import type { AcceptedSchema } from './checkpoint.js'
import { type Change, compareSchemas, isRead } from './drift.js'
import { type DriftPolicies, judged, type Verdict, verdict } from './drift-policy.js'

type Asking = Pick<ReadOptions, 'signal' | 'tags' | 'described'>

/** What a schema is judged by: what was accepted last, what the transform reads, and what the host wants done. */
export interface Judge {
  readonly before: AcceptedSchema | undefined
  readonly facts: TransformFacts
  readonly policies: DriftPolicies
}

export interface Judgement extends Verdict {
  readonly changes: readonly DriftChange[]
}

/** Pure. */
export function judge(
  { before, facts, policies }: Judge,
  after: Schema,
  found = seen(before, after, facts),
): Judgement {
  const edited = before !== undefined && before.version !== facts.version
  const judging = { reads: facts, policies, edited }
  const changes = judged(found, judging)
  return { changes, ...verdict(changes, after, judging) }
}

const seen = (before: Schema | undefined, after: Schema, facts: TransformFacts): readonly Change[] =>
  before === undefined ? [] : compareSchemas(before, after, facts)

export interface Decision {
  readonly changes: readonly DriftChange[]
  /** Of the next read; `undefined` where only reading tells. */
  readonly schema: Schema | undefined
  /** The same, if it is the source's word and not that of the last run. */
  readonly described?: Schema
  readonly stop?: LakeloopError
  readonly park?: Reason
}

/**
 * What the source has become since the last accepted run, and whether its rows may be sent. Asked before any row is read
 * (design, section 9).
 *
 * Throws  what `describe` throws; SCHEMA_BREAKS_TRANSFORM for a query that itself names a column which is gone.
 */
export async function decideDrift(source: Source, judging: Judge, asking: Asking): Promise<Decision> {
  const { before, facts } = judging
  const after = await source.describe(asking.signal, asking.tags).catch((error: unknown) => {
    throw missingColumn(error, facts) ?? sourceError(error, source, asking.signal)
  })
  if (after === null) return { changes: [], schema: before }
  const found = seen(before, after, facts)
  const perhaps = [...found, ...stayed(before, after, { found, facts })]
  const origins = await originsOf(source, { found: perhaps, since: before?.asOf }, { ...asking, described: after })
  const known = perhaps
    .map((change, at) => [change, origins[at]] as const)
    .filter(([{ column }, origin], at) => at < found.length || (origin && origin.renamedTo !== column))
  const { changes, stop, park } = judge(judging, after, explained(known, after))
  const guarded = guardedError(source, after, facts)
  return {
    changes,
    schema: after,
    described: after,
    ...withStop(guarded ?? stop),
    ...(park === undefined ? {} : { park }),
  }
}

const withStop = (stop: LakeloopError | undefined) => (stop === undefined ? {} : { stop })

/**
 * Columns that the transform reads and that no id tells apart, beside others that came, as if each had left: the history
 * knows whether it did, and another one has its name now.
 */
function stayed(
  before: Schema | undefined,
  { columns }: Schema,
  { found, facts }: { readonly found: readonly Change[]; readonly facts: TransformFacts },
): readonly Change[] {
  if (before === undefined || !found.some(({ kind }) => kind === 'added')) return []
  return before.columns.flatMap(({ name: column, type, id }): Change[] => {
    const now = columns.find(({ name }) => name === column)
    if (now === undefined || (id !== undefined && now.id !== undefined) || !isRead(facts, column)) return []
    if (found.some((change) => change.column === column)) return []
    return [{ kind: 'dropped', column, before: type, after: now.type, breaks: true }]
  })
}

async function originsOf(
  source: Source,
  { found, since }: { readonly found: readonly Change[]; readonly since: string | undefined },
  asking: Asking,
): Promise<readonly (ColumnOrigin | undefined)[]> {
  if (found.length === 0 || since === undefined || source.whoChanged === undefined) return []
  return await source.whoChanged(found, since, asking)
}

/** The changes with their commits; a column that left and whose renaming the history has is `renamed`. */
function explained(
  known: readonly (readonly [Change, ColumnOrigin | undefined])[],
  { columns }: Schema,
): readonly Change[] {
  const renamed = new Set<string>()
  const told = known.map(([change, origin]): Change => {
    if (origin === undefined) return change
    const { renamedTo, ...commit } = origin
    if (change.kind !== 'dropped' || !columns.some(({ name }) => name === renamedTo)) return { ...change, commit }
    renamed.add(renamedTo as string)
    const { column, breaks, after } = change
    const taken = after === undefined ? {} : { after }
    return { kind: 'renamed', column, candidates: [renamedTo as string], breaks, commit, ...taken }
  })
  return told.filter(({ kind, column }) => kind !== 'added' || !renamed.has(column))
}

/** Values that a mask has changed, or rows that a filter has left out, would be taken for the truth. */
function guardedError(
  { name: source, key = [], changedAt }: Source,
  { columns, rowFilter }: Schema,
  facts: TransformFacts,
): LakeloopError | undefined {
  if (rowFilter !== undefined) {
    const told = { source, guard: `the row filter ${rowFilter}`, what: 'the rows', option: 'allow.rowFilter' }
    return new LakeloopError('SOURCE_GUARDED', told)
  }
  // Who a row is of, and what is new, is told by columns that the transform need not read.
  const roles = new Set([...key, changedAt])
  const masked = columns.find(({ name, mask }) => mask !== undefined && (roles.has(name) || isRead(facts, name)))
  if (masked === undefined) return undefined
  const told = { source, guard: `the mask ${masked.mask}`, what: `column ${masked.name}`, option: 'allow.masks' }
  return new LakeloopError('SOURCE_GUARDED', told)
}

/** A query that names a column which is gone fails in the warehouse: the same news, so the same error (design, section 9). */
function missingColumn(error: unknown, facts: TransformFacts): LakeloopError | undefined {
  if (!isLakeloopError(error, 'SOURCE_COLUMN_MISSING')) return undefined
  const column = String(error.facts.column)
  const read = facts.reads.find((candidate) => candidate.column === column)
  if (read === undefined) return undefined
  const to = String(error.facts.candidates ?? '')
  const candidates = to.startsWith(' to ') ? `, perhaps renamed${to}` : ''
  const told = { column, kind: 'dropped', change: 'missing', candidates, commit: '', at: read.at }
  return new LakeloopError('SCHEMA_BREAKS_TRANSFORM', told, error)
}

/** What was decided about the schema before the first page. */
export interface Drift {
  readonly judge: Judge
  readonly schema: Schema | undefined
  /** Why every row is kept and none is sent. */
  readonly park: Reason | undefined
}
