import type { Json, JsonObject } from '../../model/value.js'
import { FakeCatalog } from './catalogs/fake-catalog.js'
import { DATA_TYPES } from './export/data-types.js'
import { Exports } from './export/jobs.js'
import { refuseDots } from './fields/dots.js'
import { type FakeType, Typing } from './fields/field-types.js'
import { merged, without } from './fields/merge.js'
import { type Scope, typeConflict } from './fields/type-conflict.js'
import { type FakeHappening, type FakeList, type FakeUser, Ledger, type LedgerEntry } from './ledger.js'
import { type FakeIterableOptions, UNSURE, type Unsure } from './options.js'
import type { Failing, RefusedRow } from './users/bulk.js'
import { isEmail } from './users/identifiers.js'
import { type Claim, People } from './users/people.js'
import { type Stamp, Visible } from './visible.js'
import { envelope, type FakeRequest, Refused } from './wire/answer.js'
import { BodyCheck, type Rules } from './wire/body-check.js'
import { plain } from './wire/spelled.js'

/** Characters of one field's value. Source: HC-208183076, HC-217744303 ("about"; what a longer one gets is unsure). */
const VALUE_CHARS_MAX = 32_000

const isLong = (fields: JsonObject): boolean =>
  Object.values(fields).some((value) => {
    const text = typeof value === 'string' ? value : JSON.stringify(plain(value))
    return text.length > VALUE_CHARS_MAX
  })

/** Fields that Iterable manages, and that a project has from the start. Source: HC-217744303, GR `users/getFields`. */
const MANAGED: Readonly<Record<string, FakeType>> = {
  email: 'string',
  userId: 'string',
  emailListIds: 'long',
  userListIds: 'long',
  subscribedMessageTypeIds: 'long',
  unsubscribedChannelIds: 'long',
  unsubscribedMessageTypeIds: 'long',
  phoneNumber: 'string',
  profileUpdatedAt: 'date',
  signupDate: 'date',
  signupSource: 'string',
}

/** Arrays of a profile in which null means "leave alone". Source: SW. */
const SUBSCRIPTIONS = new Set(['subscribedMessageTypeIds', 'unsubscribedChannelIds', 'unsubscribedMessageTypeIds'])

/** What a request says about fields: by row, the paths that the project lacks; and their types, if they may be made. */
export interface Typed {
  readonly unknown: readonly (readonly string[])[]
  readonly make: ReadonlyMap<string, FakeType> | undefined
  /** Rows that contradict a type, where that refuses no more than them. */
  readonly wrong: ReadonlySet<number>
}

/** `lateMs`: how long after it happened exports show it. Source: AB expected records (opens 5 to 6 minutes late). */
export interface HappeningGiven extends Pick<FakeHappening, 'dataType' | 'fields'> {
  /** Seconds since 1970. Default now. */
  readonly createdAt?: number
  readonly lateMs?: number
}

/** One fake project: who is in it, which fields it has, and the rules that hold for all endpoints. */
export class Project {
  readonly options: FakeIterableOptions
  readonly unsure: Unsure
  readonly ledger = new Ledger()
  readonly fields: Map<string, FakeType>
  /** By event name: the same field name may have another type under another event. Source: SW. */
  readonly eventFields = new Map<string, Map<string, FakeType>>()
  /** Purchases share one schema. Source: reference 4.2. */
  readonly purchaseFields = new Map<string, FakeType>()
  readonly now: () => number
  readonly forgotten: Set<string>
  readonly isEmail: (email: string) => boolean
  readonly people: People
  readonly visible: Visible
  readonly exports: Exports
  readonly #stamps = new WeakMap<FakeUser, Stamp>()
  /** Numbers of lists that cannot be deleted. */
  readonly listsInUse = new Set<number>()
  /** Until when a list that was just made is not found, by its number. */
  readonly blindUntil = new Map<number, number>()
  readonly #due: { readonly at: number; work(): void }[] = []
  #listsMade = 0
  #catalogsMade = 0

  constructor(options: FakeIterableOptions) {
    this.options = options
    this.unsure = { ...UNSURE, ...options.unsure }
    this.now = options.now ?? (() => Date.now())
    this.forgotten = new Set((options.forgotten ?? []).map((address) => address.trim().toLowerCase()))
    this.isEmail = (email) => isEmail(email, this.unsure.otherEmails === 'accepted')
    this.people = new People(options.projectType, this.ledger, { forgotten: this.forgotten, isEmail: this.isEmail })
    const stampOf = (user: FakeUser) => this.#stamps.get(user)
    this.visible = new Visible(this.ledger, { afterMs: options.visibleAfterMs ?? 0, now: this.now, stampOf })
    this.exports = new Exports(this.now, options.exportTakesMs ?? 0)
    this.fields = new Map(Object.entries({ ...MANAGED, ...options.fields }))
    for (const name of options.catalogs ?? []) this.addCatalog(name)
    for (const list of options.lists ?? []) {
      const { name, type = 'Standard', inUse = false } = typeof list === 'string' ? { name: list } : list
      const id = this.addList(name, type)
      if (inUse) this.listsInUse.add(id)
    }
  }

