import { LakeloopError } from '../errors.js'
import type { RowBlock } from '../model/row.js'
import type { Reason } from '../model/value.js'
import type { Ran } from './protocol.js'
import type { WallEnd } from './wall/wall.js'

/** Rows of one page on which the process may have to be stopped, before the page is given up. */
export const POISON_MAX = 20
/** JSON bytes of one slice; a single row may be larger. */
const SLICE_BYTES_MAX = 4 * 2 ** 20

/** What a slice of rows became, or how the process ended over it. */
export type SliceEnd =
  | {
      readonly end: 'ran'
      readonly ran: Ran
      /** See COLUMNS in protocol.ts. */
      readonly numbers: Int32Array
      /** JSON that nobody has read yet. */
      readonly identifiers: Uint8Array
      readonly payload: Uint8Array
    }
  | { readonly end: 'undone'; readonly reason: Reason }
  | { readonly end: WallEnd }
export type RanSlice = Extract<SliceEnd, { end: 'ran' }>

/** Rows `from` to `from + count` of a page, as they were asked for at once. */
export interface AskedSlice {
  readonly from: number
  readonly count: number
  /**
   * `ran`: rows have their ends, `done` of them: less than all where the slice took long, or became large. `undone`: the program
   * threw over rows that it was given together. Else how the process ended over it.
   */
  readonly ended: 'ran' | 'undone' | WallEnd
  /** Rows that have their end, from the first. */
  readonly done: number
}

export interface SliceWork {
  readonly rows: RowBlock
  readonly sliceRows: number
  readonly file: string
  /** Whether the program gets a slice all at once: then what goes wrong halves it. */
  readonly together: boolean
  readonly run: (from: number, json: Uint8Array, count: number) => Promise<SliceEnd>
  /** Told of every slice as it was asked for, and of how that ended. */
  readonly asked: (slice: AskedSlice) => void
  readonly ran: (from: number, slice: RanSlice) => void
  readonly poisoned: (row: number, reason: Reason) => void
  readonly reasonOf: (end: WallEnd) => Reason
}

/**
 * Works a page off in slices. A slice over which the process ended is asked for again row by row: the row that ends it
 * alone is rejected, and the others lose nothing. One stop more per poison row, where halving would take log2 n. A slice that
 * the program gets all at once is halved, since what it makes of a row may depend on the others; the next slice is whole again.
 *
 * Throws  TRANSFORM_KILLS_SPENT after POISON_MAX such rows.
 */
export async function inSlices(work: SliceWork): Promise<void> {
  const { rows, sliceRows, together } = work
  let suspectsEnd = 0
  let poisoned = 0
  // Of a slice that is worked off in parts: its end, and how many rows are tried at once.
  let partsEnd = 0
  let most = sliceRows
  for (let from = 0; from < rows.length; ) {
    if (from >= partsEnd) most = sliceRows
    const inParts = from < partsEnd ? Math.min(most, partsEnd - from) : sliceRows
    const { to, json } = slice(rows, from, from < suspectsEnd ? 1 : inParts)
    const slot = await work.run(from, json, to - from)
    work.asked({ from, count: to - from, ended: slot.end, done: slot.end === 'ran' ? slot.ran.done : 0 })
    if (slot.end === 'ran') {
      work.ran(from, slot)
      from += slot.ran.done
      most = Math.min(sliceRows, most * 2)
    } else if (to - from > 1 && (together || slot.end === 'undone')) {
      partsEnd = Math.max(partsEnd, to)
      most = Math.ceil((to - from) / 2)
    } else if (slot.end === 'undone') {
      work.poisoned(from, slot.reason)
      from += 1
    } else if (to - from > 1) {
      suspectsEnd = to
    } else {
      const reason = work.reasonOf(slot.end)
      work.poisoned(from, reason)
      from += 1
      poisoned += 1
      if (poisoned >= POISON_MAX) {
        throw new LakeloopError('TRANSFORM_KILLS_SPENT', { file: work.file, rows: poisoned, last: reason.code })
      }
    }
  }
}

function slice(rows: RowBlock, from: number, count: number): { to: number; json: Uint8Array } {
  for (let size = count; ; size = Math.ceil(size / 2)) {
    const to = Math.min(from + size, rows.length)
    const json = rows.json(from, to)
    if (json.length <= SLICE_BYTES_MAX || to - from === 1) return { to, json }
  }
}
