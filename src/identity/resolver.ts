import { setImmediate } from 'node:timers/promises'
import type { Evidence, Identifier, Identifiers } from '../model/identifier.js'
import type { Source } from '../sources/source.js'
import type { Op, Store } from '../stores/store.js'
import { type Advanced, advanceTo, timeOf } from './advance.js'
import { asOfIn } from './aging.js'
import { idsToForget } from './by-hand.js'
import { type AddressChange, addressChanges } from './changes.js'
import { recordRef } from './evidence.js'
import type { RecordName } from './explain.js'
import { type ForgetOptions, type Forgotten, forget } from './forget.js'
import { incoming } from './incoming.js'
import { type IngestOptions, ingest } from './ingest.js'
import type { Ingested } from './ingest-tally.js'
import { Inquiry } from './inquiry.js'
import type { IngestMapping } from './mapping.js'
import { isoOf } from './order.js'
import { bagsOf, checkPlace, optionsOf, recordsOf } from './place.js'
import { discardAll, type Preview, type PreviewOptions, preview } from './preview.js'
import { type Resolution, resolveAll } from './resolution.js'
import { Rows } from './rows.js'
import { compileRules, idOf, type RuleOptions, type Rules } from './rules.js'
import { tombstoneOf } from './tombstones.js'
import { exported, imported } from './transfer.js'
import { type Observed, Writer } from './writer.js'

export type { Advanced } from './advance.js'
export type { AddressChange } from './changes.js'
export type { Conflict, Explanation, HistoryEntry, RecordName, Step } from './explain.js'
export type { EvidenceLink, ProfileExplanation, RefusedLink } from './explain-profile.js'
export type { ForgetOptions, Forgotten } from './forget.js'
export type { IngestGuard, IngestOptions } from './ingest.js'
export type { Ingested } from './ingest-tally.js'
export type { IngestMapping } from './mapping.js'
export type { Preview, PreviewOptions } from './preview.js'
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
const BAGS_MAX = 1_000
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
export class IdentityResolver extends Inquiry {
  readonly graph: string
  /** Names the rules: equal rules have equal hashes. */
  readonly rulesHash: string
  readonly #rules: Rules
  readonly #writer: Writer

