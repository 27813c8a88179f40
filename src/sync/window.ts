import { setImmediate } from 'node:timers/promises'
import { isDeparture, type ListRef } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Reason } from '../model/value.js'
import type { Op } from '../stores/store.js'
import type { Word } from './address-memory.js'
import { carriedOps } from './carried.js'
import { type Checkpoint, writeCheckpoint } from './checkpoint.js'
import { Circuit } from './circuit.js'
import type { RunContext } from './context.js'
import type { Leaving } from './departures.js'
import { rowsOfTheForgotten, type WholeRow } from './erase-rows.js'
import { hit } from './failpoint.js'
import { departureOps, leavingOf } from './leaving.js'
import type { Order } from './order.js'
import { keep, keepRow, type PageWork, type Pending, type RowWish } from './page.js'
import { RecentDepartures } from './recent-departures.js'
import { RecentLetters } from './recent-letters.js'
import { subjectsOf } from './subjects.js'
import { placeWords, wordsOf } from './words.js'

/** Rows per commit, so that a store on the host's own thread never holds its loop for long. */
const ROWS_PER_COMMIT = 1_000

/**
 * The pages under way, oldest first. Remembers outcomes as they come, and moves the cursor over the contiguous prefix
 * of finished pages only (I3).
 */
export class Window {
  readonly #context: RunContext
  readonly #pages: PageWork[] = []
  readonly #knownLists: Set<ListRef>
  /** Members found on a list may be whom a row speaks of, and only an address tells. */
  readonly #found: boolean
  readonly #circuit: Circuit
  readonly #recent: RecentLetters
  readonly #gone = new RecentDepartures()
  #checkpoint: Checkpoint
  #turn: Promise<void> = Promise.resolve()

  constructor(
    context: RunContext,
    options: { checkpoint: Checkpoint; lists: readonly ListRef[]; found: boolean; rejectedShareMax: number },
  ) {
    this.#context = context
    this.#checkpoint = options.checkpoint
    this.#recent = new RecentLetters(context.scope, context.leftBehind)
    this.#knownLists = new Set(options.lists)
    this.#found = options.found
    this.#circuit = new Circuit(options.rejectedShareMax)
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint
  }

  /** False once a row of a snapshot ended without an outcome for its claims that could be tied to a claimant (I5). */
  get tied(): boolean {
    return this.#checkpoint.untied !== true
  }

  /** Pages that are finished. */
  get finished(): number {
    return this.#recent.finished
  }

  /** Pages that are not finished. */
  get length(): number {
    return this.#pages.length
  }

  open(page: PageWork): void {
    this.#pages.push(page)
  }

  /** Changes what the next commit of the checkpoint says besides the cursor. */
  amend(change: Partial<Checkpoint>): void {
    this.#checkpoint = { ...this.#checkpoint, ...change }
  }

  /** Writes down what is about to be sent and is not harmless to send twice (I2). Without a row key nothing can be. */
  async intend(pending: readonly Pending[]): Promise<void> {
    const { intents } = this.#context
    const main = pending.flatMap(({ page, key, fingerprint, intended }): Op[] => {
      if (!key || !fingerprint) return []
      page.intended.push([key, fingerprint])
      return [intents.intended(key, fingerprint, intended)]
    })
    if (main.length > 0) await this.#context.commits.commit({ main })
  }

