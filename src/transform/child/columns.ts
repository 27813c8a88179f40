import type { Detail } from '../../model/action.js'
import type { Identifiers } from '../../model/identifier.js'
import { ShapeTable } from '../../model/shape.js'
import type { JsonObject } from '../../model/value.js'
import { COLUMN_COUNT, KINDS, type Ran } from '../protocol.js'
import type { Ready } from './lane.js'

/** What follows the header of an answer. Sizes are in characters yet. */
export interface Body {
  readonly numbers: Int32Array
  readonly identifiers: string
  readonly payloads: readonly string[]
}

/** What `COLUMNS.kind` says of a kind. */
export const KIND_NUMBERS: ReadonlyMap<string, number> = new Map(KINDS.map((kind, number) => [kind, number]))

/** The columns of an answer, as they grow action by action. */
export class Columns {
  #numbers = new Int32Array(1_024 * COLUMN_COUNT)
  #count = 0
  readonly #payloads: string[] = []
  readonly #identifiers: Identifiers[] = []
  readonly #detailTable: Detail[] = []
  readonly #detailNumbers = new Map<string, number>()
  readonly #shapeTable = new ShapeTable()

  /** The number of a shape that an action has, or is about to have. */
  shape(dataFields: JsonObject): number {
    return this.#shapeTable.number(dataFields)
  }

  /** The number of a detail, as text and as it is. */
  detail(detail: Detail, text: string): number {
    const known = this.#detailNumbers.get(text)
    if (known !== undefined) return known
    const number = this.#detailTable.push(detail) - 1
    this.#detailNumbers.set(text, number)
    return number
  }

  add(row: number, { kind, identifiers, detail, payload, shape }: Ready): void {
    const at = this.#count * COLUMN_COUNT
    if (at === this.#numbers.length) this.#grow()
    const numbers = this.#numbers
    numbers[at] = kind
    numbers[at + 1] = row
    numbers[at + 2] = detail
    numbers[at + 3] = shape
    numbers[at + 4] = payload.length
    this.#identifiers.push(identifiers)
    this.#payloads.push(payload)
    this.#count += 1
  }

  header(): Pick<Ran, 'count' | 'detailTable' | 'shapeTable'> {
    return {
      count: this.#count,
      detailTable: this.#detailTable,
      shapeTable: this.#shapeTable.shapes.map(({ fields, dotted }) => ({ fields: [...fields], dotted })),
    }
  }

  body(): Body {
    const numbers = this.#numbers.subarray(0, this.#count * COLUMN_COUNT)
    return { numbers, identifiers: JSON.stringify(this.#identifiers), payloads: this.#payloads }
  }

  #grow(): void {
    const more = new Int32Array(this.#numbers.length * 2)
    more.set(this.#numbers)
    this.#numbers = more
  }
}
