import type { Evidence, Identifier, Identifiers } from '../model/identifier.js'
import type { Op, Store } from '../stores/store.js'
import { type Advanced, advanceTo, timeOf } from './advance.js'
import { asOfIn } from './aging.js'
import { idsToForget } from './by-hand.js'
import { type AddressChange, addressChanges } from './changes.js'
import { type RecordRef, recordRef, type StoredRecord, storedRecord } from './evidence.js'
import {
  type Conflict,
  conflictOf,
  type Explanation,
  explainPair,
  type HistoryEntry,
  type RecordName,
  tellHistory,
} from './explain.js'
import { explainProfile, type ProfileExplanation } from './explain-profile.js'
import { type ForgetOptions, type Forgotten, forget } from './forget.js'
import { refText } from './neighbourhood.js'
import { isoOf } from './order.js'
import { bagsOf, checkPlace, optionsOf, recordsOf } from './place.js'
import { type Profile, profileOf, profilesOf } from './profiles.js'
import { type Resolution, resolveAll } from './resolution.js'
import { type ConflictRow, Rows } from './rows.js'
import { compileRules, idOf, type RuleOptions, type Rules } from './rules.js'
import { tombstoneOf } from './tombstones.js'
import { Words } from './words.js'
import { type Observed, Writer } from './writer.js'

export type { Advanced } from './advance.js'
export type { AddressChange } from './changes.js'
export type { Conflict, Explanation, HistoryEntry, RecordName, Step } from './explain.js'
export type { EvidenceLink, ProfileExplanation, RefusedLink } from './explain-profile.js'
export type { ForgetOptions, Forgotten } from './forget.js'
export type { Profile } from './profiles.js'
export type { Resolution } from './resolution.js'
export type { NamespaceRule } from './rules.js'
export type { Observed } from './writer.js'

/** Options of {@link IdentityResolver}: the rules, and where the graph is kept. */
export interface IdentityResolverOptions extends RuleOptions {
  readonly store: Store
  /** The namespace that is an address of the destination, e.g. `email`. It must be declared or reserved. */
  readonly target: string
  /** Names the identity graph within the store (1 to 64 characters). Several projects may share one. Default `main`. */
  readonly graph?: string | undefined
}

/** Bags that are looked up together; each has a few identifiers. */
const BAGS_MAX = 2_000
const PAGE = 1_000

/**
 * Learns from records which identifiers are one person, and says where to reach that person.
 *
 * Who is who depends on the evidence and the rules alone: not on the order, the slicing or the repetition of calls.
 * The address of a person depends on that and on the binding of the project alone.
 *
 * Throws  IDENTITY_RULES_INVALID and OPTION_INVALID at construction; IDENTITY_RULES_CHANGED at first use of a graph
 *         that other rules made; CLOSED; what the store throws.
 * Upholds I5, I7
 */
export class IdentityResolver extends Words {
  readonly store: Store
  readonly graph: string
  /** Names the rules: equal rules have equal hashes. */
  readonly rulesHash: string
  readonly #rules: Rules
  readonly #rows: Rows
  readonly #writer: Writer

  constructor(options: IdentityResolverOptions) {
    const { store, target, graph = 'main', ...ruleOptions } = optionsOf(options)
    const rules = compileRules(ruleOptions)
    checkPlace({ store, target, graph }, rules)
    const rows = new Rows(store, graph)
    const writer = new Writer(rules, rows)
    super({ target, rules, writer })
    this.store = store
    this.graph = graph
    this.rulesHash = rules.hash
    this.#rules = rules
    this.#rows = rows
    this.#writer = writer
    this.#options = options
  }

  readonly #options: IdentityResolverOptions
  /** Digests of what this process forgot: somebody may have been resolved before, and be bound after. */
  readonly #forgotten = new Set<string>()

