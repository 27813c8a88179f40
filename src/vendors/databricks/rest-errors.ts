import { type ErrorFacts, LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { HttpAnswer } from '../../transport/http-client.js'
import { isTokenRefused, missingRight } from './sql-errors.js'
import { listOf, objectOf, textOf } from './table-info.js'

/** What was asked, for errors. */
export interface Asked {
  /** Of the source. */
  readonly name: string
  /** The kind and the name of the object: `Table main.crm.users`. */
  readonly securable: string
}

/** Codes of things that are not there. Source: databricks-sdk-go apierr; unitycatalog ErrorCode. */
const MISSING =
  /^(?:(?:CATALOG|SCHEMA|TABLE|VOLUME|RESOURCE)_(?:DOES_NOT_EXIST|NOT_FOUND)|NOT_FOUND|(?:CATALOG|SCHEMA|TABLE)_OR_VIEW_NOT_FOUND)$/

/**
 * What the REST interface refused, as one of our codes. Its texts quote what was asked: only the error code, privileges
 * and names of objects are taken over (I7).
 *
 * Source  body `{ error_code, message, details }`: github.com/Azure/spark-cdm-connector/issues/149.
 */
export function restError({ status, json }: HttpAnswer, { name: source, securable }: Asked): LakeloopError {
  const body = objectOf(json)
  const code = errorCodeOf(body)
  if (isRefused({ status, json })) return new LakeloopError('SOURCE_UNAUTHORIZED', { source })
  if (status === 403 || code === 'PERMISSION_DENIED') {
    const missing = fromDetails(body.details) ?? missingRight(textOf(body.message) ?? '')
    return new LakeloopError('SOURCE_FORBIDDEN', { source, ...(missing ?? { privilege: 'a privilege', securable }) })
  }
  if (status === 404 && (code === undefined || MISSING.test(code))) {
    return new LakeloopError('SOURCE_TABLE_MISSING', { source, table: securable.replace(/^\w+ /, '') })
  }
  return new LakeloopError('SOURCE_FAILED', {
    source,
    problem: `: HTTP ${status}${code === undefined ? '' : ` ${code}`}`,
  })
}

/** True where it is the token that was not taken, and another may be. */
export function isRefused({ status, json }: HttpAnswer): boolean {
  const body = objectOf(json)
  if (status === 401 || errorCodeOf(body) === 'UNAUTHENTICATED') return true
  return status === 403 && isTokenRefused(textOf(body.message) ?? '')
}

/** Older services give a number, or nothing. */
function errorCodeOf({ error_code: code }: JsonObject): string | undefined {
  return typeof code === 'string' && /^[A-Z][A-Z0-9_.]{2,80}$/.test(code) ? code : undefined
}

/** The block that was made for machines: `{ msg: 'USE SCHEMA', resourceType: 'Schema', resourceName: 'a.b' }`. */
function fromDetails(details: Json | undefined): ErrorFacts | undefined {
  for (const detail of listOf(details)) {
    const { msg, resourceType, resourceName } = objectOf(objectOf(detail).metadata)
    const [privilege, kind, name] = [textOf(msg), textOf(resourceType), textOf(resourceName)]
    if (privilege === undefined || kind === undefined || name === undefined) continue
    if (/^[A-Z][A-Z _]{1,60}$/.test(privilege) && /^[A-Za-z_ ]{1,60}$/.test(kind)) {
      return { privilege: privilege.replaceAll('_', ' '), securable: `${kind} ${name}` }
    }
  }
  return undefined
}
