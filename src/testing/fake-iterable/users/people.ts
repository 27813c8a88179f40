import type { JsonObject } from '../../../model/value.js'
import type { FakeUser, Ledger } from '../ledger.js'
import type { RefusedRow } from './bulk.js'
import { isUserId } from './identifiers.js'

/** Whom a row names, and who they are after it: to be written by {@link People.settle}. */
export interface Claim {
  readonly user: FakeUser | undefined
  readonly email?: string | undefined
  readonly userId?: string | undefined
}

type Ids = { readonly email?: string | undefined; readonly userId?: string | undefined }

/**
 * Who is in the project, and which row means whom. Source: reference 2.1 to 2.3 (HC-9216719179796, HC-29156459027348):
 * email identifies in email projects, where several people may share a userId; userId in userId projects, where several
 * may share an email; in hybrid projects each is unique. What happens where both are given in a hybrid project and mean
 * two people is unsure: here a conflict.
 */
export class People {
  readonly #type: 'email' | 'userId' | 'hybrid'
  readonly #ledger: Ledger
  readonly #forgotten: ReadonlySet<string>
  readonly #isEmail: (email: string) => boolean
  readonly #byEmail = new Map<string, Set<FakeUser>>()
  readonly #byUserId = new Map<string, Set<FakeUser>>()
  #placeholders = 0

  constructor(
    type: 'email' | 'userId' | 'hybrid',
    ledger: Ledger,
    rules: { readonly forgotten: ReadonlySet<string>; isEmail(email: string): boolean },
  ) {
    this.#type = type
    this.#ledger = ledger
    this.#forgotten = rules.forgotten
    this.#isEmail = rules.isEmail
  }

  byEmail = (email: string): FakeUser | undefined => this.#first(this.#byEmail, email.toLowerCase())
  byUserId = (userId: string): FakeUser | undefined => this.#first(this.#byUserId, userId)

