import { LakeloopError } from '../errors.js'

/** A table that engagement was landed in, and its column that says whose it is. */
export interface Landed {
  /** As `catalog.schema.table`, one to three parts; a part in back-quotes may hold anything. */
  readonly table: string
  readonly column: string
}

/** Whom the rows of such a table may name. */
export interface LandedPeople {
  readonly addresses: readonly string[]
  readonly others: readonly string[]
}

/**
 * What to run in the warehouse, in this order, so that nothing of some people is left in tables that hold it. Nothing is run here.
 *
 * Shape    three statements a table: the rows go; files that only mark them as gone are written anew; files that nobody reads go.
 * Case     of email addresses does not count, of anything else it does.
 * Safe     names are in back-quotes. A value is a literal only where no setting of the session can read it as anything else;
 *          any other is written as its bytes.
 * Throws   OPTION_INVALID for what is no name.
 * Source   Databricks SQL: DELETE FROM; REORG TABLE ... APPLY (PURGE), for deletion vectors, and the old files that it leaves;
 *          VACUUM, which keeps files for 7 days by default; STRING literals and `spark.sql.parser.escapedStringLiterals`.
 */
export function landedStatements(landed: readonly Landed[], people: LandedPeople): readonly string[] {
  const said = new Set([...people.addresses, ...people.others])
  const emails = new Set([...people.addresses.filter((one) => one.includes('@')).map((one) => one.toLowerCase())])
  return landed.flatMap(({ table, column }) => {
    const name = tableSql(table)
    if (typeof column !== 'string' || column === '') throw invalid('column', 'is no name')
    const held = `CAST(${quoted(column)} AS STRING)`
    const among = (of: Iterable<string>): string => [...of].map(literal).join(', ')
    const anyCase = emails.size === 0 ? '' : ` OR lower(${held}) IN (${among(emails)})`
    return [
      `DELETE FROM ${name} WHERE ${held} IN (${among(said)})${anyCase}`,
      `REORG TABLE ${name} APPLY (PURGE)`,
      `VACUUM ${name}`,
    ]
  })
}

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``

const PART = /`(?:[^`]|``)+`|[^\s.`]+/y
const PARTS_MAX = 3

function tableSql(table: string): string {
  const parts: string[] = []
  for (let at = 0; typeof table === 'string' && at <= table.length; at += 1) {
    PART.lastIndex = at
    const [part] = PART.exec(table) ?? []
    if (part === undefined) break
    parts.push(part.startsWith('`') ? part : quoted(part))
    at += part.length
    if (at === table.length && parts.length <= PARTS_MAX) return parts.join('.')
    if (table[at] !== '.') break
  }
  throw invalid('table', 'is no name like catalog.schema.table')
}

/** Letters that mean themselves in a literal whatever the session says: no quote, no backslash, no `$` of a variable. */
const PLAIN = /^[\w.@+ :/#=~!?-]+$/

const literal = (value: string): string =>
  PLAIN.test(value) ? `'${value}'` : `CAST(X'${Buffer.from(value).toString('hex')}' AS STRING)`

const invalid = (option: 'table' | 'column', problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'Sync.erase', option: `landed.${option}`, problem })
