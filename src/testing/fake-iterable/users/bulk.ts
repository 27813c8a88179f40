import type { JsonObject } from '../../../model/value.js'
import type { Unsure } from '../options.js'
import { type FakeAnswer, json } from '../wire/answer.js'

/** The lists of failures of a bulk answer. Source: SW `UserBulkUpdateListResponse`, full shape as RT mocks it. */
export const FAILURE_LISTS = [
  'invalidEmails',
  'invalidUserIds',
  'notFoundEmails',
  'notFoundUserIds',
  'invalidDataEmails',
  'invalidDataUserIds',
  'conflictEmails',
  'conflictUserIds',
  'forgottenEmails',
  'forgottenUserIds',
] as const
export type FailureList = (typeof FAILURE_LISTS)[number]

/** A row that is refused: in which list, and under which identifier. */
export interface RefusedRow {
  readonly refused: FailureList
  readonly echo: string
}

/** The list in which a script wants an address to fail, if any. */
export type Failing = (address: string) => FailureList | undefined

/** What became of the rows of a bulk request, and its answer. */
export class BulkResult {
  readonly #lists: Readonly<Record<FailureList, string[]>>
  readonly #created = new Set<string>()
  readonly #filtered = new Set<string>()
  readonly #noOpEmails: string[] = []
  readonly #noOpUserIds: string[] = []
  readonly #disallowed = new Set<string>()
  successCount = 0
  failCount = 0

  constructor() {
    this.#lists = Object.fromEntries(FAILURE_LISTS.map((list) => [list, [] as string[]])) as Record<
      FailureList,
      string[]
    >
  }

  wrote({ created, filtered }: { readonly created: readonly string[]; readonly filtered: readonly string[] }): void {
    this.successCount += 1
    for (const path of created) this.#created.add(path)
    for (const path of filtered) this.#filtered.add(path)
  }

  /** Neither done nor failed. */
  noOp(address: string): void {
    if (address.includes('@')) this.#noOpEmails.push(address)
    else this.#noOpUserIds.push(address)
  }

  /** An event name that is not allowed; whether its rows count as failed is unsure. */
  disallow(name: string, counted: boolean): void {
    this.#disallowed.add(name)
    if (counted) this.failCount += 1
  }

  fail({ refused, echo }: RefusedRow): void {
    this.failCount += 1
    this.#lists[refused].push(echo)
  }

  /** Of users/bulkUpdate and the list calls. Source: SW, RT (`noOp*` are not in SW). */
  ofUsers({ bulkShape }: Unsure): FakeAnswer {
    const { invalidEmails, invalidUserIds } = this.#lists
    // Where there are no such lists, nobody can stand in them.
    if (bulkShape !== 'full') this.successCount += this.#noOpEmails.length + this.#noOpUserIds.length
    const now = {
      ...this.#fields,
      noOpEmails: this.#noOpEmails,
      noOpUserIds: this.#noOpUserIds,
      failedUpdates: this.#lists,
    }
    return json(200, { ...this.#counts, invalidEmails, invalidUserIds, ...(bulkShape === 'full' ? now : {}) })
  }

  /** Of events/trackBulk: fewer lists, and a deprecated `invalidUserIds` that means not found. Source: SW, VCR (2022). */
  ofEvents({ bulkShape }: Unsure): FakeAnswer {
    const { invalidEmails, notFoundUserIds } = this.#lists
    const failedUpdates: JsonObject = Object.fromEntries(
      Object.entries(this.#lists).filter(([list, echoes]) => /^(invalid[EU]|not|forg)/.test(list) || echoes.length > 0),
    )
    const old = { invalidEmails, invalidUserIds: notFoundUserIds, disallowedEventNames: [...this.#disallowed] }
    return json(200, { ...this.#counts, ...old, ...(bulkShape === 'full' ? { ...this.#fields, failedUpdates } : {}) })
  }

  get #counts() {
    return { successCount: this.successCount, failCount: this.failCount }
  }

  get #fields() {
    return { createdFields: [...this.#created], filteredOutFields: [...this.#filtered] }
  }
}
