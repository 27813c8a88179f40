const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const OPEN_ARRAY = 0x5b
const CLOSE_OBJECT = 0x7d
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const DOT = 0x2e

const encoder = new TextEncoder()
const namesOf = new WeakMap<ReadonlySet<string>, readonly Uint8Array[] | null>()

/** The names as they stand in a payload, where all of `paths` are names of its own fields and need no escape. */
export function topNames(paths: ReadonlySet<string>): readonly Uint8Array[] | undefined {
  const known = namesOf.get(paths)
  if (known !== undefined) return known ?? undefined
  const isTop = [...paths].every((path) => /^[^.[\\"\p{Cc}]*$/u.test(path))
  const names = isTop ? [...paths].map((path) => encoder.encode(path)) : null
  namesOf.set(paths, names)
  return names ?? undefined
}

/**
 * Where the whole numbers of some fields end, found in the bytes: for payloads as `JSON.stringify` writes them, whose
 * names need no escape. `undefined` for any other, which has to be looked into with more care.
 */
export function topPlaces(payload: Uint8Array, names: readonly Uint8Array[]): readonly number[] | undefined {
  const found: number[] = []
  if (payload[0] !== OPEN_OBJECT) return undefined
  if (payload[1] === CLOSE_OBJECT) return found
  for (let at = 1; at < payload.length; at += 1) {
    if (payload[at] !== QUOTE) return undefined
    const from = at + 1
    let quote = from
    while (payload[quote] !== QUOTE) if (quote >= payload.length || payload[quote++] === BACKSLASH) return undefined
    if (payload[quote + 1] !== COLON) return undefined
    const value = quote + 2
    const digits = digitsEnd(payload, value)
    const end = digits === value ? valueEnd(payload, value) : numberEnd(payload, digits)
    const isWhole = digits > value && end === digits
    if (isWanted(payload, from, quote, names)) {
      if (isWhole) found.push(digits)
      else if (digits > value && payload[digits] !== DOT) return undefined // 1e21: with an exponent
    }
    if (payload[end] === CLOSE_OBJECT) return end === payload.length - 1 ? found : undefined
    if (payload[end] !== COMMA) return undefined
    at = end
  }
  return undefined
}

/** Behind the digits that begin here, a sign before them included; the same place where there are none. */
function digitsEnd(payload: Uint8Array, from: number): number {
  const first = payload[from] === MINUS ? from + 1 : from
  let at = first
  while (isDigit(payload[at])) at += 1
  return at === first ? from : at
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

/** Behind the rest of a number: fraction and exponent. */
function numberEnd(payload: Uint8Array, from: number): number {
  let at = from
  while (at < payload.length && payload[at] !== COMMA && payload[at] !== CLOSE_OBJECT) at += 1
  return at
}

/** Behind a text, an object, an array, `true`, `false` or `null`. */
function valueEnd(payload: Uint8Array, from: number): number {
  let depth = 0
  for (let at = from; at < payload.length; at += 1) {
    const byte = payload[at]
    if (byte === QUOTE) {
      at += 1
      while (at < payload.length && payload[at] !== QUOTE) at += payload[at] === BACKSLASH ? 2 : 1
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1
    else if (depth > 0 && (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY)) depth -= 1
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_OBJECT)) return at
  }
  return payload.length
}

function isWanted(payload: Uint8Array, from: number, to: number, names: readonly Uint8Array[]): boolean {
  for (const name of names) {
    if (name.length !== to - from) continue
    let at = 0
    while (at < name.length && payload[from + at] === name[at]) at += 1
    if (at === name.length) return true
  }
  return false
}
