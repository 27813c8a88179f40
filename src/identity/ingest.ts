import * as z from 'zod'
import { isLakeloopError, LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Page, ReadOptions, Source } from '../sources/source.js'
import { pagesFrom, sourceError } from '../sources/source-error.js'
import { keyPart, type Op } from '../stores/store.js'
import { countUnseen, dropSeen, takeOutUnseen } from './departures.js'
import { type NewRecord, recordRef, type StoredRecord, type Unusable } from './evidence.js'
import { incoming } from './incoming.js'
import { type Batch, batchesOf } from './ingest-batches.js'
import { CursorPlace, type IngestCursor, type Pass } from './ingest-cursor.js'
import { type Ingested, IngestTally } from './ingest-tally.js'
import {
  assertColumns,
  assertMapping,
  type IngestMapping,
  isFeed,
  type Plan,
  planOf,
  reader,
  type Said,
} from './mapping.js'
import type { Rows } from './rows.js'
import type { Rules } from './rules.js'
import type { Observed, Writer } from './writer.js'

/** Options of `IdentityResolver.ingest`. */
export interface IngestOptions {
  readonly signal?: AbortSignal | undefined
  /** Under which the cursor is kept. Default: the source's name; say another where one source is read by two mappings. */
  readonly name?: string | undefined
  /** Rows, 1 to 100,000. Default: the source's. */
  readonly pageSize?: number | undefined
  /** Called behind every page, once it is committed. */
  readonly onPage?: ((soFar: Ingested) => void) | undefined
  /** Of a mapping that is `complete`: how much of the evidence may go at once. Else all that would go is held. */
  readonly guard?: IngestGuard | undefined
}

export interface IngestGuard {
  /** Share of the records of the source, 0 to 1. Default 0.3; 1 switches the guard off. */
  readonly absentShareMax?: number | undefined
  /** Up to so many go whatever the share. Default 10. */
  readonly absentFreely?: number | undefined
}

const OPTIONS = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  name: z.string().min(1).optional(),
  pageSize: z.unknown().optional(), // the source's to judge
  onPage: z.custom((value) => typeof value === 'function', 'is no function').optional(),
  guard: z
    .strictObject({
      absentShareMax: z.number().min(0).max(1).default(0.3),
      absentFreely: z.int().min(0).default(10),
    })
    .default({ absentShareMax: 0.3, absentFreely: 10 }),
})

/** Throws OPTION_INVALID */
function checkedOptions(source: Source, options: IngestOptions): z.output<typeof OPTIONS> {
  const invalid = (option: string, problem: string) =>
    new LakeloopError('OPTION_INVALID', { part: 'IdentityResolver.ingest', option, problem })
  if (typeof (source as Partial<Source> | null)?.read !== 'function') throw invalid('source', 'is no Source')
  const checked = OPTIONS.safeParse(options)
  if (checked.success) return checked.data
  const { option, problem } = optionFault(checked.error, OPTIONS)
  throw invalid(option, problem)
}

/** What the resolver lends. */
export interface Parts {
  readonly rules: Rules
  readonly writer: Writer
  /** The graph by its name: cursors outlive its generations. */
  readonly graph: Rows
}

/** See `IdentityResolver.ingest`. */
export async function ingest(
  parts: Parts,
  source: Source,
  mapping: IngestMapping,
  options: IngestOptions = {},
): Promise<Ingested> {
  assertMapping(parts.rules, mapping)
  const { guard } = checkedOptions(source, options)
  await parts.writer.open()
  const reading = { signal: options.signal ?? new AbortController().signal, pageSize: options.pageSize }
  const described = await source.describe(reading.signal).catch((error: unknown) => {
    throw sourceError(error, source, reading.signal)
  })
  const plan = planOf(source, mapping)
  if (described !== null) assertColumns(plan, described, source.name)
  return await new Ingest(parts, source, plan, { ...options, guard }).run({
    ...reading,
    described: described ?? undefined,
  })
}

class Ingest {
  readonly #parts: Parts
  readonly #source: Source
  readonly #plan: Plan
  readonly #onPage: IngestOptions['onPage']
  readonly #place: CursorPlace
  readonly #tally = new IngestTally()
  readonly #guard: z.output<typeof OPTIONS>['guard']
  #at: IngestCursor

  constructor(
    parts: Parts,
    source: Source,
    plan: Plan,
    options: IngestOptions & Pick<z.output<typeof OPTIONS>, 'guard'>,
  ) {
    this.#parts = parts
    this.#source = source
    this.#plan = plan
    this.#onPage = options.onPage
    this.#guard = options.guard
    this.#place = new CursorPlace(parts.graph.store, parts.graph.name, options.name ?? source.name)
    this.#at = { cursor: null, mapping: plan.digest }
  }

