import { quoted, type TableName, tableName } from './sql-text.js'

/** What can be told of a query from its text alone. */
export interface QueryNames {
  /** What stands where a table may stand, each once; names of its own WITH clause left out. */
  readonly tables: readonly TableName[]
  /** Every word and every name in back-quotes, in small letters. */
  readonly words: ReadonlySet<string>
}

/** Source: spark.apache.org/docs/latest/sql-ref-literals.html. */
const COMMENT_OR_TEXT = /\s+|--[^\n]*|\/\*[\s\S]*?\*\/|[rR]?'(?:\\[\s\S]|[^'\\])*'|[rR]?"(?:\\[\s\S]|[^"\\])*"/y
const NAME = /`(?:[^`]|``)+`|[\p{L}_][\p{L}\p{N}_]*/uy
/** Source: spark.apache.org/docs/latest/sql-ref-syntax-qry-select.html. */
const BEFORE_TABLE = /^(?:from|join|table)$/i
const BEHIND_TABLES =
  /^(?:select|where|group|order|having|limit|offset|union|except|intersect|minus|qualify|window|cluster|distribute|sort)$/i
/** Files by their path: delta.`/a/b`. */
const FORMATS = /^(?:delta|parquet|csv|json|orc|avro|text|xml|iceberg|binaryfile)$/

/**
 * The names in a query, by its words and not by the server's whole grammar: it sees nothing behind a view or in a text
 * that is run, and may take what a lateral view makes for a table.
 */
export function namesIn(query: string): QueryNames {
  const tokens = tokensOf(query)
  const own = new Set(tokens.flatMap((token, at) => (isName(token) && definesAt(tokens, at) ? [plain(token)] : [])))
  const tables = new Map<string, TableName>()
  let level = { query: true, inFrom: false, mayBe: false }
  const above: (typeof level)[] = []
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as string
    if (token === '(') {
      above.push({ ...level, mayBe: false })
      level = { query: tokens[at + 1]?.toLowerCase() === 'from', inFrom: level.mayBe, mayBe: level.mayBe }
    } else if (token === ')') level = above.pop() ?? level
    else if (token === ',') level.mayBe = level.inFrom
    else if (BEFORE_TABLE.test(token)) {
      const isOther = /^from$/i.test(token) && (!level.query || tokens[at - 1]?.toLowerCase() === 'distinct')
      if (!isOther) level = { ...level, inFrom: true, mayBe: true }
    } else if (BEHIND_TABLES.test(token)) {
      level = { query: level.query || /^select$/i.test(token), inFrom: false, mayBe: false }
    } else if (isName(token) && token.toLowerCase() !== 'lateral') {
      const parts = partsAt(tokens, at)
      at += parts.length * 2 - 2
      const isTable = level.mayBe && parts.length <= 3 && !(parts.length === 1 && own.has(parts[0] as string))
      level.mayBe = false
      if (!isTable || tokens[at + 1] === '(' || (parts.length === 2 && FORMATS.test(parts[0] as string))) continue
      const name = tableName(parts.map(quoted).join('.'))
      tables.set(name.sql, name)
    }
  }
  return { tables: [...tables.values()], words: new Set(tokens.filter(isName).map(plain)) }
}

/** Names and single signs; without comments and texts, in which no name stands. */
function tokensOf(query: string): readonly string[] {
  const tokens: string[] = []
  for (let at = 0; at < query.length; ) {
    COMMENT_OR_TEXT.lastIndex = at
    const skipped = COMMENT_OR_TEXT.exec(query)?.[0]
    NAME.lastIndex = at
    const token = NAME.exec(query)?.[0] ?? (query[at] as string)
    if (skipped === undefined) tokens.push(token)
    at += (skipped ?? token).length
  }
  return tokens
}

const isName = (token: string): boolean => /^[`\p{L}_]/u.test(token)

/** As the server compares names: letters of either case are one. */
const plain = (token: string): string =>
  (token.startsWith('`') ? token.slice(1, -1).replaceAll('``', '`') : token).toLowerCase()

/** `name AS (` and `name (a, b) AS (`: a WITH clause makes it. */
function definesAt(tokens: readonly string[], at: number): boolean {
  const next = tokens[at + 1] === '(' ? tokens.indexOf(')', at) + 1 : at + 1
  return tokens[next]?.toLowerCase() === 'as' && tokens[next + 1] === '('
}

function partsAt(tokens: readonly string[], at: number): readonly string[] {
  const parts = [plain(tokens[at] as string)]
  for (let next = at + 1; tokens[next] === '.' && isName(tokens[next + 1] ?? ''); next += 2) {
    parts.push(plain(tokens[next + 1] as string))
  }
  return parts
}
