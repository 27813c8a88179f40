import { type ErrorFacts, isLakeloopError, LakeloopError } from '../../errors.js'

/** What the driver throws, in all its shapes. One of them, StatusError, is no Error. Source: reference of `@databricks/sql` 2.1. */
interface Thrown {
  readonly name?: string
  readonly message?: string
  /** Of the connection: `ECONNRESET` and the like. */
  readonly code?: unknown
  /** Of an operation: ERROR, CANCELED, CLOSED, TIMEOUT. */
  readonly errorCode?: string
  readonly statusCode?: number
  readonly response?: {
    readonly sqlState?: string
    readonly errorMessage?: string
    readonly displayMessage?: string
    readonly headers?: { get?(name: string): string | null }
  }
}

/** Changes that were written down and are not there any more, or never were: only a full read helps. Source: delta-io/delta delta-error-classes.json. */
const HISTORY_GONE: Readonly<Record<string, string>> = {
  DELTA_MISSING_CHANGE_DATA: 'the change data feed was not on for all of the versions asked for',
  DELTA_CHANGE_DATA_FILE_NOT_FOUND: 'change files were removed by VACUUM',
  DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION: 'the versions are older than the retention',
  DELTA_VERSION_NOT_FOUND: 'the version is not in the history',
  DELTA_CDC_START_VERSION_AFTER_LATEST: 'the table is behind the version where the last run stood',
  DELTA_INVALID_CDC_RANGE: 'the table is behind the version where the last run stood',
  DELTA_CDC_READ_NULL_RANGE_BOUNDARY: 'the table has none of the versions asked for',
  DELTA_TIMESTAMP_GREATER_THAN_COMMIT: 'the time is after the last commit',
  DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION: 'the time is older than the retention',
  DELTA_TRUNCATED_TRANSACTION_LOG: 'the log has expired',
  DELTA_LOG_FILE_NOT_FOUND: 'the log has expired',
  DELTA_FILE_NOT_FOUND: 'data files were removed by VACUUM',
  DELTA_FILE_NOT_FOUND_DETAILED: 'data files were removed by VACUUM',
  'FAILED_READ_FILE.FILE_NOT_EXIST': 'data files were removed by VACUUM',
  'FAILED_READ_FILE.DBR_FILE_NOT_EXIST': 'data files were removed by VACUUM',
}

const SCHEMA_SPLIT = new Set([
  'DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE',
  'DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA',
])

/** Texts of a warehouse that is still starting, or has dropped the session. Source: lightdash PR 28654, estuary connectors issue 1173. */
const SESSION_GONE =
  /Invalid (?:Session|Operation)Handle|Session handle: .* (?:not been initialized|already closed)|Couldn't create directory .*_resources|RESOURCE_DOES_NOT_EXIST|CloudFetch link has expired|Operation handle .* (?:expired|not found)/i

/**
 * What the driver threw, as one of our codes. Server texts quote values of rows and the query: only the error class, the
 * place and plain names are taken over (I7); what was caught is behind `causeOf`.
 */
export function sqlError(error: unknown, source: string): LakeloopError {
  if (isLakeloopError(error)) return error
  const thrown = (typeof error === 'object' && error !== null ? error : {}) as Thrown
  const text = thrown.response?.displayMessage || thrown.response?.errorMessage || thrown.message || ''
  return (
    ofEnd(thrown, source, error) ??
    ofClass(text, source, error) ??
    ofHandle(thrown, text, source, error) ??
    ofState(thrown, text, source, error) ??
    ofConnection(thrown, text, source, error) ??
    ofClassAlone(text, source, error) ??
    new LakeloopError('SOURCE_FAILED', { source }, error)
  )
}

/**
 * Names that nobody has, certificates that nobody vouches for, a warehouse that is not there: none that starts says so, and
 * waiting mends none.
 */
