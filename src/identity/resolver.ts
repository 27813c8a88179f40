import type { Evidence, Identifier, Identifiers } from '../model/identifier.js'
import type { Source } from '../sources/source.js'
import type { Op, Store } from '../stores/store.js'
import { type AddressChange, addressChanges } from './changes.js'
import { denialRef, recordRef } from './evidence.js'
import { type Conflict, conflictOf, type Explanation, explainPair, type RecordName } from './explain.js'
import { incoming } from './incoming.js'
import { type Ingested, type IngestOptions, ingest } from './ingest.js'
import type { IngestMapping } from './mapping.js'
import { bagsOf, checkPlace, invalidOption as invalid, optionsOf, recordsOf } from './place.js'
import { type Resolution, resolveAll } from './resolution.js'
import { type ConflictRow, Rows } from './rows.js'
import { compileRules, idOf, partsOf, type RuleOptions, type Rules } from './rules.js'
import { type Observed, Writer } from './writer.js'

export type { AddressChange } from './changes.js'
export type { Conflict, Explanation, RecordName, Step } from './explain.js'
export type { Ingested, IngestOptions } from './ingest.js'
export type { IngestMapping } from './mapping.js'
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
export class IdentityResolver {
  readonly target: string
  readonly store: Store
  readonly graph: string
  /** Names the rules: equal rules have equal hashes. */
  readonly rulesHash: string
  readonly #rules: Rules
  readonly #rows: Rows
  readonly #writer: Writer

  constructor(options: IdentityResolverOptions) {
    const { store, target, graph = 'main', ...ruleOptions } = optionsOf(options)
    this.#rules = compileRules(ruleOptions)
    checkPlace({ store, target, graph }, this.#rules)
    this.target = target
    this.store = store
    this.graph = graph
    this.rulesHash = this.#rules.hash
    this.#rows = new Rows(store, graph)
    this.#writer = new Writer(this.#rules, this.#rows)
    this.#options = options
  }

  readonly #options: IdentityResolverOptions

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
    return ingest({ rules: this.#rules, rows: this.#rows, writer: this.#writer }, source, mapping, options)
  }

  /** Takes records out of the graph, all versions of them, as if they had never been observed. Repeat   what is not there stays so. */
  async retract(records: readonly RecordName[]): Promise<Observed> {
    return this.#writer.write(records.map(({ source, key }) => ({ ref: recordRef(source, key), versions: [] })))
  }

  /**
   * Says that two identifiers are two people, whatever records show: no profile holds both from now on. What joined them
   * is a conflict whose rule is `denied`. It is evidence like any other, and may come before any record of them.
   *
   * Repeat  the same pair again, in either order, changes nothing.
   * Throws  OPTION_INVALID for an identifier that joins nobody anyway, or a pair of the same.
   */
  async deny(a: Identifier, b: Identifier): Promise<Observed> {
    const [first, second] = this.#pair(a, b)
    const ids = [first, second].map(partsOf)
    return this.#writer.write([{ ref: denialRef(first, second), versions: [{ at: null, ids, apart: true }] }])
  }

  /** Takes a {@link IdentityResolver.deny} back. Repeat   what was not denied stays so. */
  async allow(a: Identifier, b: Identifier): Promise<Observed> {
    return this.#writer.write([{ ref: denialRef(...this.#pair(a, b)), versions: [] }])
  }

  #pair(...pair: readonly [Identifier, Identifier]): readonly [string, string] {
    const [a, b] = pair.map(({ namespace, value }) => {
      const reading = this.#rules.read(namespace, value)
      if ('value' in reading) return idOf(namespace, reading.value)
      throw invalid('deny', `names an identifier that joins nobody: ${reading.problem}`)
    }) as [string, string]
    if (a === b) throw invalid('deny', 'names one identifier twice')
    return [a, b]
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
    await this.#writer.open()
    const question = { rules: this.#rules, rows: this.#rows, target: this.target, project }
    const answers: Resolution[] = []
    for (let from = 0; from < bagsOf(bags).length; from += BAGS_MAX) {
      answers.push(...(await resolveAll(question, bags.slice(from, from + BAGS_MAX))))
    }
    return answers
  }

  /** Ops that remember under which address a project's destination has accepted people; for the caller's own commit (I1). */
  bind(project: string, bindings: readonly { readonly profileId: string; readonly address: string }[]): readonly Op[] {
    return bindings.map(({ profileId, address }) => ({
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
    return addressChanges(this.#rows, { project, target: this.target, after, limit })
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

  async conflictCount(): Promise<number> {
    return this.#writer.conflictCount()
  }

  /** Why two identifiers are one person, or are not. Raw values are taken. */
  async explain(a: Identifier, b: Identifier): Promise<Explanation> {
    await this.#writer.open()
    return explainPair(this.#rules, this.#rows, [a, b])
  }

  /** Idempotent. Waits for what is being written; the store stays open: it is the host's. */
  async close(): Promise<void> {
    await this.#writer.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
