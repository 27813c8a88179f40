import { type ErrorCode, isLakeloopError, LakeloopError } from '../../errors.js'
import type { Column } from '../../model/row.js'
import type { SqlSession } from '../../vendors/databricks/sql.js'
import type { TableInfo } from '../../vendors/databricks/table-info.js'
import type { UnityCatalog } from '../../vendors/databricks/unity-catalog.js'
import type { Tell } from './segment.js'
import type { TableName } from './sql-text.js'
import { type Asking, asked, type TableFacts } from './table-facts.js'

/** Catalogs that Unity Catalog does not hold: no mask and no filter stands before their tables. */
const OUTSIDE: ReadonlySet<string> = new Set(['hive_metastore', 'spark_catalog'])
/** What says that the guards of a table are not shown to us, and not that nobody could be asked. */
const UNSEEN: ReadonlySet<ErrorCode> = new Set(['SOURCE_FORBIDDEN', 'SOURCE_FAILED'])
/** What nobody can allow away. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['ABORTED', 'CLOSED', 'OPTION_INVALID'])

export interface FactsQuestion {
  readonly asking: Asking
  readonly table: TableName
  readonly allow: Allowed
  readonly tell: Tell
}

/**
 * What Unity Catalog knows of a table that SQL can read. `undefined`, and told, where it has no such table: then there are
 * no ids of columns, no defaults for key and changedAt, no masks and no filters.
 *
 * Throws  SOURCE_GUARDS_UNSEEN where it refuses to tell, SOURCE_UNREACHABLE: a mask that is not seen is rows sent with what
 *         it shows instead of values. With `allow.unseen` both are only told.
 */
export async function catalogFacts(catalog: UnityCatalog, question: FactsQuestion): Promise<TableInfo | undefined> {
  const { asking, table, allow, tell } = question
  const unknown = (why: string): undefined => {
    tell({ kind: 'catalogUnknown', why })
  }
  const parts = await fullParts(asking, table)
  const [home = ''] = parts
  if (OUTSIDE.has(home)) return unknown(`${home} is not in Unity Catalog`)
  try {
    const info = await catalog.tableInfo(parts.join('.'), asking.signal)
    if (!info.browseOnly) return info
    throw new LakeloopError('SOURCE_FORBIDDEN', { privilege: 'SELECT', securable: `Table ${info.fullName}` })
  } catch (error) {
    if (!isLakeloopError(error) || FINAL.has(error.code)) throw error
    if (error.code === 'SOURCE_TABLE_MISSING' || allow.unseen === true) return unknown(error.code)
    if (!UNSEEN.has(error.code)) throw error
    const facts = { source: asking.source, table: parts.join('.'), why: error.code }
    throw new LakeloopError('SOURCE_GUARDS_UNSEEN', facts, error)
  }
}

/** A short name is one of the session's catalog and schema. */
async function fullParts(asking: Asking, { parts }: TableName): Promise<readonly string[]> {
  if (parts.length === 3) return parts
  const home = homes.get(asking.session) ?? (await homeOf(asking))
  homes.set(asking.session, home)
  return [...home.slice(0, 3 - parts.length), ...parts]
}

/** No statement of ours moves a session to another. */
const homes = new WeakMap<SqlSession, readonly string[]>()

async function homeOf(asking: Asking): Promise<readonly string[]> {
  const sql = 'SELECT current_catalog() AS home, current_schema() AS within'
  const [{ home, within } = {}] = await asking.session.rows(sql, asked(asking))
  return [String(home), String(within)]
}

/** Guards that the host has allowed by name: no word of them goes on. */
export interface Allowed {
  readonly masks?: readonly string[] | undefined
  readonly rowFilter?: string | readonly string[] | undefined
  /** Also where nobody shows them to us. */
  readonly unseen?: boolean | undefined
}

export const allowsMask = ({ masks = [] }: Allowed, column: string): boolean => masks.includes(column)

export const allowsFilter = ({ rowFilter = [] }: Allowed, found: string): boolean => [rowFilter].flat().includes(found)

/** The facts with what Unity Catalog adds to them. Types stay SQL's own: what a statement gives is what arrives. */
export function withCatalog(facts: TableFacts, known: TableInfo | undefined, allow: Allowed): TableFacts {
  if (known === undefined) return facts
  // Letters of either case name one column: a mask is not to be missed for an upper-case letter.
  const byName = new Map(known.columns.map((column) => [column.name.toLowerCase(), column]))
  const columns = facts.schema.columns.map((column): Column => {
    const more = byName.get(column.name.toLowerCase())
    if (more === undefined) return column
    const { id, mask } = more
    const isAllowed = allowsMask(allow, column.name)
    return {
      ...column,
      nullable: more.nullable,
      ...(id === undefined ? {} : { id }),
      ...(mask === undefined || isAllowed ? {} : { mask }),
    }
  })
  const { rowFilter } = known
  const isHidden = rowFilter === undefined || allowsFilter(allow, rowFilter)
  return { ...facts, schema: { columns, ...(isHidden ? {} : { rowFilter }) } }
}
