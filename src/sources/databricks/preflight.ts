import { type ErrorCode, isLakeloopError, LakeloopError } from '../../errors.js'
import type { Workspace } from '../../vendors/databricks/workspace.js'
import { type Allowed, allowsFilter, allowsMask } from './catalog-facts.js'
import { changesOf, hasFeed, withAutomaticFeed } from './feed-read.js'
import {
  grantStatement,
  grantsOf,
  isAbout,
  type Need,
  needText,
  privilegesOn,
  readingNeeds,
  volumeNeeds,
} from './grants.js'
import { knownTables } from './query-guards.js'
import { namesIn } from './query-tables.js'
import { tracksRows } from './row-tracking-read.js'
import { type TableName, tableName } from './sql-text.js'
import { type Asking, asked, schemaOf, tableFacts } from './table-facts.js'

export interface PreflightOptions {
  readonly signal?: AbortSignal | undefined
  /** Volumes that files are to be written to, as `catalog.schema.volume`. */
  readonly volumes?: readonly string[] | undefined
}

/** One thing that a run needs. */
export interface PreflightCheck {
  readonly what: string
  /** `unknown`: it could not be asked, or nobody can tell beforehand; `problem` says which. */
  readonly status: 'works' | 'missing' | 'unknown'
  readonly problem?: string
  /** SQL for an administrator or an owner that mends it; empty where no SQL does. */
  readonly statements: readonly string[]
}

export interface PreflightReport {
  /** True if the query could be run and nothing is missing. */
  readonly ok: boolean
  /** In the order in which a run meets them. */
  readonly checks: readonly PreflightCheck[]
}

/** What is looked at. */
export interface Subject {
  readonly asking: Asking
  readonly workspace: Workspace
  /** `undefined` where lakeloop has only a token. */
  readonly principal: string | undefined
  readonly httpPath: string
  readonly query: string
  readonly table: TableName | undefined
  readonly changes: 'auto' | 'feed' | 'rowTracking' | 'watermark' | 'snapshot'
  readonly volumes: readonly string[]
  readonly allow?: Allowed | undefined
}

/**
 * Looks for everything that a run needs before it is needed: token, warehouse, rights, the mode asked for.
 *
 * Shape    ends behind the token where there is none, since nothing else can be asked then.
 * Throws   ABORTED, CLOSED, OPTION_INVALID; never for what is missing.
 * Cost     about ten requests; a warehouse that is stopped is started.
 */
export async function preflight(subject: Subject): Promise<PreflightReport> {
  const { asking, workspace, table, volumes } = subject
  const needs = [
    ...(table?.parts.length === 3 ? readingNeeds(table.parts) : []),
    ...volumes.map(volumeParts).flatMap(volumeNeeds),
  ]
  const token = await tried(workspace.token.get(undefined, asking.signal))
  const checks = [checkOf('sign in', token.error)]
  if (token.error !== undefined) return { ok: false, checks }
  const session = await sessionChecks(subject)
  const isOpen = session.every(({ status }) => status === 'works')
  const reading = isOpen ? (await tried(schemaOf(asking, subject.query))).error : undefined
  const files = await Promise.all(volumes.map((volume) => filesCheck(subject, volumeParts(volume))))
  const proven = [...files.flatMap(({ proven: some }) => some)]
  if (isOpen && reading === undefined && table !== undefined) proven.push(...readingNeeds(table.parts))
  const rights = await rightChecks(subject, needs, { proven: new Set(proven.map(needText)), reading })
  checks.push(...session, ...rights, ...files.map(({ check }) => check))
  if (isOpen) checks.push(readingCheck(subject, reading))
  if (isOpen && reading === undefined) checks.push(...(await modeChecks(subject)))
  checks.push(...(await guardChecks(subject)))
  return { ok: isOpen && reading === undefined && checks.every(({ status }) => status !== 'missing'), checks }
}

/** Failures that say nothing about what is there. */
const SILENT: ReadonlySet<ErrorCode> = new Set(['SOURCE_UNREACHABLE', 'SOURCE_FAILED'])
/** Failures of the caller. */
const LOUD: ReadonlySet<ErrorCode> = new Set(['ABORTED', 'CLOSED', 'OPTION_INVALID'])

type Tried<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: LakeloopError }

async function tried<T>(work: Promise<T>): Promise<Tried<T>> {
  try {
    return { value: await work }
  } catch (error) {
    if (!isLakeloopError(error) || LOUD.has(error.code)) throw error
    return { error }
  }
}

