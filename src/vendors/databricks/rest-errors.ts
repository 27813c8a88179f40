import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { HttpAnswer } from '../../transport/http-client.js'

/** What the transport threw, in the words of a source: it has no others than those of a destination. */
export function toSource(error: unknown, source: string): unknown {
  if (!isLakeloopError(error) || !error.code.startsWith('DESTINATION_')) return error
  const problem = error.code === 'DESTINATION_REDIRECTED' ? 'it redirects elsewhere' : String(error.facts.problem ?? '')
  return new LakeloopError('SOURCE_UNREACHABLE', { source, problem: `: ${problem}` }, error)
}

/**
 * An answer that is no success, as an error. Names are taken from the machine-readable part, or by pattern from a text;
 * no text is repeated. Source: the error body in Azure/spark-cdm-connector issue 149; databricks-sdk-py.
 */
export function restError({ status, json }: HttpAnswer, asked: { source: string; what: string }): LakeloopError {
  const { source, what } = asked
  const body = (typeof json === 'object' && json !== null ? json : {}) as { message?: unknown; details?: unknown }
  if (status === 401) return new LakeloopError('SOURCE_UNAUTHORIZED', { source })
  if (status === 403) {
    const { privilege, securable } = lacking(body)
    return new LakeloopError('SOURCE_FORBIDDEN', { source, privilege, securable: securable ?? what })
  }
  if (status === 404) return new LakeloopError('SOURCE_TABLE_MISSING', { source, table: what })
  return new LakeloopError('SOURCE_UNREACHABLE', { source, problem: `: HTTP ${status}` })
}

const NAME = /^[\p{L}\p{N}_.$ -]{1,255}$/u

/** What is missing, on what: `{ privilege: 'USE SCHEMA', securable: 'Schema main.crm' }`. */
export function lacking({ message, details }: { readonly message?: unknown; readonly details?: unknown }): {
  readonly privilege: string
  readonly securable: string | undefined
} {
  for (const detail of Array.isArray(details) ? (details as { metadata?: Record<string, unknown> }[]) : []) {
    const { msg, resourceType, resourceName } = detail.metadata ?? {}
    const texts = [msg, resourceType, resourceName].map((part) =>
      typeof part === 'string' && NAME.test(part) ? part : '',
    )
    if (texts.every((text) => text !== '')) {
      return { privilege: texts[0] as string, securable: `${texts[1]} ${texts[2]}` }
    }
  }
  const [, privilege, kind, name] =
    /does not have ([A-Z ]{3,40}) on ([A-Z][a-z]+) '([^']+)'/.exec(String(message)) ?? []
  if (privilege === undefined || name === undefined || !NAME.test(name)) {
    return { privilege: 'a privilege', securable: undefined }
  }
  return { privilege, securable: `${kind} ${name}` }
}
