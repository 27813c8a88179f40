/** A type as Spark, a schema or a server names it in SQL. */
export interface SparkType {
  /** The first word, in upper case: `DECIMAL`, `STRUCT`. */
  readonly word: string
  /** In lower case, without parts: `decimal(10,2)`, `interval day to second`. */
  readonly text: string
  /** Of an array, a map (key, value) or a struct, in order. */
  readonly parts: readonly SparkType[]
  /** Of the fields of a struct, in the order of the parts, without backticks; else empty. */
  readonly names: readonly string[]
}

/** Deeper than any table; text of a server is not walked without a bound. */
const DEPTH_MAX = 128

/**
 * The type of a column in a schema (`struct<d:decimal(3,2),n:bigint>`), and the text that a server puts into the metadata
 * of an Arrow field (`STRUCT<d: DECIMAL(3,2), n: BIGINT>`).
 *
 * Shape    `undefined` for text that is no type, that does not tell where a name ends, or that is nested deeper than 128.
 * Source   `DataType.sql` of Spark; fields may be in backticks, and have NOT NULL, COMMENT and COLLATE behind them.
 */
export function parseSparkType(text: string): SparkType | undefined {
  const reader = { text, at: 0 }
  const type = readType(reader, 0)
  return type !== undefined && reader.at === text.length ? type : undefined
}

/** A field's name as Spark writes it within a type: in backticks where it is no plain word. */
export const quoteField = (name: string): string =>
  /^[a-zA-Z_]\w*$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``

const unquoted = (name: string): string =>
  name.startsWith('`') ? name.slice(1, -1).replaceAll('``', '`') : name.trim()

interface Reader {
  readonly text: string
  at: number
}

function readType(reader: Reader, depth: number): SparkType | undefined {
  const word = take(reader, /\s*([A-Za-z_]\w*)/y)?.toUpperCase()
  if (word === undefined || depth > DEPTH_MAX) return undefined
  const isNested = ['ARRAY', 'MAP', 'STRUCT'].includes(word) && take(reader, /\s*(<)/y) !== undefined
  const names: string[] = []
  const parts = isNested ? readParts(reader, word === 'STRUCT' ? names : undefined, depth + 1) : []
  // Up to the next part: `(10, 2)`, ` DAY TO SECOND`, ` NOT NULL`, ` COMMENT 'a, b'`.
  const rest = take(reader, /((?:\([^()]*\)|'(?:[^'\\]|\\.)*'|[^,<>()'])*)/y) ?? ''
  if (parts === undefined) return undefined
  const own = rest.replace(/\s+(?:NOT NULL|COMMENT|COLLATE)\b[\s\S]*$/i, '')
  return {
    word,
    parts,
    names,
    text: `${word}${own}`
      .toLowerCase()
      .replace(/\s*([(),])\s*/g, '$1')
      .trim(),
  }
}

function readParts(reader: Reader, names: string[] | undefined, depth: number): SparkType[] | undefined {
  const parts: SparkType[] = []
  if (take(reader, /\s*(>)/y) !== undefined) return parts
  for (;;) {
    if (names !== undefined) {
      const name = take(reader, /\s*(`(?:[^`]|``)*`|[^:<>,`]+)\s*:/y)
      if (name === undefined) return undefined
      names.push(unquoted(name))
    }
    const part = readType(reader, depth)
    if (part === undefined) return undefined
    parts.push(part)
    const next = take(reader, /\s*([,>])/y)
    if (next === undefined) return undefined
    if (next === '>') return parts
  }
}

/** What the pattern finds here, and the reader stands behind it. */
function take(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at
  const found = pattern.exec(reader.text)
  if (found === null) return undefined
  reader.at = pattern.lastIndex
  return found[1]
}
