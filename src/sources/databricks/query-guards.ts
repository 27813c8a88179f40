import type { Column, Schema } from '../../model/row.js'
import type { TableInfo } from '../../vendors/databricks/table-info.js'
import type { UnityCatalog } from '../../vendors/databricks/unity-catalog.js'
import { type Allowed, allowsFilter, allowsMask, catalogFacts, type FactsQuestion } from './catalog-facts.js'
import type { Tell } from './segment.js'
import type { TableName } from './sql-text.js'

/**
 * What Unity Catalog knows of some tables; those that it does not hold are left out.
 *
 * Throws  as {@link catalogFacts}
 * Cost    one request per table, one after the other
 */
export async function knownTables(
  catalog: UnityCatalog,
  tables: readonly TableName[],
  { asking, allow, tell = () => undefined }: Pick<FactsQuestion, 'asking' | 'allow'> & { readonly tell?: Tell },
): Promise<readonly TableInfo[]> {
  const known: TableInfo[] = []
  for (const table of tables) {
    const info = await catalogFacts(catalog, { asking, table, allow, tell })
    if (info !== undefined) known.push(info)
  }
  return known
}

/**
 * The columns of a query with the masks and the row filter of the tables it names.
 *
 * Rule     a column of the result that has the name of a masked one is masked; one that has the name of another column is
 *          that column; any other may be made of every masked column whose name stands in the query.
 */
export function withQueryGuards(
  schema: Schema,
  words: ReadonlySet<string>,
  known: readonly TableInfo[],
  allow: Allowed,
): Schema {
  const filter = known.find(({ rowFilter }) => rowFilter !== undefined && !allowsFilter(allow, rowFilter))?.rowFilter
  const ofName = new Map<string, string | undefined>()
  for (const { name, mask } of known.flatMap(({ columns }) => columns)) {
    const small = name.toLowerCase()
    if (mask !== undefined || !ofName.has(small)) ofName.set(small, mask ?? ofName.get(small))
  }
  const named = [...ofName].find(([name, mask]) => mask !== undefined && words.has(name))?.[1]
  const columns = schema.columns.map((column): Column => {
    const small = column.name.toLowerCase()
    const mask = ofName.has(small) ? ofName.get(small) : named
    return mask === undefined || allowsMask(allow, column.name) ? column : { ...column, mask }
  })
  return { ...schema, columns, ...(filter === undefined ? {} : { rowFilter: filter }) }
}
