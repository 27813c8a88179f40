import type { ListDeltaComputer } from '../delta/list-delta.js'
import type { Delivery, Destination } from '../destinations/destination.js'
import type { Recorder } from '../history/recorder.js'
import type { IdentityResolver } from '../identity/resolver.js'
import type { Source } from '../sources/source.js'
import type { Op, Store } from '../stores/store.js'
import type { TransformFacts } from '../transform/transform.js'
import type { AddressMemory } from './address-memory.js'
import type { Audience, Program } from './audience.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import type { Clock } from './clock.js'
import type { Commits } from './commits.js'
import type { Departures } from './departures.js'
import type { Sent } from './dispatch.js'
import type { SyncEmitter } from './events.js'
import type { FieldGroups } from './field-groups.js'
import type { Intents } from './intents.js'
import type { PlannedLoss } from './plan.js'
import type { Progress } from './progress.js'
import type { Tally } from './tally.js'
import type { UnderWay } from './under-way.js'

/** Sends blocks: the real one asks the destination, a plan's only writes down what would be sent. */
export interface Sender {
  send(block: Parameters<Delivery['prepare']>[0], by: Sent): Promise<void>
}

/** Who asks, for a source that can write it beside its statements. */
export const tagsOf = (sync: string, run: string) => ({ lakeloop_sync: sync, lakeloop_run: run })

/** What the parts of one run share. Made once, at its start. */
export interface RunContext {
  readonly scope: Scope
  readonly runId: string
  /** The pass over the source: see `Checkpoint`. */
  readonly epoch: string
  /** `now` of the pass, in ms. */
  readonly now: number
  readonly nulls: 'omit' | 'remove'
  /** Additions to lists carry the fields of their profile. */
  readonly carries: boolean
  readonly clock: Clock
  readonly source: Source
  readonly transform: Pick<Program, 'name' | 'run'>
  readonly audience: Audience | undefined
  readonly facts: TransformFacts
  readonly identity: IdentityResolver
  readonly lists: ListDeltaComputer
  readonly store: Store
  readonly destination: Destination
  readonly delivery: Delivery
  readonly sender: Sender
  readonly commits: Commits
  /** Writes down what became of actions, in the commits that the answers lead to. */
  readonly history: Recorder
  /** `check` ops for what lists write; none where they have a store of their own. */
  readonly fence: readonly Op[]
  readonly events: SyncEmitter
  readonly tally: Tally
  readonly progress: Progress
  /** See `Drive`. */
  readonly onLoss: ((loss: PlannedLoss) => void) | undefined
  readonly memory: AddressMemory
  readonly underWay: UnderWay
  readonly intents: Intents
  /** Parts of a profile that are sent apart; `undefined`: it is sent as a whole. */
  readonly groups: FieldGroups | undefined
  /** Namespaces of which an identifier means a person, the strongest first, without that of addresses. */
  readonly anchors: readonly string[]
  /** What was sent before is sent again, where that is harmless. */
  readonly full: boolean
  /** Where a sync without a position begins. */
  readonly start: 'backfill' | 'now'
  readonly departures: Departures
  /** The how-manieth run of the sync this is: what a later run read is newer. */
  readonly turn: number
  /** When the destination last accepted a profile, on the clock's `elapsed`; set by whoever sends. */
  readonly settling: { acceptedAt: number | undefined }
  /** Returns once reads of the destination show what was on its way when this run began. Throws ABORTED. */
  readonly arrived: () => Promise<void>
  /** Tables that hold something that was kept, by a former run or since. */
  readonly leftBehind: Set<'parked' | 'deadLetter'>
  /** Aborted: no further page is read. */
  readonly reading: AbortSignal
  /** Aborted: what is on its way is given up as unknown. */
  readonly sending: AbortSignal
}

/** Whether former runs have left something: in which tables of actions, and anything parked at all, rows too. */
export async function leftBehindIn(store: Store, scope: Scope) {
  const leftBehind = new Set<'parked' | 'deadLetter'>()
  for (const table of ['parked', 'deadLetter'] as const) {
    const held = await store.scan(table, { prefix: checkpointKey(scope), limit: 1 })
    if (held.length > 0) leftBehind.add(table)
  }
  const [parkedRow] = await store.scan('parkedRow', { prefix: checkpointKey(scope), limit: 1 })
  const parkedRows = parkedRow !== undefined
  return { leftBehind, parkedRows, parked: leftBehind.size > 0 || parkedRows }
}
