import { isLakeloopError, LakeloopError } from '../../errors.js'
import { type Clock, systemClock } from '../../transport/clock.js'
import type { HttpAnswer, HttpClient, HttpRequest } from '../../transport/http-client.js'
import { mayPass } from './sql-errors.js'

/** Attempts of one request; the waits between them add up to 15 s, or to what the server asks for. */
const ATTEMPTS_MAX = 5
const WAIT_MS = 1_000
/** What `Retry-After` may ask for. Source: the retry table of the transport. */
const WAIT_MS_MAX = 60_000
/** Answers of a server, or of what stands before it, that is busy or just starting. */
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])

export interface Sending {
  /** Of the source, for errors. */
  readonly name: string
  readonly http: HttpClient
  readonly clock?: Clock | undefined
}

/**
 * Sends a request that does no harm when it is sent twice, until an answer says something: a read, or a question for a
 * token.
 *
 * Throws  SOURCE_UNREACHABLE after five attempts; ABORTED. Every other status is an answer.
 * Upholds I12.
 */
export async function sendHarmless(
  { name, http, clock = systemClock }: Sending,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const { answer, error } = await http.send(request, signal).then(
      (answer) => ({ answer, error: undefined }),
      (error: unknown) => ({ answer: undefined, error: unreached(error, name) }),
    )
    if (answer !== undefined && !PASSING.has(answer.status)) return answer
    const problem = error ?? unreachable(name, `HTTP ${answer?.status}`)
    if (attempt === ATTEMPTS_MAX || (error !== undefined && !mayPass(error))) throw problem
    const asked = answer?.afterMs ?? 0
    await clock.sleep(Math.min(Math.max(asked, WAIT_MS * 2 ** (attempt - 1)), WAIT_MS_MAX), signal)
  }
}

export const unreachable = (source: string, problem: string, cause?: unknown): LakeloopError =>
  new LakeloopError('SOURCE_UNREACHABLE', { source, problem: `: ${problem}` }, cause)

/** The transport speaks of destinations; here it is a source that was not reached. */
function unreached(error: unknown, source: string): LakeloopError {
  if (!isLakeloopError(error) || error.code === 'ABORTED') throw error
  const { problem, status } = error.facts
  if (isLakeloopError(error, 'DESTINATION_REDIRECTED')) {
    // A workspace answers strangers with a redirect to its sign-in page: waiting mends nothing.
    throw unreachable(source, `HTTP ${status}, a redirect, which is never followed`, error)
  }
  if (isLakeloopError(error, 'DESTINATION_ANSWER_UNCLEAR')) return unreachable(source, `it answered ${problem}`, error)
  if (isLakeloopError(error, 'DESTINATION_UNREACHABLE')) return unreachable(source, String(problem), error)
  throw error
}
