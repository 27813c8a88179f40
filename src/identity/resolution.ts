import type { ErrorCode, ErrorFacts } from '../errors.js'
import { compareBytes } from '../model/byte-order.js'
import type { Identifiers } from '../model/identifier.js'
import type { Reason } from '../model/value.js'
import type { Key } from '../stores/store.js'
import { conflictDigest } from './absorb.js'
import { type Choice, choose } from './choice.js'
import { chooseShared } from './claims.js'
import { freshIds } from './naming.js'
import { insert } from './order.js'
import {
  type BindingRow,
  BLOCKED,
  type ConflictRow,
  isRedirect,
  type MetaRow,
  type ProfileRow,
  type RedirectRow,
  type Rows,
} from './rows.js'
import { idOf, type Namespace, type Problem, type Rules } from './rules.js'
import { profileIdOf } from './solve.js'
import { forgottenOf } from './tombstones.js'

/**
 * How the destination names the person behind some identifiers, or why nobody can say.
 *
 *     resolved       send there. `why`: `given` nobody is known, and the identifiers hold an address; `shared`
 *                    another person has it (`onTargetClaimed`); else see {@link Choice}
 *     unresolved     a person without an address yet: ADDRESS_UNKNOWN, or ADDRESS_CLAIMED. Worth asking again
 *     unresolvable   IDENTIFIER_MISSING, IDENTIFIER_UNUSABLE, IDENTIFIER_FORGOTTEN, IDENTITY_AMBIGUOUS
 */
export type Resolution = {
  /** The hash of the rules that the answer was made with: a graph holds what one set of rules made. */
  readonly rulesHash: string
  /** Identifiers that join nobody by the rules, whatever the others say: namespace and why. Absent where there are none. */
  readonly unusable?: readonly Unusable[]
} & (
  | (Omit<Choice, 'why'> & {
      readonly status: 'resolved'
      readonly profileId: string
      readonly why: Choice['why'] | 'given' | 'shared'
    })
  | { readonly status: 'unresolved'; readonly profileId?: string; readonly reason: Reason }
  | { readonly status: 'unresolvable'; readonly reason: Reason }
)

/** A name that does not look like one is told as `a name`: it may be anything (I7). */
type Unusable = readonly [namespace: string, why: Problem]

/** What resolving needs besides the rows. */
export interface Question {
  readonly rules: Rules
  readonly rows: Rows
  readonly meta: MetaRow | undefined
  /** The namespace that is an address. */
  readonly target: string
  /** Whose bindings count; without it none do. */
  readonly project?: string | undefined
}

/** One identifier, however many bags hold it. */
interface Asked {
  readonly id: string
  readonly namespace: Namespace
  readonly value: string
  /** The person to whom it leads; null where it is quarantined, undefined where nobody knows it. */
  home: string | null | undefined
}

/** A bag as the rules see it. */
interface Bag {
  /** Strongest first. */
  readonly ids: readonly Asked[]
  readonly unusable: readonly Unusable[]
}

/** Order   one answer per bag, in order. Cost    four reads for all bags together, one more each if any is of the quarantine, or anybody was forgotten. */
export async function resolveAll(question: Question, bags: readonly Identifiers[]): Promise<readonly Resolution[]> {
  const { rows, rules, meta, project } = question
  const asked = new Map<string, Asked>()
  const read = bags.map((bag) => readBag(rules, bag, asked))
  await findHomes(rows, [...asked.values()])
  const people: string[] = []
  const [unknown, nowhere] = [[] as string[], [] as string[]]
  for (const { id, home } of asked.values()) {
    if (home === undefined) unknown.push(id)
    else if (home === null) nowhere.push(id)
    else if (home !== people.at(-1)) people.push(home) // what follows each other is mostly of one bag
  }
  const quarantines = await rows.quarantines(nowhere)
  const forgotten = await forgottenOf(rows, meta, unknown)
  const profiles = await rows.profiles(people)
  const told = new Set<string>()
  for (const { ids } of read) {
    if (ids.length > 1 && soleHome(ids) === undefined) for (const digest of digestsOf(ids)) told.add(digest)
  }
  if (rules.onTargetClaimed === 'share') for (const digest of claimsIn(profiles, question.target)) told.add(digest)
  const conflicts = await rows.conflicts([...told])
  const bindings = project === undefined ? NO_BINDINGS : await rows.bindings(project, withFormer(profiles))
  const known = { quarantines, forgotten, profiles, conflicts, bindings }
  const answers = read.map((bag): Resolution => {
    const told = answer(question, bag, known)
    return bag.unusable === NOTHING ? told : { ...told, unusable: bag.unusable }
  })
  return rules.idPolicy === 'pinned' ? withFreshIds(question, answers) : answers
}

