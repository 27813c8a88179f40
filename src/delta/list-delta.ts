import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import type { Reason } from '../model/value.js'
import type { Op, Store } from '../stores/store.js'
import { type Noted, noteWishes, type Rekey, rekeyOps, type Wish } from './claims.js'
import { type GuardOptions, guardOf } from './guard.js'
import { type ListChunk, listChunk } from './list-chunk.js'
import { decidedOps, listKey, listsOf, type Scope } from './list-state.js'
import { type MergeOptions, standings } from './merge.js'
import { type Counts, changeOf, count, dropAbsent } from './plan.js'
import { type Reconciled, type ReconcileOptions, reconcileList } from './reconcile.js'
import { countsIn, partOf } from './sharing.js'

export type { Noted, Rekey, Wish } from './claims.js'
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
}

export interface PlanOptions extends Omit<Scope, 'epoch'> {
  readonly list: ListRef
  /** True: what was noted in this epoch is the whole audience, and who is missing leaves. False: absence means nothing. */
  readonly complete: boolean
  /** Default: a new epoch where `claims` are given, else the one whose wishes were noted last. */
  readonly epoch?: string | undefined
  /** Wishes for this list that are noted and committed first, 1,000 at a time: for those who use lists alone. */
  readonly claims?: Iterable<Wish> | AsyncIterable<Wish> | undefined
  /** `check` ops in front of every commit, so that a run that lost its lease writes nothing. */
  readonly fence?: readonly Op[] | undefined
}

/** What a list needs, known before anything goes out. */
export interface ListDelta {
  /**
   * `add`, `remove`: to be sent. `keep`: members that stay. `held`: removals that the guard keeps back. `members`: what
   * the destination has accepted, or may have.
   */
  readonly summary: {
    readonly add: number
    readonly remove: number
    readonly keep: number
    readonly held: number
    readonly members: number
  }
  /** Why removals are held: LIST_GUARD with counts. */
  readonly guard?: Reason
  /**
   * The changes, cut to size. Several chunks may be in flight at once.
   *
   * Order   all removals, then all additions, so that who has opted out is never waiting behind who joins; each ascending
   *         by the UTF-8 bytes of the address.
   * Throws  STORE_CONFLICT where claims have changed meanwhile, so that more would go out than was guarded.
   */
  chunks(options: { readonly sizeMax: number }): AsyncIterable<ListChunk>
  [Symbol.asyncDispose](): Promise<void>
}

const OPTIONS = z.object({
  guard: z
    .strictObject({ removedShareMax: z.number().min(0).max(1), removedFreely: z.int().min(0) })
    .partial()
    .optional(),
  shared: z.array(z.union([z.string().min(1), z.int()])).optional(),
})

const CLAIMS_PER_COMMIT = 1_000
const CHUNK_MAX = 10_000

/**
 * Who has to join a list and who has to leave it, by the wishes noted and what the destination has accepted.
 *
 * Upholds  I1, I5 (seen but undecided keeps its claim), I11 (all removals of a list are decided, and guarded, together).
 * Cost     a stream-merge of two ordered scans: memory for two pages, three passes over the list.
 */
export class ListDeltaComputer {
  readonly store: Store
  readonly #shared: ReadonlySet<ListRef>
  readonly #guard: { readonly removedShareMax: number; readonly removedFreely: number }

