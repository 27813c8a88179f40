/** What is left for the next request, in bytes; of more the memory goes. */
const KEPT_MAX = 2 ** 20
const FIRST = 2 ** 14

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
const POINT = 0x2e
/** Numbers that are written digit by digit lie between these, with so many of them behind the point at most. */
const SMALL = 1e-6
const LARGE = 1e9
const PARTS_DIGITS = 6
const PARTS = 10 ** PARTS_DIGITS

/**
 * JSON as UTF-8, written into memory that is used again: a text that grows piece by piece would be copied twice more,
 * once to become one text and once to become bytes.
 */
export class Bytes {
  #memory = new Uint8Array(FIRST)
  #view = new DataView(this.#memory.buffer)
  /** How many were written. */
  size = 0
  /** How many more these are than the characters that they stand for. */
  surplus = 0

  /** Forgets what was written since it was so much. */
  cut(size: number, surplus: number): void {
    this.size = size
    this.surplus = surplus
  }

  /** What was written: good until the next is, where it is not large. */
  taken(): Uint8Array {
    const taken = this.#memory.subarray(0, this.size)
    if (this.#memory.length > KEPT_MAX) {
      this.#memory = new Uint8Array(FIRST)
      this.#view = new DataView(this.#memory.buffer)
    }
    return taken
  }

  /** One character of ASCII. */
  sign(code: number): void {
    if (this.size === this.#memory.length) this.#grow(1)
    this.#memory[this.size] = code
    this.size += 1
  }

  /** One character of ASCII instead of the last. */
  over(code: number): void {
    this.#memory[this.size - 1] = code
  }

  /** JSON that was made before. */
  word({ quads, size, surplus }: Word): void {
    if (this.size + size + 4 > this.#memory.length) this.#grow(size + 4)
    const view = this.#view
    let to = this.size
    // What is written past the end of the word is written over by what comes next.
    for (let at = 0; at < quads.length; at += 1, to += 4) view.setInt32(to, quads[at] as number, true)
    this.size += size
    this.surplus += surplus
  }

  /** A text as JSON.stringify writes it. */
  text(value: string): void {
    const { length } = value
    if (this.size + length + 2 > this.#memory.length) this.#grow(length + 2)
    const memory = this.#memory
    const first = this.size + 1
    for (let at = 0; at < length; at += 1) {
      const code = value.charCodeAt(at)
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
        this.json(JSON.stringify(value))
        return
      }
      memory[first + at] = code
    }
    memory[first - 1] = QUOTE
    memory[first + length] = QUOTE
    this.size = first + length + 1
  }

  /** A finite number as JSON.stringify writes it. */
  number(value: number): void {
    const whole = value | 0
    if (whole === value && whole >= 0) this.#digits(whole)
    else if (!this.#decimal(value, whole)) this.#ascii(`${value}`)
  }

  /** A number of few digits: of at most 15 there is one decimal for a double, so where ours gives the same, it is the one. */
  #decimal(value: number, whole: number): boolean {
    if (!(value >= SMALL && value < LARGE)) return false
    const parts = Math.round(value * PARTS)
    if (parts / PARTS !== value) return false
    this.#digits(whole)
    this.#fraction(parts - whole * PARTS)
    return true
  }

  /** JSON that is there as text: no lone surrogate stands in it. */
  json(text: string): void {
    const { length } = text
    if (this.size + length * 3 > this.#memory.length) this.#grow(length * 3)
    const memory = this.#memory
    let to = this.size
    for (let at = 0; at < length; at += 1) {
      let code = text.charCodeAt(at)
      if (code < 0x80) {
        memory[to++] = code
        continue
      }
      if (code < 0x800) memory[to++] = 0xc0 | (code >> 6)
      else {
        if (code >= 0xd800 && code < 0xe000) {
          at += 1
          code = 0x10000 + ((code & 0x3ff) << 10) + (text.charCodeAt(at) & 0x3ff)
          memory[to++] = 0xf0 | (code >> 18)
          memory[to++] = 0x80 | ((code >> 12) & 0x3f)
        } else memory[to++] = 0xe0 | (code >> 12)
        memory[to++] = 0x80 | ((code >> 6) & 0x3f)
      }
      memory[to++] = 0x80 | (code & 0x3f)
    }
    this.surplus += to - this.size - length
    this.size = to
  }

  #digits(value: number): void {
    let count = 1
    for (let bound = 10; bound <= value; bound *= 10) count += 1
    if (this.size + count > this.#memory.length) this.#grow(count)
    this.#write(value, this.size, count)
    this.size += count
  }

  /** A number of PARTS behind the point. */
  #fraction(parts: number): void {
    let rest = parts
    let count = PARTS_DIGITS
    for (let tenth = (rest / 10) | 0; rest === tenth * 10; tenth = (rest / 10) | 0) {
      rest = tenth
      count -= 1
    }
    if (this.size + 1 + count > this.#memory.length) this.#grow(1 + count)
    this.#memory[this.size] = POINT
    this.#write(rest, this.size + 1, count)
    this.size += 1 + count
  }

  #write(value: number, from: number, count: number): void {
    const memory = this.#memory
    let rest = value
    for (let at = from + count - 1; at >= from; at -= 1) {
      const tenth = (rest / 10) | 0
      memory[at] = ZERO + rest - tenth * 10
      rest = tenth
    }
  }

  #ascii(text: string): void {
    const { length } = text
    if (this.size + length > this.#memory.length) this.#grow(length)
    const memory = this.#memory
    for (let at = 0; at < length; at += 1) memory[this.size + at] = text.charCodeAt(at)
    this.size += length
  }

  #grow(more: number): void {
    const grown = new Uint8Array(Math.max(2 * this.#memory.length, this.size + more))
    grown.set(this.#memory.subarray(0, this.size))
    this.#memory = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** What is written again and again, four bytes at a time. */
export interface Word {
  readonly quads: Int32Array
  readonly size: number
  readonly surplus: number
}

const scratch = new Bytes()

/** Of JSON. */
export function wordOf(json: string): Word {
  scratch.cut(0, 0)
  scratch.json(json)
  const { size, surplus } = scratch
  const bytes = new Uint8Array(4 * Math.ceil(size / 4))
  bytes.set(scratch.taken())
  const view = new DataView(bytes.buffer)
  return { quads: Int32Array.from({ length: bytes.length / 4 }, (_, at) => view.getInt32(4 * at, true)), size, surplus }
}
