import type { ActionKind } from '../model/action.js'
import type { OutcomeStatus } from '../model/outcome.js'
import type { Reason } from '../model/value.js'
import type { Key, Op, Store } from '../stores/store.js'

/** Whose history it is. Every key begins with the project. */
export interface Scope {
  readonly project: string
  readonly sync: string
}

/** Where a history is kept. */
export interface Place {
  readonly store: Store
  readonly scope: Scope
}

/** How history is written: a commit of the caller's, who holds the sync's lease. */
export type Commit = (ops: readonly Op[]) => Promise<void>

/**
 * What an outcome is of: an action; a `row` that no action was made of; a `list`, where the destination was asked to add or
 * to remove an address (a `membership` is what a row asked for, and what the list is planned from).
 */
export type EndKind = ActionKind | 'row' | 'list'

/** What became of one action. */
export interface ActionEnd {
  readonly kind: EndKind
  readonly status: OutcomeStatus
  readonly reason?: Reason
  /** Of a membership or a list. */
  readonly list?: string
  /** Of the same: to be on it, or not. */
  readonly member?: boolean
}

/**
 * The parts of table `outcome`, each under [project, sync, part, ...]:
 *
 *     page    id           a finished page: head and entries in one record, until it is folded
 *     head    id           of a fold: which pages it holds, and the dictionary of its entries
 *     bucket  id, number   of a fold: the entries whose hash falls into this bucket
 *     folds                the list of all folds
 *     text    page id      keys and addresses in the clear, where `outcomes` is `plain`
 *     tail                 how much waits to be folded, and when retention was last seen to
 */
export type Part = 'page' | 'head' | 'bucket' | 'folds' | 'text' | 'tail'

export const partKey = ({ project, sync }: Scope, part: Part, ...more: readonly (string | number)[]): Key => [
  project,
  sync,
  part,
  ...more.map((one) => (typeof one === 'number' ? padded(one, 6) : one)),
]

/** So that the order of keys is the order of numbers. */
export const padded = (number: number, digits: number): string => String(number).padStart(digits, '0')

export const isoOf = (ms: number): string => new Date(ms).toISOString()
