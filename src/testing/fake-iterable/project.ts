import type { Json, JsonObject } from '../../model/value.js'
import { envelope, json, Refused } from './answer.js'
import { type FakeType, fits, inferred, mismatch, typedPaths } from './field-types.js'
import { isUserId, storedEmail } from './identifiers.js'
import { Ledger } from './ledger.js'
import { merged } from './merge.js'
import { type FakeIterableOptions, UNSURE, type Unsure } from './options.js'
import { plain } from './spelled.js'

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

/** Who a row names: an address that can be written to, or the list in which the row is refused. */
export type Named = { readonly address: string } | { readonly refused: FailureList; readonly echo: string }

/** One fake project: who is in it, which fields it has, and the rules that hold for all endpoints. */
export class Project {
  readonly options: FakeIterableOptions
  readonly unsure: Unsure
  readonly ledger = new Ledger()
  readonly fields = new Map<string, FakeType>()
  readonly now: () => number
  readonly forgotten: Set<string>

  constructor(options: FakeIterableOptions) {
    this.options = options
    this.unsure = { ...UNSURE, ...options.unsure }
    this.now = options.now ?? (() => Date.now())
    this.forgotten = new Set((options.forgotten ?? []).map((address) => address.toLowerCase()))
    for (const [path, type] of Object.entries(options.fields ?? {})) this.fields.set(path, type)
    for (const list of options.lists ?? []) {
      const { name, type = 'Standard' } = typeof list === 'string' ? { name: list } : list
      this.addList(name, type, 0)
    }
  }

  get byEmail(): boolean {
    return this.options.projectType === 'email'
  }

  addList(name: string, listType: string, createdAt: number): number {
    const id = 1_001 + this.ledger.lists.length
    this.ledger.lists.push({ id, name, listType, createdAt, members: new Set() })
    return id
  }

  /** Source: reference 2.1 to 2.3 (email identifies in email projects, userId elsewhere; failure lists echo lower case). */
  name(row: JsonObject): Named {
    const { email, userId } = row as { email?: string; userId?: string }
    const address = this.byEmail ? email : (userId ?? email)
    if (address === undefined) {
      // Only a userId in an email project: an error unless `preferUserId` (HC-29156459027348); that one is not modelled.
      return { refused: 'notFoundUserIds', echo: userId ?? '' }
    }
    if (address === email) {
      const stored = storedEmail(email)
      if (stored === undefined) return { refused: 'invalidEmails', echo: email.toLowerCase() }
      if (this.forgotten.has(stored)) return { refused: 'forgottenEmails', echo: stored }
      if (userId !== undefined && !isUserId(userId)) return { refused: 'invalidEmails', echo: stored }
      return { address: stored }
    }
    if (!isUserId(address)) return { refused: 'invalidUserIds', echo: address }
    if (this.forgotten.has(address.toLowerCase())) return { refused: 'forgottenUserIds', echo: address }
    return { address }
  }

  /** Source: VCR ("Either email or userId must be set"). A row without any identifier refuses the request. */
  requireIdentifiers(rows: readonly JsonObject[]): void {
    if (rows.every(({ email, userId }) => typeof email === 'string' || typeof userId === 'string')) return
    throw new Refused(envelope(400, 'BadParams', 'Either email or userId must be set'))
  }

  /**
   * Types every field of every row against what is there; the first conflict refuses the whole request. Gives the fields
   * that are new. Source: GR (body), GO `batch/user_update.go` (whole request), HC-208183076 (first value decides).
   */
  typed(payloads: readonly JsonObject[]): ReadonlyMap<string, FakeType> {
    const fresh = new Map<string, FakeType>()
    for (const payload of payloads) {
      for (const [path, value] of typedPaths(payload)) {
        const got = inferred(path, value)
        const expected = this.fields.get(path) ?? fresh.get(path)
        if (got === undefined) continue
        if (expected === undefined) fresh.set(path, got)
        else if (!this.#fitsAll(expected, path, value))
          throw new Refused(json(400, mismatch(path, expected, got, value)))
      }
    }
    return fresh
  }

  #fitsAll(expected: FakeType, path: string, value: Json): boolean {
    const values = Array.isArray(value) ? (value as readonly Json[]) : [value]
    return values.every((one) => {
      const got = inferred(path, one)
      return got === undefined || fits(expected, got, this.unsure)
    })
  }

  /** Adds new fields, or says which are left out. Source: SW (`createdFields`, `filteredOutFields`), SW enum for the limit. */
  admit(
    fresh: ReadonlyMap<string, FakeType>,
    create: boolean,
  ): { readonly created: string[]; readonly filtered: string[] } {
    const names = [...fresh.keys()]
    if (!create) return { created: [], filtered: names }
    if (this.fields.size + names.length > (this.options.fieldsMax ?? 1_000)) {
      throw new Refused(envelope(400, 'UniqueFieldsLimitExceeded', 'The limit of unique fields is exceeded'))
    }
    for (const [path, type] of fresh) this.fields.set(path, type)
    return { created: names, filtered: [] }
  }

  /** Writes a profile; unknown users are created. */
  write(
    row: JsonObject,
    address: string,
    endpoint: string,
    options: { readonly filtered: readonly string[]; readonly nested: boolean },
  ): void {
    const dropped = new Set(options.filtered.map((path) => path.split('.')[0]))
    const given = plain((row.dataFields ?? {}) as JsonObject)
    const kept = Object.fromEntries(Object.entries(given).filter(([name]) => !dropped.has(name)))
    const user = this.person(address)
    user.dataFields = merged(user.dataFields, kept, options.nested)
    if (typeof row.userId === 'string') user.userId = row.userId
    this.ledger.note({ address, kind: 'profile', endpoint, detail: kept })
  }

  /** The user of an address, made if there is none. */
  person(address: string) {
    const known = this.ledger.people.get(address)
    if (known !== undefined) return known
    const made = address.includes('@') ? { email: address, dataFields: {} } : { userId: address, dataFields: {} }
    this.ledger.people.set(address, made)
    return made as { email?: string; userId?: string; dataFields: JsonObject }
  }
}

/** A bulk answer from what became of each row. */
export function bulkAnswer(
  successCount: number,
  failures: readonly (readonly [FailureList, string])[],
  more: JsonObject = {},
) {
  const failedUpdates: Record<string, string[]> = Object.fromEntries(FAILURE_LISTS.map((list) => [list, []]))
  for (const [list, echo] of failures) failedUpdates[list]?.push(echo)
  const { invalidEmails = [], invalidUserIds = [] } = failedUpdates
  return json(200, { successCount, failCount: failures.length, invalidEmails, invalidUserIds, ...more, failedUpdates })
}
