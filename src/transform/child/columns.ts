import type { Detail } from '../../model/action.js'
import type { Identifiers } from '../../model/identifier.js'
import { ShapeTable } from '../../model/shape.js'
import type { JsonObject } from '../../model/value.js'
import { COLUMN_COUNT, COLUMNS, KINDS, type Ran } from '../protocol.js'
import { Bytes } from './bytes.js'

/** An action that is ready to be written. */
export interface Ready {
  /** See KINDS. */
  readonly kind: number
  readonly identifiers: Identifiers
  /** Characters of the identifiers and their names, with what JSON puts around them. */
  readonly namedChars: number
  /** Its number in the table of details, and its bytes as JSON. */
  readonly detail: number
  readonly detailSize: number
  /** `dataFields` as JSON. */
  readonly payload: string
  readonly shape: number
}

/** What follows the header of an answer: see Ran in protocol.ts. Good until the next request. */
export interface Body {
  readonly numbers: Int32Array
  readonly identifiers: Uint8Array
  readonly payload: Uint8Array
}

/** What `COLUMNS.kind` says of a kind. */
export const KIND_NUMBERS: ReadonlyMap<string, number> = new Map(KINDS.map((kind, number) => [kind, number]))

const ROWS_FIRST = 1_024
const [OPEN, CLOSE, COMMA] = [0x5b, 0x5d, 0x2c]

/** Memory of answers, used again and again. */
export class Pages {
  numbers = new Int32Array(ROWS_FIRST * COLUMN_COUNT)
  readonly identifiers = new Bytes()
  readonly payload = new Bytes()
}

/** What is said of an action besides what it holds. */
export type Numbered = Omit<Ready, 'identifiers' | 'payload'>

/** How much is there. */
interface Mark {
  count: number
  identifiers: number
  identifiersSurplus: number
  payload: number
  payloadSurplus: number
}

/** The columns of an answer, as they grow action by action: what was added since the last `keep` can be measured, and dropped. */
export class Columns {
  /** Where the identifiers of the next action are written, and its payload: `add` ends both. */
  readonly identifiers: Bytes
  readonly payload: Bytes
  readonly #pages: Pages
  #count = 0
  /** Where the payload of the last action ends. */
  #end = 0
  /** Of the details and the identifiers since the last `keep`. */
  #beside = 0
  readonly #kept: Mark = { count: 0, identifiers: 0, identifiersSurplus: 0, payload: 0, payloadSurplus: 0 }
  readonly #detailTable: Detail[] = []
  readonly #detailNumbers = new Map<string, number>()
  readonly #shapeTable = new ShapeTable()

  constructor(pages: Pages) {
    this.#pages = pages
    this.identifiers = pages.identifiers
    this.payload = pages.payload
    this.identifiers.cut(0, 0)
    this.payload.cut(0, 0)
    this.identifiers.sign(OPEN)
    this.keep()
  }

  /** Since the last `keep`: characters of payloads. */
  get payloadChars(): number {
    const { size, surplus } = this.payload
    return size - this.#kept.payload - (surplus - this.#kept.payloadSurplus)
  }

  /** Since the last `keep`: characters of all that makes an action, about. */
  get chars(): number {
    return this.payloadChars + this.#beside
  }

  /** The same in bytes. */
  get bytes(): number {
    return (
      this.payload.size - this.#kept.payload + this.#beside + (this.identifiers.surplus - this.#kept.identifiersSurplus)
    )
  }

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

  /** An action of which nothing is written yet. */
  write(row: number, action: Ready): void {
    this.identifiers.json(JSON.stringify(action.identifiers))
    this.payload.json(action.payload)
    this.add(row, action)
  }

  /** Ends an action. */
  add(row: number, { kind, detail, detailSize, shape, namedChars }: Numbered): void {
    this.identifiers.sign(COMMA)
    const at = this.#count * COLUMN_COUNT
    if (at === this.#pages.numbers.length) this.#grow()
    const { numbers } = this.#pages
    const { size } = this.payload
    numbers[at + COLUMNS.kind] = kind
    numbers[at + COLUMNS.row] = row
    numbers[at + COLUMNS.detail] = detail
    numbers[at + COLUMNS.shape] = shape
    numbers[at + COLUMNS.size] = size - this.#end
    this.#end = size
    this.#beside += detailSize + namedChars
    this.#count += 1
  }

  keep(): void {
    const kept = this.#kept
    kept.count = this.#count
    kept.identifiers = this.identifiers.size
    kept.identifiersSurplus = this.identifiers.surplus
    kept.payload = this.payload.size
    kept.payloadSurplus = this.payload.surplus
    this.#beside = 0
  }

  drop(): void {
    const kept = this.#kept
    this.#count = kept.count
    this.identifiers.cut(kept.identifiers, kept.identifiersSurplus)
    this.payload.cut(kept.payload, kept.payloadSurplus)
    this.#end = kept.payload
    this.#beside = 0
  }

  header(): Pick<Ran, 'count' | 'detailTable' | 'shapeTable'> {
    return {
      count: this.#count,
      detailTable: this.#detailTable,
      shapeTable: this.#shapeTable.shapes.map(({ fields, dotted }) => ({ fields: [...fields], dotted })),
    }
  }

  body(): Body {
    const { identifiers, payload } = this
    if (this.#count > 0) identifiers.over(CLOSE)
    else identifiers.sign(CLOSE)
    const numbers = this.#pages.numbers.subarray(0, this.#count * COLUMN_COUNT)
    return { numbers, identifiers: identifiers.taken(), payload: payload.taken() }
  }

  #grow(): void {
    const more = new Int32Array(this.#pages.numbers.length * 2)
    more.set(this.#pages.numbers)
    this.#pages.numbers = more
  }
}