  constructor(options: ListDeltaOptions) {
    const checked = OPTIONS.safeParse(options)
    if (!checked.success) {
      const option = checked.error.issues[0]?.path.join('.') || 'options'
      const problem = 'is not what its comment allows'
      throw new LakeloopError('OPTION_INVALID', { part: 'ListDeltaComputer', option, problem })
    }
    this.store = options.store
    this.#shared = new Set(options.shared)
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
    return new ListDeltaComputer({ store, guard: this.#guard, shared: [...this.#shared] })
  }

  /**
   * Ops that record what a page of rows wants. The caller commits them together with its outcomes, and before it notes
   * more.
   *
   * Repeat  the same wishes again change nothing.
   * Throws  LIST_OWNED where another sync owns a list of the project.
   */
  async note(wishes: readonly Wish[], scope: Scope): Promise<Noted> {
    return await noteWishes(this.store, wishes, { ...scope, shared: this.#shared })
  }

  /**
   * Compares what is remembered of a list with what the destination has, and mends what is remembered: see {@link Reconciled}.
   *
   * Throws  LIST_OWNED; what `members` throws, and then it is done again from the beginning.
   */
  async reconcile(options: ReconcileOptions): Promise<Reconciled> {
    return await reconcileList(this.store, { ...options, shared: this.#shared })
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
    return await rekeyOps(this.store, change, scope)
  }

  /** Throws LIST_OWNED, STORE_CONFLICT where the fence does not hold. */
  async plan(options: PlanOptions): Promise<ListDelta> {
    const { project, owner, list, complete, fence = [] } = options
    const key = listKey(project, list)
    const own = { project, owner, shared: this.#shared }
    const { record: before } = await partOf(this.store, list, own)
    const fresh = options.claims === undefined ? (before?.epoch ?? '') : `#${(before?.nth ?? 0) + 1}`
    const scope: Scope = { ...own, epoch: options.epoch ?? fresh }
    if (options.claims !== undefined) await this.#noteAll(options.claims, { list, scope, fence })
    const { record, isGuest } = await partOf(this.store, list, own)

    const merge: MergeOptions = {
      store: this.store,
      list: key,
      counts: complete ? countsIn(scope, isGuest) : () => true,
    }
    const counts = await count(merge)
    const seen = record?.epoch === scope.epoch
    const guard = guardOf({ ...counts, list, complete, seen }, this.#guard)
    // Only a decision is written down: behind a guard, or after a snapshot without a row, the claims that were not seen stay.
    if (guard === undefined && (seen || !complete)) {
      await dropAbsent(merge, counts, fence)
      if (complete && record?.found === 'open') await this.store.commit([...fence, ...decidedOps(record, key)])
    }
    return delta({ merge, counts, guard, fence })
  }

  async #noteAll(
    claims: Iterable<Wish> | AsyncIterable<Wish>,
    { list, scope, fence }: { list: ListRef; scope: Scope; fence: readonly Op[] },
  ): Promise<void> {
    let page: Wish[] = []
    const commit = async (): Promise<void> => {
      const { ops } = await this.note(page, scope)
      if (ops.length > 0) await this.store.commit([...fence, ...ops])
      page = []
    }
    for await (const wish of claims) {
      if (wish.list !== list) {
        const problem = 'holds a wish for another list'
        throw new LakeloopError('OPTION_INVALID', { part: 'ListDeltaComputer', option: 'claims', problem })
      }
      if (page.push(wish) === CLAIMS_PER_COMMIT) await commit()
    }
    await commit()
  }
}

interface DeltaParts {
  readonly merge: MergeOptions
  readonly counts: Counts
  readonly guard: Reason | undefined
  readonly fence: readonly Op[]
}

function delta({ merge, counts, guard, fence }: DeltaParts): ListDelta {
  const { add, keep, members } = counts
  const [remove, held] = guard === undefined ? [counts.remove, 0] : [0, counts.remove]
  let disposed = false

  async function* cut(op: 'add' | 'remove', most: number, sizeMax: number): AsyncGenerator<ListChunk> {
    let left = most
    let addresses: string[] = []
    const chunk = (): ListChunk => listChunk({ store: merge.store, list: merge.list, op, addresses, fence })
    if (left === 0) return
    for await (const page of standings(merge)) {
      for (const standing of page) {
        if (disposed) return
        if (changeOf(standing) !== op) continue
        if (left === 0) throw new LakeloopError('STORE_CONFLICT', { table: 'claim' })
        left -= 1
        if (addresses.push(standing.address) < sizeMax) continue
        yield chunk()
        addresses = []
      }
    }
    if (addresses.length > 0) yield chunk()
  }

  return {
    summary: { add, remove, keep, held, members },
    ...(guard === undefined ? {} : { guard }),
    async *chunks({ sizeMax }) {
      if (!Number.isInteger(sizeMax) || sizeMax < 1 || sizeMax > CHUNK_MAX) {
        const problem = `is not 1 to ${CHUNK_MAX}`
        throw new LakeloopError('OPTION_INVALID', { part: 'ListDelta', option: 'sizeMax', problem })
      }
      yield* cut('remove', remove, sizeMax)
      yield* cut('add', add, sizeMax)
    },
    async [Symbol.asyncDispose]() {
      disposed = true
    },
  }
}
