import type { ActionKind } from '../../model/action.js'
import type { Identifiers } from '../../model/identifier.js'
import { ShapeTable } from '../../model/shape.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { Ran } from '../protocol.js'
import type { Ready } from './lane.js'

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
  /** The number of a shape that an action has, or is about to have. */
  shape(dataFields: JsonObject): number {
    return this.#shapeTable.number(dataFields)
  }

  add(row: number, { kind, identifiers, detail, detailText, payload, shape }: Ready): void {
    this.#kinds.push(kind)
    this.#rows.push(row)
    this.#identifiers.push(identifiers)
    this.#details.push(this.#detail(detail, detailText))
    this.#shapes.push(shape)
    this.payloads.push(payload)
  }

  #detail(detail: Ready['detail'], text: string): number {
    const known = this.#detailNumbers.get(text)
    if (known !== undefined) return known
    const number = this.#detailTable.push(detail) - 1
    this.#detailNumbers.set(text, number)
    return number
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
