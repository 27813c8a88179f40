import type { Delivery } from '../destinations/destination.js'
import type { Recorder } from '../history/recorder.js'
import type { TransformFacts } from '../transform/transform.js'
import { AddressMemory } from './address-memory.js'
import type { Checkpoint, Scope } from './checkpoint.js'
import type { Clock } from './clock.js'
import { commitsTo } from './commits.js'
import { leftBehindIn, type RunContext } from './context.js'
import { Departures } from './departures.js'
import type { Drive } from './drive.js'
import type { SyncEmitter } from './events.js'
import { FieldGroups } from './field-groups.js'
import { Intents } from './intents.js'
import { fenceIn } from './lease.js'
import type { SyncOptions } from './options.js'
import { Progress } from './progress.js'
import { recordingBatches } from './recording.js'
import type { Tally } from './tally.js'
import { toldSender } from './told-sender.js'
import { UnderWay } from './under-way.js'

/** What the work of a run is done with. */
export interface Parts {
  readonly options: Omit<SyncOptions, 'store' | 'encryption'>
  readonly drive: Drive
  readonly facts: TransformFacts
  readonly delivery: Delivery
  readonly history: Recorder
  readonly events: SyncEmitter
  readonly clock: Clock
  readonly scope: Scope
  readonly runId: string
  readonly tally: Tally
  /** Counted here, by endpoint. */
  readonly requests: Record<string, number>
  readonly checkpoint: Checkpoint
  /** Of the pass, in ms. */
  readonly now: number
  /** When the destination may have accepted a profile last, on the clock's `elapsed`. */
  readonly acceptedAt: number | undefined
  readonly arrived: () => Promise<void>
}

/** What the parts of one run share, as its start finds it. */
export async function runContext(parts: Parts): Promise<RunContext> {
  const { options, drive, delivery, history, clock, scope, requests, checkpoint } = parts
  const { source, transform, audience, destination, nulls = 'omit', adds, fieldGroups, start = 'backfill' } = options
  const full = checkpoint.mode === 'full' && drive.reads === 'source'
  const { store, identity, lists, commitMain } = drive
  const { leftBehind, parked, parkedRows } = await leftBehindIn(store, scope)
  const underWay = await UnderWay.of(store, { scope, reads: drive.reads, runId: parts.runId })
  const count = (endpoint: string): void => {
    requests[endpoint] = (requests[endpoint] ?? 0) + 1
  }
  return {
    scope,
    runId: parts.runId,
    epoch: checkpoint.epoch,
    now: parts.now,
    nulls,
    carries: adds === 'carry',
    clock,
    source,
    transform,
    audience,
    facts: parts.facts,
    identity,
    lists,
    store,
    destination,
    delivery,
    sender: toldSender(recordingBatches(drive.sender(delivery, count), history, clock), parts.events),
    history,
    commits: commitsTo({ main: store, identity: identity.store, lists: lists.store }, commitMain),
    fence: fenceIn(lists.store, store, drive.fence),
    events: parts.events,
    tally: parts.tally,
    progress: new Progress(clock),
    memory: new AddressMemory({ store, scope, epoch: checkpoint.epoch, full, parked, parkedRows, underWay }),
    underWay,
    intents: new Intents(),
    groups: fieldGroups && new FieldGroups(fieldGroups),
    anchors: identity.anchors.filter((name) => name !== identity.target),
    full,
    start,
    turn: drive.turn,
    onLoss: drive.onLoss,
    departures: await Departures.of(store, scope.project),
    settling: { acceptedAt: parts.acceptedAt },
    arrived: parts.arrived,
    leftBehind,
    reading: drive.reading,
    sending: drive.sending,
  }
}