function checkOf(what: string, error: LakeloopError | undefined, statements: readonly string[] = []): PreflightCheck {
  if (error === undefined) return { what, status: 'works', statements: [] }
  return { what, status: SILENT.has(error.code) ? 'unknown' : 'missing', problem: error.message, statements }
}

/** The session opens with its first statement, so the error tells which of the two failed. */
async function sessionChecks({ asking, httpPath, principal }: Subject): Promise<readonly PreflightCheck[]> {
  const what = 'session on the SQL warehouse'
  const { error } = await tried(asking.session.rows('SELECT 1', asked(asking)))
  const isForbidden = isLakeloopError(error, 'SOURCE_FORBIDDEN') && error.facts.securable === 'the SQL warehouse'
  if (error !== undefined && isForbidden) {
    const id = /([^/?]*)(?:\?.*)?$/.exec(httpPath)?.[1]
    const body = `{"access_control_list":[{"service_principal_name":"${principal ?? '<application id>'}","permission_level":"CAN_USE"}]}`
    const problem = `CAN USE is missing, which no SQL grants: in the workspace SQL Warehouses > (the warehouse) > Permissions, or PATCH /api/2.0/permissions/warehouses/${id} with ${body}. The principal needs the entitlement "Databricks SQL access" too.`
    return [{ what, status: 'missing', problem, statements: [] }]
  }
  const inStatement: readonly ErrorCode[] = ['SOURCE_FORBIDDEN', 'SOURCE_QUERY_INVALID', 'SOURCE_FAILED']
  if (error === undefined || inStatement.includes(error.code)) {
    return [checkOf(what, undefined), checkOf('SELECT 1', error)]
  }
  return [checkOf(what, error)]
}

interface Proof {
  /** Rights without which something would not have worked that did: they are there, wherever they come from. */
  readonly proven: ReadonlySet<string>
  readonly reading: LakeloopError | undefined
}

/** Whether the token is good for files too. Listing proves all rights but WRITE VOLUME, which only writing would. */
async function filesCheck({ workspace, asking, principal }: Subject, parts: readonly string[]) {
  const { error } = await tried(workspace.unityCatalog.listVolume(parts, asking.signal))
  const statements = error === undefined ? [] : grantsOf(error, principal)
  const check = checkOf(`list the files of volume ${parts.join('.')}`, error, statements)
  const proven = error === undefined ? volumeNeeds(parts).filter(({ privilege }) => privilege !== 'WRITE VOLUME') : []
  if (!isLakeloopError(error, 'SOURCE_TABLE_MISSING')) return { check, proven }
  const problem = 'there is no such volume, or the principal has no right on it'
  return { check: { ...check, problem }, proven }
}

async function rightChecks(subject: Subject, needs: readonly Need[], proof: Proof): Promise<PreflightCheck[]> {
  const { principal } = subject
  const seen = new Set<string>()
  const checks: PreflightCheck[] = []
  for (const need of needs) {
    const what = needText(need)
    if (seen.has(what)) continue
    seen.add(what)
    if (proof.proven.has(what)) checks.push(checkOf(what, undefined))
    else checks.push({ what, ...(await rightCheck(subject, need, proof)), ...statementsFor(need, principal) })
  }
  return checks.map((check) => (check.status === 'works' ? { ...check, statements: [] } : check))
}

const statementsFor = (need: Need, principal: string | undefined) => ({ statements: [grantStatement(need, principal)] })

/** What the grants say; where they do not show it, what the server said when it refused to read. */
async function rightCheck(
  { workspace, principal, asking }: Subject,
  need: Need,
  { reading }: Proof,
): Promise<Pick<PreflightCheck, 'status' | 'problem'>> {
  if (isLakeloopError(reading, 'SOURCE_FORBIDDEN') && isAbout(reading, need)) {
    return { status: 'missing', problem: 'the server says so' }
  }
  if (principal === undefined) {
    return { status: 'unknown', problem: 'grants are looked up by the clientId, and there is only a token' }
  }
  const { value: privileges, error } = await tried(
    privilegesOn(workspace.unityCatalog, need, { principal, signal: asking.signal }),
  )
  if (error !== undefined) return { status: 'unknown', problem: `the grants are not shown: ${error.message}` }
  if (privileges.has(need.privilege) || privileges.has('ALL PRIVILEGES')) return { status: 'works' }
  return {
    status: 'missing',
    problem: `it is not among the grants of ${principal}; one that comes by a group or by owning is not shown there`,
  }
}

