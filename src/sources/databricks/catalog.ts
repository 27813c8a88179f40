import { LakeloopError } from '../../errors.js'
import type { JsonObject } from '../../model/value.js'
import type { Fetch } from '../../transport/http-client.js'
import { isPrivateHost } from '../../transport/private-host.js'
import { type CatalogColumn, type CatalogTable, catalogTable } from '../../vendors/databricks/table-info.js'
import { AccessToken, type DatabricksAuth } from '../../vendors/databricks/token.js'
import { UnityCatalog } from '../../vendors/databricks/unity-catalog.js'
import { workspace } from '../../vendors/databricks/workspace.js'
import { tableName } from './sql-text.js'

export interface DatabricksCatalogOptions {
  /** As of a `DatabricksSource`. */
  readonly host: string
  readonly port?: number | undefined
  readonly allowPrivateHost?: boolean | undefined
  readonly auth: DatabricksAuth
  readonly customCaCert?: string | undefined
  readonly fetch?: Fetch | undefined
}

/** A catalog or a schema. */
export interface CatalogEntry {
  readonly name: string
  readonly fullName: string
  readonly comment?: string
  /** It may be seen (BROWSE), and what is in it may not be read. */
  readonly browseOnly: boolean
}

/** How a listing can be cut short. */
export interface Browsing {
  readonly signal?: AbortSignal | undefined
}

/**
 * What is in Unity Catalog, as far as the principal may see: no more is shown than it tells, and what may be seen but not
 * read says so.
 *
 * Order   the server's, which is none that it promises. Pages are asked for as they are walked.
 * Throws  OPTION_INVALID; SOURCE_UNREACHABLE, SOURCE_UNAUTHORIZED, SOURCE_FORBIDDEN, SOURCE_TABLE_MISSING, ABORTED.
 */
export class DatabricksCatalog {
  readonly #catalog: UnityCatalog

  constructor(options: DatabricksCatalogOptions | UnityCatalog) {
    this.#catalog = options instanceof UnityCatalog ? options : opened(options)
  }

  /** The catalogs. */
  async *list(browsing: Browsing = {}): AsyncGenerator<CatalogEntry> {
    const asked = { name: 'catalogs', what: 'the metastore', ...withSignal(browsing) }
    for await (const one of this.#catalog.list('/catalogs', BROWSE, asked)) yield entry(one)
  }

  async *schemas(catalog: string, browsing: Browsing = {}): AsyncGenerator<CatalogEntry> {
    const asked = { name: 'schemas', what: catalog, ...withSignal(browsing) }
    for await (const one of this.#catalog.list('/schemas', { ...BROWSE, catalog_name: catalog }, asked))
      yield entry(one)
  }

  /** Tables, views and the like, without their columns. */
  async *tables(catalog: string, schema: string, browsing: Browsing = {}): AsyncGenerator<CatalogTable> {
    const query = { ...BROWSE, catalog_name: catalog, schema_name: schema, omit_columns: 'true' }
    const asked = { name: 'tables', what: `${catalog}.${schema}`, ...withSignal(browsing) }
    for await (const one of this.#catalog.list('/tables', query, asked)) yield catalogTable(one)
  }

  /** The columns of a table, in its order, with types, comments, masks and ids. */
  async *columns(table: string, browsing: Browsing = {}): AsyncGenerator<CatalogColumn> {
    const { columns = [] } = await this.table(table, browsing)
    yield* [...columns].sort((a, b) => a.position - b.position)
  }

  /** One table with all that is known of it. */
  async table(table: string, browsing: Browsing = {}): Promise<CatalogTable> {
    const { parts } = tableName(table)
    if (parts.length !== 3) {
      throw new LakeloopError('OPTION_INVALID', {
        part: 'DatabricksCatalog',
        option: 'table',
        problem: 'is no name like catalog.schema.table',
      })
    }
    return await this.#catalog.table(parts.join('.'), withSignal(browsing).signal)
  }

  /**
   * Tables of a catalog by pattern: `%` is any text, `_` any one character, as in SQL's LIKE.
   *
   * Shape   as {@link tables}, with names, type and comment only
   */
  async *search(
    { catalog, schema = '%', table }: { readonly catalog: string; readonly schema?: string; readonly table: string },
    browsing: Browsing = {},
  ): AsyncGenerator<CatalogTable> {
    const query = { catalog_name: catalog, schema_name_pattern: schema, table_name_pattern: table }
    const asked = { name: 'tables', what: catalog, ...withSignal(browsing) }
    for await (const one of this.#catalog.list('/table-summaries', query, asked)) yield summary(one)
  }
}

/** Also what may only be browsed. Source: databricks-sdk-py service/catalog.py. */
const BROWSE = { include_browse: 'true' } as const

const withSignal = ({ signal }: Browsing) => ({ signal: signal ?? new AbortController().signal })

function opened(options: DatabricksCatalogOptions): UnityCatalog {
  const { host, auth, allowPrivateHost = false } = options
  const invalid = (problem: string) =>
    new LakeloopError('OPTION_INVALID', { part: 'DatabricksCatalog', option: 'host', problem })
  if (!/^[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?$/i.test(host)) throw invalid('is no host name: no scheme, port or path')
  if (!allowPrivateHost && isPrivateHost(host))
    throw invalid('is of a private network; set allowPrivateHost if that is meant')
  const place = workspace({ ...options, name: 'DatabricksCatalog' })
  return new UnityCatalog(place, new AccessToken(auth, place))
}

function entry(info: JsonObject): CatalogEntry {
  const { name, full_name: fullName, comment, browse_only: browseOnly } = info
  return {
    name: String(name ?? ''),
    fullName: String(fullName ?? name ?? ''),
    ...(typeof comment === 'string' && comment !== '' ? { comment } : {}),
    browseOnly: browseOnly === true,
  }
}

/** A summary has a full name and a type alone. A part of the name may hold a dot only in back-quotes, which it does not say. */
function summary(info: JsonObject): CatalogTable {
  const [catalog = '', schema = '', ...name] = String(info.full_name ?? '').split('.')
  return catalogTable({ ...info, catalog_name: catalog, schema_name: schema, name: name.join('.') })
}
