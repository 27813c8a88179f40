import { LakeloopError } from '../errors.js'
import type { Action } from '../model/action.js'
import { actionAt } from '../model/action-block.js'
import type { Row } from '../model/row.js'
import type { Reason } from '../model/value.js'
import type { AskedSlice } from './slices.js'
import type { Transformed } from './transformed.js'

/** What became of one row that was tried. */
export type TriedRow =
  | { readonly status: 'made'; readonly actions: readonly Action[] }
  | { readonly status: 'filtered' | 'rejected'; readonly actions: readonly []; readonly reason: Reason }

/** What a transform made of some rows, to be looked at. Holds values of the rows. */
export interface Tried {
  /** One for each row, in order. */
  readonly rows: readonly TriedRow[]
  /** Of all rows, in order. */
  readonly actions: readonly Action[]
  /** What the program wrote to its console, and what was left out of an action. */
  readonly logs: Transformed['logs']
  /**
   * The rows as they were asked for, in order: each slice once, unless the process ended over it or what came of it was undone.
   * Then its rows are asked for again in smaller ones, until the row at fault is alone.
   */
  readonly slices: readonly AskedSlice[]
  /** How often the process ended over a slice, and was started again where rows were left. */
  readonly stops: number
  /** In ms. `prepare` is 0 or nearly so where the process was warm; `run` is for all rows. */
  readonly timings: { readonly prepare: number; readonly run: number }
}

/** Rows made by hand hold what a source would have made JSON of. Throws OPTION_INVALID, without a value. */
export function assertRows(rows: readonly Row[]): void {
  const invalid = (problem: string, cause?: unknown): LakeloopError =>
    new LakeloopError('OPTION_INVALID', { part: 'Transform.try', option: 'rows', problem }, cause)
  if (!Array.isArray(rows)) throw invalid('is no array')
  for (const [at, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw invalid(`has at ${at} what is no object`)
    try {
      JSON.stringify(row)
    } catch (error) {
      throw invalid(`holds at ${at} what JSON has no text for, such as a bigint or a circle`, error)
    }
  }
}

/** Makes plain actions of what a transform made. */
export function triedOf(
  { actions, rows, logs }: Transformed,
  slices: readonly AskedSlice[],
  timings: Tried['timings'],
): Tried {
  const tried = rows.map((fate): TriedRow => {
    if (fate.status !== 'made') return { status: fate.status, actions: [], reason: fate.reason }
    const made = Array.from({ length: fate.count }, (_, nth) => actionAt(actions, fate.from + nth))
    return { status: 'made', actions: made }
  })
  const stops = slices.filter(({ ended }) => ended !== 'ran' && ended !== 'undone').length
  return { rows: tried, actions: tried.flatMap((row): readonly Action[] => row.actions), logs, slices, stops, timings }
}
