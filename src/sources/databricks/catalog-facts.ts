import { type ErrorCode, isLakeloopError } from '../../errors.js'
import type { Column } from '../../model/row.js'
import type { TableInfo } from '../../vendors/databricks/table-info.js'
import type { UnityCatalog } from '../../vendors/databricks/unity-catalog.js'
import type { Tell } from './segment.js'
import type { TableName } from './sql-text.js'
import type { Asking, TableFacts } from './table-facts.js'

const FINAL: ReadonlySet<ErrorCode> = new Set(['ABORTED', 'OPTION_INVALID', 'SOURCE_UNREACHABLE'])

/**
 * What Unity Catalog knows of a table. `undefined`, and told, where it does not tell us or the table is in none: SQL alone
 * can read it, without ids of columns, defaults for key and changedAt, and word of masks and filters.
 *
 * Throws  SOURCE_UNREACHABLE: a mask that is not seen for a minute is rows sent with what it shows instead of values.
 */
export async function catalogFacts(
  catalog: UnityCatalog,
  { asking, table, tell }: { readonly asking: Asking; readonly table: TableName; readonly tell: Tell },
): Promise<TableInfo | undefined> {
  if (table.parts.length < 3) {
    tell({ kind: 'catalogUnknown', why: 'the name of the table has no catalog' })
    return undefined
  }
  try {
    return await catalog.tableInfo(table.parts.join('.'), asking.signal)
  } catch (error) {
    // A table that is not there, and a credential that is not taken, are told better by SQL, which comes next.
    if (!isLakeloopError(error) || FINAL.has(error.code)) throw error
    tell({ kind: 'catalogUnknown', why: error.code })
    return undefined
  }
}

/** Guards that the host has allowed by name: no word of them goes on. */
export interface Allowed {
  readonly masks?: readonly string[] | undefined
  readonly rowFilter?: string | undefined
}

/** The facts with what Unity Catalog adds to them. Types stay SQL's own: what a statement gives is what arrives. */
export function withCatalog(facts: TableFacts, known: TableInfo | undefined, allow: Allowed): TableFacts {
  if (known === undefined) return facts
  // Letters of either case name one column: a mask is not to be missed for an upper-case letter.
  const byName = new Map(known.columns.map((column) => [column.name.toLowerCase(), column]))
  const columns = facts.schema.columns.map((column): Column => {
    const more = byName.get(column.name.toLowerCase())
    if (more === undefined) return column
    const { id, mask } = more
    const isAllowed = allow.masks?.includes(column.name) === true
    return {
      ...column,
      nullable: more.nullable,
      ...(id === undefined ? {} : { id }),
      ...(mask === undefined || isAllowed ? {} : { mask }),
    }
  })
  const { rowFilter } = known
  const isHidden = rowFilter === undefined || rowFilter === allow.rowFilter
  return { ...facts, schema: { columns, ...(isHidden ? {} : { rowFilter }) } }
}
