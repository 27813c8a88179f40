import { tmpdir } from 'node:os'
import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import { optionFault } from '../model/option-fault.js'
import type { Op, Store } from '../stores/store.js'
import { type Claims, PAGE_MAX, pagesOf } from './claim-pages.js'
import { type Leave, leaveOps, type Noted, noteWishes, type Rekey, rekeyOps, type Wish } from './claims.js'
import { type Cutting, type ListDelta, listDelta } from './delta.js'
import { watchingFound } from './found.js'
import { type GuardOptions, guardOf } from './guard.js'
import { decidedOps, type ListRecord, listKey, listsOf, type Scope, snapshotKey } from './list-state.js'
import type { MergeOptions } from './merge.js'
import { count, dropStale } from './plan.js'
import { checkPlanOptions } from './plan-options.js'
import { type Reconciled, type ReconcileOptions, reconcileList } from './reconcile.js'
import { rowChunks } from './row-chunks.js'
import { dropSeen, readSeen } from './seen.js'
import { countsIn, partOf, partsOf } from './sharing.js'
import { dropBlocks } from './whole/kept.js'
import { toRows } from './whole/rows.js'
import { chunksOf } from './whole/send.js'
import { planWhole } from './whole/whole.js'

export type { Claims } from './claim-pages.js'
export type { Noted, Rekey, Wish } from './claims.js'
export type { ListDelta } from './delta.js'
export type { GuardOptions } from './guard.js'
export type { ListChunk } from './list-chunk.js'
export type { Scope } from './list-state.js'
export type { Reconciled, ReconcileOptions } from './reconcile.js'

export interface ListDeltaOptions {
  readonly store: Store
  readonly guard?: GuardOptions | undefined
  /**
   * Lists that several syncs of a project claim places on; each of them has to say so. An address stays while one of them
   * claims it, and a whole audience decides about the claims of its own sync only.
   */
  readonly shared?: readonly ListRef[] | undefined
  /**
   * Addresses with something to be done that a plan keeps in memory, about 120 bytes each. Where there are more, it reads
   * the list again before it forgets, removes and adds. Default 200,000.
   */
  readonly keptMax?: number | undefined
  /**
   * A folder that exists, for audiences that are given to `plan` and are too long for the memory. Default: that of the system
   * for temporary files.
   */
  readonly spool?: { readonly directory?: string | undefined } | undefined
}

export interface PlanOptions extends Omit<Scope, 'epoch'> {
  readonly list: ListRef
  /** True: what was noted in this epoch is the whole audience, and who is missing leaves. False: absence means nothing. */
  readonly complete: boolean
  /** Default: a new epoch where `claims` are given, else the one whose wishes were noted last. */
  readonly epoch?: string | undefined
  /**
   * Wishes for this list, one by one or (faster) in pages: for those who use lists alone. Of two wishes of one claimant
   * the later counts; but a whole audience (`complete`) that names one claimant under two addresses claims both.
   */
  readonly claims?: Claims | undefined
  /** Members removed within the last day: the guard then counts them with those of this plan. Default: it does not. */
  readonly removed?: number | undefined
  /** `check` ops in front of every commit, so that a run that lost its lease writes nothing. */
  readonly fence?: readonly Op[] | undefined
}

const OPTIONS = z.strictObject({
  store: z.custom<Store>(
    (value) => ['get', 'scan', 'commit'].every((method) => typeof value?.[method as never] === 'function'),
    'is no store',
  ),
  guard: z
    .strictObject({ removedShareMax: z.number().min(0).max(1), removedFreely: z.int().min(0) })
    .partial()
    .optional(),
  shared: z.array(z.union([z.string().min(1), z.int()])).optional(),
  keptMax: z.int().min(0).optional(),
  spool: z.strictObject({ directory: z.string().min(1).optional() }).optional(),
})

/** Wishes per commit at first. Where they change little, more go into one: a commit waits for the disk. */
const CLAIMS_PER_COMMIT = 1_000
/** A commit with more ops holds the host's loop too long to be made larger. */
const OPS_FEW = 1_000

/**
 * Who has to join a list and who has to leave it, by the wishes noted and what the destination has accepted.
 *
 * Upholds  I1, I5 (seen but undecided keeps its claim), I11 (all removals of a list are decided, and guarded, together).
 * Cost     a stream-merge of two ordered scans: memory for two pages and `keptMax` addresses. One pass over the list, or up
 *          to four where more has changed than is kept.
 */
