import { isLakeloopError, LakeloopError } from '../errors.js'
import type { IterableClient } from '../vendors/iterable/iterable-client.js'
import { PART } from './export-options.js'
import { exportTime, SECOND } from './export-time.js'

/** What is asked for in one request. */
export interface Asked {
  readonly dataType: string
  /** Milliseconds since 1970, whole seconds; rows of this time belong to it. */
  readonly from: number
  /** Those of this time do not. */
  readonly to: number
  readonly bytesMax: number
}

const ENDPOINT = 'export/data'
const OPEN = 0x7b
const CLOSE = 0x7d
const LINE_END = 0x0a
const SPACES: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0d])

/**
 * The rows of a span of time, whole: what breaks off is as good as nothing, since rows come in no order. One line each, without
 * its end; undefined where there are more bytes than may be held.
 *
 * Throws  OPTION_INVALID where Iterable does not know the data type; what the client throws; DESTINATION_ANSWER_UNCLEAR for another
 *         status than 200, and for a line that is no object: an error in the middle of a 200 must not pass for an end.
 * Source  Iterable api-docs.json `export/data.json`; a blank line, and a last one without an end: tap-iterable.
 */
export async function linesOfSpan(
  client: IterableClient,
  asked: Asked,
  signal: AbortSignal,
): Promise<{ readonly lines: readonly Uint8Array[]; readonly bytes: number } | undefined> {
  const { dataType, from, to, bytesMax } = asked
  const query = new URLSearchParams({
    dataTypeName: dataType,
    startDateTime: exportTime(from),
    endDateTime: exportTime(to),
  })
  const { status, parts } = await client.stream(ENDPOINT, signal, `?${query}`)
  if (status === 400) {
    const problem = 'is none that Iterable exports (400): see docs/collect.md'
    throw new LakeloopError('OPTION_INVALID', { part: PART, option: 'dataType', problem })
  }
  if (status !== 200)
    throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: ENDPOINT, problem: `${status}` })
  const received: Uint8Array[] = []
  let bytes = 0
  for await (const part of parts) {
    bytes += part.length
    if (bytes > bytesMax) return undefined
    received.push(part)
  }
  return { lines: [...linesIn(Buffer.concat(received, bytes))], bytes }
}

function* linesIn(bytes: Buffer): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LINE_END, from)
    const next = found < 0 ? bytes.length : found
    let end = next
    while (end > from && SPACES.has(bytes[end - 1])) end -= 1
    while (from < end && SPACES.has(bytes[from])) from += 1
    if (from < end) {
      if (bytes[from] !== OPEN || bytes[end - 1] !== CLOSE) {
        throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', {
          endpoint: ENDPOINT,
          problem: 'a line that is no object',
        })
      }
      yield bytes.subarray(from, end)
    }
    from = next + 1
  }
}

/** How much time the next request asks for: what came decides. */
export class Spans {
  #ms = START_MS

  /** The end of the next one. */
  end(from: number, last: number): number {
    return Math.min(from + this.#ms, last)
  }

  fits(bytes: number, bytesMax: number): void {
    if (bytes * 4 < bytesMax) this.#ms = Math.min(this.#ms * 2, MOST_MS)
  }

  /** Half of one that was too much. False: it is a second already. */
  halve(from: number, to: number): boolean {
    const half = Math.floor((to - from) / 2 / SECOND) * SECOND
    this.#ms = Math.max(half, SECOND)
    return to - from > SECOND
  }
}

const DAY_MS = 86_400_000
const START_MS = DAY_MS
/** Source: airbyte source-iterable asks for 90 days, and for less where that breaks off. */
const MOST_MS = 90 * DAY_MS

/** What a client throws in the words of a source. */
export function sourceError(error: unknown, source: string): unknown {
  const said = (facts: LakeloopError['facts']): string => `: ${String(facts.problem ?? 'no answer')}`
  if (isLakeloopError(error, 'DESTINATION_UNAUTHORIZED'))
    return new LakeloopError('SOURCE_UNAUTHORIZED', { source, problem: ` (${error.facts.status})`, hint: '' }, error)
  if (isLakeloopError(error, 'DESTINATION_UNREACHABLE') || isLakeloopError(error, 'DESTINATION_ANSWER_UNCLEAR'))
    return new LakeloopError('SOURCE_UNREACHABLE', { source, problem: said(error.facts) }, error)
  if (isLakeloopError(error, 'DESTINATION_THROTTLED'))
    return new LakeloopError('SOURCE_UNREACHABLE', { source, problem: ': too many requests (429)' }, error)
  if (isLakeloopError(error, 'DESTINATION_REDIRECTED'))
    return new LakeloopError('SOURCE_FAILED', { source, problem: ': it answers with another address' }, error)
  return error
}
