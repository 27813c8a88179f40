import { randomUUID } from 'node:crypto'
import type { Delivery } from '../destinations/destination.js'
import { LakeloopError } from '../errors.js'
import type { Recorder } from '../history/recorder.js'
import { schemaDigest } from '../history/schemas.js'
import type { DriftChange, ListCounts, RunReport, RunStatus } from '../model/report.js'
import type { Schema } from '../model/row.js'
import type { TransformFacts } from '../transform/transform.js'
import { assertColumn } from './audience.js'
import {
  type Checkpoint,
  checkpointOf,
  isUnderWay,
  readCheckpoint,
  readSchema,
  type Scope,
  writeSchema,
} from './checkpoint.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import { type RunContext, tagsOf } from './context.js'
import { type Drift, decideDrift } from './drift-decision.js'
import type { Drive, PassResult } from './drive.js'
import { asLakeloopError, statusOf } from './ending.js'
import { sendForgets } from './erase-forget.js'
import type { SyncEmitter } from './events.js'
import { takeOver } from './existing.js'
import { takeInFirstWrites } from './first-writes.js'
import { listPhase } from './list-phase.js'
import type { SyncOptions } from './options.js'
import { Pages } from './pages.js'
import { tryParked } from './parked.js'
import { openRecorder, recorded } from './recording.js'
import { drainIdentity } from './retarget.js'
import { openRetrying, RETRY_LIMITS } from './retry.js'
import { type Parts, runContext } from './run-context.js'
import { Tally } from './tally.js'
import type { UnderWay } from './under-way.js'
import { Window } from './window.js'

/** One pass: drift decision, pages, parked actions, identity's changes, lists. Never throws: the report says how it ended. */
export async function pass(options: SyncOptions, events: SyncEmitter, drive: Drive): Promise<PassResult> {
  const run = new Pass(options, events, drive)
  const error = await run.go().then(
    () => undefined,
    (thrown: unknown) => asLakeloopError(thrown),
  )
  return run.result(error)
}