  /** The same rules over another store: a dry run uses an overlay. */
  over(store: Store): IdentityResolver {
    return new IdentityResolver({ ...this.#options, store })
  }

  /**
   * Takes records into the graph, and commits.
   *
   * Repeat   the same record again changes nothing. A record with the same source and key takes the other's place,
   *          unless both know their time and it is older. A record without identifiers takes the former ones away.
   * Order    any order of records and calls gives the same people, where times differ.
   * Cost     the people whom the records touch are made out anew, and nobody else; one commit for about 2,000 rows.
   */
  async observe(records: readonly Evidence[]): Promise<Observed> {
    const next = new Map<string, { ref: RecordRef; versions: StoredRecord[] }>()
    for (const record of recordsOf(records)) {
      const ref = recordRef(record.source, record.key)
      const stored = storedRecord(this.#rules, record)
      const known = next.get(refText(ref))
      if (known === undefined) next.set(refText(ref), { ref, versions: [stored] })
      else known.versions.push(stored)
    }
    return this.#writer.write([...next.values()])
  }

  /** Takes records out of the graph, as if they had never been observed. Repeat   what is not there stays so. */
  async retract(records: readonly RecordName[]): Promise<Observed> {
    return this.#writer.write(records.map(({ source, key }) => ({ ref: recordRef(source, key), versions: [] })))
  }

  /**
   * Moves the graph on to a time: identifiers in records that are older by more than their `activeForDays` join nobody
   * from now on, in these records and in those that come. A newer record brings them back; one without a time never ages.
   *
   * Repeat  the same time again changes nothing. After a crash the next call goes on.
   * Throws  OPTION_INVALID for what is no ISO 8601 time, or is before the graph's.
   * Cost    the people whose records crossed the line, and nobody else; one commit for about 2,000 rows.
   */
  async advance({ asOf }: { readonly asOf: string }): Promise<Advanced> {
    const time = timeOf(asOf)
    return this.#writer.inTurn(() => advanceTo(this.#rules, this.#rows, this.#writer, time))
  }

  /** The time as of which the graph stands, or is on its way to; `undefined` where {@link IdentityResolver.advance} never was called. */
  async asOf(): Promise<string | undefined> {
    const time = asOfIn(await this.#writer.open())
    return time === undefined ? undefined : isoOf(time)
  }

  /**
   * Erases the people behind some identifiers: all of their identifiers, the retired ones too, in every record, word by
   * hand, conflict and history, and their bindings in `projects`. A salted digest of each identifier is left, so that it
   * is never taken in again: later records lose it, and {@link IdentityResolver.resolve} says IDENTIFIER_FORGOTTEN.
   * What is unknown or joins nobody is forgotten by itself. It cannot be taken back.
   *
   * Repeat  forgotten again, nothing changes; what a crash left undone is done by this or the next write.
   * Throws  OPTION_INVALID for an identifier that is none by the rules.
   * Cost    the records of these people in bounded commits; history, log and profiles of the graph are read once a call.
   */
  async forget(identifiers: readonly Identifier[], options: ForgetOptions): Promise<Forgotten> {
    const ids = idsToForget(this.#rules, identifiers, options)
    const erasing = { rules: this.#rules, rows: this.#rows, open: () => this.#writer.open() }
    const { counts, erased } = await this.#writer.inTurn(() => forget(erasing, ids, options))
    for (const id of erased) this.#forgotten.add(tombstoneOf('', id))
    return counts
  }

  /**
   * Where to reach the people behind some identifiers. Reads only.
   *
   * Order   one answer per bag, in order.
   * Cost    about four reads of the store per 2,000 bags.
   */
  async resolve(
    bags: readonly Identifiers[],
    { project }: { readonly project?: string | undefined } = {},
  ): Promise<readonly Resolution[]> {
    const meta = await this.#writer.open()
    const question = { rules: this.#rules, rows: this.#rows, meta, target: this.target, project }
    const answers: Resolution[] = []
    for (let from = 0; from < bagsOf(bags).length; from += BAGS_MAX) {
      answers.push(...(await resolveAll(question, bags.slice(from, from + BAGS_MAX))))
    }
    return answers
  }

  /** Ops that remember under which address a project's destination has accepted people; for the caller's own commit (I1). */
  bind(project: string, bindings: readonly { readonly profileId: string; readonly address: string }[]): readonly Op[] {
    const isForgotten = (address: string): boolean =>
      this.#forgotten.size > 0 && this.#forgotten.has(tombstoneOf('', idOf(this.target, address)))
    const kept = bindings.filter(({ address }) => !isForgotten(address))
    return kept.map(({ profileId, address }) => ({
      op: 'put',
      table: 'binding',
      key: [project, profileId],
      value: { address },
    }))
  }

  /**
   * People with a binding in this project whose address moved, in what was learned after position `after` (0: from the
   * beginning). Call again with the position given back until it stays the same; keep it once the changes are settled.
   *
   * Where addresses are shared nobody moves away from one that another person has: the other stays.
   *
   * Shape   fewer than `limit` (default 1,000) only where nothing is left; at most 1,000 more than it.
   */
  async changes({
    project,
    after = 0,
    limit = PAGE,
  }: {
    readonly project: string
    readonly after?: number | undefined
    readonly limit?: number | undefined
  }): Promise<{ readonly changes: readonly AddressChange[]; readonly after: number }> {
    await this.#writer.open()
    const isShared = this.#rules.onTargetClaimed === 'share'
    return addressChanges(this.#rows, { project, target: this.target, isShared, after, limit })
  }

  /** All open conflicts. Order   none that means anything. */
  async *conflicts(): AsyncGenerator<Conflict> {
    await this.#writer.open()
    const prefix = [this.graph]
    for (let after: readonly string[] | undefined; ; ) {
      const entries = await this.store.scan('conflict', { prefix, after, limit: PAGE })
      for (const { value } of entries) yield conflictOf(value as object as ConflictRow)
      if (entries.length < PAGE) return
      after = entries.at(-1)?.key
    }
  }

  /** All people, one page in memory at a time. Order   none that means anything; what is written meanwhile may be missing. */
  async *profiles(): AsyncGenerator<Profile> {
    await this.#writer.open()
    yield* profilesOf(this.#rows)
  }

  /** One person: by a profile id of now or before, or by an identifier, raw; `undefined` where nobody is known. */
  async profile(of: string | Identifier): Promise<Profile | undefined> {
    await this.#writer.open()
    return profileOf(this.#rules, this.#rows, of)
  }

  async conflictCount(): Promise<number> {
    return this.#writer.conflictCount()
  }

  /** Why two identifiers are one person, or are not. Raw values are taken. */
  async explain(a: Identifier, b: Identifier): Promise<Explanation> {
    return explainPair(this.#rules, this.#rows, [a, b], await this.#writer.open())
  }

  /** How the identifiers of one person hang together; by a profile id of now or before, or by an identifier, raw. */
  async explainProfile(of: string | Identifier): Promise<ProfileExplanation | undefined> {
    await this.#writer.open()
    return explainProfile(this.#rules, this.#rows, of)
  }

  /**
   * What became of an identifier, raw: a row for each time that it was known and changed its place. Append-only, and no
   * part of who is who: what was taken back stands here too.
   */
  async *history(identifier: Identifier): AsyncGenerator<HistoryEntry> {
    await this.#writer.open()
    yield* tellHistory(this.#rules, this.#rows, identifier)
  }

  /** Idempotent. Waits for what is being written; the store stays open: it is the host's. */
  async close(): Promise<void> {
    await this.#writer.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