function readingCheck({ table, principal }: Subject, error: LakeloopError | undefined): PreflightCheck {
  const what = table === undefined ? 'run the query for no rows' : `read ${table.text} for no rows`
  const check = checkOf(what, error, error === undefined ? [] : grantsOf(error, principal))
  if (!isLakeloopError(error, 'SOURCE_TABLE_MISSING')) return check
  return { ...check, problem: `${error.message} A table that the principal has no right on looks the same.` }
}

async function modeChecks(subject: Subject): Promise<readonly PreflightCheck[]> {
  const { asking, table, changes } = subject
  if (table === undefined || changes === 'watermark' || changes === 'snapshot') return []
  const what = `changes: ${changes}`
  const looked = tableFacts(asking, table).then((facts) => withAutomaticFeed(asking, table, facts))
  const { value: facts, error } = await tried(looked)
  if (error !== undefined) return [checkOf(what, error)]
  const { version, properties } = facts
  const isFeed = version !== undefined && hasFeed(facts)
  const isTracked = version !== undefined && tracksRows(properties)
  if (isFeed && changes !== 'rowTracking') return [await feedCheck(subject, table, { what, version })]
  if (isTracked && changes !== 'feed') return [checkOf(what, undefined)]
  const property = changes === 'rowTracking' ? 'delta.enableRowTracking' : 'delta.enableChangeDataFeed'
  const statements =
    version === undefined ? [] : [`ALTER TABLE ${table.sql} SET TBLPROPERTIES ('${property}' = 'true');`]
  if (changes === 'auto') {
    const problem = 'neither change data feed nor row tracking is on: it is read by watermark, or whole each time'
    return [{ what, status: 'works', problem, statements }]
  }
  const off = `${property} is off; its owner can turn it on, and changes from before are not kept`
  return [
    { what, status: 'missing', problem: version === undefined ? 'it is a view, or no Delta table' : off, statements },
  ]
}

/** The property alone does not say that its files can be read. */
async function feedCheck(
  { asking, principal }: Subject,
  { parts }: TableName,
  { what, version }: { readonly what: string; readonly version: number },
): Promise<PreflightCheck> {
  const { error } = await tried(schemaOf(asking, `SELECT * FROM ${changesOf(parts, version, version)}`))
  return checkOf(what, error, error === undefined ? [] : grantsOf(error, principal))
}

/** What stands between the principal and the values as they are stored. It is no missing right, but has to be known. */
async function guardChecks({
  workspace,
  asking,
  table,
  query,
  allow = {},
}: Subject): Promise<readonly PreflightCheck[]> {
  const what = 'column masks and row filters'
  const tables = table === undefined ? namesIn(query).tables : [table]
  const unknown = (problem: string): readonly PreflightCheck[] => [{ what, status: 'unknown', problem, statements: [] }]
  const { value: known, error } = await tried(knownTables(workspace.unityCatalog, tables, { asking, allow }))
  if (error !== undefined) {
    if (error.code !== 'SOURCE_GUARDS_UNSEEN') return unknown(error.message)
    return [{ what, status: 'missing', problem: error.message, statements: [] }]
  }
  if (known.length === 0) return unknown('Unity Catalog tells of none of the tables: a run goes on past them')
  const found: PreflightCheck[] = []
  for (const { fullName, columns, rowFilter } of known) {
    const place = table === undefined ? ` of ${fullName}` : ''
    for (const { name, mask } of columns) {
      if (mask === undefined || allowsMask(allow, name)) continue
      const problem = `${mask} stands before its values: what this principal reads may not be what is stored. A transform that reads it needs it in allow.masks`
      found.push({ what: `mask on column ${name}${place}`, status: 'unknown', problem, statements: [] })
    }
    if (rowFilter === undefined || allowsFilter(allow, rowFilter)) continue
    const problem = `${rowFilter} leaves rows out: no run begins unless it is named in allow.rowFilter`
    found.push({ what: `row filter${place}`, status: 'missing', problem, statements: [] })
  }
  return found.length > 0 ? found : [checkOf(`no ${what} but what is allowed by name`, undefined)]
}

function volumeParts(volume: string): readonly string[] {
  const { parts } = tableName(volume)
  if (parts.length === 3) return parts
  const problem = 'has a name that is not like catalog.schema.volume'
  throw new LakeloopError('OPTION_INVALID', { part: 'DatabricksSource', option: 'volumes', problem })
}
