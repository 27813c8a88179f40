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

/** A slice that has been asked for. */
interface AskedFor {
  readonly from: number
  readonly to: number
  readonly end: Promise<SliceEnd>
}

/**
 * Works a page off in slices; the next one is asked for before the answer of one is there, so that nobody waits for the other. A
 * slice over which the process ended is asked for again row by row: the row that ends it
 * alone is rejected, and the others lose nothing. One stop more per poison row, where halving would take log2 n. A slice that
 * the program gets all at once is halved, since what it makes of a row may depend on the others; the next slice is whole again.
 *
 * Throws  TRANSFORM_KILLS_SPENT after POISON_MAX such rows.
 */
export async function inSlices(work: SliceWork): Promise<void> {
  const poisoned = new Poisoned(work)
  let ahead = askFor(work, 0, work.sliceRows)
  try {
    while (ahead !== undefined) {
      const whole = ahead
      ahead = askFor(work, whole.to, work.sliceRows)
      await workOff(work, whole, poisoned)
    }
  } finally {
    await ahead?.end.catch(() => undefined) // nothing is under way of a call that has ended
  }
}

function askFor(work: SliceWork, from: number, most: number): AskedFor | undefined {
  if (from >= work.rows.length) return undefined
  const { to, json } = slice(work.rows, from, most)
  const end = work.run(from, json, to - from)
  end.catch(() => undefined) // it is awaited later
  return { from, to, end }
}

/** Gives every row of a slice its end. */
async function workOff(work: SliceWork, whole: AskedFor, poisoned: Poisoned): Promise<void> {
  let asked: AskedFor | undefined = whole
  /** How many rows are tried at once. */
  let most = whole.to - whole.from
  let isSuspect = false
  while (asked !== undefined) {
    const { from, to } = asked
    const slot: SliceEnd = await asked.end
    let next: number = from
    work.asked({ from, count: to - from, ended: slot.end, done: slot.end === 'ran' ? slot.ran.done : 0 })
    if (slot.end === 'ran') {
      work.ran(from, slot)
      next += slot.ran.done
      most *= 2
    } else if (to - from > 1) {
      if (work.together || slot.end === 'undone') most = Math.ceil((to - from) / 2)
      else isSuspect = true
    } else {
      poisoned.add(from, slot)
      next += 1
    }
    asked = next < whole.to ? askFor(work, next, isSuspect ? 1 : Math.min(most, whole.to - next)) : undefined
  }
}

/** The rows of a page that go wrong alone. */
class Poisoned {
  readonly #work: SliceWork
  #stops = 0

  constructor(work: SliceWork) {
    this.#work = work
  }

  add(row: number, slot: Exclude<SliceEnd, { end: 'ran' }>): void {
    if (slot.end === 'undone') {
      this.#work.poisoned(row, slot.reason)
      return
    }
    const reason = this.#work.reasonOf(slot.end)
    this.#work.poisoned(row, reason)
    this.#stops += 1
    if (this.#stops < POISON_MAX) return
    throw new LakeloopError('TRANSFORM_KILLS_SPENT', { file: this.#work.file, rows: this.#stops, last: reason.code })
  }
}

function slice(rows: RowBlock, from: number, count: number): { to: number; json: Uint8Array } {
  for (let size = count; ; size = Math.ceil(size / 2)) {
    const to = Math.min(from + size, rows.length)
    const json = rows.json(from, to)
    if (json.length <= SLICE_BYTES_MAX || to - from === 1) return { to, json }
  }
}