class Pass {
  readonly #options: SyncOptions
  readonly #events: SyncEmitter
  readonly #drive: Drive
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #runId = randomUUID()
  readonly #startedAt: number
  readonly #startedElapsed: number
  readonly #tally = new Tally()
  readonly #requests: Record<string, number> = {}
  /** What was met besides rows, as the report tells it. */
  readonly #found = {
    drift: [] as readonly DriftChange[],
    lists: [] as readonly ListCounts[],
    conflicts: 0,
    unparked: 0,
    overtaken: 0,
    retargeted: 0,
  }
  #began: Checkpoint | undefined
  #described: Schema | undefined
  #window: Window | undefined
  #checkpoint: Checkpoint
  /** `null` until the transform's program was read. */
  #version: string | null = null
  /** The schema of the source, as it was described or as its rows have it. */
  #met: Schema | undefined

  constructor(options: SyncOptions, events: SyncEmitter, drive: Drive) {
    this.#options = options
    this.#events = events
    this.#drive = drive
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#scope = { project: options.destination.project, sync: options.name }
    this.#startedAt = this.#clock.now()
    this.#startedElapsed = this.#clock.elapsed()
    this.#checkpoint = this.#fresh(undefined)
  }

  #fresh(before: Checkpoint | undefined): Checkpoint {
    const own = { epoch: this.#runId, now: this.#startedAt }
    return checkpointOf(before, { isBeside: this.#isBeside, mode: this.#drive.mode, given: this.#drive.pass, own })
  }

  /** The source is not read. */
  get #isBeside(): boolean {
    return this.#drive.reads !== 'source'
  }

  /** True for the rest of a pass that was interrupted. */
  get #resumed(): boolean {
    return isUnderWay(this.#began, this.#drive.mode) && !this.#isBeside
  }

  async go(): Promise<void> {
    const names = { scope: this.#scope, runId: this.#runId, clock: this.#clock }
    const history = await openRecorder(this.#options, this.#drive, names)
    const begun = this.#report('interrupted')
    await recorded({ ...names, history, drive: this.#drive, begun, met: () => this.#met }, () => this.#go(history))
  }

  async #go(history: Recorder): Promise<void> {
    const { transform, destination } = this.#options
    const facts = await transform.prepare(this.#drive.reading)
    this.#version = facts.version
    this.#began = await readCheckpoint(this.#drive.store, this.#scope)
    this.#checkpoint = this.#fresh(this.#began)
    this.#events.tell('start', { sync: this.#scope.sync, runId: this.#runId, resumed: this.#resumed })
    const drift = await this.#decideDrift(facts)
    const delivery = await openRetrying(destination, {
      clock: this.#clock,
      limits: { ...RETRY_LIMITS, ...this.#options.retry },
      signal: this.#drive.reading,
      learned: this.#checkpoint.learned,
    })
    try {
      const { window, schema, underWay } = await this.#work({ facts, delivery, history }, drift)
      const learned = await delivery.close()
      if (schema !== undefined) await this.#drive.commitMain([writeSchema(this.#scope, schema, facts.version)])
      window.amend(this.#isBeside ? { learned } : { complete: true, learned })
      await window.save(underWay.ended())
    } catch (error) {
      await this.#keepLearned(delivery).catch(() => undefined) // what ended the run is the error that counts
      throw error
    }
  }

  /** What was learned until a run failed: how large requests may be, and what of a day is used up. */
  async #keepLearned(delivery: Delivery): Promise<void> {
    const learned = await delivery.close()
    this.#window?.amend({ learned })
    await this.#window?.save()
  }

  /**
   * Decided before any row is sent; the schema is remembered when the pass is complete (design, section 9). Where the source
   * is not read it is the one accepted last.
   */
  async #decideDrift(facts: TransformFacts): Promise<Drift> {
    const { source, drift: policies = {} } = this.#options
    const before = await readSchema(this.#drive.store, this.#scope)
    const judge = { before, facts, policies }
    if (this.#isBeside) return { judge, schema: before, park: undefined }
    const { changes, schema, described, stop, park } = await decideDrift(source, judge, {
      signal: this.#drive.reading,
      tags: tagsOf(this.#scope.sync, this.#runId),
    })
    this.#found.drift = changes
    if (schema !== before) this.#met = schema
    this.#described = described
    if (changes.length > 0) this.#events.tell('drift', { changes })
    if (stop !== undefined) throw stop
    const { audience } = this.#options
    if (audience !== undefined && described !== undefined && park === undefined) assertColumn(audience, described)
    return { judge, schema, park }
  }

  async #work(
    parts: Pick<Parts, 'facts' | 'delivery' | 'history'>,
    drift: Drift,
  ): Promise<{ readonly window: Window; readonly schema: Schema | undefined; readonly underWay: UnderWay }> {
    const context = await this.#context(parts)
    const { project, sync } = this.#scope
    const { reads, kept, actions, onAddresses, guardsDay = false } = this.#drive
    const window = new Window(context, {
      checkpoint: this.#checkpoint,
      lists: await context.lists.lists({ project, owner: sync, epoch: context.epoch }),
      found: await this.#takeOver(context),
      // Of what was refused before, much may be refused again, and says nothing about the mapping.
      rejectedShareMax: reads === 'deadLetters' ? 1 : (this.#options.rejectedShareMax ?? 0.05),
    })
    this.#window = window
    const pages = new Pages(context, window, { drift, sharedFields: this.#options.sharedFields ?? [], reads, kept })
    await window.save() // from here on the pass is under way: one that is interrupted keeps its epoch and its `now`
    try {
      this.#found.retargeted += await drainIdentity(context, window, await takeInFirstWrites(context))
      await pages.run(this.#options.pageSize ?? 2_000)
    } finally {
      this.#found.retargeted += pages.retargeted
      if (pages.schema !== drift.judge.before) this.#met = pages.schema
    }
    const settleIdentity = async (): Promise<void> => {
      this.#found.retargeted += await drainIdentity(context, window)
    }
    if (actions !== undefined) await actions(context, settleIdentity)
    else Object.assign(this.#found, await tryParked(context, pages))
    await sendForgets(context)
    await settleIdentity()
    const whole = pages.snapshot || pages.nobody
    if (whole) window.amend({ whole: { epoch: context.epoch, turn: context.turn } })
    const complete = whole && window.tied
    const settled = () => this.#settled(context.settling.acceptedAt)
    const phase = await listPhase(context, { complete, settled, onAddresses, guardsDay })
    this.#found.lists = phase.lists
    this.#found.conflicts = await context.identity.conflictCount()
    const { read, unsettled } = this.#tally.counts
    if (unsettled !== 0) throw new LakeloopError('SUMS_BROKEN', { read, settled: this.#tally.settled })
    if (phase.held !== undefined) {
      if (!this.#isBeside) window.amend({ complete: true })
      await window.save()
      throw phase.held
    }
    this.#drive.ended?.()
    // A schema whose rows are to be kept is not accepted by a run that met none.
    const isParked = pages.parked > 0 || drift.park !== undefined
    const { underWay } = context
    return { window, underWay, schema: isParked || this.#isBeside ? undefined : pages.schema }
  }

  async #context(parts: Pick<Parts, 'facts' | 'delivery' | 'history'>): Promise<RunContext> {
    return await runContext({
      ...parts,
      options: this.#options,
      events: this.#events,
      drive: this.#drive,
      clock: this.#clock,
      scope: this.#scope,
      runId: this.#runId,
      tally: this.#tally,
      requests: this.#requests,
      checkpoint: this.#checkpoint,
      now: this.#isBeside ? this.#startedAt : this.#checkpoint.now,
      // Of an interrupted pass nobody knows when it last wrote: it may have been a moment ago.
      acceptedAt: this.#began?.complete === false ? this.#startedElapsed : undefined,
      arrived: () => this.#settled(this.#startedElapsed),
    })
  }

  async #takeOver({ lists, delivery, fence, clock, reading: signal, scope }: RunContext): Promise<boolean> {
    const limits = { ...RETRY_LIMITS, ...this.#options.retry }
    const owner = { project: scope.project, owner: scope.sync }
    const comparing = { lists, delivery, fence, clock, signal, owner, limits }
    return await takeOver(comparing, this.#options.existing ?? [])
  }

  async #settled(acceptedAt: number | undefined): Promise<void> {
    if (acceptedAt === undefined) return
    await this.#drive.settle(this.#clock.elapsed() - acceptedAt)
    if (this.#drive.sending.aborted) throw new LakeloopError('ABORTED')
  }

  result(error: LakeloopError | undefined): PassResult {
    const { epoch, now } = this.#checkpoint
    return {
      report: this.#report(statusOf(error), error),
      began: this.#began,
      described: this.#described,
      epoch,
      now,
      version: this.#version ?? '',
    }
  }

  #report(status: RunStatus, error?: LakeloopError): RunReport {
    return {
      sync: this.#scope.sync,
      runId: this.#runId,
      reads: this.#drive.reads,
      status,
      startedAt: new Date(this.#startedAt).toISOString(),
      durationMs: Math.round(this.#clock.elapsed() - this.#startedElapsed),
      rows: this.#tally.counts,
      reasons: this.#tally.reasons,
      unusable: this.#tally.unusable,
      schema: this.#met === undefined ? null : schemaDigest(this.#met),
      versions: { transform: this.#version, rules: this.#options.identity.rulesHash },
      expired: [],
      requests: Object.fromEntries(Object.entries(this.#requests).sort()), // not as they happened to be first
      ...this.#found,
      ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    }
  }
}
