import type { Column, Schema } from '../../model/row.js'
import { columnType, commentText, property } from './column-type.js'
import { PROGRAM_TEXT } from './program-text.js'
import { SPARK_TEXT } from './spark.generated.js'

const HEAD =
  '// Row types of a lakeloop sync. Not to be edited: sync.types() makes them anew from the schema of the source.'
const ROW_BEGIN = 'export type Row = {'
const ROW_END = '}'

/**
 * The text of a `.d.ts` for programs over these columns: `Row` as rows arrive, `Transform` and `Send` for the program,
 * `Context`, and the actions that it may return. It needs no other file.
 *
 * Shape    one line per column behind one line of comment, in the schema's order; of two columns of one name the last. A
 *          type that is not known is `Json`. The same columns give the same text.
 */
export function rowTypes({ columns }: Pick<Schema, 'columns'>): string {
  const lines = [...new Map(columns.map((column) => [column.name, column])).values()].flatMap(columnLines)
  return [HEAD, '', '/** One row. */', ROW_BEGIN, ...lines, ROW_END, '', PROGRAM_TEXT, SPARK_TEXT].join('\n')
}

function columnLines({ name, type, nullable }: Column): readonly string[] {
  const known = columnType(type)
  const form = known.form === '' ? '' : `: ${known.form}`
  return [`  /** ${commentText(type)}${form} */`, `  ${property(name, known, nullable)}`]
}

/** The names of the columns in a text of {@link rowTypes}; `undefined` for any other text. */
export function columnsIn(text: string): readonly string[] | undefined {
  const [head, ...lines] = text.split(/\r?\n/)
  const begin = lines.indexOf(ROW_BEGIN)
  const end = lines.indexOf(ROW_END, begin)
  if (head !== HEAD || begin < 0 || end < 0) return undefined
  return lines.slice(begin, end).flatMap((line) => {
    const name = /^ {2}readonly ("(?:[^"\\]|\\.)*"|[\w$]+)\??: /.exec(line)?.[1]
    return name === undefined ? [] : [name.startsWith('"') ? (JSON.parse(name) as string) : name]
  })
}
