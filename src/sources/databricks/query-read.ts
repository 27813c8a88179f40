import { LakeloopError } from '../../errors.js'
import type { Column, Cursor } from '../../model/row.js'
import type { Page } from '../source.js'
import type { Segment } from './segment.js'
import { behind, orderBy, type Place } from './sql-text.js'

export interface QueryRead {
  readonly query: string
  readonly mode: Page['mode']
  /** Columns to sort by; empty: the order is the server's. */
  readonly order: readonly Column[]
  /** Names the query in cursors. */
  readonly digest: string
}

/**
 * One statement of the host's.
 *
 * Order   sorted by the key where that was asked for, and then an interrupted read goes on behind its last page. Else
 *         there is no place to go back to: an interrupted read begins again.
 */
export function querySegment(read: QueryRead, place: Place | undefined): Segment {
  const { query, mode, order, digest } = read
  const names = order.map(({ name }) => name)
  if (order.length === 0)
    return { sql: query, mode, order, cursor: (at) => ({ query: digest, ...(at ? {} : { read: true }) }) }
  const from = place === undefined ? undefined : behind(order, place)
  const where = from === undefined ? '' : ` WHERE ${from.sql}`
  return {
    sql: `SELECT * FROM (${query}\n)${where}${orderBy(names)}`,
    parameters: from?.parameters,
    mode,
    order,
    rest: (next) => querySegment(read, next),
    cursor: (at): Cursor => (at === undefined ? { query: digest, read: true } : { query: digest, place: at }),
  }
}

/** Throws CURSOR_INVALID. A position in another query says nothing about this one: reading from the beginning repeats, and never skips. */
export function queryPlace(after: Cursor | undefined, digest: string, source: string): Place | undefined {
  if (after === undefined) return undefined
  const { query, place, read, page, ...rest } = after
  const fits =
    Object.keys(rest).length === 0 &&
    typeof query === 'string' &&
    (place === undefined || Array.isArray(place)) &&
    (read === undefined || read === true) &&
    (page === undefined || typeof page === 'number')
  if (!fits) throw new LakeloopError('CURSOR_INVALID', { source })
  return query === digest ? (place as Place | undefined) : undefined
}
