import type { Delivery } from '../destinations/destination.js'
import type { Reads, RunReport } from '../model/report.js'
import type { Schema } from '../model/row.js'
import type { Op, Store } from '../stores/store.js'
import type { Checkpoint } from './checkpoint.js'
import type { RunContext, Sender } from './context.js'
import type { OnAddresses } from './list-phase.js'
import type { SyncOptions } from './options.js'
import type { KeptRows } from './parked-rows.js'
import type { PlannedLoss } from './plan.js'

/** What a pass reads: the source, from where the last pass stood; or only what the store has kept, and then it stands where it stood. */
export interface Driven {
  readonly reads: Reads
  /** Rows that were kept, to be read before the source, beside those that `drift` parked. */
  readonly kept?: KeptRows | undefined
  /** Sends actions that were kept, after the rows, and in place of those that are parked; moves people first who have moved. */
  readonly actions?: ((context: RunContext, settleIdentity: () => Promise<void>) => Promise<void>) | undefined
  /** Runs follow one another by themselves: the guard of removals counts those of a whole day. */
  readonly guardsDay?: boolean
}

/** How anything that takes the lease and ends in a report is run. */
export interface Running {
  /** Aborted: no further page is read; what is on its way may finish. */
  readonly signal?: AbortSignal
  /** How long what is on its way may take after `signal` was aborted, in ms. Default 30,000. Then its fate stays unknown. */
  readonly graceMs?: number
  /** What to do while another process runs this sync: end with LEASE_HELD (default), or wait for it until `signal`. */
  readonly whenHeld?: WhenHeld
}

/** What to do while another process runs the sync: end with LEASE_HELD, or wait for it until the signal. */
export type WhenHeld = 'refuse' | 'wait'

/** How a pass is driven: for real, with the destination asked and the lease held; or for a plan, on overlays. */
export interface Drive extends Driven {
  readonly store: Store
  readonly identity: SyncOptions['identity']
  readonly lists: SyncOptions['lists']
  readonly commitMain: (ops: readonly Op[]) => Promise<void>
  readonly fence: readonly Op[]
  readonly sender: (delivery: Delivery, count: (endpoint: string) => void) => Sender
  /** Waits until what the destination accepted `sinceMs` ago has settled, or `sending` is aborted. */
  readonly settle: (sinceMs: number) => Promise<void>
  /** The how-manieth run of the sync this is. */
  readonly turn: number
  readonly reading: AbortSignal
  readonly sending: AbortSignal
  /** Told of the addresses that lists are about to be sent. */
  readonly onAddresses?: OnAddresses | undefined
  /** Told of every row that is rejected or parked, with its key: for who asked for payloads (I7). */
  readonly onLoss?: ((loss: PlannedLoss) => void) | undefined
  /** Called once all is sent; what it throws ends the run. */
  readonly ended?: () => void
  /** A pass that is taken over from a plan. */
  readonly pass?: { readonly epoch: string; readonly now: number }
}

export interface PassResult {
  readonly report: RunReport
  /** Where the pass began: what a plan is pinned to. */
  readonly began: Checkpoint | undefined
  /** The schema that the source described before it was read; `undefined` where it did not. */
  readonly described: Schema | undefined
  readonly epoch: string
  readonly now: number
  readonly version: string
}
