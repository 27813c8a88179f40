const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const MINUS = 0x2d
const ZERO = 0x30
/** Of one byte of text: a backslash, u, and four digits. */
const ESCAPE_BYTES_MAX = 6
const BILLION = 1e9
const HEX = '0123456789abcdef'

/** The short escapes of JSON by byte; every other control character is \u00xx. */
const ESCAPES: Readonly<Record<number, number>> = {
  8: 0x62,
  9: 0x74,
  10: 0x6e,
  12: 0x66,
  13: 0x72,
  [QUOTE]: QUOTE,
  [BACKSLASH]: BACKSLASH,
}

/** JSON as bytes, written in one go into memory that grows. */
export class JsonWriter {
  #bytes: Uint8Array
  /** Bytes written. Setting it back takes back what was written since. */
  length = 0

  constructor(bytesExpected: number) {
    this.#bytes = allocate(Math.max(256, bytesExpected))
  }

  /** What was written, without a copy: the writer is not to be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  byte(byte: number): void {
    if (this.length === this.#bytes.length) this.#reserve(1)
    this.#bytes[this.length++] = byte
  }

  /** Ends an array or an object: a comma behind its last part goes away. */
  close(bracket: number): void {
    if (this.#bytes[this.length - 1] === COMMA) this.length -= 1
    this.byte(bracket)
  }

  /** Bytes that are JSON already. */
  raw(source: Uint8Array, from = 0, to = source.length): void {
    const count = to - from
    this.#reserve(count)
    const bytes = this.#bytes
    const start = this.length
    if (count > 48) bytes.set(source.subarray(from, to), start)
    else for (let at = 0; at < count; at++) bytes[start + at] = source[from + at] as number
    this.length = start + count
  }

  /** Text of ASCII characters that need no escape. */
  ascii(text: string): void {
    const count = text.length
    this.#reserve(count)
    const bytes = this.#bytes
    const start = this.length
    for (let at = 0; at < count; at++) bytes[start + at] = text.charCodeAt(at)
    this.length = start + count
  }

  /** The same as a JSON string. */
  quoted(text: string): void {
    this.byte(QUOTE)
    this.ascii(text)
    this.byte(QUOTE)
  }

  /** A number of 32 bits. */
  int32(value: number): void {
    if (value >= 0) this.digits(value, digitCount(value))
    else if (value === -(2 ** 31)) this.ascii('-2147483648')
    else {
      this.byte(MINUS)
      this.digits(-value, digitCount(-value))
    }
  }

  /** A finite number; -0 keeps its sign, as JSON.parse does. */
  number(value: number): void {
    if ((value | 0) === value) {
      if (value === 0 && Object.is(value, -0)) this.ascii('-0')
      else this.int32(value)
    } else if (Number.isSafeInteger(value)) {
      const size = Math.abs(value)
      const billions = Math.trunc(size / BILLION)
      if (value < 0) this.byte(MINUS)
      if (billions > 0) this.digits(billions, digitCount(billions))
      const rest = size - billions * BILLION
      this.digits(rest, billions > 0 ? 9 : digitCount(rest))
    } else this.ascii(String(value))
  }

  /** `count` digits of a number of 31 bits that has no more, zeros first. */
  digits(value: number, count: number): void {
    this.#reserve(count)
    const bytes = this.#bytes
    const start = this.length
    let rest = value
    for (let at = start + count - 1; at >= start; at--) {
      const next = (rest / 10) | 0
      bytes[at] = ZERO + rest - next * 10
      rest = next
    }
    this.length = start + count
  }

  /** UTF-8 bytes as a JSON string. */
  text(source: Uint8Array, from: number, to: number): void {
    this.#reserve((to - from) * ESCAPE_BYTES_MAX + 2)
    const bytes = this.#bytes
    let end = this.length
    bytes[end++] = QUOTE
    for (let at = from; at < to; at++) {
      const byte = source[at] as number
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) bytes[end++] = byte
      else end = escapeInto(bytes, end, byte)
    }
    bytes[end++] = QUOTE
    this.length = end
  }

  #reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.#bytes.length) return
    const grown = allocate(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }
}

/** Of a number from 0 to 2^31 - 1. */
function digitCount(value: number): number {
  if (value < 100_000) {
    if (value < 100) return value < 10 ? 1 : 2
    if (value < 1_000) return 3
    return value < 10_000 ? 4 : 5
  }
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7
  if (value < 100_000_000) return 8
  return value < BILLION ? 9 : 10
}

function escapeInto(bytes: Uint8Array, end: number, byte: number): number {
  bytes[end] = BACKSLASH
  const short = ESCAPES[byte]
  if (short !== undefined) {
    bytes[end + 1] = short
    return end + 2
  }
  const rest = `u00${HEX[byte >> 4]}${HEX[byte & 15]}`
  for (let at = 0; at < rest.length; at++) bytes[end + 1 + at] = rest.charCodeAt(at)
  return end + 6
}

/** Memory of its own, not zeroed: every byte that is handed out was written. */
function allocate(length: number): Uint8Array {
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(length)
  return new Uint8Array(buffer, byteOffset, length)
}

/** `"name":` */
export const fieldPrefix = (name: string): Uint8Array => Buffer.from(`${JSON.stringify(name)}:`)