  /** Remembers outcomes of sent actions, then counts them: the order of these two is I1. */
  async settle(pending: readonly (readonly [Pending, Outcome])[]): Promise<void> {
    const { identity, scope, commits, memory, underWay, intents } = this.#context
    // From here on it counts when a field was written, also of what the same request was accepted for (I6).
    if (pending.some(([, { status }]) => status === 'rejected' || status === 'parked')) memory.parked = true
    for (let at = 0; at < pending.length; at += ROWS_PER_COMMIT) {
      const part = pending.slice(at, at + ROWS_PER_COMMIT)
      const main: Op[] = []
      const words: Word[] = []
      const bindings: { profileId: string; address: string }[] = []
      const leaving: (Leaving & { readonly order: Order })[] = []
      for (const [{ page, action, key, fingerprint, write, bind, address, left, again }, outcome] of part) {
        if (again && key && fingerprint) page.intended.push([key, fingerprint])
        if (outcome.status !== 'accepted' && outcome.status !== 'unchanged') continue
        const kind = page.block.kind(action)
        if (isDeparture(kind)) leaving.push(leavingOf(scope, { address, kind, order: page.order(action) }))
        else if (write !== undefined) main.push(...memory.accepted(write))
        else words.push(...wordsOf(this.#context, page, action, address))
        if (key && fingerprint) underWay.settled(key)
        if (key) page.taken.push({ key, row: page.block.row(action) })
        if (key) for (const table of left) main.push({ op: 'delete', table, key })
        if (bind !== undefined) bindings.push({ profileId: bind, address })
      }
      const commit = async (): Promise<void> => {
        for (const { address, order } of leaving) this.#gone.add(address, order, this.finished)
        const gone = await departureOps(this.#context, leaving, this.#gone.backIn(part))
        const said = await memory.say(words)
        await commits.commit({
          main: [...main, ...said.ops, ...gone.main],
          late: () => intents.settled(part), // another of a key may be on its way since
          identity: bindings.length > 0 ? identity.bind(scope.project, bindings) : [],
          lists: gone.lists,
        })
        said.release()
      }
      // The claims of a page and those of who leaves are never worked out at the same time.
      await (leaving.length > 0 ? this.#inTurn(commit) : commit())
      for (const [{ page, action, key, write }, outcome] of part) {
        if (write !== undefined) memory.settled(write)
        if (outcome.status === 'rejected' || outcome.status === 'parked')
          keep(page, action, key, outcome, this.#context)
        page.settle(action, outcome)
      }
    }
  }

  /** Finishes every page of the prefix that waits for nothing any more. One turn at a time. */
  advance(): Promise<void> {
    return this.#inTurn(async () => {
      for (let page = this.#pages[0]; page !== undefined && page.waiting === 0; page = this.#pages[0]) {
        await this.#finish(page)
        this.#pages.shift()
        this.#circuit.check()
      }
    })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /**
   * Claims, dead letters and parked actions, and with the last of them the cursor. Claims go in whole slices: a claim and
   * its index are never in two commits.
   */
  async #finish(page: PageWork): Promise<void> {
    const { events, tally, commits, scope, history, onLoss, progress, intents } = this.#context
    await setImmediate() // what led here, and this, are some milliseconds each: never in one go
    const wishes = this.#decided(page)
    await this.#keepRows(page)
    for (let at = 0; at < wishes.length; at += ROWS_PER_COMMIT) {
      await this.#claim(page, wishes.slice(at, at + ROWS_PER_COMMIT))
    }
    const { cursor } = page.page
    // Rows that were kept are no part of what a pass reads anew.
    const reached = this.#checkpoint.anew === true && !page.isOfStore ? { cursor, anew: false } : { cursor }
    FAILPOINT: if (page.kept.some((op) => op.table === 'deadLetter' && op.op === 'put')) hit('before-dead-letter')
    FAILPOINT: if (page.kept.some(({ table }) => table === 'inbox')) hit('before-inbox-left')
    FAILPOINT: hit('before-cursor')
    await commits.commit({
      main: [
        ...page.kept,
        ...this.#recent.finish(page),
        ...intents.finished(page.intended),
        ...history.ops(history.keeps ? subjectsOf(page) : []),
        writeCheckpoint(scope, { ...this.#checkpoint, ...reached }),
      ],
    })
    FAILPOINT: if (page.kept.some(({ table }) => table === 'inbox')) hit('after-inbox-left')
    FAILPOINT: hit('after-cursor')
    this.#gone.finish(page)
    this.amend(reached) // not before: whoever saves the checkpoint meanwhile would move it past what is not kept
    for (let row = 0; row < page.page.rows.length; row++) {
      const status = page.status(row) ?? 'filtered'
      const reason = page.reason(row)
      tally.row(status, reason)
      if (onLoss !== undefined && reason !== undefined && (status === 'rejected' || status === 'parked')) {
        const key = page.page.rows.key(row)
        onLoss({ status, ...(key === undefined ? {} : { key }), reason })
      }
      this.#circuit.judge(status === 'rejected')
    }
    if (!page.late) progress.finished(page.page.rows.length)
    events.tell('progress', progress.event(tally.counts))
    await history.tidy((main) => commits.commit({ main }))
  }

  async #claim(page: PageWork, wishes: readonly RowWish[]): Promise<void> {
    const { lists, scope, epoch, commits, memory } = this.#context
    const left = wishes.map(
      ({ row, wish }) => wish.member === true && this.#gone.overtakes(page.rowOrder(row), wish.address),
    )
    // What a row asked for before its person left had its outcome, and no place is left of it.
    const asked = wishes.flatMap(({ wish }, at) => (left[at] ? [wish, { ...wish, member: false }] : [wish]))
    // Rows of changes are no part of a whole audience, also where the same run reads one: absence is judged by that alone.
    const unseen = page.page.mode === 'changes'
    const { ops, changed: all } = await lists.note(asked, { project: scope.project, owner: scope.sync, epoch, unseen })
    const positions = new Map(asked.map((wish, at) => [wish, at]))
    const changed = wishes.map(({ wish }) => all[positions.get(wish) ?? -1] === true)
    const main = wishes.flatMap(({ row, wish: { address, member } }, at) =>
      address !== undefined && member === true && changed[at] && !left[at]
        ? carriedOps(this.#context, page, row, address)
        : [],
    )
    const words = wishes.flatMap(({ row, wish }, at) =>
      placeWords(this.#context, wish, {
        order: page.rowOrder(row),
        isKeyed: page.page.rows.key(row) !== undefined,
        changed: changed[at] === true && !left[at],
      }),
    )
    const said = await memory.say(words)
    await commits.commit({ lists: ops, main: [...main, ...said.ops] })
    said.release()
    wishes.forEach(({ row, wish, from }, at) => {
      if (wish.member === undefined) return
      if (from?.key) {
        for (const table of from.left) page.kept.push({ op: 'delete', table, key: from.key })
        page.taken.push({ key: from.key, row })
      }
      const outcome = { status: changed[at] ? 'accepted' : 'unchanged' } as const
      if (from === undefined) page.note(row, outcome)
      else page.end(from.action, outcome)
    })
  }

  /** Writes the checkpoint as it stands, and `more` with it. */
  save(more: readonly Op[] = []): Promise<void> {
    return this.#context.commits.commit({ main: [writeCheckpoint(this.#context.scope, this.#checkpoint), ...more] })
  }

  /**
   * The wishes of a page, now that the rest of each row is known. A claimant whose row was rejected or parked keeps its
   * former claim on every list, also on those that the row would have left out (I5).
   */
  #decided(page: PageWork): RowWish[] {
    const wishes = page.wishes.map((one): RowWish => {
      this.#knownLists.add(one.wish.list)
      if (!isOpen(page, one.row)) return one
      this.#keepWish(page, one)
      const { list, claimant, address } = one.wish
      return { row: one.row, wish: address === undefined ? { list, claimant } : { list, claimant, address } }
    })
    if (page.page.mode === 'changes') return wishes
    const addressed = new Set(wishes.filter(({ wish }) => wish.address !== undefined).map(({ row }) => row))
    for (let row = 0; row < page.page.rows.length; row++) {
      if (!isOpen(page, row)) continue
      const claimant = page.page.rows.key(row)
      if (claimant === undefined || (this.#found && !addressed.has(row))) this.amend({ untied: true })
      if (claimant !== undefined) for (const list of this.#knownLists) wishes.push({ row, wish: { list, claimant } })
    }
    return wishes
  }

  /** A place on a list that was wished for by a row whose other actions did not arrive: kept with the row's reason. */
  #keepWish(page: PageWork, { row, wish, from }: RowWish): void {
    const [status, reason] = [page.status(row), page.reason(row)]
    if (from === undefined || wish.member === undefined || reason === undefined) return
    if (status === 'rejected' || status === 'parked')
      keep(page, from.action, from.key, { status, reason }, this.#context)
  }

  /** Rows that never became actions are kept as rows, but for those of the forgotten. */
  async #keepRows(page: PageWork): Promise<void> {
    const { rows } = page.page
    const refused: (WholeRow & { readonly at: number; readonly reason: Reason })[] = []
    for (let at = 0; at < rows.length; at++) {
      const reason = page.reason(at)
      if (page.status(at) !== 'rejected' || reason === undefined || page.hasActions(at)) continue
      refused.push({ row: rows.at(at), key: rows.key(at), at, reason })
    }
    const forgotten = await rowsOfTheForgotten(this.#context, refused)
    refused.forEach(({ at, reason }, nth) => {
      if (forgotten.has(nth)) page.forgotten.add(at)
      else keepRow(page, at, reason, this.#context)
    })
  }
}

const isOpen = (page: PageWork, row: number): boolean => {
  const status = page.status(row)
  return status === 'rejected' || status === 'parked'
}