  async run(reading: ReadOptions): Promise<Ingested> {
    return await this.#read(reading).catch(async (error: unknown) => {
      const isOvertaken = isLakeloopError(error, 'STORE_CONFLICT') && (await this.#place.overtaken())
      throw isOvertaken ? new LakeloopError('IDENTITY_INGEST_OVERTAKEN', { source: this.#source.name }) : error
    })
  }

  async #read(reading: ReadOptions): Promise<Ingested> {
    this.#tally.sum.conflicts = await this.#parts.writer.conflictCount()
    await this.#begin()
    const { cursor } = this.#at
    let schema = reading.described
    for await (const page of pagesFrom(this.#source, { ...reading, ...(cursor === null ? {} : { after: cursor }) })) {
      if (page.schema !== schema) assertColumns(this.#plan, page.schema, this.#source.name)
      schema = page.schema
      await this.#take(page)
      this.#onPage?.(this.#tally.told)
      if (reading.signal.aborted) throw new LakeloopError('ABORTED')
    }
    await this.#end()
    return this.#tally.told
  }

  /** Goes on where the last reading stands, if it was made with this mapping. */
  async #begin(): Promise<void> {
    const kept = await this.#place.open()
    if (kept?.mapping === this.#plan.digest) this.#at = kept
    if (!this.#plan.complete) return
    const before = kept?.pass
    const isUnderWay = before !== undefined && before.done === undefined && this.#at === kept
    const pass = isUnderWay ? before : { number: (before?.number ?? 0) + 1, whole: true, rows: 0 }
    this.#at = { ...this.#at, pass }
    await dropSeen(this.#parts.graph, this.#place, pass)
  }

  async #take(page: Page): Promise<void> {
    const read = reader(this.#plan, page.schema)
    const said = Array.from({ length: page.rows.length }, (_, index) => read(page.rows, index))
    const batches = batchesOf(said, this.#plan)
    const pass = this.#passBehind(page, said)
    const next: IngestCursor = { cursor: page.cursor, mapping: this.#plan.digest, ...(pass && { pass }) }
    for (const [nth, batch] of batches.entries()) {
      const isLast = nth === batches.length - 1
      await this.#write(this.#recordsOf(batch), isLast ? [...this.#seen(said, pass), this.#place.move(next)] : [])
    }
    this.#place.moved(next)
    this.#at = next
    this.#tally.sum.pages += 1
    this.#tally.sum.rows += said.length
    for (const one of said) this.#tally.count(one, this.#plan)
  }

  /** One call of the writer; every commit of it holds only while nobody else has moved the cursor. */
  async #write(records: readonly NewRecord[], last: readonly Op[]): Promise<Observed> {
    const along = { guards: [this.#place.guard], last, overtaken: () => this.#place.overtaken() }
    const written = await this.#parts.writer.write(records, along)
    this.#tally.sum.records += written.records
    this.#tally.sum.identifiers += written.identifiers
    this.#tally.sum.conflicts = written.conflicts
    return written
  }

  #recordsOf({ shown, gone }: Batch): readonly NewRecord[] {
    const evidence = [...shown.values()].flat()
    // Of what was written the same twice a record keeps one: here each counts.
    for (const { namespace, value } of evidence.flatMap(({ ids }) => ids)) {
      const reading = this.#parts.rules.read(namespace, value)
      if ('problem' in reading && reading.problem !== 'blank') this.#tally.unusable(namespace, reading.problem)
    }
    const records = incoming(this.#parts.rules, evidence)
    for (const [namespace, , why] of records.flatMap(({ versions }) => versions.flatMap(unusableOf))) {
      if (why === 'too many') this.#tally.unusable(namespace, why)
    }
    return [...records, ...[...gone].map((key) => ({ ref: recordRef(this.#plan.source, key), versions: [] }))]
  }

  #passBehind(page: Page, said: readonly Said[]): Pass | undefined {
    const { pass } = this.#at
    if (pass === undefined) return undefined
    if (page.mode !== 'snapshot' && !isFeed(page.schema)) {
      const problem = `needs a source that gives its whole content: set complete: true on ${this.#source.name}`
      throw new LakeloopError('OPTION_INVALID', {
        part: 'IdentityResolver.ingest',
        option: 'mapping.complete',
        problem,
      })
    }
    // A row that could be any record: then nobody is known to be absent.
    const isTied = said.every(({ kind }) => kind !== 'rejected')
    return { ...pass, whole: pass.whole && page.mode === 'snapshot' && isTied, rows: pass.rows + said.length }
  }

  #seen(said: readonly Said[], pass: Pass | undefined): readonly Op[] {
    if (pass === undefined || !pass.whole) return []
    return said.flatMap((one) => (one.kind === 'shown' ? [this.#place.seen(pass, keyPart(one.key))] : []))
  }

  /** Takes out whom a whole snapshot did not show. An empty one takes out nobody: it is a mistake more often than not. */
  async #end(): Promise<void> {
    const { pass } = this.#at
    if (pass === undefined) return
    if (pass.whole && pass.rows > 0) await this.#takeOut(pass)
    const done: IngestCursor = { ...this.#at, pass: { ...pass, done: true } }
    await this.#write([], [this.#place.move(done)])
    this.#place.moved(done)
    await dropSeen(this.#parts.graph, this.#place, undefined)
  }

  async #takeOut(pass: Pass): Promise<void> {
    const { rows } = await this.#parts.writer.current()
    const { source } = this.#plan
    const { records, absent } = await countUnseen(rows, this.#place, pass, source)
    const { absentShareMax, absentFreely } = this.#guard
    this.#tally.absent = 0
    if (absent > Math.max(absentFreely, Math.floor(records * absentShareMax))) {
      this.#tally.sum.held = absent
      return
    }
    for await (const gone of takeOutUnseen(rows, this.#place, pass, source)) {
      await this.#write(gone, [])
      this.#tally.absent += gone.length
    }
  }
}

const unusableOf = ({ unusable = [] }: StoredRecord): readonly Unusable[] => unusable