export class ListDeltaComputer {
  readonly store: Store
  readonly #shared: ReadonlySet<ListRef>
  readonly #keptMax: number
  readonly #directory: string
  readonly #guard: { readonly removedShareMax: number; readonly removedFreely: number }
  /** Lists in rows whose blocks are gone, also those that a process left that died over them. */
  readonly #inRows = new Set<string>()
  #turning: Promise<unknown> = Promise.resolve()

  constructor(options: ListDeltaOptions) {
    const checked = OPTIONS.safeParse(options)
    if (!checked.success) {
      throw new LakeloopError('OPTION_INVALID', { part: 'ListDeltaComputer', ...optionFault(checked.error, OPTIONS) })
    }
    this.store = options.store
    this.#shared = new Set(options.shared)
    this.#keptMax = options.keptMax ?? 200_000
    this.#directory = options.spool?.directory ?? tmpdir()
    this.#guard = {
      removedShareMax: options.guard?.removedShareMax ?? 0.3,
      removedFreely: options.guard?.removedFreely ?? 10,
    }
  }

  /** Idempotent. Holds nothing open; the store stays open: it is the host's. */
  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The same rules over another store, e.g. an overlay for a dry run. */
  over(store: Store): ListDeltaComputer {
    return new ListDeltaComputer({
      store,
      guard: this.#guard,
      shared: [...this.#shared],
      keptMax: this.#keptMax,
      spool: { directory: this.#directory },
    })
  }

  /**
   * Ops that record what a page of rows wants. The caller commits them together with its outcomes, and before it notes
   * more.
   *
   * Repeat  the same wishes again change nothing.
   * Throws  LIST_OWNED where another sync owns a list of the project.
   */
  async note(wishes: readonly Wish[], scope: Scope): Promise<Noted> {
    const own = { ...scope, shared: this.#shared }
    await this.#asRows([...new Set(wishes.map(({ list }) => list))], own)
    return await noteWishes(this.store, wishes, own)
  }

  /**
   * Compares what is remembered of a list with what the destination has, and mends what is remembered: see {@link Reconciled}.
   *
   * Throws  LIST_OWNED; what `members` throws, and then it is done again from the beginning.
   */
  async reconcile(options: ReconcileOptions): Promise<Reconciled> {
    const own = { ...options, shared: this.#shared }
    await this.#asRows([options.list], own)
    return await reconcileList(this.store, own)
  }

  /** Whether members of the list were ever taken over; `open` until a whole audience has decided about them. */
  async found({ project, owner }: Omit<Scope, 'epoch'>, list: ListRef): Promise<'open' | 'decided' | undefined> {
    return (await partOf(this.store, list, { project, owner, shared: this.#shared })).record?.found
  }

  /** Every list that this owner has ever noted a wish for, in the project. */
  async lists(scope: Scope): Promise<readonly ListRef[]> {
    return await listsOf(this.store, scope)
  }

  /**
   * Ops that follow a person to another address: the claims on `from` become claims on `to`, on this owner's lists. With
   * `moved` the membership goes along; without, the next plan removes `from` and adds `to`.
   */
  async rekey(change: Rekey, scope: Scope): Promise<readonly Op[]> {
    const own = { ...scope, project: change.project, shared: this.#shared }
    await this.#asRows(await listsOf(this.store, own), own)
    return await rekeyOps(this.store, change, scope)
  }

  /**
   * Ops for people who are gone from the destination, and from this owner's lists there. Their claims go too, unless they
   * stay: then the next plan adds them again.
   */
  async leave(addresses: readonly string[], scope: Scope, how: Leave = { claims: 'go' }): Promise<readonly Op[]> {
    const own = { ...scope, shared: this.#shared }
    await this.#asRows(await listsOf(this.store, own), own)
    return await leaveOps(this.store, addresses, scope, how)
  }

  /**
   * A list that was always planned from whole audiences is kept in blocks, and compared with the next one at the speed of a
   * sort; whatever else is done with it turns it into rows for good.
   *
   * Throws  OPTION_INVALID; LIST_OWNED; STORE_CONFLICT where the fence does not hold, or another plans the list at this moment; LIST_SPOOL.
   */
  async plan(options: PlanOptions): Promise<ListDelta> {
    checkPlanOptions(options)
    const { project, owner, list, complete, claims } = options
    const scope = { project, owner, shared: this.#shared }
    const part = await partOf(this.store, list, scope)
    const { record } = part
    const isBorn = record === undefined && claims !== undefined && complete && !part.isGuest
    const isWhole = record?.whole !== undefined && (claims === undefined || complete)
    if ((isBorn || isWhole) && !this.#shared.has(list)) return await this.#planWhole(options, record)
    await this.#asRows([list], { ...scope, fence: options.fence })
    return await this.#planRows(options)
  }

  async #planWhole(options: PlanOptions, record: ListRecord | undefined): Promise<ListDelta> {
    const { project, owner, list, complete, claims, removed, fence = [] } = options
    const plan = await planWhole({
      store: this.store,
      list: listKey(project, list),
      owner,
      record,
      complete,
      wishes: claims && pagesOf(claims, list),
      epoch: options.epoch ?? (claims && freshEpoch(record)),
      guardOf: (counts, seen) => guardOf({ ...counts, list, complete, seen, removed }, this.#guard),
      fence,
      directory: this.#directory,
    })
    const { counts, guard } = plan
    return listDelta({
      counts,
      guard,
      chunks: (cutting) => chunksOf(plan, cutting),
      close: () => plan.spool.close(),
    })
  }

  async #planRows(options: PlanOptions): Promise<ListDelta> {
    const { project, owner, list, complete, removed, fence = [] } = options
    const key = listKey(project, list)
    const own = { project, owner, shared: this.#shared }
    const { record: before } = await partOf(this.store, list, own)
    const fresh = options.claims === undefined ? (before?.epoch ?? '') : freshEpoch(before)
    const scope: Scope = { ...own, epoch: options.epoch ?? fresh }
    if (options.claims !== undefined) await this.#noteAll(pagesOf(options.claims, list), { scope, fence })
    const { record, isGuest } = await partOf(this.store, list, own)
    const snapshot = snapshotKey(list, scope)
    const found = watchingFound(complete ? countsIn(await readSeen(this.store, snapshot), owner, isGuest) : () => true)
    const merge: MergeOptions = { store: this.store, list: key, counts: found.counts }
    const counts = await count(merge, this.#keptMax)
    const seen = record?.epoch === scope.epoch
    const guard = guardOf({ ...counts, list, complete, seen, removed }, this.#guard)
    // Only a decision is written down: behind a guard, or after a snapshot without a row, the claims that were not seen stay.
    if (guard === undefined && (seen || !complete)) {
      await dropStale(merge, counts, fence)
      if (complete && record?.found === 'open' && !found.any)
        await this.store.commit([...fence, ...decidedOps(record, key)])
    }
    if (seen) await dropSeen(this.store, snapshot, fence)
    const chunks = (cutting: Cutting) => rowChunks({ merge, counts, guard, fence }, cutting)
    return listDelta({ counts, guard, chunks, close: async () => undefined })
  }

  async #noteAll(
    pages: AsyncIterable<readonly Wish[]>,
    { scope, fence }: { readonly scope: Scope; readonly fence: readonly Op[] },
  ): Promise<void> {
    let size = CLAIMS_PER_COMMIT
    for await (const page of pages) {
      for (let at = 0; at < page.length; ) {
        const { ops } = await noteWishes(this.store, page.slice(at, at + size), { ...scope, shared: this.#shared })
        if (ops.length > 0) await this.store.commit([...fence, ...ops])
        at += size
        size = ops.length > OPS_FEW ? CLAIMS_PER_COMMIT : Math.min(size * 2, PAGE_MAX)
      }
    }
  }

  /** Turns those of the lists into rows that are kept as whole audiences; one call after the other. */
  async #asRows(lists: readonly ListRef[], scope: RowsScope): Promise<void> {
    const turned = this.#turning.then(async () => {
      for (const [at, { record }] of (await partsOf(this.store, lists, scope)).entries()) {
        if (record === undefined) continue
        const { store } = this
        const ref = lists[at] as ListRef
        const list = listKey(scope.project, ref)
        const fence = scope.fence ?? []
        if (record.whole !== undefined)
          await toRows({ store, list, ref, scope, record, fence, directory: this.#directory })
        else if (!this.#inRows.has(JSON.stringify(list))) await dropBlocks(store, list, { isGone: () => true, fence })
        this.#inRows.add(JSON.stringify(list))
      }
    })
    this.#turning = turned.catch(() => undefined)
    await turned
  }
}

type RowsScope = Omit<Scope, 'epoch'> & { readonly fence?: readonly Op[] | undefined }

const freshEpoch = (record: ListRecord | undefined): string => `#${(record?.nth ?? 0) + 1}`
