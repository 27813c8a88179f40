import type { Wish } from '../delta/list-delta.js'
import type { ActionBlock } from '../model/action.js'
import { actionAt } from '../model/action-block.js'
import { isOfTheForgotten, type Outcome, type OutcomeStatus, worse } from '../model/outcome.js'
import type { Json, Reason } from '../model/value.js'
import type { Page } from '../sources/source.js'
import type { Entry, Key, Op } from '../stores/store.js'
import type { RowFate } from '../transform/transform.js'
import type { ProfileWrite } from './address-memory.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import { kept, keptAgain, keptIn } from './letter.js'
import type { Order } from './order.js'

/** An action that waits for its outcome. */
export interface Pending {
  readonly page: PageWork
  readonly action: number
  readonly address: string
  /** Set where the destination's acceptance binds this address to this person for the first time. */
  readonly bind: string | undefined
  /** Unique within the sync and stable across runs, so that a repeat replaces what is remembered; absent without a row key. */
  readonly key: Key | undefined
  /** Of an event and the like; a profile's is in `write`. */
  readonly fingerprint: string | undefined
  readonly write: ProfileWrite | undefined
  /** What is left of the action, where newer rows have written some of its fields. */
  readonly rest: ActionBlock | undefined
  /** A run that died may have sent it: its intent is there, and no answer (I2). */
  readonly again: boolean
  /** Fingerprints of what former runs may have sent under its key. */
  readonly intended: readonly string[]
  /** It changes what the destination holds by what we remember: until there is an answer nobody knows which of the two is there. */
  readonly replaces: boolean
  /** Tables in which a former run left this action, to be cleared when it is accepted. */
  readonly left: readonly ('parked' | 'deadLetter')[]
}

/** A wish for a list, decided when the rest of its row is; with the action that it came from, where there is one. */
export interface RowWish {
  readonly row: number
  readonly wish: Wish
  readonly from?: Pick<Pending, 'action' | 'left'> & { readonly key?: Key | undefined }
}

/** A page of the source, or of rows that were kept: those leave the cursor where it stands, which may be nowhere. */
export type ReadPage = Omit<Page, 'cursor'> & { readonly cursor: Page['cursor'] | null }

/** Of rows that were read in former runs. */
export interface Former {
  /** When each of them was read: newer rows may have been accepted since. */
  readonly orders: readonly Order[]
  /** When each of them was first kept, as ISO 8601. */
  readonly keptAt: readonly string[]
  /** What each of them was kept as, where they are dead letters. */
  readonly letters?: readonly Entry[]
}

/** What became of a row before any action was sent. */
export type FirstFate = RowFate | { readonly status: 'parked'; readonly reason: Reason }

/**
 * One page on its way: what became of each row so far, and what is still waited for.
 *
 * Upholds  I4: `settle` is called once per action; a row's status is the worst of its actions'.
 */
export class PageWork {
  readonly page: ReadPage
  readonly block: ActionBlock
  readonly wishes: RowWish[] = []
  /** What to remember when the page is finished: parked actions and dead letters (I4: durable before the cursor). */
  readonly kept: Op[] = []
  /** Actions that ended well, by what is remembered of them. */
  readonly taken: { readonly key: Key; readonly row: number }[] = []
  /** What was written down before it was sent, or may have been sent by a former run. */
  readonly intended: (readonly [key: Key, print: string])[] = []
  /** How many pages were finished when this one was looked up in the store. */
  beganAt = 0
  /** Its rows are some that the store kept, and none of what a pass over the source reads. */
  isOfStore = false
  /** Rows that no action was made of and that show somebody who was forgotten: nothing tells of them. */
  readonly forgotten = new Set<number>()
  /** Actions without an outcome. */
  waiting = 0
  readonly #status: (OutcomeStatus | undefined)[]
  readonly #reasons = new Map<number, Reason>()
  /** By action: its own outcome, and where the destination has whom it is about. */
  readonly #outcomes: (Outcome | undefined)[]
  readonly #addresses: (string | undefined)[]
  readonly #fates: readonly FirstFate[]
  readonly #first: Order
  readonly #former: Former | undefined

  /**
   * @param first   of the page's first row
   * @param former  of its rows, where they were read in former runs
   */
  constructor(page: ReadPage, block: ActionBlock, fates: readonly FirstFate[], first: Order, former?: Former) {
    this.#first = first
    this.#former = former
    this.page = page
    this.block = block
    this.#fates = fates
    this.#status = new Array<OutcomeStatus | undefined>(page.rows.length)
    this.#outcomes = new Array<Outcome | undefined>(block.length)
    this.#addresses = new Array<string | undefined>(block.length)
    fates.forEach((fate, row) => {
      if (fate.status !== 'made') this.note(row, fate)
    })
  }