  get byEmail(): boolean {
    return this.options.projectType === 'email'
  }

  /** The field that holds a person's lists. Source: HC-9216719179796. */
  get listField(): 'emailListIds' | 'userListIds' {
    return this.byEmail ? 'emailListIds' : 'userListIds'
  }

  check(request: FakeRequest): BodyCheck {
    const { batchRowsMax = Number.POSITIVE_INFINITY } = this.options
    return new BodyCheck(request, { form: this.unsure.badJsonBody, rowsMax: batchRowsMax })
  }

  /** The body of a request that has no rows, checked. */
  single(request: FakeRequest, rules: Rules): JsonObject {
    const check = this.check(request)
    check.fields(check.body, rules)
    check.end()
    return check.body
  }

  addList(name: string, listType: string, more: Pick<FakeList, 'description'> = {}): number {
    this.#listsMade += 1
    const id = 1_000 + this.#listsMade
    this.ledger.lists.push({ id, name, ...more, listType, createdAt: this.now(), members: new Set() })
    return id
  }

  addCatalog(name: string): FakeCatalog {
    this.#catalogsMade += 1
    const catalog = new FakeCatalog(this.#catalogsMade, name)
    this.ledger.catalogs.set(name.toLowerCase(), catalog)
    return catalog
  }

  /** Something that Iterable did or saw. Throws TypeError for a data type that no export has. */
  happened({ dataType, createdAt, lateMs = 0, fields }: HappeningGiven): void {
    const at = createdAt ?? Math.floor(this.now() / 1_000)
    if (!DATA_TYPES.includes(dataType)) throw new TypeError(`No export has the data type ${dataType}`)
    this.ledger.happenings.push({
      dataType,
      createdAt: at,
      indexedAt: Math.min(at * 1_000, this.now()) + lateMs,
      fields,
    })
  }

  /** Does what Iterable accepts now and does later: after `deletesAfterMs`, before the next request is looked at. */
  later(work: () => void): void {
    const { deletesAfterMs = 0 } = this.options
    if (deletesAfterMs === 0) work()
    else this.#due.push({ at: this.now() + deletesAfterMs, work })
  }

  /** Does what is due. */
  catchUp(): void {
    while ((this.#due[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now()) this.#due.shift()?.work()
  }

  /** Says that something was applied. */
  applied(entry: Pick<LedgerEntry, 'address' | 'kind' | 'endpoint'> & { readonly detail?: JsonObject }): void {
    this.ledger.note(entry)
    this.visible.touched(entry.address)
  }

  /** Source: VCR ("Either email or userId must be set"). A row without any identifier refuses the request. */
  requireIdentifiers(rows: readonly JsonObject[], verb = 'be set'): void {
    if (rows.every(({ email, userId }) => typeof email === 'string' || typeof userId === 'string')) return
    throw new Refused(envelope(400, 'BadParams', `Either email or userId must ${verb}`))
  }

  /**
   * Holds the user fields of all rows to the types that are there: one conflict refuses the whole request, and so do more
   * new fields than there is room for. Source: GR (body), GO `batch/user_update.go` (whole request), SW enum
   * (`UniqueFieldsLimitExceeded`), SW (`createNewFields`).
   */
  typeUsers(rows: readonly JsonObject[], createNewFields: Json | undefined, isBulk = false): Typed {
    refuseDots(rows, this.unsure)
    const create = this.creates(createNewFields)
    const typing = new Typing(this.fields, this.unsure)
    const wrong = new Set<number>()
    const unknown = rows.map((row, at) => {
      const before = typing.conflicts.length
      const paths = typing.unknown((row.dataFields ?? {}) as JsonObject, create)
      if (typing.conflicts.length > before) wrong.add(at)
      return paths
    })
    const scope: Scope = { type: 'user', category: 'user', prefix: this.unsure.scopedFieldNames ? 'user:::' : '' }
    const isOfRow = isBulk && this.unsure.typeConflictOf === 'row'
    if (!isOfRow) this.refuseConflicts([[scope, typing]])
    const managed = Object.keys(MANAGED).length
    const room = (this.options.fieldsMax ?? 1_000) - (this.fields.size - managed)
    this.requireRoom(typing.fresh.size, room)
    return { unknown, make: create ? typing.fresh : undefined, wrong }
  }

  /** Throws if anything of a request contradicts the types that are there. */
  refuseConflicts(typings: readonly (readonly [Scope, Typing])[]): void {
    const conflicts = typings.flatMap(([scope, { conflicts }]) => conflicts.map((one) => [scope, one] as const))
    if (conflicts.length > 0) throw typeConflict(this.unsure.typeConflictStatus, conflicts)
  }

  /** Fields that are there already are written also where there is room for no more. */
  requireRoom(wanted: number, room: number): void {
    if (wanted === 0 || wanted <= room) return
    throw new Refused(envelope(400, 'UniqueFieldsLimitExceeded', 'The limit of unique fields is exceeded'))
  }

  /** Whether a request may make fields. */
  creates(asked: Json | undefined): boolean {
    return asked === undefined || asked === null ? this.options.createNewFields !== false : asked === true
  }

  /** Whom a row means; or why it fails: for who it names, because a script says so, or for what it holds. */
  judge(row: JsonObject, failing: Failing = () => undefined): Claim | RefusedRow {
    const claim = this.people.claim(row)
    if ('refused' in claim) return claim
    const echo = this.people.addressOf(claim)
    const forced = failing(echo)
    if (forced !== undefined) return { refused: forced, echo }
    if (this.unsure.longValue === 'accepted' || !isLong((row.dataFields ?? {}) as JsonObject)) return claim
    return this.invalidData(claim)
  }

  /** The failure of a row for what it holds. */
  invalidData(claim: Claim): RefusedRow {
    const echo = this.people.addressOf(claim)
    return { refused: echo === claim.email ? 'invalidDataEmails' : 'invalidDataUserIds', echo }
  }

  /** The failure of a row that names somebody who is not there. */
  notFound(claim: Claim): RefusedRow {
    const echo = this.people.addressOf(claim)
    return { refused: echo === claim.email ? 'notFoundEmails' : 'notFoundUserIds', echo }
  }

  /** Writes row `at` of a request: unknown people are created. Gives the fields that were made, or left out. */
  write(row: JsonObject, claim: Claim, how: { readonly endpoint: string; readonly typed: Typed; readonly at: number }) {
    const { make, unknown } = how.typed
    const paths = unknown[how.at] ?? []
    const { user, address } = this.join(claim, how.endpoint === 'lists/subscribe' ? 'ListAPI' : 'API')
    const given = without(plain((row.dataFields ?? {}) as JsonObject), new Set(make === undefined ? paths : []))
    const { email: _email, userId: _userId, [this.listField]: lists, ...rest } = given
    const keepsNulls = this.unsure.nullInside === 'kept'
    const fields = Object.entries(rest).filter(([name, value]) =>
      value === '' ? this.unsure.emptyText === 'stored' : value !== null || !SUBSCRIPTIONS.has(name),
    )
    user.dataFields = merged(user.dataFields, Object.fromEntries(fields), row.mergeNestedObjects === true, keepsNulls)
    if (Array.isArray(lists)) this.setLists(address, lists as readonly number[])
    for (const path of paths) if (make?.has(path)) this.fields.set(path, make.get(path) as FakeType)
    this.applied({ address, kind: 'profile', endpoint: how.endpoint, detail: given })
    return make === undefined ? { created: [], filtered: paths } : { created: paths, filtered: [] }
  }

  /** The person of a claim, made where there is none. Who moves to another address is a new document there. Source: GR. */
  join(claim: Claim, source: Stamp['signupSource']): { readonly user: FakeUser; readonly address: string } {
    const former = claim.user && this.people.addressOf(claim.user)
    const { user, address } = this.people.settle(claim)
    const moved = former !== undefined && former !== address
    if (moved) this.visible.touched(former)
    const now = this.now()
    const { signedUpAt = now, documentAt = now, signupSource = source } = this.#stamps.get(user) ?? {}
    this.#stamps.set(user, { signedUpAt, documentAt: moved ? now : documentAt, updatedAt: now, signupSource })
    return { user, address }
  }

  /** The address of who is there, without a change of identifiers; who is not there is made. */
  knownAddress(claim: Claim): string {
    return claim.user === undefined ? this.join(claim, 'API').address : this.people.addressOf(claim.user)
  }

  /** Whether who joins such a list is on it. Source: VCR (2017 list 58508: a dynamic one says success; no effect: unsure). */
  takesMembers(listType: string): boolean {
    return listType === 'Standard' || (listType === 'Dynamic' && this.unsure.dynamicListJoins)
  }

  /** A profile field that is a membership: replaces it, and is no subscribe event. Source: SW bulkUpdate. */
  setLists(address: string, ids: readonly number[]): void {
    for (const { id, listType, members } of this.ledger.lists) {
      if (!this.takesMembers(listType)) continue
      if (ids.includes(id)) members.add(address)
      else members.delete(address)
    }
  }
}
