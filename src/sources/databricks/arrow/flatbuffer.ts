/**
 * A table of a FlatBuffer, read in place. Slots are the field numbers of the schema.
 *
 * Throws  RangeError for whatever lies outside of the bytes: DataView sees to it, so that no broken message is read on.
 * Source  flatbuffers.dev, "FlatBuffer Internals".
 */
export class Table {
  readonly #view: DataView
  readonly #at: number
  readonly #slots: number
  readonly #slotBytes: number

  constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
    this.#slots = at - view.getInt32(at, true)
    this.#slotBytes = view.getUint16(this.#slots, true)
  }

  static root(view: DataView): Table {
    return new Table(view, view.getUint32(0, true))
  }

  has(slot: number): boolean {
    return this.#field(slot) !== 0
  }

  boolean(slot: number): boolean {
    return this.uint8(slot) !== 0
  }

  uint8(slot: number): number {
    const at = this.#field(slot)
    return at === 0 ? 0 : this.#view.getUint8(at)
  }

  int16(slot: number, otherwise = 0): number {
    const at = this.#field(slot)
    return at === 0 ? otherwise : this.#view.getInt16(at, true)
  }

  int32(slot: number, otherwise = 0): number {
    const at = this.#field(slot)
    return at === 0 ? otherwise : this.#view.getInt32(at, true)
  }

  count(slot: number): number {
    const at = this.#field(slot)
    return at === 0 ? 0 : size(this.#view, at)
  }

  string(slot: number): string | undefined {
    const at = this.#field(slot)
    if (at === 0) return undefined
    const start = this.#target(at)
    const length = this.#view.getUint32(start, true)
    if (start + 4 + length > this.#view.byteLength) throw new RangeError('a text leaves the message')
    return Buffer.from(this.#view.buffer, this.#view.byteOffset + start + 4, length).toString()
  }

  table(slot: number): Table | undefined {
    const at = this.#field(slot)
    return at === 0 ? undefined : new Table(this.#view, this.#target(at))
  }

  tables(slot: number): Table[] {
    const { at, count } = this.#vector(slot, 4)
    return Array.from({ length: count }, (_, index) => new Table(this.#view, this.#target(at + index * 4)))
  }

  /** A vector of structs of two 64-bit counts each, flat: first, second, first, second. */
  pairs(slot: number): Float64Array {
    const { at, count } = this.#vector(slot, 16)
    return Float64Array.from({ length: count * 2 }, (_, index) => size(this.#view, at + index * 8))
  }

  /** Where the field stands; 0 if it has its default. */
  #field(slot: number): number {
    const at = 4 + slot * 2
    if (at + 2 > this.#slotBytes) return 0
    const offset = this.#view.getUint16(this.#slots + at, true)
    return offset === 0 ? 0 : this.#at + offset
  }

  #target(at: number): number {
    return at + this.#view.getUint32(at, true)
  }

  #vector(slot: number, elementBytes: number): { readonly at: number; readonly count: number } {
    const field = this.#field(slot)
    if (field === 0) return { at: 0, count: 0 }
    const start = this.#target(field)
    const count = this.#view.getUint32(start, true)
    if (start + 4 + count * elementBytes > this.#view.byteLength) throw new RangeError('a vector leaves the message')
    return { at: start + 4, count }
  }
}

/** A 64-bit count; one that no message can have is an error. */
function size(view: DataView, at: number): number {
  const value = Number(view.getBigInt64(at, true))
  if (!(value >= -1 && Number.isSafeInteger(value))) throw new RangeError('a count is out of range')
  return value
}