  /** The worst so far wins; the reason of the worst is kept. */
  note(row: number, outcome: Outcome): void {
    const before = this.#status[row]
    const status = before === undefined ? outcome.status : worse(before, outcome.status)
    if (status === before) return
    this.#status[row] = status
    if ('reason' in outcome) this.#reasons.set(row, outcome.reason)
    else this.#reasons.delete(row)
  }

  /** When the row of an action was read. */
  order(action: number): Order {
    return this.rowOrder(this.block.row(action))
  }

  /** When a row was read. */
  rowOrder(row: number): Order {
    const [turn, first] = this.#first
    return this.#former?.orders[row] ?? [turn, first + row]
  }

  /** When the row was first kept, where it was read in a former run. */
  keptAt(row: number): string | undefined {
    return this.#former?.keptAt[row]
  }

  /** What a row was kept as before this run. */
  letter(row: number): Entry | undefined {
    return this.#former?.letters?.[row]
  }

  /** True for rows of former runs: newer ones may have been accepted since. */
  get late(): boolean {
    return this.#former !== undefined
  }

  /** An action has its outcome, and its row with it. */
  end(action: number, outcome: Outcome): void {
    this.#outcomes[action] = outcome
    this.note(this.block.row(action), outcome)
  }

  settle(action: number, outcome: Outcome): void {
    this.waiting -= 1
    this.end(action, outcome)
  }

  /** What became of an action by itself; `undefined` where only its row tells. */
  outcome(action: number): Outcome | undefined {
    return this.#outcomes[action]
  }

  found(action: number, address: string): void {
    this.#addresses[action] = address
  }

  address(action: number): string | undefined {
    return this.#addresses[action]
  }

  status(row: number): OutcomeStatus | undefined {
    return this.#status[row]
  }

  reason(row: number): Reason | undefined {
    return this.#reasons.get(row)
  }

  /** False for a row that the source or the transform refused: there is no action to keep, so the row is kept. */
  hasActions(row: number): boolean {
    return this.#fates[row]?.status === 'made'
  }
}

/** What an event's id is made of: the source and the key of the action, so that a repeat is the same event (I2). */
export const originKey = (source: string, key: Key): string => JSON.stringify([source, ...key.slice(2)])

/** Keeps a parked or rejected action whole. Without a row key it is kept under the run and its number (bounded by the circuit). */
export function keep(
  work: PageWork,
  action: number,
  key: Key | undefined,
  outcome: Outcome,
  context: RunContext,
): void {
  if (!('reason' in outcome) || outcome.status === 'filtered' || isOfTheForgotten(outcome.reason)) return
  const table = outcome.status === 'parked' ? 'parked' : 'deadLetter'
  context.memory.parked = true
  const changedAt = work.block.changedAt(action)
  const what = {
    order: work.order(action),
    action: actionAt(work.block, action) as unknown as Json,
    ...(changedAt === undefined ? {} : { changedAt }),
    ...(key === undefined ? { unkeyed: true } : {}),
  }
  const value = kept(what, outcome.reason, context)
  work.kept.push({ op: 'put', table, key: key ?? unkeyed(work, action, context), value })
}

/** Keeps a row whole that never became actions; one that was kept before stays where it is, with one more attempt. */
export function keepRow(work: PageWork, row: number, reason: Reason, context: RunContext): void {
  const letter = work.letter(row)
  if (letter !== undefined) {
    const value = keptAgain(keptIn(letter), reason, context)
    work.kept.push({ op: 'put', table: 'deadLetter', key: letter.key, value })
    return
  }
  const { rows, schema } = work.page
  const [rowKey, changedAt, read] = [rows.key(row), rows.changedAt(row), rows.at(row)]
  const lacks = schema.columns.map(({ name }) => name).filter((name) => !Object.hasOwn(read, name))
  const what = {
    row: read,
    order: work.rowOrder(row),
    ...(changedAt === undefined ? {} : { changedAt }),
    ...(rowKey === undefined ? { unkeyed: true } : {}),
    ...(rows.refused.has(row) ? { by: 'source' } : {}),
    ...(lacks.length === 0 ? {} : { lacks }),
  }
  const key =
    rowKey === undefined ? unkeyedRow(work, row, 'row', context) : [...checkpointKey(context.scope), rowKey, 'row']
  work.kept.push({ op: 'put', table: 'deadLetter', key, value: kept(what, reason, context) })
}

const unkeyed = (work: PageWork, action: number, context: RunContext): Key =>
  unkeyedRow(work, work.block.row(action), `${work.block.kind(action)}#${action}`, context)

/** Under which what is kept of a row without a key stands: no other row of any run is kept so. */
const unkeyedRow = (work: PageWork, row: number, what: string, { scope, runId }: RunContext): Key => [
  ...checkpointKey(scope),
  `${runId}/${work.rowOrder(row).join('.')}`,
  what,
]
