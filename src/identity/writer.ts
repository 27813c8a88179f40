import { setImmediate } from 'node:timers/promises'
import { isLakeloopError, LakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import type { Op } from '../stores/store.js'
import { absorb } from './absorb.js'
import { agedRecord, asOfIn } from './aging.js'
import { ATTEMPTS_MAX, COMMIT_ROWS_AIM, untilCommitted } from './commit-again.js'
import { combined, type NewRecord, type StoredRecord } from './evidence.js'
import { finish } from './forget.js'
import { inParallel, type RecordChange } from './neighbourhood.js'
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
  /** Of the graph by its name: which generation it has now is known only once the meta row was read. */
  readonly #graph: Rows
  #writing: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(rules: Rules, rows: Rows) {
    this.#rules = rules
    this.#graph = rows
  }

  write(records: readonly NewRecord[], along: Along = ALONE): Promise<Observed> {
    return this.inTurn(() => this.#writeAll(records, along))
  }

  /** One writer at a time in this process; between processes the commit's check decides. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#writing.then(work, work)
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
    try {
      const attempts = chunk.length > 1 ? 2 : ATTEMPTS_MAX
      return await this.untilCommitted((rows, meta) => this.#writeOnce(rows, meta, chunk, along), attempts)
    } catch (error) {
      if (chunk.length < 2 || !isLakeloopError(error, 'STORE_CONFLICT') || (await along.overtaken())) throw error
      // Whoever commits less at a time is faster: else the larger of two would always be too late.
      const half = chunk.length >>> 1
      const first = await this.#writeChunk(chunk.slice(0, half), { ...along, last: [] })
      return [...first, ...(await this.#writeChunk(chunk.slice(half), along))]
    }
  }

  async #writeOnce(
    rows: Rows,
    meta: MetaRow | undefined,
    chunk: readonly NewRecord[],
    { guards, last }: Along,
  ): Promise<readonly RecordChange[]> {
    const records = await withVersions(rows, await screened(this.#rules, rows, meta, chunk))
    const kept = await rows.recordsAt(records.map(({ ref }) => ref))
    const changes = changesOf(this.#rules, records, kept, meta)
    if (changes.length === 0 && last.length === 0) {
      // What is taken out and was not found may have been removed with a former generation while it was looked for.
      if (await this.#isGone(rows)) throw wasFaster()
      return changes
    }
    const holds: Op = { op: 'check', table: 'identityMeta', key: rows.metaKey, is: meta as object | undefined as Json }
    const ops = changes.length === 0 ? [holds] : await absorb(this.#rules, rows, meta, changes)
    await rows.store.commit([...guards, ...ops, ...last])
    return changes
  }

  /**
   * Reads and commits anew while another process was faster, or has adopted rules meanwhile. `work` gets the generation
   * and the meta row as they stand once nothing is left that a crash kept a forget from erasing: that must not be taken
   * for evidence.
   */
  async untilCommitted<Result>(
    work: (rows: Rows, meta: MetaRow | undefined) => Promise<Result>,
    attempts?: number,
  ): Promise<Result> {
    const erasing = { rules: this.#rules, current: () => this.current() }
    return untilCommitted(async () => {
      let now = await this.current()
      if (now.meta?.forgets?.pending === true) {
        await finish(erasing)
        now = await this.current()
      }
      try {
        return await work(now.rows, now.meta)
      } catch (error) {
        throw (await this.#isGone(now.rows)) ? wasFaster() : error
      }
    }, attempts)
  }

  /** The graph as it stands. */
  async current(): Promise<{ readonly rows: Rows; readonly meta: MetaRow | undefined }> {
    const meta = await this.open()
    return { rows: this.#graph.at(meta), meta }
  }

  /**
   * Does some reading on the generation that the graph has now, and again if it has another one afterwards: what was read
   * while rules were adopted may be half of the one and half of the other.
   */
  async read<Result>(work: (rows: Rows, meta: MetaRow | undefined) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      const { rows, meta } = await this.current()
      try {
        const result = await work(rows, meta)
        if (!(await this.#isGone(rows))) return result
      } catch (error) {
        if (!(await this.#isGone(rows))) throw error
      }
      if (attempt === ATTEMPTS_MAX) throw new LakeloopError('IDENTITY_RULES_CHANGED')
    }
  }

  async #isGone(rows: Rows): Promise<boolean> {
    return this.#graph.at(await this.#meta()).graph !== rows.graph
  }

  /** Throws CLOSED. For what does not ask which rules made the graph. */
  assertOpen(): void {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: 'IdentityResolver' })
  }

  /** The graph's meta row, if it has one and these rules made it. */
  async open(): Promise<MetaRow | undefined> {
    this.assertOpen()
    return this.#meta()
  }

  async #meta(): Promise<MetaRow | undefined> {
    const meta = await this.#graph.meta()
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

/** The same, with each version of what is to be taken out by itself. */
async function withVersions(rows: Rows, records: readonly NewRecord[]): Promise<readonly NewRecord[]> {
  const gone = records.filter(({ versions }) => versions.length === 0)
  if (gone.length === 0) return records
  const whole = records.filter(({ versions }) => versions.length > 0)
  await inParallel(gone, async ({ ref }) => {
    for (const one of await rows.versionsOf(ref)) whole.push({ ref: one, versions: [] })
  })
  return whole
}

const wasFaster = () => new LakeloopError('STORE_CONFLICT', { table: 'identityMeta' })

/** What records, each beside what is `kept` under its ref, change. */
export function changesOf(
  rules: Rules,
  records: readonly NewRecord[],
  kept: readonly (StoredRecord | undefined)[],
  meta: MetaRow | undefined,
): readonly RecordChange[] {
  const asOf = asOfIn(meta)
  const changes: RecordChange[] = []
  for (let index = 0; index < records.length; index += 1) {
    const { ref, versions } = records[index] as NewRecord
    const before = kept[index]
    // One version after the other, so that it does not matter which of them came in one call.
    let after = versions.length === 0 ? undefined : before
    for (const version of versions) after = combined(ref, after, version)
    if (after !== undefined && after !== before) after = agedRecord(rules, after, asOf)
    const isSame = after === before || (before !== undefined && JSON.stringify(after) === JSON.stringify(before))
    if (!isSame) changes.push({ ref, before, after })
  }
  return changes
}

/** A record takes a row of its own, one for each identifier, and one for its person. */
export const rowsFor = (record: StoredRecord | undefined): number => 2 + (record?.ids.length ?? 1)

export function* chunksOf(records: readonly NewRecord[]): Generator<readonly NewRecord[]> {
  let chunk: NewRecord[] = []
  let rows = 0
  for (const record of records) {
    const cost = rowsFor(record.versions.at(-1))
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
