import { hash } from 'node:crypto'
import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { compareBytes } from '../model/byte-order.js'
import type { Identifier } from '../model/identifier.js'
import { nearest } from '../model/nearest.js'
import { optionFault } from '../model/option-fault.js'
import { keyText, type Row, type RowBlock, type Schema } from '../model/row.js'
import type { Json } from '../model/value.js'
import type { Source } from '../sources/source.js'
import type { Rules } from './rules.js'

/** Which columns of a source are evidence, and of whom. */
export interface IngestMapping {
  /** The source under which the records are kept. Default: the source's name, under which a `Sync` keeps them too. */
  readonly source?: string | undefined
  /** Columns that identify a record across readings. Default: the source's key; one of the two must be there. */
  readonly key?: string | readonly string[] | undefined
  /** Column with the time of change at the origin. Default: the source's `changedAt`. */
  readonly observedAt?: string | undefined
  /** By namespace, which must be declared: the column with the identifier, or several. An array holds several by itself. */
  readonly identifiers: Readonly<Record<string, string | readonly string[]>>
  /** See `Evidence.keep`. */
  readonly keep?: 'latest' | 'history' | undefined
  /** True: a record that a whole snapshot does not show is taken out at its end. Default false. */
  readonly complete?: boolean | undefined
}

const column = z.string().min(1)
const MAPPING = z.strictObject({
  source: z.string().min(1).optional(),
  key: z.union([column, z.array(column).min(1)]).optional(),
  observedAt: column.optional(),
  identifiers: z.record(z.string(), z.union([column, z.array(column).min(1)])),
  keep: z.enum(['latest', 'history']).optional(),
  complete: z.boolean().optional(),
})

/** A mapping with nothing left open. */
export interface Plan {
  readonly source: string
  /** Undefined: as the source says it. */
  readonly key: readonly string[] | undefined
  readonly observedAt: string | undefined
  readonly identifiers: readonly (readonly [namespace: string, column: string])[]
  readonly keep: 'latest' | 'history'
  readonly complete: boolean
  /** Names the mapping: a cursor counts for one mapping only, since rows behind it were read with other eyes. */
  readonly digest: string
}

const invalid = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'IdentityResolver.ingest', option, problem })

/** What is wrong with it whatever the source. Throws OPTION_INVALID, and never quotes a value. */
export function assertMapping(rules: Rules, mapping: IngestMapping): void {
  const checked = MAPPING.safeParse(mapping)
  if (!checked.success) {
    const { option, problem } = optionFault(checked.error, MAPPING, 'mapping')
    throw invalid(option, problem)
  }
  const namespaces = Object.keys(mapping.identifiers)
  if (namespaces.length === 0) throw invalid('mapping.identifiers', 'names no column')
  for (const namespace of namespaces) {
    if (rules.namespaces.has(namespace)) continue
    const close = nearest(namespace, rules.namespaces.keys())
    const hint = close === undefined ? '' : ` (perhaps ${close})`
    throw invalid('mapping.identifiers', `names the namespace ${namespace}, which is not declared${hint}`)
  }
}

/** Of a source that was described: some know their key only then. Throws OPTION_INVALID */
export function planOf(source: Source, mapping: IngestMapping): Plan {
  const { source: name = source.name, observedAt = source.changedAt, keep = 'latest', complete = false } = mapping
  const key = mapping.key === undefined ? undefined : [mapping.key].flat()
  if (key === undefined && source.key === undefined)
    throw invalid('mapping.key', 'is not said, and the source has none')
  const identifiers = Object.entries(mapping.identifiers)
    .sort(([a], [b]) => compareBytes(a, b))
    .flatMap(([namespace, columns]) => [columns].flat().map((one) => [namespace, one] as const))
  const said = { source: name, key, observedAt, identifiers, keep, complete }
  return { ...said, digest: hash('sha256', JSON.stringify({ ...said, rowKey: source.key })).slice(0, 32) }
}

