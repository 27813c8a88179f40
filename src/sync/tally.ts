import type { Resolution } from '../identity/resolution.js'
import type { OutcomeStatus } from '../model/outcome.js'
import type { ReasonCount, RowCounts } from '../model/report.js'
import type { UnusableCounts } from '../model/unusable.js'
import type { Reason } from '../model/value.js'

/** Kinds of reason that a report lists; further ones are counted under `OTHER_REASONS`. */
const REASONS_MAX = 200
/** Namespaces of identifiers that join nobody: a transform may make names of values. */
const NAMESPACES_MAX = 100

/** Counts rows where they arise: `read` as the source gives them, the rest as their page is finished. */
export class Tally {
  #read = 0
  readonly #rows: Record<OutcomeStatus, number> = {
    accepted: 0,
    unchanged: 0,
    rejected: 0,
    parked: 0,
    superseded: 0,
    filtered: 0,
  }
  readonly #reasons = new Map<string, { status: OutcomeStatus; reason: Reason; rows: number }>()
  readonly #unusable = new Map<string, Record<string, number>>()

  /** Counts identifiers that join nobody. */
  unused(who: readonly Pick<Resolution, 'unusable'>[]): void {
    for (const { unusable = [] } of who) {
      for (const [given, why] of unusable) {
        const namespace = this.#unusable.size < NAMESPACES_MAX || this.#unusable.has(given) ? given : 'another name'
        const counts = this.#unusable.get(namespace) ?? {}
        counts[why] = (counts[why] ?? 0) + 1
        this.#unusable.set(namespace, counts)
      }
    }
  }

  read(rows: number): void {
    this.#read += rows
  }

  row(status: OutcomeStatus, reason?: Reason): void {
    this.#rows[status] += 1
    if (reason === undefined) return
    const key = JSON.stringify([status, reason.code, reason.facts])
    const known = this.#reasons.get(key)
    if (known !== undefined) known.rows += 1
    else if (this.#reasons.size < REASONS_MAX) this.#reasons.set(key, { status, reason, rows: 1 })
    else this.#other(status)
  }

  #other(status: OutcomeStatus): void {
    const reason = { code: 'OTHER_REASONS', facts: {} }
    const known = this.#reasons.get(status)
    if (known === undefined) this.#reasons.set(status, { status, reason, rows: 1 })
    else known.rows += 1
  }

  /** Rows with an outcome. */
  get settled(): number {
    return Object.values(this.#rows).reduce((sum, rows) => sum + rows, 0)
  }

  get counts(): RowCounts {
    return { read: this.#read, ...this.#rows, unsettled: this.#read - this.settled }
  }

  get unusable(): UnusableCounts {
    return Object.fromEntries(this.#unusable)
  }

  /** Most frequent first. */
  get reasons(): readonly ReasonCount[] {
    return [...this.#reasons.values()].sort((a, b) => b.rows - a.rows)
  }
}
