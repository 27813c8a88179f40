import type { ListChunk } from '../delta/list-delta.js'
import { type ErrorCode, LakeloopError } from '../errors.js'
import type { ListRef } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Outcome } from '../model/outcome.js'
import type { ListCounts } from '../model/report.js'
import { carriedBy, dropCarried } from './carried.js'
import type { RunContext } from './context.js'
import { DayOfRemovals } from './day-of-removals.js'
import type { Settled } from './dispatch.js'
import { hit } from './failpoint.js'
import { endOf } from './subjects.js'

/** Addresses per request to a list. */
const CHUNK_MAX = 1_000
const CHUNKS_AT_ONCE = 4

export interface ListPhaseOptions {
  /** The source gave its whole audience, and every row of it was tied to its claimant. */
  readonly complete: boolean
  /** Waits until the profiles accepted last have settled, before the first address is added. */
  readonly settled: () => Promise<void>
  /** Told of every chunk before it goes out. */
  readonly onAddresses?: OnAddresses | undefined
  /** The guard counts the removals of the last day too. */
  readonly guardsDay: boolean
}

/**
 * Some addresses that are to join or to leave a list: all removals, then all additions of one list after the other. The
 * next are worked out once it has returned, or its promise was kept.
 */
export type OnAddresses = (part: {
  readonly list: ListRef
  readonly op: 'add' | 'remove'
  readonly addresses: readonly string[]
}) => void | Promise<void>

/**
 * After the last page: for each list of this sync, sends the difference between who should be on it and who is.
 *
 * Upholds  I1 (an intent before each call, settled after it), I11 (removals are decided here, once, and guarded).
 */
export async function listPhase(
  context: RunContext,
  options: ListPhaseOptions,
): Promise<{ readonly lists: readonly ListCounts[]; readonly held?: LakeloopError }> {
  const { lists, scope, epoch, fence, events } = context
  const owner = { project: scope.project, owner: scope.sync, epoch }
  const counted: ListCounts[] = []
  let held: LakeloopError | undefined
  for (const list of await lists.lists(owner)) {
    const day = await DayOfRemovals.of(context, list)
    const removed = options.guardsDay ? day.removed : undefined
    const delta = await lists.plan({ ...owner, list, complete: options.complete, removed, fence })
    try {
      if (delta.summary.add > 0 && !context.carries) await options.settled()
      if (delta.guard !== undefined) held ??= new LakeloopError(delta.guard.code as ErrorCode, delta.guard.facts)
      const chunks = told(delta.chunks({ sizeMax: CHUNK_MAX }), list, options.onAddresses)
      const sent = await sendChunks({ context, list, day, settled: options.settled }, chunks)
      const counts = { list: String(list), ...sent, keep: delta.summary.keep, held: delta.summary.held }
      counted.push(counts)
      events.tell('list', counts)
    } finally {
      await delta[Symbol.asyncDispose]()
    }
  }
  await dropCarried(context)
  return held === undefined ? { lists: counted } : { lists: counted, held }
}

async function* told(
  chunks: AsyncIterable<ListChunk>,
  list: ListRef,
  onAddresses: OnAddresses | undefined,
): AsyncGenerator<ListChunk> {
  for await (const chunk of chunks) {
    await onAddresses?.({ list, op: chunk.op, addresses: chunk.addresses })
    yield chunk
  }
}

interface Sending {
  readonly context: RunContext
  readonly list: ListRef
  readonly day: DayOfRemovals
  readonly settled: () => Promise<void>
}

async function sendChunks(sending: Sending, chunks: AsyncIterable<ListChunk>) {
  const total = { add: 0, remove: 0, rejected: 0 }
  const flying = new Set<Promise<void>>()
  let failed: unknown
  const launch = (chunk: ListChunk): void => {
    const flight = sendChunk(sending, chunk, total)
      .catch((error: unknown) => {
        failed ??= error
      })
      .finally(() => flying.delete(flight))
    flying.add(flight)
  }
  for await (const chunk of chunks) {
    if (failed !== undefined) break
    launch(chunk)
    if (flying.size >= CHUNKS_AT_ONCE) await Promise.race(flying)
  }
  await Promise.all(flying)
  if (failed !== undefined) throw failed
  return total
}

async function sendChunk(
  { context, list, day, settled }: Sending,
  chunk: ListChunk,
  total: { add: number; remove: number; rejected: number },
): Promise<void> {
  const { destination, sender } = context
  const isAdd = chunk.op === 'add'
  const fields = isAdd ? await carriedBy(context, chunk.addresses) : []
  if (isAdd && context.carries && fields.includes(undefined)) await settled()
  const block = actionBlock(
    chunk.addresses.map((address, at) => ({
      kind: 'membership' as const,
      identifiers: { [destination.addressedBy]: address },
      list,
      member: isAdd,
      ...(fields[at] === undefined ? {} : { dataFields: fields[at] }),
    })),
    chunk.addresses.map((address) => ({ address })),
  )
  const outcomes: Outcome[] = []
  if (!isAdd) await day.add(chunk.addresses.length)
  FAILPOINT: hit('before-list-intent')
  await chunk.intend()
  FAILPOINT: hit('after-list-intent')
  const onSettled = async (settled: Settled): Promise<void> => {
    for (const [at, outcome] of settled.outcomes) outcomes[at] = outcome
  }
  await sender.send(block, { onSettled })
  FAILPOINT: hit('before-list-settled')
  await record(context, list, chunk, outcomes)
  await chunk.settle(outcomes)
  FAILPOINT: hit('after-list-settled')
  for (const { status } of outcomes) total[status === 'rejected' ? 'rejected' : chunk.op] += 1
}

/** Before it is settled: what is not comes again after a crash, and is recorded again because it was sent again. */
async function record(
  { history, commits, destination }: RunContext,
  list: ListRef,
  { addresses, op }: ListChunk,
  outcomes: readonly Outcome[],
): Promise<void> {
  if (!history.keeps) return
  const ends = outcomes.map((outcome) => [endOf('list', outcome, { list, member: op === 'add' })])
  const subjects = addresses.map((address, at) => ({
    identifiers: { [destination.addressedBy]: address },
    key: undefined,
    address,
    ends: ends[at] ?? [],
  }))
  await commits.commit({ main: history.ops(subjects) })
  await history.tidy((main) => commits.commit({ main }))
}
