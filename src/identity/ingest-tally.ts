import { looksAlike } from './look-alikes.js'
import type { Plan, Said } from './mapping.js'
import { microsecondsOf } from './order.js'

/** What `ingest` did. */
export interface Ingested {
  readonly pages: number
  readonly rows: number
  /** Records that were new, not the same as before, or taken out. */
  readonly records: number
  /** Identifiers in them that may join people. */
  readonly identifiers: number
  /** Identifiers in all rows that join nobody, by namespace and reason. They are kept, but for blank ones. */
  readonly unusable: Readonly<Record<string, Readonly<Record<string, number>>>>
  /**
   * Identifiers in all rows that mix scripts or only look Latin (a Cyrillic а), by namespace. They are taken as they are, as
   * another value than the one that they look like.
   */
  readonly lookAlikes: Readonly<Record<string, number>>
  /** Rows that are no evidence, by code: VALUE_NOT_EXACT, EVIDENCE_KEY_NULL. What was known of them stays. */
  readonly rejected: Readonly<Record<string, number>>
  /** Rows without a time that can be read, where a column for it is named. */
  readonly undated: number
  /** Records of this source that the whole snapshot did not show and that were taken out; null where absence says nothing. */
  readonly absent: number | null
  /** Records that it did not show either, and that stay, since the guard takes so many for a mistake. */
  readonly held: number
  /** Open conflicts of the graph afterwards. */
  readonly conflicts: number
}

/** Counts while a source is read into a graph. */
export class IngestTally {
  readonly sum = { pages: 0, rows: 0, records: 0, identifiers: 0, undated: 0, held: 0, conflicts: 0 }
  absent: number | null = null
  readonly #unusable = new Map<string, Map<string, number>>()
  readonly #rejected = new Map<string, number>()
  readonly #lookAlikes = new Map<string, number>()

  count(said: Said, { observedAt }: Pick<Plan, 'observedAt'>): void {
    if (said.kind === 'rejected') count(this.#rejected, said.code)
    if (said.kind !== 'shown') return
    if (observedAt !== undefined && microsecondsOf(said.observedAt) === null) this.sum.undated += 1
    for (const { namespace, value } of said.ids) {
      if (typeof value !== 'string') continue
      if (value.trim() === '') this.unusable(namespace, 'blank')
      if (looksAlike(value)) count(this.#lookAlikes, namespace)
    }
  }

  unusable(namespace: string, why: string): void {
    const reasons = this.#unusable.get(namespace) ?? new Map<string, number>()
    this.#unusable.set(namespace, reasons)
    count(reasons, why)
  }

  get told(): Ingested {
    const unusable = [...this.#unusable].map(
      ([namespace, reasons]) => [namespace, Object.fromEntries(reasons)] as const,
    )
    const { conflicts, ...sum } = this.sum
    return {
      ...sum,
      unusable: Object.fromEntries(unusable),
      lookAlikes: Object.fromEntries(this.#lookAlikes),
      rejected: Object.fromEntries(this.#rejected),
      absent: this.absent,
      conflicts,
    }
  }
}

const count = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
