import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { JsonObject } from '../../model/value.js'
import { type ColumnInfo, textOf } from '../../vendors/databricks/table-info.js'
import type { Question } from '../../vendors/databricks/unity-catalog.js'
import { Workspace, type WorkspaceAccess } from '../../vendors/databricks/workspace.js'
import { checkCatalogOptions } from './databricks-options.js'
import { namePattern } from './name-pattern.js'
import { tableName } from './sql-text.js'

export interface DatabricksCatalogOptions extends WorkspaceAccess {}

export interface BrowseOptions {
  readonly signal?: AbortSignal | undefined
  /** Tags too. Default false, since they take one more request for each object. */
  readonly tags?: boolean | undefined
}

/** A catalog or a schema. */
export interface BrowsedObject {
  readonly name: string
  readonly fullName: string
  readonly comment: string | undefined
  /** True where the principal may see that it is there, and not what is in it. */
  readonly browseOnly: boolean
  /** By key; a tag without a value has ''. `undefined` where they were not asked for, or are not shown to the principal. */
  readonly tags: Readonly<Record<string, string>> | undefined
}

export interface BrowsedTable extends BrowsedObject {
  /** MANAGED, EXTERNAL, VIEW and others. */
  readonly tableType: string | undefined
  /** DELTA, ICEBERG and others; `undefined` for a view. */
  readonly format: string | undefined
}

export interface BrowsedColumn extends ColumnInfo, Pick<BrowsedObject, 'tags'> {}

/** What a search finds. */
export interface FoundTable extends Pick<BrowsedTable, 'name' | 'fullName' | 'tableType'> {}

/**
 * Looks around in Unity Catalog: over REST, without a warehouse.
 *
 * Order    of lists: the server's, which promises none; of columns by position.
 * Throws   OPTION_INVALID, CREDENTIALS_MISSING at construction; SOURCE_UNREACHABLE, SOURCE_UNAUTHORIZED, SOURCE_FORBIDDEN,
 *          SOURCE_TABLE_MISSING, SOURCE_FAILED, CLOSED, ABORTED at use.
 * Cost     one request per page of a list, as it is asked for; with tags one more per object.
 */
export class DatabricksCatalog {
  readonly #workspace: Workspace
  readonly #isShared: boolean

  /** @param shared  the workspace of a source whose token this one uses too */
  constructor(options: DatabricksCatalogOptions, shared?: Workspace) {
    this.#isShared = shared !== undefined
    this.#workspace =
      shared ?? new Workspace({ ...checkCatalogOptions(options), name: 'databricks', part: 'DatabricksCatalog' })
  }

  /** The catalogs of the metastore. */
  async *list(options: BrowseOptions = {}): AsyncGenerator<BrowsedObject> {
    const question = { path: '/catalogs', query: { include_browse: 'true' }, securable: 'Metastore' }
    yield* this.#objects(question, 'catalogs', options)
  }

  async *schemas(catalog: string, options: BrowseOptions = {}): AsyncGenerator<BrowsedObject> {
    const query = { catalog_name: named('catalog', catalog), include_browse: 'true' }
    yield* this.#objects({ path: '/schemas', query, securable: `Catalog ${catalog}` }, 'schemas', options)
  }

