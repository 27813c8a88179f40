import { tmpdir } from 'node:os'
import * as z from 'zod'
import { LakeloopError } from '../../errors.js'
import { optionFault } from '../../model/option-fault.js'
import { AUTH } from '../../vendors/databricks/auth.js'
import type { WorkspaceAccess } from '../../vendors/databricks/workspace.js'
import type { FloatRule } from '../plain-value.js'
import type { Allowed } from './catalog-facts.js'
import type { DatabricksEvent } from './segment.js'

export interface DatabricksSourceOptions extends WorkspaceAccess {
  /** See {@link Source}. Default: the table's name, else `databricks`. */
  readonly name?: string | undefined
  /** Of the SQL warehouse: `/sql/1.0/warehouses/<id>`. */
  readonly httpPath: string
  /** One SELECT. Either this or `table`. */
  readonly query?: string | undefined
  /** `catalog.schema.table`; a part with odd letters in back-quotes. */
  readonly table?: string | undefined
  /**
   * How a table is read again: see docs/databricks.md. `auto` (default) takes the first that the table has: its change data
   * feed, row tracking, `changedAt` with `key`, or all of it.
   */
  readonly changes?: 'auto' | 'feed' | 'rowTracking' | 'watermark' | 'snapshot' | undefined
  /** Of a table: its PRIMARY KEY by default, where Unity Catalog tells of one. */
  readonly key?: readonly string[] | undefined
  /** Of a table: the time-series column of its PRIMARY KEY by default. */
  readonly changedAt?: string | undefined
  /**
   * Guards of an admin's that may stand: columns whose masked values are meant, by name, and row filters, by the names of
   * their functions. Without it, a run whose transform reads behind one is stopped. `unseen`: read on where Unity Catalog
   * does not tell of guards.
   */
  readonly allow?: Allowed | undefined
  /** Whether the server is asked, before a read, if the key is unique and never NULL. Default true: it counts all keys. */
  readonly checkKey?: boolean | undefined
  /** True: what is read is the whole audience, a row that is missing has left. Default false. */
  readonly complete?: boolean | undefined
  /** Of a query. `key`: sorted by the key, so that an interrupted read goes on behind its last finished page. */
  readonly order?: 'key' | undefined
  /** How far behind the highest watermark rows may still come in, in ms, up to 30 days. Default 600,000. */
  readonly overlapMs?: number | undefined
  /** NaN and the infinities: left out (default), the row refused, or null. */
  readonly floats?: FloatRule | undefined
  /** BIGINT columns that come as text of their digits. */
  readonly integersAsText?: readonly string[] | undefined
  /** When the changes since the last run are not kept any more: stop (default), or read all of the table. */
  readonly onHistoryGone?: 'stop' | 'resync' | undefined
  /** When the table was made anew, restored or overwritten since the last run: stop (default), or read all of it. */
  readonly onReplaced?: 'stop' | 'resync' | undefined
  /** How long a warehouse may take to start, in ms, up to an hour. Default 600,000. */
  readonly startTimeoutMs?: number | undefined
  /** Large results by links to cloud storage, which some firewalls block. Default true. */
  readonly useCloudFetch?: boolean | undefined
  /** Where a result waits that the destination is too slow for; encrypted, and gone with the process. */
  readonly spool?: { readonly directory?: string | undefined; readonly bytesMax?: number | undefined } | undefined
  /** Shown beside each statement in the query history, with source, sync and run. False: none of them, where they are refused. */
  readonly queryTags?: Readonly<Record<string, string>> | false | undefined
  readonly onEvent?: ((event: DatabricksEvent) => void) | undefined
}

const GIB = 1024 ** 3
export const DEFAULTS = {
  checkKey: true,
  overlapMs: 600_000,
  startTimeoutMs: 600_000,
  spool: { directory: tmpdir(), bytesMax: 20 * GIB, memoryBytesMax: 16 * 1024 ** 2 },
} as const

const names = z.array(z.string().min(1)).min(1).max(32)
const WORKSPACE = {
  host: z.string(),
  port: z.int().min(1).max(65_535).optional(),
  auth: AUTH,
  allowPrivateHost: z.boolean().optional(),
  customCaCert: z.string().optional(),
  fetch: z.custom((value) => typeof value === 'function').optional(),
  clock: z.custom((value) => typeof value === 'object' && value !== null).optional(),
}
/** 20 go with a statement, three of them ours; the driver escapes no letter of a name. Source: as in session.ts. */
const TAGS = z
  .record(z.string().regex(/^[^:,\\]{1,128}$/), z.string().max(128))
  .refine((tags) => Object.keys(tags).length <= 17)
const OPTIONS = z
  .strictObject({
    ...WORKSPACE,
    name: z.string().min(1).max(200).optional(),
    httpPath: z.string().regex(/^\/\S+$/, 'is no path like /sql/1.0/warehouses/<id>'),
    allow: z
      .strictObject({
        masks: names.optional(),
        rowFilter: z.union([z.string().min(1), names]).optional(),
        unseen: z.boolean().optional(),
      })
      .optional(),
    query: z
      .string()
      .regex(/[^\s;]/, 'is empty')
      .optional(),
    table: z.string().trim().min(1).optional(),
    changes: z.enum(['auto', 'feed', 'rowTracking', 'watermark', 'snapshot']).optional(),
    key: names.optional(),
    changedAt: z.string().min(1).optional(),
    checkKey: z.boolean().optional(),
    complete: z.boolean().optional(),
    order: z.literal('key').optional(),
    overlapMs: z
      .int()
      .min(0)
      .max(30 * 86_400_000)
      .optional(),
    floats: z.enum(['omit', 'reject', 'null']).optional(),
    integersAsText: names.optional(),
    onHistoryGone: z.enum(['stop', 'resync']).optional(),
    onReplaced: z.enum(['stop', 'resync']).optional(),
    startTimeoutMs: z.int().min(0).max(3_600_000).optional(),
    useCloudFetch: z.boolean().optional(),
    spool: z
      .strictObject({ directory: z.string().min(1).optional(), bytesMax: z.int().min(1_000_000).optional() })
      .optional(),
    queryTags: z.union([z.literal(false), TAGS]).optional(),
    onEvent: z.custom((value) => typeof value === 'function').optional(),
  })
  .refine(({ query, table }) => (query === undefined) !== (table === undefined), {
    path: ['query'],
    error: 'or table is to be given, and not both',
  })
  .refine(({ query, changes }) => query === undefined || changes === undefined, {
    path: ['changes'],
    error: 'belongs to a table, and this is a query',
  })
  .refine(({ key, order }) => order === undefined || key !== undefined, { path: ['order'], error: 'needs a key' })
  .refine(({ order, table }) => order === undefined || table === undefined, {
    path: ['order'],
    error: 'belongs to a query; a table is sorted by its key anyway',
  })

/** Throws OPTION_INVALID that names the option, before anything is asked. */
export function checkDatabricksOptions(options: DatabricksSourceOptions): DatabricksSourceOptions {
  return strictly(OPTIONS, options, 'DatabricksSource')
}

const CATALOG_OPTIONS = z.strictObject(WORKSPACE)

/** Throws OPTION_INVALID that names the option. */
export const checkCatalogOptions = <Options>(options: Options): Options =>
  strictly(CATALOG_OPTIONS, options, 'DatabricksCatalog')

function strictly<Options>(schema: z.ZodType, options: Options, part: string): Options {
  const checked = schema.safeParse(options)
  if (checked.success) return options
  throw new LakeloopError('OPTION_INVALID', { part, ...optionFault(checked.error, schema) })
}