async function findHomes(rows: Rows, asked: readonly Asked[]): Promise<void> {
  const keys = asked.map(({ namespace, value }): Key => [rows.graph, namespace.name, value])
  const homes = await rows.homesAt(keys)
  for (let index = 0; index < asked.length; index += 1) (asked[index] as Asked).home = homes[index]
}

/** Where ids are pinned another person may have the one that an unknown address would have: then it gets the next. */
async function withFreshIds({ rules, rows, target }: Question, answers: readonly Resolution[]) {
  const given = answers.flatMap((one) => (one.status === 'resolved' && one.why === 'given' ? [one.address] : []))
  const founders = [...new Set(given)].map((address) => [address, idOf(target, address)] as const)
  const ids = await freshIds(rules, rows, founders)
  return answers.map((one) => {
    const isGiven = one.status === 'resolved' && one.why === 'given'
    return isGiven ? { ...one, profileId: ids.get(one.address) as string } : one
  })
}

const NO_BINDINGS: ReadonlyMap<string, BindingRow> = new Map()

function withFormer(profiles: ReadonlyMap<string, ProfileRow | RedirectRow>): readonly string[] {
  const ids = [...profiles.keys()]
  for (const row of profiles.values()) if (!isRedirect(row) && row.was !== undefined) ids.push(...row.was)
  return ids
}

/** Digests of the conflicts over addresses of those who have none. */
function* claimsIn(profiles: Known['profiles'], target: string): Generator<string> {
  for (const row of profiles.values()) {
    if (isRedirect(row) || !row.claimed?.includes(target)) continue
    if (!row.members.some(([namespace]) => namespace === target)) yield* row.conflicts ?? []
  }
}

function readBag(rules: Rules, bag: Identifiers, asked: Map<string, Asked>): Bag {
  const ids: Asked[] = []
  let unusable: Unusable[] | undefined
  for (const name of Object.keys(bag)) {
    const raw: unknown = bag[name]
    if (raw === undefined || raw === null) continue
    const reading = rules.read(name, raw)
    if ('value' in reading) {
      const { value } = reading
      const id = idOf(name, value)
      let one = asked.get(id)
      if (one === undefined) {
        one = { id, namespace: rules.namespaces.get(name) as Namespace, value, home: undefined }
        asked.set(id, one)
      }
      let at = ids.length
      while (at > 0 && (ids[at - 1] as Asked).namespace.order > one.namespace.order) at -= 1
      insert(ids, at, one)
    } else if (reading.problem !== 'blank') {
      unusable ??= []
      unusable.push([printable(name), reading.problem])
    }
  }
  return { ids, unusable: unusable ?? NOTHING }
}

const NOTHING: readonly Unusable[] = []

/** A name that nobody declared may be anything: only what looks like a name is repeated (I7). */
const printable = (namespace: string): string => (/^[A-Za-z_][\w.-]{0,63}$/.test(namespace) ? namespace : 'a name')

interface Known {
  /** Why those that lead nowhere do. */
  readonly quarantines: ReadonlyMap<string, number | typeof BLOCKED>
  readonly forgotten: ReadonlySet<string>
  readonly profiles: ReadonlyMap<string, ProfileRow | RedirectRow>
  /** By digest of pairs that were seen together and refused. */
  readonly conflicts: ReadonlyMap<string, ConflictRow>
  readonly bindings: ReadonlyMap<string, BindingRow>
}

function answer(question: Question, bag: Bag, known: Known): Resolution {
  const home = soleHome(bag.ids)
  return home === undefined ? answerOf(question, bag, known) : answerAs(question, home, known)
}

/** The person to whom all of these identifiers lead; `undefined` where one of them leads to another, or to nobody. */
function soleHome(ids: Bag['ids']): string | undefined {
  const home = ids[0]?.home
  return home != null && ids.every((one) => one.home === home) ? home : undefined
}

