/** A type as the server names it in SQL. */
export interface SqlType {
  /** The first word, in upper case: `DECIMAL`, `STRUCT`. */
  readonly word: string
  /** In lower case, without parts: `decimal(10,2)`, `interval day to second`. */
  readonly text: string
  /** Of an array, a map (key, value) or a struct, in order. */
  readonly parts: readonly SqlType[]
}

/**
 * The text that the server puts into the metadata of an Arrow field, such as `STRUCT<d: DECIMAL(3,2), n: BIGINT>`.
 *
 * Shape    `undefined` for text that is no type, or that does not tell where a name ends.
 * Source   `DataType.sql` of Spark; fields may be in backticks, and have NOT NULL, COMMENT and COLLATE behind them.
 */
export function parseSqlType(text: string): SqlType | undefined {
  const reader = { text, at: 0 }
  const type = readType(reader)
  return type !== undefined && reader.at === text.length ? type : undefined
}

interface Reader {
  readonly text: string
  at: number
}

function readType(reader: Reader): SqlType | undefined {
  const word = take(reader, /\s*([A-Za-z_]\w*)/y)?.toUpperCase()
  if (word === undefined) return undefined
  const isNested = ['ARRAY', 'MAP', 'STRUCT'].includes(word) && take(reader, /\s*(<)/y) !== undefined
  const parts = isNested ? readParts(reader, word === 'STRUCT') : []
  // Up to the next part: `(10, 2)`, ` DAY TO SECOND`, ` NOT NULL`, ` COMMENT 'a, b'`.
  const rest = take(reader, /((?:\([^()]*\)|'(?:[^'\\]|\\.)*'|[^,<>()'])*)/y) ?? ''
  if (parts === undefined) return undefined
  const own = rest.replace(/\s+(?:NOT NULL|COMMENT|COLLATE)\b[\s\S]*$/i, '')
  return {
    word,
    parts,
    text: `${word}${own}`
      .toLowerCase()
      .replace(/\s*([(),])\s*/g, '$1')
      .trim(),
  }
}

function readParts(reader: Reader, named: boolean): SqlType[] | undefined {
  const parts: SqlType[] = []
  if (take(reader, /\s*(>)/y) !== undefined) return parts
  for (;;) {
    if (named && take(reader, /\s*(`(?:[^`]|``)*`|[^:<>,`]+)\s*:/y) === undefined) return undefined
    const part = readType(reader)
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
