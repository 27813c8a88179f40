import type { Json, JsonObject } from '../../model/value.js'

/** A column as Unity Catalog has it. Source: databricks-sdk-py service/catalog.py, ColumnInfo. */
export interface CatalogColumn {
  readonly name: string
  /** The Spark SQL name, e.g. `decimal(10,2)`, `struct<a:int>`. */
  readonly type: string
  readonly nullable: boolean
  /** 0-based. */
  readonly position: number
  readonly comment?: string
  /** Of Delta column mapping: outlives a rename. Whether a hosted workspace gives it is not known. */
  readonly id?: string
  /** The function of a column mask. */
  readonly mask?: string
}

/** A table, a view, or anything else that has columns. */
export interface CatalogTable {
  readonly catalog: string
  readonly schema: string
  readonly name: string
  readonly fullName: string
  /** `MANAGED`, `EXTERNAL`, `VIEW`, `MATERIALIZED_VIEW`, `STREAMING_TABLE`, `FOREIGN`, `METRIC_VIEW` and whatever comes. */
  readonly type: string
  readonly format?: string
  readonly comment?: string
  readonly id?: string
  readonly properties: Readonly<Record<string, string>>
  /** It may be seen and not read. */
  readonly browseOnly: boolean
  readonly primaryKey?: readonly string[]
  /** Columns of the key that are points in time. */
  readonly timeseries?: readonly string[]
  /** The function of a row filter. */
  readonly rowFilter?: string
  /** Absent in listings. */
  readonly columns?: readonly CatalogColumn[]
}

const text = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

const held = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}

const many = (value: Json | undefined): readonly JsonObject[] => (Array.isArray(value) ? value.map(held) : [])

const names = (value: Json | undefined): readonly string[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string') ? value : undefined

/** Leaves out what is `undefined`, so that a noun has only what is known. */
function known<Noun extends object>(noun: { readonly [Name in keyof Noun]: Noun[Name] | undefined }): Noun {
  return Object.fromEntries(Object.entries(noun).filter(([, value]) => value !== undefined)) as Noun
}

/** `TableInfo` of the REST API. What is not there is left out, never guessed. */
export function catalogTable(info: JsonObject): CatalogTable {
  const keys = many(info.table_constraints).map((one) => held(one.primary_key_constraint))
  const key = keys.find(({ child_columns: columns }) => names(columns) !== undefined)
  const properties = Object.entries(held(info.properties)).map(([name, value]) => [name, String(value)])
  const [catalog, schema, name] = [text(info.catalog_name) ?? '', text(info.schema_name) ?? '', text(info.name) ?? '']
  return known<CatalogTable>({
    catalog,
    schema,
    name,
    fullName: text(info.full_name) ?? `${catalog}.${schema}.${name}`,
    type: text(info.table_type) ?? 'UNKNOWN',
    format: text(info.data_source_format),
    comment: text(info.comment),
    id: text(info.table_id),
    properties: Object.fromEntries(properties) as Record<string, string>,
    browseOnly: info.browse_only === true,
    primaryKey: names(key?.child_columns),
    timeseries: names(key?.timeseries_columns),
    rowFilter: text(held(info.row_filter).function_name) ?? text(held(info.row_filter).name),
    columns: Array.isArray(info.columns) ? many(info.columns).map(catalogColumn) : undefined,
  })
}

function catalogColumn(info: JsonObject, at: number): CatalogColumn {
  const id = idOf(text(info.type_json))
  return known<CatalogColumn>({
    name: text(info.name) ?? '',
    type: text(info.type_text) ?? (text(info.type_name) ?? 'unknown').toLowerCase(),
    nullable: info.nullable !== false,
    position: typeof info.position === 'number' ? info.position : at,
    comment: text(info.comment),
    id: id === undefined ? undefined : String(id),
    mask: text(held(info.mask).function_name),
  })
}

/** Source: unitycatalog/unitycatalog docs (tables usage): the metadata of the column's Spark field. */
function idOf(field: string | undefined): number | undefined {
  if (field === undefined) return undefined
  try {
    const { metadata } = JSON.parse(field) as { readonly metadata?: Record<string, unknown> }
    const id = metadata?.['delta.columnMapping.id']
    return typeof id === 'number' ? id : undefined
  } catch {
    return undefined
  }
}