const LASTING =
  /: (?:no warehouse .*|ENOTFOUND|ERR_TLS_\w+|CERT_\w+|\w*SELF_SIGNED_CERT\w*|UNABLE_TO_VERIFY_LEAF_SIGNATURE|HTTP 4(?!29|08)\d\d)$/

/** True for what a warehouse that is starting, or a network that stumbles, may answer: worth asking again. */
export function mayPass(error: LakeloopError): boolean {
  const isLasting = LASTING.test(String(error.facts.problem)) || wasEnded(error)
  return isLakeloopError(error, 'SOURCE_UNREACHABLE') && !isLasting
}

/** True for a statement that somebody, or a limit, has ended on the server: the same again would meet the same. */
export const wasEnded = (error: LakeloopError): boolean => String(error.facts.problem).startsWith(': the statement ')

/** Milliseconds that the server asks to wait, in whole seconds; 0 where it says nothing. The driver takes them for milliseconds. */
export function retryAfterMs(caught: unknown): number {
  const seconds = headerOf((caught ?? {}) as Thrown, 'retry-after')
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : 0
}

/**
 * Texts of a token that is not taken: Databricks says so with HTTP 403 and 400 too.
 *
 * Source  databricks-sdk-go issue 873 (403, text and header); databricks-vscode issue 583; splunk-integration issue 55.
 */
export const isAboutToken = (text: string): boolean =>
  /invalid access token|token (?:is|has) expir|ExpiredJwt/i.test(text)

/** Headers in which a warehouse says why. */
const REASONS = ['x-databricks-reason-phrase', 'x-databricks-error-or-redirect-message', 'x-thriftserver-error-message']

const headerOf = ({ response }: Thrown, name: string): string => response?.headers?.get?.(name) ?? ''

/**
 * The error class in brackets at the start: the part of a text that does not change from release to release. Names of
 * exceptions may stand before it; what stands behind a quote is a value.
 */
export const errorClassOf = (text: string): string | undefined => wholeClassOf(text)?.split('.')[0]

