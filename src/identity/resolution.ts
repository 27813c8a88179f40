import type { ErrorCode, ErrorFacts } from '../errors.js'
import { compareBytes } from '../model/byte-order.js'
import type { Identifiers } from '../model/identifier.js'
import type { Reason } from '../model/value.js'
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
import { idOf, type Namespace, type Problem, partsOf, type Rules } from './rules.js'
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

type Answer = Resolution extends infer Whole
  ? Whole extends Resolution
    ? Omit<Whole, 'rulesHash' | 'unusable'>
    : never
  : never

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

/** A bag as the rules see it. */
interface Bag {
  /** Strongest first. */
  readonly ids: readonly string[]
  readonly unusable: readonly Unusable[]
}

/** Order   one answer per bag, in order. Cost    four reads for all bags together, one more each if any is of the quarantine, or anybody was forgotten. */
export async function resolveAll(question: Question, bags: readonly Identifiers[]): Promise<readonly Resolution[]> {
  const { rows, rules, meta, project } = question
  const read = bags.map((bag) => readBag(rules, bag))
  const ids = new Set<string>()
  for (const bag of read) for (const id of bag.ids) ids.add(id)
  const homes = await rows.homes([...ids])
  const [people, nowhere] = [new Set<string>(), [] as string[]]
  for (const [id, home] of homes) {
    if (home === null) nowhere.push(id)
    else people.add(home)
  }
  const quarantines = await rows.quarantines(nowhere)
  const forgotten = await forgottenOf(rows, meta, unknownOf(ids, homes))
  const profiles = await rows.profiles([...people])
  const told = new Set<string>()
  for (const bag of read) if (bag.ids.length > 1) for (const digest of digestsOf(bag.ids, homes)) told.add(digest)
  if (rules.onTargetClaimed === 'share') for (const digest of claimsIn(profiles, question.target)) told.add(digest)
  const conflicts = await rows.conflicts([...told])
  const bindings = project === undefined ? NO_BINDINGS : await rows.bindings(project, [...withFormer(profiles)])
  const known = { homes, quarantines, forgotten, profiles, conflicts, bindings }
  const answers = read.map((bag): Resolution => {
    const { unusable } = bag
    return { rulesHash: rules.hash, ...(unusable.length > 0 && { unusable }), ...answer(question, bag, known) }
  })
  return rules.idPolicy === 'pinned' ? withFreshIds(question, answers) : answers
}

