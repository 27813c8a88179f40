import type { Row, RowBlock } from '../model/row.js'
import type { Reason } from '../model/value.js'
import { keyPart } from '../stores/store.js'

/** What of a row is asked for again and again, until its page is finished. */
interface Told {
  readonly keys: readonly (string | undefined)[]
  readonly changedAt: readonly (string | undefined)[]
}

/**
 * The rows of a page, under keys that a store takes whatever a row holds: one bad key is no reason to stop.
 *
 * Upholds  I12: rows that became actions are let go as soon as they have, and only their keys stay.
 */
export class PageRows implements RowBlock {
  readonly length: number
  readonly refused: ReadonlyMap<number, Reason>
  #rows: RowBlock | undefined
  #told: Told | undefined
  readonly #kept = new Map<number, Row>()

  constructor(rows: RowBlock) {
    this.length = rows.length
    this.refused = rows.refused
    this.#rows = rows
  }

  /** Of rows that were let go there is none. */
  at(index: number): Row {
    const row = this.#kept.get(index) ?? this.#rows?.at(index)
    if (row === undefined) throw new RangeError('the row was let go')
    return row
  }

  key(index: number): string | undefined {
    return this.#all().keys[index]
  }

  changedAt(index: number): string | undefined {
    return this.#all().changedAt[index]
  }

  json(from: number, to: number): Uint8Array {
    if (this.#rows === undefined) throw new RangeError('the rows were let go')
    return this.#rows.json(from, to)
  }

  /** Lets all rows go but those that are still to be kept whole. */
  letGo(isKept: (index: number) => boolean): void {
    this.#all()
    for (let index = 0; index < this.length; index += 1) if (isKept(index)) this.#kept.set(index, this.at(index))
    this.#rows = undefined
  }

  #all(): Told {
    if (this.#told !== undefined) return this.#told
    const rows = this.#rows as RowBlock
    const keys: (string | undefined)[] = []
    const changedAt: (string | undefined)[] = []
    for (let index = 0; index < this.length; index += 1) {
      const key = rows.key(index)
      keys.push(key === undefined ? undefined : keyPart(key))
      changedAt.push(rows.changedAt(index))
    }
    this.#told = { keys, changedAt }
    return this.#told
  }
}
