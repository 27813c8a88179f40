import { LakeloopError } from '../errors.js'
import type { ActionBlock, ActionKind, Detail, Shape } from '../model/action.js'
import type { Identifiers } from '../model/identifier.js'
import type { RowBlock } from '../model/row.js'
import type { Reason } from '../model/value.js'
import type { LogLine, Ran } from './protocol.js'
import type { RanSlice } from './slices.js'

/** What became of a row: actions `from` to `from + count` of the block, or none and why. */
export type RowFate =
  | { readonly status: 'made'; readonly from: number; readonly count: number }
  | { readonly status: 'filtered' | 'rejected'; readonly reason: Reason }

/** What a transform made of a block of rows. */
export interface Transformed {
  readonly actions: ActionBlock
  /** One per row, in order. */
  readonly rows: readonly RowFate[]
  /** What the program wrote to its console: may hold values of rows. `row` is the row's index. */
  readonly logs: readonly { readonly level: string; readonly row: number; readonly text: string }[]
}

const LOGS_MAX = 1_000

/** Gathers the answers of a page's slices. Payloads stay the bytes that came out of the child. */
export class Gathering {
  readonly #rows: RowBlock
  readonly #stops: string | undefined
  readonly #fates: (RowFate | undefined)[]
  readonly #kinds: ActionKind[] = []
  readonly #rowOf: number[] = []
  readonly #identifiers: Identifiers[] = []
  readonly #details: Detail[] = []
  readonly #shapes: Shape[] = []
  readonly #payloads: Uint8Array[] = []
  readonly #knownShapes = new Map<string, Shape>()
  readonly #logs: LogLine[] = []

  /** @param stops  the program's name, where a row that the program rejects ends the call */
  constructor(rows: RowBlock, stops: string | undefined) {
    this.#rows = rows
    this.#stops = stops
    this.#fates = new Array<RowFate | undefined>(rows.length).fill(undefined)
    for (const [row, reason] of rows.refused) this.#fates[row] = { status: 'rejected', reason }
  }

  reject(row: number, reason: Reason): void {
    if (this.#stops !== undefined) throw stopped(this.#stops, row, reason)
    this.#fates[row] ??= { status: 'rejected', reason }
  }

  add(from: number, { ran, lengths, payload }: RanSlice): void {
    const shapes = ran.shapeTable.map((text) => this.#shape(text))
    let offset = 0
    for (const [at, kind] of ran.kinds.entries()) {
      const row = from + (ran.rows[at] as number)
      const fate = this.#fates[row]
      const length = lengths[at] as number
      const first = fate?.status === 'made' ? fate.from : this.#kinds.length
      this.#fates[row] = { status: 'made', from: first, count: this.#kinds.length - first + 1 }
      this.#kinds.push(kind)
      this.#rowOf.push(row)
      this.#identifiers.push(ran.identifiers[at] as Identifiers)
      this.#details.push(ran.detailTable[ran.details[at] as number] as Detail)
      this.#shapes.push(shapes[ran.shapes[at] as number] as Shape)
      this.#payloads.push(payload.subarray(offset, offset + length))
      offset += length
    }
    for (const { row, status, reason } of ran.unmade) {
      if (status === 'rejected') this.reject(from + row, reason)
      else this.#fates[from + row] = { status, reason }
    }
    this.#logs.push(...ran.logs.slice(0, LOGS_MAX - this.#logs.length))
  }

  /** Equal shapes of several slices become one object. */
  #shape({ fields, dotted }: Ran['shapeTable'][number]): Shape {
    const text = JSON.stringify(fields)
    const known = this.#knownShapes.get(text) ?? { fields: new Map(fields), dotted }
    this.#knownShapes.set(text, known)
    return known
  }

  done(): Transformed {
    return { actions: this.#block(), rows: this.#fates as RowFate[], logs: this.#logs } // each has one: see readSlice
  }

  #block(): ActionBlock {
    const rows = this.#rows
    return {
      length: this.#kinds.length,
      kind: (index) => this.#kinds[index] as ActionKind,
      row: (index) => this.#rowOf[index] as number,
      key: (index) => rows.key(this.#rowOf[index] as number),
      changedAt: (index) => rows.changedAt(this.#rowOf[index] as number),
      identifiers: (index) => this.#identifiers[index] as Identifiers,
      address: () => undefined,
      detail: (index) => this.#details[index] as Detail,
      shape: (index) => this.#shapes[index] as Shape,
      payload: (index) => this.#payloads[index] as Uint8Array,
    }
  }
}

function stopped(file: string, row: number, { code, facts }: Reason): LakeloopError {
  const at = typeof facts.at === 'string' ? facts.at : file
  return new LakeloopError('TRANSFORM_ROW_STOPPED', { at, row, reason: code })
}
