import { setImmediate } from 'node:timers/promises'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Op } from '../stores/store.js'
import { absorb } from './absorb.js'
import { combined, type RecordRef, type StoredRecord } from './evidence.js'
import { inParallel, type RecordChange, refText } from './neighbourhood.js'
import type { MetaRow, Rows } from './rows.js'
import type { Rules } from './rules.js'

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

/** A record that is to be taken in, or out. */
export interface NewRecord {
  readonly ref: RecordRef
  /** As they arrived; none: what stands under the source and the key is to be taken out, all versions of it. */
  readonly versions: readonly StoredRecord[]
}

/** What is committed along with records. */
export interface Along {
  /** With every commit: checks that hold only while the writer may go on. */
  readonly guards: readonly Op[]
  /** With the last commit, of which there is one even if no record changes anything. */
  readonly last: readonly Op[]
  /** Tells, after a commit that did not hold, that it was a guard. */
  readonly overtaken: () => Promise<boolean>
}
const ALONE: Along = { guards: [], last: [], overtaken: async () => false }

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

  /** One writer at a time in this process; between processes the commit's check decides. */
  write(records: readonly NewRecord[], along: Along = ALONE): Promise<Observed> {
    const turn = this.#writing.then(
      () => this.#writeAll(records, along),
      () => this.#writeAll(records, along),
    )
    this.#writing = turn.catch(() => undefined)
    return turn
  }

  async #writeAll(records: readonly NewRecord[], along: Along): Promise<Observed> {
    await this.open()
    const sum = { records: 0, identifiers: 0, blocked: 0 }
    const chunks = [...chunksOf(records)]
    if (chunks.length === 0 && along.last.length > 0) chunks.push([])
    for (const [nth, chunk] of chunks.entries()) {
      const written = await this.#writeChunk(chunk, nth < chunks.length - 1 ? { ...along, last: [] } : along)
      for (const { after } of written) {
        sum.records += 1
        sum.identifiers += after?.ids.length ?? 0
        sum.blocked += after?.unusable?.length ?? 0
      }
      await setImmediate() // lets the host's loop turn between commits
    }
    return { ...sum, conflicts: await this.conflictCount() }
  }

  async #writeChunk(chunk: readonly NewRecord[], along: Along): Promise<readonly RecordChange[]> {
    for (let attempt = 1; ; attempt += 1) {
      const meta = await this.open()
      const whole = await this.#withVersions(chunk)
      const kept = await this.#rows.records(new Map(whole.map(({ ref }) => [refText(ref), ref])))
      const changes = whole.flatMap((record) => changeOf(record, kept.get(refText(record.ref))))
      if (changes.length === 0 && along.last.length === 0) return changes
      try {
        const absorbed = changes.length === 0 ? [] : await absorb(this.#rules, this.#rows, meta, changes)
        await this.#rows.store.commit([...along.guards, ...absorbed, ...along.last])
        return changes
      } catch (error) {
        if (!isLakeloopError(error, 'STORE_CONFLICT') || attempt === ATTEMPTS_MAX) throw error
        if (await along.overtaken()) throw error
      }
      // Whoever commits less at a time is faster: else the larger of two would always be too late.
      if (attempt > 1 && chunk.length > 1) {
        const half = chunk.length >>> 1
        const first = await this.#writeChunk(chunk.slice(0, half), { ...along, last: [] })
        return [...first, ...(await this.#writeChunk(chunk.slice(half), along))]
      }
    }
  }

  /** The same, with each version of what is to be taken out by itself. */
  async #withVersions(chunk: readonly NewRecord[]): Promise<readonly NewRecord[]> {
    const gone = chunk.filter(({ versions }) => versions.length === 0)
    const whole = chunk.filter(({ versions }) => versions.length > 0)
    await inParallel(gone, async ({ ref }) => {
      for (const one of await this.#rows.versionsOf(ref)) whole.push({ ref: one, versions: [] })
    })
    return whole
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
function changeOf({ ref, versions }: NewRecord, before: StoredRecord | undefined): readonly RecordChange[] {
  let after = versions.length === 0 ? undefined : before
  for (const version of versions) after = combined(ref, after, version)
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
