import { outcomesIn } from '../history/options.js'
import { Recorder } from '../history/recorder.js'
import { runOp } from '../history/runs.js'
import { metSchema } from '../history/schemas.js'
import type { RunReport } from '../model/report.js'
import type { Schema } from '../model/row.js'
import type { Scope } from './checkpoint.js'
import type { Clock } from './clock.js'
import type { Sender } from './context.js'
import type { Drive } from './drive.js'
import type { SyncOptions } from './options.js'

/** What writes down the history of a run: for a plan, on its overlay. */
export function openRecorder(
  options: SyncOptions,
  { store, turn }: Drive,
  { scope, runId, clock }: { readonly scope: Scope; readonly runId: string; readonly clock: Clock },
): Promise<Recorder> {
  const { destination, history } = options
  const outcomes = outcomesIn(history)
  const now = (): number => clock.now()
  return Recorder.open({ store, scope }, { outcomes, runId, turn, addressedBy: destination.addressedBy, now })
}

export interface Recording {
  readonly scope: Scope
  readonly clock: Clock
  readonly history: Recorder
  readonly drive: Drive
  /** What is known of the run at its start. */
  readonly begun: RunReport
  /** The schema that it has met so far. */
  readonly met: () => Schema | undefined
}

/**
 * A run with its history around it. It is written down before anything else, so that one whose process dies stands there
 * as interrupted; what else it knows, the last requests and the schema, when it ends.
 */
export async function recorded(recording: Recording, go: () => Promise<void>): Promise<void> {
  const { scope, history, drive, begun } = recording
  await drive.commitMain([...history.begun, runOp(scope, begun)])
  try {
    await go()
  } catch (error) {
    await keep(recording).catch(() => undefined) // what ended the run is the error that counts
    throw error
  }
  await keep(recording)
  await history.tidy(drive.commitMain)
}

async function keep({ scope, clock, history, drive, met }: Recording): Promise<void> {
  const schema = met()
  const seen = schema && (await metSchema({ store: drive.store, scope }, schema, clock.now()))
  const ops = [...history.ops(), ...(seen === undefined ? [] : [seen])]
  if (ops.length > 0) await drive.commitMain(ops)
}

/** The same sender, which writes down each request once what it taught is durable. What we refuse ourselves is none. */
export function recordingBatches(sender: Sender, history: Recorder, clock: Clock): Sender {
  return {
    send: (block, by) =>
      sender.send(block, {
        ...by,
        async onSettled(settled) {
          await by.onSettled(settled)
          const { endpoint, outcomes, bytes, ms } = settled
          if (endpoint === '') return
          const count = (status: string): number => outcomes.filter(([, outcome]) => outcome.status === status).length
          const [accepted, rejected] = [count('accepted'), count('rejected')]
          history.batch({ at: clock.now(), endpoint, actions: outcomes.length, accepted, rejected, bytes, ms })
        },
      }),
  }
}
