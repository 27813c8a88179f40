import { setImmediate } from 'node:timers/promises'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Evidence, Identifier, Identifiers } from '../model/identifier.js'
import type { Op, Store } from '../stores/store.js'
import { absorb } from './absorb.js'
import { type AddressChange, addressChanges } from './changes.js'
import { denialRef, type RecordRef, recordRef, replaces, type StoredRecord, storedRecord } from './evidence.js'
import { type Conflict, conflictOf, type Explanation, explainPair, type RecordName } from './explain.js'
import { type RecordChange, refText } from './neighbourhood.js'
import { bagsOf, checkPlace, invalidOption as invalid, optionsOf, recordsOf } from './place.js'
import { type Resolution, resolveAll } from './resolution.js'
import { type ConflictRow, type MetaRow, Rows } from './rows.js'
import { compileRules, idOf, partsOf, type RuleOptions, type Rules } from './rules.js'

export type { AddressChange } from './changes.js'
export type { Conflict, Explanation, RecordName, Step } from './explain.js'
export type { Resolution } from './resolution.js'
export type { NamespaceRule } from './rules.js'

/** Options of {@link IdentityResolver}: the rules, and where the graph is kept. */
export interface IdentityResolverOptions extends RuleOptions {
  readonly store: Store
  /** The namespace that is an address of the destination, e.g. `email`. It must be declared or reserved. */
  readonly target: string
  /** Names the identity graph within the store (1 to 64 characters). Several projects may share one. Default `main`. */
  readonly graph?: string | undefined
}

/** What `observe` did. */
export interface Observed {
  /** Records that were new or not the same as before. */
  readonly records: number
  /** Identifiers in them that may join people. */
  readonly identifiers: number
  /** Identifiers in them that join nobody: blocked, invalid, not declared. They are kept, with the reason. */
  readonly blocked: number
  /** Open conflicts of the graph afterwards. */
  readonly conflicts: number
}

/** Rows that a commit aims at, counted beforehand; one cluster is never cut. */
const COMMIT_ROWS_AIM = 2_000
/** How often a commit is tried again when another process was faster. */
const ATTEMPTS_MAX = 10
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
  #writing: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: IdentityResolverOptions) {
    const { store, target, graph = 'main', ...ruleOptions } = optionsOf(options)
    this.#rules = compileRules(ruleOptions)
    checkPlace({ store, target, graph }, this.#rules)
    this.target = target
    this.store = store
    this.graph = graph
    this.rulesHash = this.#rules.hash
    this.#rows = new Rows(store, graph)
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
    return this.#write([...next.values()])
  }

  /** Takes records out of the graph, as if they had never been observed. Repeat   what is not there stays so. */
  async retract(records: readonly RecordName[]): Promise<Observed> {
    return this.#write(records.map(({ source, key }) => ({ ref: recordRef(source, key), versions: [] })))
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
    return this.#write([{ ref: denialRef(first, second), versions: [{ at: null, ids, apart: true }] }])
  }

  /** Takes a {@link IdentityResolver.deny} back. Repeat   what was not denied stays so. */
  async allow(a: Identifier, b: Identifier): Promise<Observed> {
    return this.#write([{ ref: denialRef(...this.#pair(a, b)), versions: [] }])
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
    await this.#open()
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
    await this.#open()
    return addressChanges(this.#rows, { project, target: this.target, after, limit })
  }

  /** All open conflicts. Order   none that means anything. */
  async *conflicts(): AsyncGenerator<Conflict> {
    await this.#open()
    const prefix = [this.graph]
    for (let after: readonly string[] | undefined; ; ) {
      const entries = await this.store.scan('conflict', { prefix, after, limit: PAGE })
      for (const { value } of entries) yield conflictOf(value as object as ConflictRow)
      if (entries.length < PAGE) return
      after = entries.at(-1)?.key
    }
  }

  async conflictCount(): Promise<number> {
    return (await this.#open())?.conflicts ?? 0
  }

  /** Why two identifiers are one person, or are not. Raw values are taken. */
  async explain(a: Identifier, b: Identifier): Promise<Explanation> {
    await this.#open()
    return explainPair(this.#rules, this.#rows, [a, b])
  }

  /** Idempotent. Waits for what is being written; the store stays open: it is the host's. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#writing.catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** One writer at a time in this process; between processes the commit's check decides. */
  #write(records: readonly NewRecord[]): Promise<Observed> {
    const turn = this.#writing.then(
      () => this.#writeAll(records),
      () => this.#writeAll(records),
    )
    this.#writing = turn.catch(() => undefined)
    return turn
  }

  async #writeAll(records: readonly NewRecord[]): Promise<Observed> {
    await this.#open()
    const sum = { records: 0, identifiers: 0, blocked: 0 }
    for (const chunk of chunksOf(records)) {
      const written = await this.#writeChunk(chunk)
      for (const { after } of written) {
        sum.records += 1
        sum.identifiers += after?.ids.length ?? 0
        sum.blocked += after?.unusable?.length ?? 0
      }
      await setImmediate() // lets the host's loop turn between commits
    }
    return { ...sum, conflicts: await this.conflictCount() }
  }

  async #writeChunk(chunk: readonly NewRecord[]): Promise<readonly RecordChange[]> {
    for (let attempt = 1; ; attempt += 1) {
      const meta = await this.#open()
      const kept = await this.#rows.records(new Map(chunk.map(({ ref }) => [refText(ref), ref])))
      const changes = chunk.flatMap((record) => changeOf(record, kept.get(refText(record.ref))))
      if (changes.length === 0) return changes
      try {
        await this.store.commit(await absorb(this.#rules, this.#rows, meta, changes))
        return changes
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !isLakeloopError(error, 'STORE_CONFLICT')) throw error
      }
    }
  }

  /** The graph's meta row, if it has one and these rules made it. */
  async #open(): Promise<MetaRow | undefined> {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: 'IdentityResolver' })
    const meta = await this.#rows.meta()
    if (meta !== undefined && meta.rules !== this.rulesHash) throw new LakeloopError('IDENTITY_RULES_CHANGED')
    return meta
  }
}

interface NewRecord {
  readonly ref: RecordRef
  /** As they arrived; none: the record is to be taken out. */
  readonly versions: readonly StoredRecord[]
}

/** One version after the other against what is kept, so that it does not matter which of them came in one call. */
function changeOf({ ref, versions }: NewRecord, before: StoredRecord | undefined): readonly RecordChange[] {
  let after = versions.length === 0 ? undefined : before
  for (const version of versions) if (replaces(version, after)) after = version
  const isSame = after === before || (before !== undefined && JSON.stringify(after) === JSON.stringify(before))
  return isSame ? [] : [{ ref, before, after }]
}

/** A record takes a row of its own, and about three for each identifier. */
function* chunksOf(records: readonly NewRecord[]): Generator<readonly NewRecord[]> {
  let chunk: NewRecord[] = []
  let rows = 0
  for (const record of records) {
    const cost = 1 + 3 * (record.versions.at(-1)?.ids.length ?? 1)
    if (chunk.length > 0 && rows + cost > COMMIT_ROWS_AIM) {
      yield chunk
      chunk = []
      rows = 0
    }
    chunk.push(record)
    rows += cost
  }
  if (chunk.length > 0) yield chunk
}
