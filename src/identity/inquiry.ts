import type { Identifier } from '../model/identifier.js'
import type { Store } from '../stores/store.js'
import { type Conflict, conflictOf, type Explanation, explainPair, type HistoryEntry, tellHistory } from './explain.js'
import { explainProfile, type ProfileExplanation } from './explain-profile.js'
import { identifierOf, invalidOption } from './place.js'
import { type Profile, profileOf, profilesOf } from './profiles.js'
import type { ConflictRow } from './rows.js'
import { idOf, type Rules } from './rules.js'
import { forgottenOf } from './tombstones.js'
import { type Traces, tracesOf } from './traces.js'
import { Words } from './words.js'
import type { Writer } from './writer.js'

const PAGE = 1_000

/** What a resolver tells about the people whom it knows, and why. Reads only. */
export class Inquiry extends Words {
  readonly store: Store
  readonly #rules: Rules
  readonly #writer: Writer

  constructor(parts: {
    readonly store: Store
    readonly target: string
    readonly rules: Rules
    readonly writer: Writer
  }) {
    super(parts)
    this.store = parts.store
    this.#rules = parts.rules
    this.#writer = parts.writer
  }

  /** All open conflicts. Order   none that means anything. */
  async *conflicts(): AsyncGenerator<Conflict> {
    for (let last: string | undefined; ; ) {
      const entries = await this.#writer.read(({ graph }) => {
        const after = last === undefined ? undefined : [graph, last]
        return this.store.scan('conflict', { prefix: [graph], after, limit: PAGE })
      })
      for (const { value } of entries) yield conflictOf(value as object as ConflictRow)
      if (entries.length < PAGE) return
      last = entries.at(-1)?.key[1]
    }
  }

  /** All people, one page in memory at a time. Order   none that means anything; what is written meanwhile may be missing. */
  async *profiles(): AsyncGenerator<Profile> {
    const { rows } = await this.#writer.current()
    yield* profilesOf(rows)
  }

  /** One person: by a profile id of now or before, or by an identifier, raw; `undefined` where nobody is known. */
  async profile(of: string | Identifier): Promise<Profile | undefined> {
    return this.#writer.read((rows) => profileOf(this.#rules, rows, of))
  }

  async conflictCount(): Promise<number> {
    return this.#writer.conflictCount()
  }

  /** Why two identifiers are one person, or are not. Raw values are taken. Throws OPTION_INVALID for what is no identifier. */
  async explain(a: Identifier, b: Identifier): Promise<Explanation> {
    const pair = [identifierOf('a', a), identifierOf('b', b)]
    return this.#writer.read((rows, meta) => explainPair(this.#rules, rows, pair, meta))
  }

  /** How the identifiers of one person hang together; by a profile id of now or before, or by an identifier, raw. */
  async explainProfile(of: string | Identifier): Promise<ProfileExplanation | undefined> {
    return this.#writer.read((rows) => explainProfile(this.#rules, rows, of))
  }

  /**
   * What became of an identifier, raw: a row for each time that it was known and changed its place. Append-only, and no
   * part of who is who: what was taken back stands here too.
   */
  async *history(identifier: Identifier): AsyncGenerator<HistoryEntry> {
    identifierOf('identifier', identifier)
    const { rows } = await this.#writer.current()
    yield* tellHistory(this.#rules, rows, identifier)
  }

  /** That the rules know, the strongest first. */
  get namespaces(): readonly string[] {
    return [...this.#rules.namespaces.keys()]
  }

  /** Namespaces of which a value means a person, the strongest first. */
  get anchors(): readonly string[] {
    return [...this.#rules.namespaces.values()].flatMap(({ name, anchor }) => (anchor ? [name] : []))
  }

  /** An identifier as the rules write it; `undefined` for one that joins nobody. */
  written({ namespace, value }: Identifier): string | undefined {
    const reading = this.#rules.read(namespace, value)
    return 'value' in reading ? reading.value : undefined
  }

  /** Which of some identifiers, raw, were forgotten, in their order. Cost    one read for all; none in a graph where nobody was. */
  async areForgotten(identifiers: readonly Identifier[]): Promise<readonly boolean[]> {
    return this.#writer.read(async (rows, meta) => {
      if (meta?.forgets === undefined) return identifiers.map(() => false)
      const ids = identifiers.map((one) => idOf(one.namespace, this.written(one) ?? ''))
      const forgotten = await forgottenOf(rows, meta, ids)
      return ids.map((id) => forgotten.has(id))
    })
  }

  /**
   * By what the people behind some identifiers, raw, can be known elsewhere: see {@link Traces}. Somebody of whom nothing is
   * known has the identifiers asked for.
   *
   * Throws  OPTION_INVALID for an identifier that joins nobody.
   */
  async traces(identifiers: readonly Identifier[], projects: readonly string[]): Promise<Traces> {
    const ids = identifiers.map((one) => {
      const value = this.written(one)
      if (value === undefined) throw invalidOption('identifiers', 'names an identifier that joins nobody')
      return idOf(one.namespace, value)
    })
    return this.#writer.read((rows) => tracesOf(this.#rules, rows, { ids, target: this.target, projects }))
  }
}