/** Throws IDENTITY_COLUMN_MISSING for a column that rows of this schema do not have. */
export function assertColumns(plan: Plan, { columns }: Schema, source: string): void {
  if (columns.length === 0) return // rows that are not there have no columns
  const names = new Set(columns.map(({ name }) => name))
  const roles: (readonly [role: string, column: string])[] = [
    ...(plan.key ?? []).map((one) => ['key', one] as const),
    ...(plan.observedAt === undefined ? [] : [['observedAt', plan.observedAt] as const]),
    ...plan.identifiers,
  ]
  for (const [role, one] of roles) {
    if (names.has(one)) continue
    const close = nearest(one, names)
    const hint = close === undefined ? '' : ` (perhaps ${close})`
    throw new LakeloopError('IDENTITY_COLUMN_MISSING', { source, role, column: one, nearest: hint })
  }
}

/** The column by which a change feed tells what happened to a row. Source: Delta Lake, change data feed. */
const CHANGE = '_change_type'

/** True for rows of a change feed, which tell by themselves who left. */
export const isFeed = ({ columns }: Schema): boolean => columns.some(({ name }) => name === CHANGE)

/** What one row says. */
export type Said =
  | { readonly kind: 'rejected'; readonly code: string }
  /** As it was before: the row after the change follows. */
  | { readonly kind: 'before' }
  | { readonly kind: 'gone'; readonly key: string }
  | { readonly kind: 'shown'; readonly key: string; readonly observedAt: string | null; readonly ids: readonly Shown[] }

/** A value that is no text stays what it is: the rules count it. */
export interface Shown extends Omit<Identifier, 'value'> {
  readonly value: unknown
}

/** Reads the rows of one page. */
export function reader(plan: Plan, schema: Schema): (rows: RowBlock, index: number) => Said {
  const types = new Map(schema.columns.map(({ name, type }) => [name, type]))
  const feed = isFeed(schema)
  return (rows, index) => {
    const refused = rows.refused.get(index)
    if (refused !== undefined) return { kind: 'rejected', code: refused.code }
    const row = rows.at(index)
    const change = feed ? row[CHANGE] : undefined
    if (change === 'update_preimage') return { kind: 'before' }
    const key = plan.key === undefined ? rows.key(index) : keyText(plan.key.map((one) => cellOf(row, one) ?? null))
    if (key === undefined) return { kind: 'rejected', code: 'EVIDENCE_KEY_NULL' }
    if (change === 'delete') return { kind: 'gone', key }
    const time = plan.observedAt === undefined ? undefined : cellOf(row, plan.observedAt)
    const ids = plan.identifiers.flatMap(([namespace, one]) =>
      shownIn(cellOf(row, one), types.get(one) ?? '').map((value) => ({ namespace, value })),
    )
    return { kind: 'shown', key, observedAt: typeof time === 'string' ? time : null, ids }
  }
}

/** No column is called as what every object has. */
const cellOf = (row: Row, name: string): Json | undefined => (Object.hasOwn(row, name) ? row[name] : undefined)

const INTEGER = /^(?:tinyint|smallint|int|bigint|decimal\(\d+,\s*0\))$/
const FRACTION = /^decimal\(/

/**
 * The identifiers in a cell; none in NULL. A whole number is its digits where the column's type says that it is one: a
 * float is no name of anybody, whatever its value, and stays a number, which the rules refuse.
 */
function shownIn(value: unknown, type: string): readonly unknown[] {
  if (value === null || value === undefined) return []
  const element = /^array<(.*)>$/.exec(type)?.[1]
  if (element !== undefined && Array.isArray(value)) return value.flatMap((one) => shownIn(one, element))
  if (!INTEGER.test(type)) return [FRACTION.test(type) ? Number.NaN : value]
  const isExact = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
  return [isExact ? String(value) : value]
}