function answerOf(question: Question, bag: Bag, known: Known): Resolution {
  const { rules, target } = question
  const { forgotten } = known
  const rulesHash = rules.hash
  const first = bag.ids.find(({ home }) => home !== null)
  if (first === undefined) return { rulesHash, status: 'unresolvable', reason: nobody(bag, known) }
  if (forgotten.has(first.id)) {
    const namespace = first.namespace.name
    return { rulesHash, status: 'unresolvable', reason: reason('IDENTIFIER_FORGOTTEN', { namespace }) }
  }
  const profileId = bag.ids.find(({ home }) => home != null)?.home
  if (profileId == null) {
    const given = bag.ids.find(({ id, namespace, home }) => {
      return namespace.name === target && home !== null && !forgotten.has(id)
    })
    if (given === undefined) return { rulesHash, status: 'unresolved', reason: reason('ADDRESS_UNKNOWN', { target }) }
    const address = given.value
    const founded = profileIdOf(rules, target, address)
    return { rulesHash, status: 'resolved', address, profileId: founded, why: 'given', alternatives: [] }
  }
  const ids = bag.ids.filter(({ id, home }) => home !== null && !forgotten.has(id))
  const people = strangers(ids, known.profiles.get(profileId) as ProfileRow, known)
  if (people === 1) return answerAs(question, profileId, known)
  return { rulesHash, status: 'unresolvable', reason: reason('IDENTITY_AMBIGUOUS', { profiles: people }) }
}

/** Once it is clear who it is. */
function answerAs({ rules, target }: Question, profileId: string, known: Known): Resolution {
  const rulesHash = rules.hash
  const profile = known.profiles.get(profileId) as ProfileRow
  const asked = { profileId, profile, target, bindings: known.bindings, conflicts: known.conflicts }
  const found = choose(asked) ?? (rules.onTargetClaimed === 'share' ? chooseShared(asked) : undefined)
  if (found !== undefined) return { rulesHash, status: 'resolved', ...found, profileId }
  const code = profile.claimed?.includes(target) ? 'ADDRESS_CLAIMED' : 'ADDRESS_UNKNOWN'
  return { rulesHash, status: 'unresolved', profileId, reason: reason(code, { target }) }
}

function nobody({ ids, unusable }: Bag, { quarantines }: Known): Reason {
  const nowhere = ids.map(({ id, namespace }) => `${namespace.name} ${quarantineProblem(quarantines.get(id))}`)
  const namespaces = [...unusable.map((one) => one.join(' ')).sort(compareBytes), ...nowhere].join(', ')
  return namespaces === '' ? reason('IDENTIFIER_MISSING', {}) : reason('IDENTIFIER_UNUSABLE', { namespaces })
}

/** Why a value of the quarantine joins nobody, in words. */
export const quarantineProblem = (why: number | string | undefined): 'blocked by hand' | 'shared by too many' =>
  why === BLOCKED ? 'blocked by hand' : 'shared by too many'

/** The pairs whose refusal would explain why identifiers of one bag lead to several people. */
function digestsOf(ids: readonly Asked[]): readonly string[] {
  const [strongest, ...others] = ids.filter(({ home }) => home != null)
  if (strongest === undefined) return []
  return others.filter(({ home }) => home !== strongest.home).map(({ id }) => conflictDigest(strongest.id, id))
}

/**
 * How many people a bag speaks of. One, if all its known identifiers lead to one profile, or a conflict tells that they
 * were seen together and the weaker one stayed with another: then the record is its strongest identifier's.
 * An anchor that nobody has seen and for which the profile has no room is another person.
 *
 * @param ids  one of them leads to the profile, as the strongest of those that lead anywhere
 */
function strangers(ids: readonly Asked[], profile: ProfileRow, { conflicts }: Known): number {
  const leads = ids.filter(({ home }) => home != null)
  if (digestsOf(leads).some((digest) => !conflicts.has(digest))) return new Set(leads.map(({ home }) => home)).size
  const full = ids.some(({ namespace: { name, anchor, maxIdentifiers }, home }) => {
    if (!anchor || home !== undefined) return false
    return profile.members.filter(([namespace]) => namespace === name).length >= maxIdentifiers
  })
  return full ? 2 : 1
}

const reason = (code: ErrorCode, facts: ErrorFacts): Reason => ({ code, facts })
