import { setImmediate } from 'node:timers/promises'
import { LakeloopError } from '../errors.js'
import type { Reads } from '../model/report.js'
import type { Schema } from '../model/row.js'
import type { Reason } from '../model/value.js'
import type { Page } from '../sources/source.js'
import { pagesFrom } from '../sources/source-error.js'
import { addressPage } from './addressing.js'
import { assertWhole } from './audience.js'
import { AwaitedBindings } from './awaited-bindings.js'
import { type RunContext, tagsOf } from './context.js'
import type { Sent, Settled } from './dispatch.js'
import { type Drift, judge } from './drift-decision.js'
import { bagsOf, evidenceOf } from './evidence.js'
import { FieldOwners } from './field-owners.js'
import { knownPending } from './leaving.js'
import { type ListProbe, listProbe } from './list-probe.js'
import { outdatedLetters } from './outdated.js'
import { PageWork, type Pending, type ReadPage } from './page.js'
import { PageRows } from './page-rows.js'
import {
  type KeptRows,
  PARKED_ROWS_MAX,
  parkedPage,
  type StillParked,
  type Unparked,
  unparkedRows,
} from './parked-rows.js'
import { pendingBlock } from './pending-block.js'
import { drainIdentity } from './retarget.js'
import { headOf } from './start.js'
import { type Flight, takeOff } from './under-way.js'
import type { Window } from './window.js'

/** Actions gathered before they are cut into requests, so that requests are full; and blocks of them under way at once. */
const GATHER_MAX = 4_000
const BLOCKS_AT_ONCE = 2
/** Pages that may wait for the oldest one before what was gathered is sent in requests that are not full. */
const PAGES_MAX = 32

/**
 * The page phase: reads, transforms, resolves and sends, with a bounded number of pages, actions and requests under
 * way (I12). Returns when every page that was read is finished.
 */
export class Pages {
  readonly #context: RunContext
  readonly #window: Window
  readonly #drift: Drift
  #schema: Schema | undefined
  /** The schema of the last page, as the page has it. */
  #seen: { readonly schema: Schema; readonly told: Schema; readonly park: Reason | undefined } | undefined
  readonly #owners: FieldOwners
  readonly #reads: Reads
  readonly #kept: KeptRows | undefined
  readonly #probe: ListProbe
  readonly #flying = new Set<Promise<void>>()
  readonly #awaited = new AwaitedBindings()
  #gathered: Pending[] = []
  /** Pages taken since the last send. Counted, not timed: the same rows are always cut into the same requests (I9). */
  #sinceSent = 0
  #failed: { readonly error: unknown } | undefined
  retargeted = 0
  /** Every page was a part of a snapshot, and there was one at least. */
  snapshot = false
  #nobody = false
  readonly #still: StillParked = { rows: 0 }
  /** Rows that were kept because the schema changed. */
  parked = 0

  constructor(
    context: RunContext,
    window: Window,
    options: {
      readonly reads: Reads
      readonly kept?: KeptRows | undefined
      readonly drift: Drift
      readonly sharedFields: readonly string[]
    },
  ) {
    this.#context = context
    this.#window = window
    this.#drift = options.drift
    this.#schema = options.drift.schema
    this.#reads = options.reads
    this.#kept = options.kept
    this.#probe = listProbe(context)
    this.#owners = new FieldOwners(context, options.sharedFields)
  }

  /** The schema of the newest page, or the one described before. */
  get schema(): Schema | undefined {
    return this.#schema
  }

  /** A whole audience had not even a page: lists are planned all the same, and their guard tells of it. */
  get nobody(): boolean {
    return this.#nobody
  }

