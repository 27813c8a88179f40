import { LakeloopError } from '../errors.js'
import type { Schema } from '../model/row.js'
import type { ReadOptions } from './source.js'

/** Source: the contract, `ReadOptions`. */
const PAGE_SIZE = 2_000
const PAGE_SIZE_MAX = 100_000

/**
 * The page size asked for, within its bounds.
 *
 * Throws  OPTION_INVALID
 */
export function pageSizeOf({ pageSize = PAGE_SIZE }: Pick<ReadOptions, 'pageSize'>, part: string): number {
  if (Number.isInteger(pageSize) && pageSize >= 1 && pageSize <= PAGE_SIZE_MAX) return pageSize
  throw new LakeloopError('OPTION_INVALID', { part, option: 'pageSize', problem: 'is not 1 to 100,000 rows' })
}

/** Throws  ABORTED */
export function assertNotAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new LakeloopError('ABORTED')
}

/** What a source says about the columns of its rows. */
export interface Roles {
  readonly name: string
  readonly key?: readonly string[] | undefined
  readonly changedAt?: string | undefined
}

/**
 * Every column that has a role is there.
 *
 * Throws  SOURCE_KEY_MISSING
 */
export function assertRoles(schema: Schema, { name, key = [], changedAt }: Roles): void {
  const names = new Set(schema.columns.map((column) => column.name))
  const missing = (column: string, role: string) =>
    new LakeloopError('SOURCE_KEY_MISSING', { source: name, column, role })
  for (const column of key) if (!names.has(column)) throw missing(column, 'key')
  if (changedAt !== undefined && !names.has(changedAt)) throw missing(changedAt, 'changedAt')
}
