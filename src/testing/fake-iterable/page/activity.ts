import type { JsonObject } from '../../../model/value.js'
import type { FakeAnswer, FakeRequest } from '../wire/answer.js'

/** How many seconds and failures are kept. */
const [SECONDS, FAILURES] = [60, 50]
const TEXT_MAX = 300

export interface Failure {
  /** In ms. */
  readonly at: number
  readonly method: string
  /** Without the query, in which a key could stand. */
  readonly path: string
  /** A status, or what happened to the connection instead; and the fault that did it, if one did. */
  readonly what: string
  /** The beginning of the answer. */
  readonly said: string
}

/** What was asked of late: requests per second, and those that failed, in whole or in some rows. */
export class Activity {
  readonly #now: () => number
  readonly #perSecond = new Map<number, number>()
  readonly #failures: Failure[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  saw({ method, path }: FakeRequest, answer: FakeAnswer): void {
    const { status, how, body, fault } = answer
    const at = this.#now()
    const second = Math.floor(at / 1_000)
    this.#perSecond.set(second, (this.#perSecond.get(second) ?? 0) + 1)
    for (const old of this.#perSecond.keys()) if (old <= second - SECONDS) this.#perSecond.delete(old)
    if (status < 400 && fault === undefined && !hasFailed(answer)) return
    const came = how === 'answer' ? String(status) : how
    const what = fault === undefined ? came : `${came} (${fault})`
    this.#failures.unshift({ at, method, path: path.split('?')[0] ?? '', what, said: body.slice(0, TEXT_MAX) })
    this.#failures.length = Math.min(this.#failures.length, FAILURES)
  }

  /** Requests of each of the last 60 seconds, the current one last. */
  perSecond(): readonly number[] {
    const second = Math.floor(this.#now() / 1_000)
    return Array.from({ length: SECONDS }, (_, at) => this.#perSecond.get(second - SECONDS + 1 + at) ?? 0)
  }

  /** Newest first, at most 50. */
  failures(): readonly Failure[] {
    return this.#failures
  }
}

/** Whether something was not done though the status says so: a row, an event with a name that is not allowed. */
function hasFailed({ headers, body }: FakeAnswer): boolean {
  if (!headers['content-type']?.startsWith('application/json') || !/"failCount"|is disallowed/.test(body)) return false
  const { failCount = 0, disallowedEventNames = [], msg } = JSON.parse(body) as JsonObject
  return failCount !== 0 || String(disallowedEventNames) !== '' || /is disallowed from tracking$/.test(String(msg))
}
