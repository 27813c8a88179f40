import { setImmediate } from 'node:timers/promises'
import { LakeloopError } from '../errors.js'
import { absorb } from './absorb.js'
import { agedRecord, asOfIn } from './aging.js'
import { untilCommitted } from './commit-again.js'
import { type NewRecord, replaces, type StoredRecord } from './evidence.js'
import { finish } from './forget.js'
import { type RecordChange, refText } from './neighbourhood.js'
import type { MetaRow, Rows } from './rows.js'
import type { Rules } from './rules.js'
import { screened } from './tombstones.js'

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
export const COMMIT_ROWS_AIM = 2_000

/** The writing side of a resolver: commits what records make of the graph, about 2,000 rows at a time. */
export class Writer {
  readonly #rules: Rules
  readonly #rows: Rows
  #writing: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(rules: Rules, rows: Rows) {
    this.#rules = rules
    this.#rows = rows
  }

  write(records: readonly NewRecord[]): Promise<Observed> {
    return this.inTurn(() => this.#writeAll(records))
  }

  /** One writer at a time in this process; between processes the commit's check decides. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#writing.then(work, work)
    this.#writing = turn.catch(() => undefined)
    return turn
  }

  async #writeAll(records: readonly NewRecord[]): Promise<Observed> {
    await this.open()
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

  #writeChunk(chunk: readonly NewRecord[]): Promise<readonly RecordChange[]> {
    return untilCommitted(async () => {
      const meta = await this.settled()
      const records = await screened(this.#rules, this.#rows, meta, chunk)
      const kept = await this.#rows.records(new Map(records.map(({ ref }) => [refText(ref), ref])))
      const age = (record: StoredRecord) => agedRecord(this.#rules, record, asOfIn(meta))
      const changes = records.flatMap((record) => changeOf(record, kept.get(refText(record.ref)), age))
      if (changes.length > 0) await this.#rows.store.commit(await absorb(this.#rules, this.#rows, meta, changes))
      return changes
    })
  }

  /** The meta row, once nothing is left that a crash kept a forget from erasing: it must not be taken for evidence. */
  async settled(): Promise<MetaRow | undefined> {
    const meta = await this.open()
    if (meta?.forgets?.pending !== true) return meta
    await finish({ rules: this.#rules, rows: this.#rows, open: () => this.open() })
    return this.open()
  }

  /** The graph's meta row, if it has one and these rules made it. */
  async open(): Promise<MetaRow | undefined> {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: 'IdentityResolver' })
    const meta = await this.#rows.meta()
    if (meta !== undefined && meta.rules !== this.#rules.hash) throw new LakeloopError('IDENTITY_RULES_CHANGED')
    return meta
  }

  async conflictCount(): Promise<number> {
    return (await this.open())?.conflicts ?? 0
  }

  /** Idempotent. Waits for what is being written. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#writing.catch(() => undefined)
  }
}

/** One version after the other against what is kept, so that it does not matter which of them came in one call. */
function changeOf(
  { ref, versions }: NewRecord,
  before: StoredRecord | undefined,
  age: (record: StoredRecord) => StoredRecord,
): readonly RecordChange[] {
  let after = versions.length === 0 ? undefined : before
  for (const version of versions) if (replaces(version, after)) after = version
  if (after !== undefined && after !== before) after = age(after)
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