  /** Tables and views, without their columns. */
  async *tables(catalog: string, schema: string, options: BrowseOptions = {}): AsyncGenerator<BrowsedTable> {
    const question = {
      path: '/tables',
      query: {
        catalog_name: named('catalog', catalog),
        schema_name: named('schema', schema),
        include_browse: 'true',
        omit_columns: 'true',
        omit_properties: 'true',
      },
      securable: `Schema ${catalog}.${schema}`,
    }
    for await (const table of this.#asked(question, 'tables', options)) {
      const { table_type: tableType, data_source_format: format } = table
      yield { ...(await this.#object(table, 'tables', options)), tableType: textOf(tableType), format: textOf(format) }
    }
  }

  /** Throws  SOURCE_FORBIDDEN for a table that can only be browsed and so shows no columns. */
  async *columns(fullName: string, options: BrowseOptions = {}): AsyncGenerator<BrowsedColumn> {
    const { parts, text } = tableName(fullName)
    if (parts.length !== 3) throw invalid('fullName', 'is no name like catalog.schema.table')
    const { columns, browseOnly } = await this.#workspace.unityCatalog.tableInfo(text, signalOf(options))
    if (browseOnly && columns.length === 0) {
      throw new LakeloopError('SOURCE_FORBIDDEN', {
        source: 'databricks',
        privilege: 'SELECT',
        securable: `Table ${text}`,
      })
    }
    for (const column of columns) {
      yield { ...column, tags: await this.#tags('columns', `${text}.${column.name}`, options) }
    }
  }

  /**
   * Tables whose name fits a LIKE pattern: `%score%`, `crm.user\_%`, `main.crm.user%`; without a catalog, in all of them.
   * The server shows only tables that the principal may read.
   *
   * Throws  SOURCE_FORBIDDEN, SOURCE_FAILED of a catalog that refuses, once all others were searched.
   */
  async *search(pattern: string, options: Pick<BrowseOptions, 'signal'> = {}): AsyncGenerator<FoundTable> {
    const { catalog, schema, table } = namePattern(pattern)
    const catalogs = catalog.exact === undefined ? this.#names(catalog.fits, options) : [catalog.exact]
    let refusal: unknown
    for await (const within of catalogs) {
      const query = { catalog_name: within, schema_name_pattern: schema.wide, table_name_pattern: table.wide }
      const question = { path: '/table-summaries', query, securable: `Catalog ${within}` }
      try {
        for await (const found of this.#asked(question, 'tables', options)) {
          const fullName = textOf(found.full_name) ?? ''
          const [, schemaName = '', name = ''] = fullName.split('.')
          if (schema.fits(schemaName) && table.fits(name)) yield { name, fullName, tableType: textOf(found.table_type) }
        }
      } catch (error) {
        if (isLakeloopError(error, 'SOURCE_TABLE_MISSING') && catalog.exact === undefined) continue // dropped meanwhile
        if (!isLakeloopError(error, 'SOURCE_FORBIDDEN') && !isLakeloopError(error, 'SOURCE_FAILED')) throw error
        refusal ??= error
      }
    }
    if (refusal !== undefined) throw refusal
  }

  async close(): Promise<void> {
    if (!this.#isShared) this.#workspace.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async *#names(fits: (name: string) => boolean, options: BrowseOptions): AsyncGenerator<string> {
    for await (const { name, browseOnly } of this.list({ signal: options.signal })) {
      if (fits(name) && !browseOnly) yield name
    }
  }

  #asked(question: Question, field: string, options: BrowseOptions): AsyncGenerator<JsonObject> {
    return this.#workspace.unityCatalog.list(question, field, signalOf(options))
  }

  async *#objects(
    question: Question,
    field: 'catalogs' | 'schemas',
    options: BrowseOptions,
  ): AsyncGenerator<BrowsedObject> {
    for await (const object of this.#asked(question, field, options)) yield await this.#object(object, field, options)
  }

  async #object(object: JsonObject, kind: string, options: BrowseOptions): Promise<BrowsedObject> {
    const name = textOf(object.name) ?? ''
    const fullName = textOf(object.full_name) ?? name
    const browseOnly = object.browse_only === true
    return {
      name,
      fullName,
      comment: textOf(object.comment),
      browseOnly,
      tags: await this.#tags(kind, fullName, options),
    }
  }

  /** Source: docs.databricks.com/api/workspace/entitytagassignments/list (generally available). */
  async #tags(kind: string, fullName: string, options: BrowseOptions): Promise<BrowsedObject['tags']> {
    if (options.tags !== true) return undefined
    const path = `/entity-tag-assignments/${kind}/${encodeURIComponent(fullName)}/tags`
    try {
      const tags: [string, string][] = []
      for await (const tag of this.#asked({ path, securable: `Tags of ${fullName}` }, 'tag_assignments', options)) {
        tags.push([String(tag.tag_key), textOf(tag.tag_value) ?? ''])
      }
      return Object.fromEntries(tags)
    } catch (error) {
      // An object that was dropped meanwhile ends no list.
      if (isLakeloopError(error, 'SOURCE_FORBIDDEN') || isLakeloopError(error, 'SOURCE_TABLE_MISSING')) return undefined
      throw error
    }
  }
}

const signalOf = ({ signal }: BrowseOptions): AbortSignal => signal ?? new AbortController().signal

function named(option: string, name: string): string {
  if (typeof name !== 'string' || !/^[^\s./\0]{1,255}$/.test(name)) throw invalid(option, 'is no name')
  return name
}

const invalid = (option: string, problem: string) =>
  new LakeloopError('OPTION_INVALID', { part: 'DatabricksCatalog', option, problem })