  async run(pageSize: number): Promise<void> {
    const { reading } = this.#context
    try {
      await this.#unpark(pageSize)
      if (this.#reads === 'source') await this.#read(pageSize)
      if (!reading.aborted) await this.#send()
    } catch (error) {
      this.#failed ??= { error }
    }
    await Promise.all(this.#flying)
    await this.#window.advance().catch((error: unknown) => {
      this.#failed ??= { error }
    })
    if (this.#failed !== undefined) throw this.#failed.error
    if (reading.aborted) throw new LakeloopError('ABORTED')
  }

  async #read(pageSize: number): Promise<void> {
    const { source, audience, reading, scope, runId, progress, start } = this.#context
    const tags = tagsOf(scope.sync, runId)
    const { cursor, anew = false } = this.#window.checkpoint
    const described = this.#drift.schema
    if (cursor === null && !anew && start === 'now') {
      this.#window.amend({ cursor: await headOf(source, { signal: reading, tags, described }) })
      return
    }
    const from = cursor === null ? {} : anew ? { former: cursor } : { after: cursor }
    const options = { pageSize, signal: reading, tags, described, ...from }
    let pages = 0
    progress.begin()
    for await (const page of pagesFrom(source, options)) {
      progress.read(page)
      if (reading.aborted || this.#failed !== undefined) return
      if (audience !== undefined) assertWhole(audience, page.mode, source.name)
      const park = this.#checkSchema(page.schema)
      pages += 1
      this.snapshot = page.mode === 'snapshot' && (pages === 1 || this.snapshot)
      await (park === undefined ? this.#take(page) : this.#park(page, park))
      await setImmediate() // stores and transforms that answer at once would never let the host's loop turn
    }
    this.#nobody = audience !== undefined && pages === 0
  }

  /** Rows that former runs parked and that can be read now, before what the source has: that is newer (I6). */
  async #unpark(pageSize: number): Promise<void> {
    const { cursor } = this.#window.checkpoint
    const judging = this.#drift.judge
    const unparked = unparkedRows(this.#context, judging, { pageSize, cursor, still: this.#still })
    const kept = this.#kept?.(this.#context, { judging, pageSize, cursor }) ?? []
    // Who replays chosen dead letters has not chosen what is parked.
    for (const pages of this.#reads === 'deadLetters' ? [kept] : [unparked, kept]) {
      for await (const page of pages) {
        if (this.#context.reading.aborted || this.#failed !== undefined) return
        await this.#take(page.page, page)
      }
    }
  }

  /**
   * Every page's schema counts, not only the one described before: a column may leave while we read (design, section 9).
   * Returns why its rows are kept, if they are.
   */
  #checkSchema(schema: Schema): Reason | undefined {
    if (schema === this.#seen?.schema) return this.#seen.park
    const { facts, policies } = this.#drift.judge
    const known = this.#schema
    const before = known === undefined ? undefined : { ...known, version: facts.version }
    // A column as it was described has more to it (an id, a comment, whether it may be NULL) than the rows tell.
    const described = new Map(known?.columns.map((column) => [`${column.name} ${column.type}`, column]))
    const columns = schema.columns.map((column) => described.get(`${column.name} ${column.type}`) ?? column)
    const isDescribed = this.#drift.schema !== this.#drift.judge.before
    const told = isDescribed ? { ...schema, columns } : schema
    const { stop, park = this.#drift.park } = judge({ before, facts, policies }, told)
    if (stop !== undefined) throw stop
    this.#seen = { schema, told, park }
    if (park === undefined) this.#schema = { ...known, columns }
    return park
  }

  async #park(page: Page, reason: Reason): Promise<void> {
    const { tally, turn, facts, memory } = this.#context
    this.parked += page.rows.length
    memory.parked = true
    memory.parkedRows = true
    if (this.parked + this.#still.rows > PARKED_ROWS_MAX) {
      const at = facts.reads.find(({ column }) => column === reason.facts.column)?.at ?? ''
      throw new LakeloopError('SCHEMA_BREAKS_TRANSFORM', { ...reason.facts, at })
    }
    const first = tally.counts.read
    const schema = this.#seen?.told ?? page.schema
    tally.read(page.rows.length)
    const kept = { ...page, schema, rows: new PageRows(page.rows) }
    this.#window.open(await parkedPage(kept, reason, [turn, first], this.#context))
    await this.#window.advance()
  }

  async #take(given: ReadPage, kept?: Unparked): Promise<void> {
    const { transform, tally, events, identity, scope, source, now, nulls, epoch, turn, reading, memory } =
      this.#context
    const first = tally.counts.read
    tally.read(given.rows.length)
    const rows = new PageRows(given.rows)
    const page = { ...given, rows }
    const made = await transform.run(page, { now, nulls, seed: epoch, signal: reading })
    rows.letGo((row) => made.rows[row]?.status === 'rejected')
    await setImmediate() // a page is some tens of milliseconds of work: never in one go
    for (const { level, text } of made.logs) events.tell('log', { level, text })
    events.tell('page', { rows: page.rows.length, actions: made.actions.length })
    await this.#owners.take(made.actions)
    if (made.rows.some(({ status }) => status === 'rejected')) memory.parked = true
    const work = new PageWork(page, made.actions, made.rows, [turn, first], kept?.former)
    work.beganAt = this.#window.finished
    work.isOfStore = kept !== undefined
    work.kept.push(...(kept?.done ?? []), ...(await outdatedLetters(work, made.rows, this.#context)))
    const evidence = evidenceOf(made.actions, source.name)
    this.#awaited.begin()
    if (evidence.length > 0) {
      await identity.observe(evidence)
      await this.#retarget()
    }
    const { bags, of } = bagsOf(made.actions)
    let who = await identity.resolve(bags, { project: scope.project })
    if (who.some((one) => this.#awaited.concern(one))) {
      await this.#settle()
      who = await identity.resolve(bags, { project: scope.project })
    }
    tally.unused(who)
    await setImmediate()
    const pending = await addressPage(work, who, of, this.#context, this.#probe)
    this.#window.open(work)
    for (const action of pending) {
      this.#awaited.add(action)
      this.#gathered.push(action)
    }
    while (this.#gathered.length >= GATHER_MAX) await this.#send()
    if (++this.#sinceSent >= PAGES_MAX) await this.#send()
    while (this.#window.length >= PAGES_MAX && this.#flying.size > 0) await Promise.race(this.#flying)
    await this.#window.advance()
  }

  /** Moved people first, and nothing for their old address may be on its way meanwhile (I6). */
  async #retarget(): Promise<void> {
    const { changes } = await this.#context.identity.changes({
      project: this.#context.scope.project,
      after: this.#window.checkpoint.identityAfter,
      limit: 1,
    })
    if (changes.length > 0) await this.#settle()
  }

  /** Nothing is on its way any more, and whoever has moved by then is moved. */
  async #settle(): Promise<void> {
    while (this.#gathered.length > 0) await this.#send()
    await Promise.all(this.#flying)
    if (this.#failed !== undefined) throw this.#failed.error
    this.#awaited.begin()
    this.retargeted += await drainIdentity(this.#context, this.#window)
  }

  /** Sends what was gathered, up to GATHER_MAX actions; waits while too many blocks are under way. */
  async #send(): Promise<void> {
    this.#sinceSent = 0
    const gathered = this.#gathered.splice(0, GATHER_MAX)
    if (gathered.length === 0) return
    while (this.#flying.size >= BLOCKS_AT_ONCE) await Promise.race(this.#flying)
    if (this.#failed !== undefined) throw this.#failed.error
    const tracked = await takeOff(this.#context, gathered) // before the next flight can begin: they keep their order
    const flight = this.#fly(gathered, tracked)
      .catch((error: unknown) => {
        this.#failed ??= { error }
      })
      .finally(() => this.#flying.delete(flight))
    this.#flying.add(flight)
  }

  async #fly(gathered: readonly Pending[], flight: Flight): Promise<void> {
    const { sender, source, clock, settling } = this.#context
    const onSettled = async ({ outcomes }: Settled): Promise<void> => {
      const settled = outcomes.map(([at, outcome]) => [gathered[at] as Pending, outcome] as const)
      await this.#window.settle(settled)
      for (const [one] of settled) {
        this.#awaited.settled(one)
        flight.settled(one)
      }
      if (outcomes.some(([, { status }]) => status === 'accepted')) settling.acceptedAt = clock.elapsed()
      await this.#window.advance()
    }
    const by: Sent = {
      onSettled,
      onIntent: (actions) => this.#window.intend(actions.map((at) => gathered[at] as Pending)),
      maybeSent: (at) => gathered[at]?.again === true,
      known: (actions) => knownPending(this.#context, gathered, actions),
    }
    await flight.over(() => sender.send(pendingBlock(gathered, source.name), by))
  }
}