function* unknownOf(ids: Iterable<string>, homes: ReadonlyMap<string, unknown>): Generator<string> {
  for (const id of ids) if (!homes.has(id)) yield id
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

function* withFormer(profiles: ReadonlyMap<string, ProfileRow | RedirectRow>): Generator<string> {
  for (const [id, row] of profiles) {
    yield id
    if (!isRedirect(row)) yield* row.was ?? []
  }
}

/** Digests of the conflicts over addresses of those who have none. */
function* claimsIn(profiles: Known['profiles'], target: string): Generator<string> {
  for (const row of profiles.values()) {
    if (isRedirect(row) || !row.claimed?.includes(target)) continue
    if (!row.members.some(([namespace]) => namespace === target)) yield* row.conflicts ?? []
  }
}

function readBag(rules: Rules, bag: Identifiers): Bag {
  const ids: string[] = []
  const orders: number[] = []
  const unusable: Unusable[] = []
  for (const namespace of Object.keys(bag)) {
    const raw: unknown = bag[namespace]
    if (raw === undefined || raw === null) continue
    const reading = rules.read(namespace, raw)
    if ('value' in reading) {
      const { order } = rules.namespaces.get(namespace) as Namespace
      let at = orders.length
      while (at > 0 && (orders[at - 1] as number) > order) at -= 1
      insert(orders, at, order)
      insert(ids, at, idOf(namespace, reading.value))
    } else if (reading.problem !== 'blank') unusable.push([printable(namespace), reading.problem])
  }
  return { ids, unusable }
}

/** A name that nobody declared may be anything: only what looks like a name is repeated (I7). */
const printable = (namespace: string): string => (/^[A-Za-z_][\w.-]{0,63}$/.test(namespace) ? namespace : 'a name')

interface Known {
  readonly homes: ReadonlyMap<string, string | null>
  /** Why those that lead nowhere do. */
  readonly quarantines: ReadonlyMap<string, number | typeof BLOCKED>
  readonly forgotten: ReadonlySet<string>
  readonly profiles: ReadonlyMap<string, ProfileRow | RedirectRow>
  /** By digest of pairs that were seen together and refused. */
  readonly conflicts: ReadonlyMap<string, ConflictRow>
  readonly bindings: ReadonlyMap<string, BindingRow>
}

function answer(question: Question, bag: Bag, known: Known): Answer {
  const home = soleHome(bag.ids, known.homes)
  return home === undefined ? answerOf(question, bag, known) : answerAs(question, home, known)
}

/** The person to whom all of these identifiers lead; `undefined` where one of them leads to another, or to nobody. */
function soleHome([first, ...others]: readonly string[], homes: Known['homes']): string | undefined {
  const home = first === undefined ? undefined : homes.get(first)
  return home != null && others.every((id) => homes.get(id) === home) ? home : undefined
}

function answerOf(question: Question, bag: Bag, known: Known): Answer {
  const { rules, target } = question
  const usable = bag.ids.filter((id) => known.homes.get(id) !== null)
  const [first] = usable
  if (first === undefined) return nobody(bag, known)
  if (known.forgotten.has(first)) {
    return { status: 'unresolvable', reason: reason('IDENTIFIER_FORGOTTEN', { namespace: partsOf(first)[0] }) }
  }
  const ids = usable.filter((id) => !known.forgotten.has(id))
  const [strongest] = ids.filter((id) => known.homes.has(id))
  if (strongest === undefined) {
    const given = ids.find((id) => partsOf(id)[0] === target)
    if (given === undefined) return { status: 'unresolved', reason: reason('ADDRESS_UNKNOWN', { target }) }
    const address = partsOf(given)[1]
    const profileId = profileIdOf(rules, target, address)
    return { status: 'resolved', address, profileId, why: 'given', alternatives: [] }
  }
  const profileId = known.homes.get(strongest) as string
  const profile = known.profiles.get(profileId) as ProfileRow
  const people = strangers(rules, ids, profile, known)
  if (people > 1) return { status: 'unresolvable', reason: reason('IDENTITY_AMBIGUOUS', { profiles: people }) }
  return answerAs(question, profileId, known)
}

/** Once it is clear who it is. */
function answerAs({ rules, target }: Question, profileId: string, known: Known): Answer {
  const profile = known.profiles.get(profileId) as ProfileRow
  const asked = { profileId, profile, target, bindings: known.bindings, conflicts: known.conflicts }
  const found = choose(asked) ?? (rules.onTargetClaimed === 'share' ? chooseShared(asked) : undefined)
  if (found !== undefined) return { status: 'resolved', ...found, profileId }
  const code = profile.claimed?.includes(target) ? 'ADDRESS_CLAIMED' : 'ADDRESS_UNKNOWN'
  return { status: 'unresolved', profileId, reason: reason(code, { target }) }
}

function nobody({ ids, unusable }: Bag, { quarantines }: Known): Answer {
  const nowhere = ids.map((id) => `${partsOf(id)[0]} ${quarantineProblem(quarantines.get(id))}`)
  const namespaces = [...unusable.map((one) => one.join(' ')).sort(compareBytes), ...nowhere].join(', ')
  if (namespaces === '') return { status: 'unresolvable', reason: reason('IDENTIFIER_MISSING', {}) }
  return { status: 'unresolvable', reason: reason('IDENTIFIER_UNUSABLE', { namespaces }) }
}

/** Why a value of the quarantine joins nobody, in words. */
export const quarantineProblem = (why: number | string | undefined): 'blocked by hand' | 'shared by too many' =>
  why === BLOCKED ? 'blocked by hand' : 'shared by too many'

/** The pairs whose refusal would explain why identifiers of one bag lead to several people. */
function digestsOf(ids: readonly string[], homes: ReadonlyMap<string, string | null>): readonly string[] {
  const [strongest, ...others] = ids.filter((id) => typeof homes.get(id) === 'string')
  if (strongest === undefined) return []
  const apart = others.filter((id) => homes.get(id) !== homes.get(strongest))
  return apart.map((id) => conflictDigest(strongest, id))
}

/**
 * How many people a bag speaks of. One, if all its known identifiers lead to one profile, or a conflict tells that they
 * were seen together and the weaker one stayed with another: then the record is its strongest identifier's.
 * An anchor that nobody has seen and for which the profile has no room is another person.
 */
function strangers(rules: Rules, ids: readonly string[], profile: ProfileRow, { homes, conflicts }: Known): number {
  const leads = ids.filter((id) => homes.has(id))
  const [strongest] = leads as [string]
  const homesApart = leads.filter((id) => homes.get(id) !== homes.get(strongest))
  if (homesApart.some((id) => !conflicts.has(conflictDigest(strongest, id)))) {
    return new Set(leads.map((id) => homes.get(id))).size
  }
  const full = ids.some((id) => {
    const { name, anchor, maxIdentifiers } = rules.namespaces.get(partsOf(id)[0]) as Namespace
    if (!anchor || homes.has(id)) return false
    return profile.members.filter(([namespace]) => namespace === name).length >= maxIdentifiers
  })
  return full ? 2 : 1
}

const reason = (code: ErrorCode, facts: ErrorFacts): Reason => ({ code, facts })
