import type { Action } from '../model/action.js'
import { actionAt } from '../model/action-block.js'
import type { Reason } from '../model/value.js'
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
  /** In ms. `prepare` is 0 or nearly so where the process was warm; `run` is for all rows. */
  readonly timings: { readonly prepare: number; readonly run: number }
}

/** Makes plain actions of what a transform made. */
export function triedOf({ actions, rows, logs }: Transformed, timings: Tried['timings']): Tried {
  const tried = rows.map((fate): TriedRow => {
    if (fate.status !== 'made') return { status: fate.status, actions: [], reason: fate.reason }
    const made = Array.from({ length: fate.count }, (_, nth) => actionAt(actions, fate.from + nth))
    return { status: 'made', actions: made }
  })
  return { rows: tried, actions: tried.flatMap((row): readonly Action[] => row.actions), logs, timings }
}