/** With its sub-class: `FAILED_READ_FILE.FILE_NOT_EXIST`. */
const wholeClassOf = (text: string): string | undefined =>
  /^[^[\]'"`]*\[([A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*)\]/.exec(text)?.[1]

/** A class that means nothing to us, of which the driver has lost the SQLSTATE. */
function ofClassAlone(text: string, source: string, cause: unknown): LakeloopError | undefined {
  const named = errorClassOf(text)
  if (named === undefined) return undefined
  return new LakeloopError('SOURCE_QUERY_INVALID', { source, problem: `${named}${meaningOf(named)}` }, cause)
}

/** Classes that no other SQL mends. Source of the classes: delta-io/delta delta-error-classes.json; of the first, rilldata/rill PR 9852. */
const MEANINGS: Readonly<Record<string, string>> = {
  CONFIG_NOT_AVAILABLE: 'the workspace may have no query tags: then set queryTags to false',
  DELTA_UNSUPPORTED_FEATURES_FOR_READ: 'the warehouse is too old to read the table',
  FAILED_READ_FILE: 'a data file could not be read',
  ...each(
    'another writer was faster, and the same again may do',
    'DELTA_CONCURRENT_APPEND DELTA_CONCURRENT_DELETE_READ DELTA_CONCURRENT_DELETE_DELETE DELTA_CONCURRENT_WRITE DELTA_METADATA_CHANGED DELTA_PROTOCOL_CHANGED',
  ),
  DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE: 'several rows have one key',
  ...each(
    'the columns of the table are others by now',
    'DELTA_METADATA_MISMATCH DELTA_FAILED_TO_MERGE_FIELDS DELTA_INSERT_COLUMN_ARITY_MISMATCH',
  ),
  ...each(
    'a constraint of the table refuses a row',
    'DELTA_NOT_NULL_CONSTRAINT_VIOLATED DELTA_VIOLATE_CONSTRAINT_WITH_VALUES',
  ),
}

function each(meaning: string, classes: string): Record<string, string> {
  return Object.fromEntries(classes.split(' ').map((one) => [one, meaning]))
}

function meaningOf(named: string | undefined): string {
  const meaning = named === undefined ? undefined : ownOf(MEANINGS, named)
  return meaning === undefined ? '' : `, ${meaning}`
}

const ownOf = (table: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

const unreachable = (source: string, problem: string, cause: unknown) =>
  new LakeloopError('SOURCE_UNREACHABLE', { source, problem: `: ${problem}` }, cause)

/** A statement that somebody ended. It may have a SQLSTATE, which then says nothing of the query. */
function ofEnd({ errorCode }: Thrown, source: string, cause: unknown): LakeloopError | undefined {
  if (errorCode === 'CANCELED') return unreachable(source, 'the statement was cancelled on the server', cause)
  if (errorCode === 'TIMEOUT')
    return unreachable(source, 'the statement ran into the time limit of the warehouse', cause)
  return errorCode === 'CLOSED' ? unreachable(source, GONE, cause) : undefined
}

/** A session or a result that is not there, in whatever way it is told. */
function ofHandle(thrown: Thrown, text: string, source: string, cause: unknown): LakeloopError | undefined {
  const told = `${text} ${headerOf(thrown, 'x-databricks-error-or-redirect-message')}`
  return SESSION_GONE.test(told) ? unreachable(source, GONE, cause) : undefined
}

const GONE = 'the server has dropped the session or the result'

function ofClass(text: string, source: string, cause: unknown): LakeloopError | undefined {
  const named = errorClassOf(text)
  if (named === undefined) return undefined
  const gone = [named, wholeClassOf(text) ?? named].map((one) => ownOf(HISTORY_GONE, one)).find(Boolean)
  if (gone !== undefined)
    return new LakeloopError('SOURCE_HISTORY_GONE', { source, problem: gone, class: named }, cause)
  if (SCHEMA_SPLIT.has(named)) {
    const version = /incompatible version:? (\d+)|\bversion (\d+)[^.]*incompatible/i.exec(text)
    const at = Number(version?.[1] ?? version?.[2] ?? Number.NaN)
    return new LakeloopError('SOURCE_HISTORY_SPLIT', { source, ...(Number.isNaN(at) ? {} : { version: at }) }, cause)
  }
  if (
    /^(?:DELTA_)?(?:TABLE_OR_VIEW_NOT_FOUND|TABLE_NOT_FOUND|PATH_DOES_NOT_EXIST|SCHEMA_NOT_FOUND|CATALOG_NOT_FOUND|NO_SUCH_CATALOG_EXCEPTION|REQUIRES_SINGLE_PART_NAMESPACE)$/.test(
      named,
    )
  ) {
    return new LakeloopError('SOURCE_TABLE_MISSING', { source, table: quotedName(text) }, cause)
  }
  if (named === 'UNRESOLVED_COLUMN') {
    const candidates = [
      ...(/(?:Did you mean one of the following\? |suggestion[s]?: )\[?([^\]\n]*)/i
        .exec(text)?.[1]
        ?.matchAll(/`([^`]+)`/g) ?? []),
    ]
    const to = candidates.map(([, name = '']) => name).slice(0, 5)
    const facts = { source, column: quotedName(text), candidates: to.length === 0 ? '' : ` to ${to.join(' or ')}` }
    return new LakeloopError('SOURCE_COLUMN_MISSING', facts, cause)
  }
  return undefined
}

/** `{ privilege, securable }` of a text that says what is missing where. Source: apache/superset PR 41945. */
export function missingRight(text: string): ErrorFacts | undefined {
  const found = /User does not have (.+?) on (Catalog|Schema|Table|Volume|View|[A-Z]\w+) '([^']+)'/.exec(text)
  if (found === null) return undefined
  const [, privilege = '', kind = '', name = ''] = found
  return { privilege: privilege.trim(), securable: `${kind} ${name}` }
}

/** By SQLSTATE, where the class says nothing to us. */
function ofState({ response }: Thrown, text: string, source: string, cause: unknown): LakeloopError | undefined {
  const missing = missingRight(text)
  if (missing !== undefined) return new LakeloopError('SOURCE_FORBIDDEN', { source, ...missing }, cause)
  const state = response?.sqlState ?? /SQLSTATE:? ([0-9A-Z]{5})/.exec(text)?.[1]
  if (state === undefined || !/^[0-9A-Z]{5}$/.test(state)) return undefined
  if (state === '42501') {
    return new LakeloopError(
      'SOURCE_FORBIDDEN',
      { source, privilege: 'a privilege', securable: 'what it reads' },
      cause,
    )
  }
  if (state === '42P01') return new LakeloopError('SOURCE_TABLE_MISSING', { source, table: quotedName(text) }, cause)
  if (state === '42703') {
    return new LakeloopError('SOURCE_COLUMN_MISSING', { source, column: quotedName(text), candidates: '' }, cause)
  }
  const named = errorClassOf(text)
  const place = /line (\d+),? pos(?:ition)? (\d+)/i.exec(text)
  const at = place === null ? '' : ` at line ${place[1]}, column ${Number(place[2]) + 1}`
  const problem = `${named ?? 'an error'} (SQLSTATE ${state})${at}${meaningOf(named)}`
  return new LakeloopError('SOURCE_QUERY_INVALID', { source, problem }, cause)
}

/** What a session was refused with. At its opening, what is not there is the warehouse itself. */
export function sessionError(error: unknown, source: string): LakeloopError {
  const isMissing = ((error ?? {}) as Thrown).statusCode === 404
  return isMissing ? unreachable(source, 'no warehouse is at httpPath (HTTP 404)', error) : sqlError(error, source)
}

/** What never reached the statement, or lost its answer. */
function ofConnection(thrown: Thrown, text: string, source: string, cause: unknown): LakeloopError | undefined {
  const { statusCode, code } = thrown
  const mayBeToken = statusCode === 400 || statusCode === 403
  if (statusCode === 401 || (mayBeToken && REASONS.some((name) => isAboutToken(headerOf(thrown, name))))) {
    return new LakeloopError('SOURCE_UNAUTHORIZED', { source }, cause)
  }
  if (statusCode === 403) {
    return new LakeloopError(
      'SOURCE_FORBIDDEN',
      { source, privilege: 'CAN USE', securable: 'the SQL warehouse' },
      cause,
    )
  }
  if (statusCode !== undefined) return unreachable(source, `HTTP ${statusCode}`, cause)
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return unreachable(source, code, cause)
  const status = /\b(4\d\d|5\d\d) when connecting|bad HTTP status code: (\d{3})|CloudFetch HTTP error (\d{3})/.exec(
    text,
  )
  if (status !== null) return unreachable(source, `HTTP ${status[1] ?? status[2] ?? status[3]}`, cause)
  // The last two are what the driver says when its own attempts at a link are spent, and when nothing came for too long.
  const broke =
    /socket hang up|Premature close|network timeout|Retry timeout exceeded|Max retry count exceeded|Request timed out|Response timeout/i
  return broke.test(text) ? unreachable(source, 'the connection broke', cause) : undefined
}

/** The first name in back-quotes or after "table or view"; a text that may be a value is not shown. */
function quotedName(text: string): string {
  const quoted = /(`[^`\n]{1,128}`(?:\.`[^`\n]{1,128}`){0,3})/.exec(text)?.[1]?.replaceAll('`', '')
  return quoted !== undefined && /^[\p{L}_][\p{L}\p{N}_.$ -]{0,255}$/u.test(quoted)
    ? quoted
    : '(not named by the server)'
}
