import type { ActionKind } from '../../model/action.js'
import type { Identifiers } from '../../model/identifier.js'
import { ShapeTable } from '../../model/shape.js'
import type { Json } from '../../model/value.js'
import type { Ran } from '../protocol.js'
import type { Classified } from './classify.js'

/** Of an action in the header, besides its detail. */
const ACTION_CHARS = 100

/** The columns of an answer, as they grow action by action. */
export class Columns {
  readonly payloads: string[] = []
  readonly #kinds: ActionKind[] = []
  readonly #rows: number[] = []
  readonly #identifiers: Identifiers[] = []
  readonly #details: number[] = []
  readonly #detailTable: { readonly [name: string]: Json }[] = []
  readonly #detailNumbers = new Map<string, number>()
  readonly #shapes: number[] = []
  readonly #shapeTable = new ShapeTable()

  /** Gives what the action adds to the header, in characters, about. */
  add(row: number, { kind, identifiers, detail, dataFields }: Classified, payload: string): number {
    const text = JSON.stringify(detail)
    const known = this.#detailNumbers.get(text)
    const number = known ?? this.#detailTable.push(detail) - 1
    this.#detailNumbers.set(text, number)
    this.#kinds.push(kind)
    this.#rows.push(row)
    this.#identifiers.push(identifiers)
    this.#details.push(number)
    this.#shapes.push(this.#shapeTable.number(dataFields))
    this.payloads.push(payload)
    return ACTION_CHARS + (known === undefined ? text.length : 0)
  }

  header(): Pick<Ran, 'kinds' | 'rows' | 'identifiers' | 'details' | 'detailTable' | 'shapes' | 'shapeTable'> {
    return {
      kinds: this.#kinds,
      rows: this.#rows,
      identifiers: this.#identifiers,
      details: this.#details,
      detailTable: this.#detailTable,
      shapes: this.#shapes,
      shapeTable: this.#shapeTable.shapes.map(({ fields, dotted }) => ({ fields: [...fields], dotted })),
    }
  }
}