  /** The key of a person in the ledger. */
  addressOf({ email, userId }: Ids): string {
    return (this.#type === 'email' ? email : (userId ?? email)) ?? ''
  }

  allByUserId = (userId: string): readonly FakeUser[] => [...(this.#byUserId.get(userId) ?? [])]

  find({ email, userId }: Ids): FakeUser | undefined {
    return email === undefined ? this.byUserId(userId ?? '') : this.byEmail(email)
  }

  /** The address under which somebody's things are kept, whether they are there or not. */
  addressFor(ids: Ids): string {
    const user = this.find(ids)
    return user === undefined ? (ids.email?.toLowerCase() ?? ids.userId ?? '') : this.addressOf(user)
  }

  /** Whom a row of a request means, or the list in which it is refused. */
  claim(row: JsonObject): Claim | RefusedRow {
    const { email: given, userId, preferUserId } = row as { email?: string; userId?: string; preferUserId?: boolean }
    const inside = (row.dataFields ?? {}) as { readonly email?: unknown; readonly userId?: unknown }
    const refused =
      [given, inside.email].map(this.#emailRefusal).find(Boolean) ??
      [userId, inside.userId].map(idRefusal).find(Boolean)
    if (refused !== undefined) return refused
    const email = given === undefined ? undefined : given.toLowerCase()
    const forgotten = this.#forgottenOf(email, userId)
    if (forgotten !== undefined) return forgotten
    const next = {
      email: typeof inside.email === 'string' ? inside.email.toLowerCase() : undefined,
      userId: typeof inside.userId === 'string' ? inside.userId : undefined,
    }
    if (this.#type === 'email') return this.#claimByEmail(email, userId, next, preferUserId === true)
    if (this.#type === 'userId') return this.#claimById(email, userId, next)
    return this.#claimHybrid(email, userId, next)
  }

  /** Source: GR (`dataFields.userId` sets the userId), HC-29156459027348 (unknown userId, placeholder addresses). */
  #claimByEmail(email: string | undefined, userId: string | undefined, next: Ids, prefer: boolean): Claim | RefusedRow {
    const set = next.userId ?? userId
    if (email !== undefined) return { user: this.byEmail(email), email, userId: set }
    const user = this.byUserId(userId ?? '')
    if (user !== undefined) return { user, email: user.email, userId: set }
    if (!prefer) return { refused: 'notFoundUserIds', echo: userId ?? '' }
    this.#placeholders += 1
    const local = (userId ?? '').replace(/[^A-Za-z0-9.-]/g, '-').toLowerCase()
    return { user: undefined, email: `${local}+${this.#placeholders}@placeholder.email`, userId }
  }

  /** An email alone finds somebody, and makes nobody: Iterable never makes up a userId. Source: SW, HC-217744303. */
  #claimById(email: string | undefined, userId: string | undefined, next: Ids): Claim | RefusedRow {
    if (userId !== undefined) return { user: this.byUserId(userId), userId, email: next.email ?? email }
    const user = this.byEmail(email ?? '')
    if (user === undefined) return { refused: 'notFoundEmails', echo: email ?? '' }
    return { user, userId: user.userId, email: next.email ?? email }
  }

  /**
   * Source: SEG PR 3811, SW (`conflict*` name the identifier that is taken already); that nobody moves to an identifier that
   * was forgotten is said of `users/updateEmail` (SW), and derived here.
   */
  #claimHybrid(email: string | undefined, userId: string | undefined, next: Ids): Claim | RefusedRow {
    const forgotten = this.#forgottenOf(next.email, next.userId)
    if (forgotten !== undefined) return forgotten
    const byId = userId === undefined ? undefined : this.byUserId(userId)
    const byEmail = email === undefined ? undefined : this.byEmail(email)
    const joins = byEmail !== undefined && (userId === undefined || byEmail.userId === undefined)
    const user = byId ?? (joins ? byEmail : undefined)
    const wanted = { email: next.email ?? email ?? user?.email, userId: next.userId ?? userId ?? user?.userId }
    const holder = wanted.email === undefined ? undefined : this.byEmail(wanted.email)
    if (holder !== undefined && holder !== user) return { refused: 'conflictEmails', echo: wanted.email ?? '' }
    const other = wanted.userId === undefined ? undefined : this.byUserId(wanted.userId)
    if (other !== undefined && other !== user) return { refused: 'conflictUserIds', echo: wanted.userId ?? '' }
    return { user, ...wanted }
  }

  /** Identifiers at the top of a row and inside its data alike. Source: SW `FailedUserUpdates.invalidEmails`. */
  #emailRefusal = (email: unknown): RefusedRow | undefined => {
    if (typeof email !== 'string' || this.#isEmail(email)) return undefined
    return { refused: 'invalidEmails', echo: email.toLowerCase() }
  }

  #forgottenOf(email: string | undefined, userId: string | undefined): RefusedRow | undefined {
    if (email !== undefined && this.#forgotten.has(email)) return { refused: 'forgottenEmails', echo: email }
    if (userId === undefined || !this.#forgotten.has(userId.toLowerCase())) return undefined
    return { refused: 'forgottenUserIds', echo: userId }
  }

  /** The person of a claim, made where there is none, with the identifiers that the claim gives; and their address. */
  settle({ user = { dataFields: {} }, email, userId }: Claim): { readonly user: FakeUser; readonly address: string } {
    const before = this.addressOf(user)
    if (email !== undefined && email !== user.email) {
      this.#move(this.#byEmail, user, user.email, email)
      user.email = email
    }
    if (userId !== undefined && userId !== user.userId) {
      this.#move(this.#byUserId, user, user.userId, userId)
      user.userId = userId
    }
    const address = this.addressOf(user)
    if (address !== before) this.#rekey(before, address, user)
    return { user, address }
  }

  remove(user: FakeUser): void {
    this.#move(this.#byEmail, user, user.email, undefined)
    this.#move(this.#byUserId, user, user.userId, undefined)
    const address = this.addressOf(user)
    this.#ledger.people.delete(address)
    for (const { members } of this.#ledger.lists) members.delete(address)
  }

  /** Memberships, events and purchases go along. Source: SW `users/updateEmail`. */
  #rekey(before: string, address: string, user: FakeUser): void {
    const { people, lists } = this.#ledger
    people.delete(before)
    people.set(address, user)
    if (before === '') return
    for (const { members } of lists) if (members.delete(before)) members.add(address)
    this.moveThings(before, address)
  }

  /** Events and purchases of one address are another's from now on. */
  moveThings(before: string, address: string): void {
    const { eventsById, purchases } = this.#ledger
    for (const [id, event] of eventsById) if (event.address === before) eventsById.set(id, { ...event, address })
    purchases.forEach((one, at) => {
      if (one.address === before) purchases[at] = { ...one, address }
    })
  }

  #first(index: ReadonlyMap<string, ReadonlySet<FakeUser>>, id: string): FakeUser | undefined {
    const [first] = index.get(id) ?? []
    return first
  }

  #move(index: Map<string, Set<FakeUser>>, user: FakeUser, from: string | undefined, to: string | undefined): void {
    if (from !== undefined) index.get(from)?.delete(user)
    if (to !== undefined) index.set(to, (index.get(to) ?? new Set()).add(user))
  }
}

/** As above. */
function idRefusal(userId: unknown): RefusedRow | undefined {
  if (typeof userId !== 'string' || isUserId(userId)) return undefined
  return { refused: 'invalidUserIds', echo: userId }
}
