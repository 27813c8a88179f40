import { isDeparture } from '../model/action.js'
import { isOfTheForgotten, type Outcome } from '../model/outcome.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import { tryHeld } from './held.js'
import { heldSubject } from './held-ends.js'
import { keptIn } from './letter.js'

const PARKED_PER_TURN = 1_000

/** As a report has it. */
export interface Tried {
  readonly unparked: number
  /** Dropped: newer values were accepted since, the row has left, or the person was forgotten. */
  readonly overtaken: number
}

/**
 * Tries parked actions of former runs again: identity may have learned their address since. A membership becomes a claim;
 * one that is rejected becomes a dead letter.
 *
 * @param snapshot  this pass read the whole audience: what it did not show again has left
 * Upholds  I6: of a profile, fields that were accepted from a newer row stay as they are. I5.
 */
export async function tryParked(context: RunContext, { snapshot }: { readonly snapshot: boolean }): Promise<Tried> {
  const tried = { unparked: 0, overtaken: 0 }
  let after: Key | undefined
  for (;;) {
    const range = { prefix: checkpointKey(context.scope), after, limit: PARKED_PER_TURN }
    const entries = await context.store.scan('parked', range)
    const older = entries.filter((entry) => keptIn(entry).runId !== context.runId)
    const gone = new Set(snapshot ? older.filter((entry) => hasLeft(entry, context.epoch)) : [])
    await drop(context, gone)
    tried.overtaken += gone.size
    const staying = older.filter((one) => !gone.has(one))
    await tryHeld(context, { table: 'parked', entries: staying }, (entry, outcome) => {
      const { status } = outcome
      // A place on a list that is as it was wished for is no less than one that has to be told.
      const isClaim = keptIn(entry).action?.kind === 'membership'
      if (status === 'accepted' || (status === 'unchanged' && isClaim)) tried.unparked += 1
      else if (status === 'superseded' || status === 'unchanged' || isDropped(outcome)) tried.overtaken += 1
    })
    after = entries.at(-1)?.key
    if (entries.length < PARKED_PER_TURN || after === undefined) return tried
  }
}

/** Of somebody who was forgotten: nothing is kept of it. */
const isDropped = (outcome: Outcome): boolean => 'reason' in outcome && isOfTheForgotten(outcome.reason)

/** What a whole audience did not show again. Who is to be forgotten or deleted has left it, and that is no reason to drop it. */
function hasLeft(entry: Entry, now: string): boolean {
  const { epoch, action } = keptIn(entry)
  return epoch !== now && (action === undefined || !isDeparture(action.kind))
}

async function drop(context: RunContext, entries: ReadonlySet<Entry>): Promise<void> {
  if (entries.size === 0) return
  const main = [...entries].map(({ key }): Op => ({ op: 'delete', table: 'parked', key }))
  const over = [...entries].map((entry) => heldSubject([entry, { status: 'superseded' }]))
  await context.commits.commit({ main: [...main, ...context.history.ops(over)] })
}
