import { LakeloopError } from '../../errors.js'
import type { Column } from '../../model/row.js'
import type { Json } from '../../model/value.js'
import type { SqlParameter } from '../../vendors/databricks/sql.js'

/** A name in back-quotes: the only way to write one that may be anything. */
export const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``

/** A table's full name. Shape  one to three parts; a part in back-quotes may hold dots. */
export interface TableName {
  readonly parts: readonly string[]
  /** For SQL: each part in back-quotes. */
  readonly sql: string
  /** For people. */
  readonly text: string
}

/** Throws  OPTION_INVALID */
export function tableName(text: string): TableName {
  const parts: string[] = []
  const part = /\s*(?:`((?:[^`]|``)+)`|([^\s.`]+))\s*(\.|$)/y
  for (;;) {
    const found = part.exec(text)
    if (found === null) throw invalid('table', 'is no name like catalog.schema.table')
    parts.push(found[1]?.replaceAll('``', '`') ?? (found[2] as string))
    if (found[3] === '') break
  }
  if (parts.length > 3) throw invalid('table', 'has more than three parts')
  return { parts, sql: parts.map(quoted).join('.'), text: parts.join('.') }
}

/** Types whose values keep their order and their exact text on the way out and back in. */
const ORDERED =
  /^(?:tinyint|smallint|int|bigint|decimal\(\d+,\d+\)|string|char\(\d+\)|varchar\(\d+\)|date|timestamp|timestamp_ntz)$/

/** Throws  SOURCE_KEY_AMBIGUOUS for a column by which no place can be found again. */
export function assertOrdered(columns: readonly Column[], names: readonly string[], source: string): void {
  for (const name of names) {
    const type = columns.find((column) => column.name === name)?.type ?? ''
    if (ORDERED.test(type)) continue
    const problem = `has the column ${name} of type ${type}, whose values have no exact place`
    throw new LakeloopError('SOURCE_KEY_AMBIGUOUS', { source, key: names.join(', '), problem })
  }
}

/** A place in rows that are sorted by some columns: their values in the last row that was given out. */
export type Place = readonly Json[]

/**
 * Rows behind a place: (a, b) > (x, y), written out, since a warehouse can skip files by it.
 *
 * @param types  as Spark writes them, one per column
 */
export function behind(
  columns: readonly Pick<Column, 'name' | 'type'>[],
  place: Place,
): { readonly sql: string; readonly parameters: Record<string, SqlParameter> } {
  const marker = (at: number): string => `:p${at}`
  const terms = columns.map((_, last) => {
    const equal = columns.slice(0, last).map(({ name }, at) => `${quoted(name)} = ${marker(at)}`)
    return `(${[...equal, `${quoted((columns[last] as Column).name)} > ${marker(last)}`].join(' AND ')})`
  })
  const parameters = Object.fromEntries(
    columns.map(({ type }, at) => [`p${at}`, parameterOf(type, place[at] as Json)] as const),
  )
  return { sql: `(${terms.join(' OR ')})`, parameters }
}

/** A value of a row as the parameter that equals it. */
export function parameterOf(type: string, value: Json): SqlParameter {
  const sqlType = /^(?:var)?char/.test(type) ? 'STRING' : type.toUpperCase()
  return { type: sqlType, value: value === null ? null : String(value) }
}

export const orderBy = (names: readonly string[]): string =>
  names.length === 0 ? '' : ` ORDER BY ${names.map(quoted).join(', ')}`

const invalid = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'DatabricksSource', option, problem })
