import { LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import { columnType } from './spark-type.js'

/** A column as Unity Catalog declares it. */
export interface ColumnInfo {
  readonly name: string
  /** As a schema writes it: the Spark SQL name in lower case, `decimal(8,2)`, `struct<a:int,b:array<string>>`. */
  readonly type: string
  readonly nullable: boolean
  readonly comment: string | undefined
  /** From 0. */
  readonly position: number
  /** An id that outlives a rename (Delta column mapping); `undefined` where the catalog does not tell it. */
  readonly id: string | undefined
  /** The function that stands before the values for some readers, by its full name. */
  readonly mask: string | undefined
}

/** A table, or a view, as Unity Catalog declares it. */
export interface TableInfo {
  /** `catalog.schema.table` */
  readonly fullName: string
  /** Another id is another table, whatever its name. */
  readonly tableId: string | undefined
  /** MANAGED, EXTERNAL, VIEW, MATERIALIZED_VIEW, STREAMING_TABLE, FOREIGN, METRIC_VIEW and such to come. */
  readonly tableType: string | undefined
  /** DELTA, ICEBERG, PARQUET and others; `undefined` for a view. */
  readonly format: string | undefined
  readonly comment: string | undefined
  /** By position. Empty where `browseOnly`. */
  readonly columns: readonly ColumnInfo[]
  /** The function that leaves rows out for some readers, by its full name. */
  readonly rowFilter: string | undefined
  /** The columns of its PRIMARY KEY, which Databricks does not enforce. */
  readonly primaryKey?: readonly string[]
  /** Those of them that are declared TIMESERIES. */
  readonly timeseries?: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  /** True where the principal may see that the table is there, and not what is in it. */
  readonly browseOnly: boolean
}

/**
 * What `GET /tables/{full_name}` answered.
 *
 * Throws  SOURCE_FAILED for an object without a name: what else is missing is `undefined`.
 * Source  databricks-sdk-py service/catalog.py TableInfo, ColumnInfo, ColumnMask, TableRowFilter, PrimaryKeyConstraint.
 */
export function tableInfoOf(json: Json | undefined, source: string): TableInfo {
  const table = objectOf(json)
  const fullName = textOf(table.full_name)
  if (fullName === undefined) throw new LakeloopError('SOURCE_FAILED', { source, problem: ': a table without a name' })
  return {
    fullName,
    tableId: textOf(table.table_id),
    tableType: textOf(table.table_type),
    format: textOf(table.data_source_format),
    comment: textOf(table.comment),
    columns: columnsOf(table.columns),
    rowFilter: textOf(objectOf(table.row_filter).function_name),
    ...keyOf(table.table_constraints),
    properties: propertiesOf(table.properties),
    browseOnly: table.browse_only === true,
  }
}

export function columnsOf(given: Json | undefined): readonly ColumnInfo[] {
  const columns = listOf(given).map((one, at): ColumnInfo => {
    const column = objectOf(one)
    const { type, metadata } = columnType(textOf(column.type_json), textOf(column.type_text) ?? 'unknown')
    const id = metadata['delta.columnMapping.id']
    return {
      name: textOf(column.name) ?? '',
      type,
      nullable: column.nullable !== false,
      comment: textOf(column.comment),
      position: typeof column.position === 'number' ? column.position : at,
      id: typeof id === 'number' || typeof id === 'string' ? String(id) : undefined,
      mask: textOf(objectOf(column.mask).function_name),
    }
  })
  return columns.sort((a, b) => a.position - b.position)
}

function keyOf(constraints: Json | undefined): Pick<TableInfo, 'primaryKey' | 'timeseries'> {
  const keys = listOf(constraints).map((one) => objectOf(objectOf(one).primary_key_constraint))
  const key = keys.find(({ child_columns: columns }) => Array.isArray(columns))
  if (key === undefined) return {}
  const timeseries = listOf(key.timeseries_columns).map(String)
  return { primaryKey: listOf(key.child_columns).map(String), ...(timeseries.length === 0 ? {} : { timeseries }) }
}

function propertiesOf(given: Json | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(objectOf(given)).map(([name, value]) => [name, String(value)]))
}

export const textOf = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

export const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}

export const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : [])