  constructor(options: IdentityResolverOptions) {
    const { store, target, graph = 'main', ...ruleOptions } = optionsOf(options)
    const rules = compileRules(ruleOptions)
    checkPlace({ store, target, graph }, rules)
    const rows = new Rows(store, graph)
    const writer = new Writer(rules, rows)
    super({ store, target, rules, writer })
    this.graph = graph
    this.rulesHash = rules.hash
    this.#rules = rules
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
   *          unless both know their time and it is older. A record without identifiers takes the former ones away. With
   *          `keep: 'history'` it is added to what (source, key) showed before, and the same identifiers again move their time.
   * Order    any order of records and calls gives the same people, where times differ.
   * Cost     the people whom the records touch are made out anew, and nobody else; one commit for about 2,000 rows.
   */
  async observe(records: readonly Evidence[]): Promise<Observed> {
    return this.#writer.write(incoming(this.#rules, recordsOf(records)))
  }

  /**
   * Reads a source into the graph, from where the last call stood: `mapping` says which columns are identifiers.
   *
   * Repeat   the cursor moves in the commit of the last evidence of its page: each page counts once, and one that was cut off
   *          is read again. Another mapping begins again. Rows that a change feed tells as deleted are taken out.
   * Throws   OPTION_INVALID; IDENTITY_COLUMN_MISSING before the first row; IDENTITY_INGEST_OVERTAKEN; ABORTED between
   *          pages; what the source and the store throw.
   * Cost     a page in memory, and what {@link IdentityResolver.observe} costs.
   */
  async ingest(source: Source, mapping: IngestMapping, options?: IngestOptions): Promise<Ingested> {
    return ingest(
      { rules: this.#rules, writer: this.#writer, graph: new Rows(this.store, this.graph) },
      source,
      mapping,
      options,
    )
  }

  /** Takes records out of the graph, all versions of them, as if they had never been observed. Repeat   what is not there stays so. */
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
  async advance(options: { readonly asOf: string }): Promise<Advanced> {
    const time = timeOf(optionsOf(options).asOf)
    return this.#writer.inTurn(() => advanceTo(this.#rules, this.#writer, time))
  }

  /** The time as of which the graph stands, or is on its way to; `undefined` where {@link IdentityResolver.advance} never was called. */
  async asOf(): Promise<string | undefined> {
    const time = asOfIn(await this.#writer.open())
    return time === undefined ? undefined : isoOf(time)
  }

  /** Names the state of the graph: another one after each write that changed anything of it. */
  async position(): Promise<string> {
    const meta = await this.#writer.open()
    return JSON.stringify([meta?.version ?? 0, meta?.generation ?? '', this.rulesHash])
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
    const erasing = { rules: this.#rules, current: () => this.#writer.current() }
    const { counts, erased } = await this.#writer.inTurn(() => forget(erasing, ids, options))
    for (const id of erased) this.#forgotten.add(tombstoneOf('', id))
    return counts
  }

  /**
   * Where to reach the people behind some identifiers. Reads only.
   *
   * Order   one answer per bag, in order.
   * Cost    about four reads of the store per 1,000 bags, and one; between them the loop is given away.
   */
  async resolve(
    bags: readonly Identifiers[],
    { project }: { readonly project?: string | undefined } = {},
  ): Promise<readonly Resolution[]> {
    return this.#writer.read(async (rows, meta) => {
      const question = { rules: this.#rules, rows, meta, target: this.target, project }
      const answers: Resolution[] = []
      for (let from = 0; from < bagsOf(bags).length; from += BAGS_MAX) {
        if (from > 0) await setImmediate() // lets the host's loop turn: a slice is some milliseconds of work
        for (const answer of await resolveAll(question, bags.slice(from, from + BAGS_MAX))) answers.push(answer)
      }
      return answers
    })
  }

  /**
   * Ops that remember under which address a project's destination has accepted people; for the caller's own commit (I1).
   * `unsure`: it was asked for the first time, and nobody knows whether it did. Such a binding makes no address the person's, and
   * {@link IdentityResolver.changes} tells of it.
   */
  bind(
    project: string,
    bindings: readonly { readonly profileId: string; readonly address: string; readonly unsure?: boolean }[],
  ): readonly Op[] {
    const isForgotten = (address: string): boolean =>
      this.#forgotten.size > 0 && this.#forgotten.has(tombstoneOf('', idOf(this.target, address)))
    const kept = bindings.filter(({ address }) => !isForgotten(address))
    return kept.map(({ profileId, address, unsure }) => ({
      op: 'put',
      table: 'binding',
      key: [project, profileId],
      value: unsure === true ? { address, unsure } : { address },
    }))
  }

  /**
   * People with a binding in this project whose address moved, in what was learned after position `after` (0: from the
   * beginning). Call again with the position given back until it stays the same; keep it once the changes are settled.
   *
   * Where addresses are shared nobody moves away from one that another person has: the other stays. Nor does anybody whose
   * binding is unsure, who may never have been there.
   *
   * @param range.also  profile ids that are looked at too, whatever the log says of them
   *
   * Shape   fewer than `limit` (default 1,000) only where nothing is left; at most 1,000 more than it, beside those of `also`.
   */
  async changes({
    project,
    after = 0,
    limit = PAGE,
    also = [],
  }: {
    readonly project: string
    readonly after?: number | undefined
    readonly limit?: number | undefined
    readonly also?: readonly string[] | undefined
  }): Promise<{ readonly changes: readonly AddressChange[]; readonly after: number }> {
    const isShared = this.#rules.onTargetClaimed === 'share'
    const range = { project, target: this.target, isShared, after, limit, also }
    return this.#writer.read((rows) => addressChanges(rows, range))
  }

  /**
   * What other rules would do to the people of this graph, before anything is done: all evidence is read anew under them,
   * beside what there is, and both sides are compared. What the graph says meanwhile stays as it was.
   *
   * @param rules  default: this resolver's own, as a deployment has them that IDENTITY_RULES_CHANGED refused
   *
   * Repeat   a preview takes the place of an earlier one of the same graph; what a crash left is removed first.
   * Throws   IDENTITY_RULES_INVALID, OPTION_INVALID, ABORTED, IDENTITY_PREVIEW_STALE if another one begins meanwhile.
   * Cost     as observing all evidence again, in commits of about 2,000 rows, and the room of a second graph until it is
   *          adopted or discarded.
   */
  async preview(rules?: RuleOptions, options?: PreviewOptions): Promise<Preview> {
    this.#writer.assertOpen()
    const place = { store: this.store, graph: this.graph, target: this.target, rules: this.#rules }
    return preview(place, rules, options)
  }

  /** Removes what previews left behind that were cut short, discarded or adopted; a preview that runs is stopped. */
  async discardPreviews(): Promise<void> {
    this.#writer.assertOpen()
    await discardAll(new Rows(this.store, this.graph))
  }

  /**
   * All evidence of the graph, whatever rules made it, as lines of NDJSON: {@link IdentityResolver.import} makes the same
   * people of it elsewhere. It is personal data, in the clear.
   *
   * Order    a header, records by key, a last line that counts them.
   * Throws   IDENTITY_RULES_CHANGED if rules are adopted while it runs.
   */
  export(): AsyncGenerator<string> {
    return exported(new Rows(this.store, this.graph), () => this.#writer.assertOpen())
  }

  /**
   * Takes in the lines of an {@link IdentityResolver.export}, in commits of about 2,000 rows. The other graph's rules do not
   * matter: each record is read anew under these.
   *
   * Repeat   the same lines again change nothing; a record that is there already stays unless the line is newer.
   * Throws   IDENTITY_IMPORT_INVALID with the number of the line; what came before it is taken in. IDENTITY_VERSION_NEWER.
   */
  async import(lines: AsyncIterable<string> | Iterable<string>): Promise<Observed> {
    return imported(this.#writer, this.#rules, lines)
  }

  /** Idempotent. Waits for what is being written; the store stays open: it is the host's. */
  async close(): Promise<void> {
    await this.#writer.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
