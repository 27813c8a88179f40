const decoder = new TextDecoder()

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const OPEN_ARRAY = 0x5b
const CLOSE_OBJECT = 0x7d
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const POINT = 0x2e
const SPACE = 0x20

const NONE: readonly number[] = []

/**
 * Where the payload needs a `.0`: the bytes before which it is put, behind every whole number at one of `paths` (as in
 * `Shape.fields`). Iterable types a field by its first value, and `1` would make it an integer field for ever.
 *
 * Order   ascending.
 * Laws    with them the payload parses to an equal object, and all else is the same, byte for byte.
 * Cost    one pass over the text, nothing parsed and nothing copied: on the path of every row with a whole number. Where
 *         no object stands in another, a search for each name.
 */
export function pointsOf(payload: Uint8Array, paths: ReadonlySet<string>): readonly number[] {
  if (paths.size === 0) return NONE
  const text = decoder.decode(payload)
  const flat = text.length === payload.length ? flatPlaces(text, paths) : undefined
  if (flat !== undefined) return flat
  const places = new Places(text, paths).all()
  if (text.length === payload.length) return places
  let [from, bytes] = [0, 0]
  return places.map((at) => {
    bytes += Buffer.byteLength(text.slice(from, at))
    from = at
    return bytes
  })
}

/**
 * The same by a search for each name, where no object stands in the payload's own; `undefined` where that does not tell,
 * because a name is not found as it would be written, or what stands behind it is no plain number.
 */
function flatPlaces(text: string, paths: ReadonlySet<string>): readonly number[] | undefined {
  const names = namesIn(paths)
  if (names === null || text.indexOf('{', 1) >= 0) return undefined
  const found: number[] = []
  for (const name of names) {
    const at = text.indexOf(name)
    // Within a text every quote is escaped: one that is not begins the name.
    if (at < 1 || text.charCodeAt(at - 1) === BACKSLASH) return undefined
    const from = at + name.length
    let end = text.charCodeAt(from) === MINUS ? from + 1 : from
    while (isDigit(text.charCodeAt(end))) end += 1
    const behind = text.charCodeAt(end)
    if (behind === COMMA || behind === CLOSE_OBJECT) found.push(end)
    else if (behind !== POINT) return undefined
  }
  return found.sort((a, b) => a - b).slice() // without the room that a list which was added to keeps for more
}

const namesOf = new WeakMap<ReadonlySet<string>, readonly string[] | null>()

/** The paths as names in the text of a flat payload; `null` where one would be written in another way, or is of an array. */
function namesIn(paths: ReadonlySet<string>): readonly string[] | null {
  const known = namesOf.get(paths)
  if (known !== undefined) return known
  const all = [...paths]
  const names = all.some((path) => /["\\[\p{Cc}]/u.test(path)) ? null : all.map((path) => `"${path}":`)
  namesOf.set(paths, names)
  return names
}

/** Walks JSON text and notes where the digits of a whole number end. The text is JSON: somebody serialised it. */
class Places {
  readonly #text: string
  readonly #paths: ReadonlySet<string>
  readonly #found: number[] = []
  #at = 0

  constructor(text: string, paths: ReadonlySet<string>) {
    this.#text = text
    this.#paths = paths
  }

  all(): readonly number[] {
    this.#value('')
    return this.#found
  }

  #value(path: string): void {
    const unit = this.#next()
    if (unit === OPEN_OBJECT) this.#object(path)
    else if (unit === OPEN_ARRAY) this.#array(path)
    else if (unit === QUOTE) this.#string()
    else this.#scalar(path)
  }

  #object(path: string): void {
    this.#at += 1
    while (this.#next() !== CLOSE_OBJECT) {
      if (this.#next() === COMMA) this.#at += 1
      this.#next()
      const from = this.#at
      this.#string()
      const raw = this.#text.slice(from + 1, this.#at - 1)
      const name = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
      if (this.#next() === COLON) this.#at += 1
      this.#value(path === '' ? name : `${path}.${name}`)
    }
    this.#at += 1
  }

  #array(path: string): void {
    this.#at += 1
    while (this.#next() !== CLOSE_ARRAY) {
      if (this.#next() === COMMA) this.#at += 1
      this.#value(`${path}[]`)
    }
    this.#at += 1
  }

  #string(): void {
    let end = this.#text.indexOf('"', this.#at + 1)
    while (end > 0 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1)
    this.#at = end < 0 ? this.#text.length : end + 1
  }

  /** True for a quote behind an odd number of backslashes. */
  #isEscaped(quote: number): boolean {
    let from = quote
    while (this.#text.charCodeAt(from - 1) === BACKSLASH) from -= 1
    return (quote - from) % 2 === 1
  }

  /** A number, `true`, `false` or `null`. `1e-7` is no whole number and a double as it stands. */
  #scalar(path: string): void {
    const first = this.#text.charCodeAt(this.#at)
    const from = first === MINUS ? this.#at + 1 : this.#at
    let digits = from
    while (isDigit(this.#text.charCodeAt(digits))) digits += 1
    this.#at = digits
    while (isOfScalar(this.#text.charCodeAt(this.#at))) this.#at += 1
    if (digits === from || this.#text.charCodeAt(digits) === POINT || !this.#paths.has(path)) return
    if (this.#text.charCodeAt(digits + 1) === MINUS && this.#at > digits) return
    this.#found.push(digits)
  }

  /** The next character that is no white space. Throws where the text ends too early: it was no JSON. */
  #next(): number {
    let unit = this.#text.charCodeAt(this.#at)
    while (unit <= SPACE) unit = this.#text.charCodeAt(++this.#at)
    if (Number.isNaN(unit)) throw new SyntaxError('the payload is no JSON')
    return unit
  }
}

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39
/** What a scalar goes on with: anything but what separates. */
const isOfScalar = (unit: number): boolean =>
  unit > SPACE && unit !== COMMA && unit !== CLOSE_OBJECT && unit !== CLOSE_ARRAY
