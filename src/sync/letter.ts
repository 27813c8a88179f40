import type { Action, ActionKind } from '../model/action.js'
import type { Row } from '../model/row.js'
import type { Json, JsonObject, Reason } from '../model/value.js'
import type { Entry, Key } from '../stores/store.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import type { RunContext } from './context.js'
import type { Order } from './order.js'

/** What is kept of an action, or of a row that never became one: a dead letter, or what is parked. */
export interface Kept {
  readonly action?: Action
  readonly row?: Row
  /** Of an address change: whose. */
  readonly profileId?: string
  /** When its row was read. */
  readonly order?: Order
  readonly changedAt?: string
  /** Its row has no key: it is kept under the run and when it was read. */
  readonly unkeyed?: true
  /** Of a row that the source itself refused. */
  readonly by?: 'source'
  /** Columns that the schema had and the row left out. */
  readonly lacks?: readonly string[]
  readonly reason: Reason
  /** That refused it last. */
  readonly runId: string
  readonly epoch: string
  /** When it was first kept, as ISO 8601. */
  readonly at: string
  /** Replays that did not help, and when the last one ended. */
  readonly attempts?: number
  readonly triedAt?: string
  /** When somebody edited it last. */
  readonly edited?: string
  /** It was about to be sent again, and there was no answer yet (I2). */
  readonly sent?: true
}

export const keptIn = ({ value }: Entry): Kept => value as unknown as Kept

/** Of what was read before orders were kept: older than anything. */
export const orderOf = (entry: Entry): Order => keptIn(entry).order ?? [0, 0]

/** What is kept of something now, with why and by which run. */
export function kept(what: JsonObject, reason: Reason, context: RunContext): Json {
  const at = new Date(context.clock.now()).toISOString()
  return { ...what, reason: { code: reason.code, facts: reason.facts }, runId: context.runId, epoch: context.epoch, at }
}

/** Reasons of a replay's own: they say why it could not help, and not why the letter is one. */
const OF_THE_REPLAY: ReadonlySet<string> = new Set(['DEAD_LETTER_UNCHANGED', 'DEAD_LETTER_OUTDATED'])

/** A dead letter that a replay did not help: as it was, with one more attempt. */
export function keptAgain(letter: Kept, given: Reason, { runId, clock }: RunContext): Json {
  const { sent, ...rest } = letter
  const reason = OF_THE_REPLAY.has(given.code) ? letter.reason : { code: given.code, facts: given.facts }
  const triedAt = new Date(clock.now()).toISOString()
  return { ...rest, reason, runId, attempts: (letter.attempts ?? 0) + 1, triedAt } as unknown as Json
}

/** True for the letter of a row that never became actions. */
export const isOfRow = ({ key }: Entry): boolean => key.at(-1) === 'row'

/** The key of the row of a letter, where it has one. */
export const rowKeyOf = (entry: Entry): string | undefined => (keptIn(entry).unkeyed ? undefined : entry.key.at(-2))

export const kindOf = (entry: Entry): ActionKind | 'row' =>
  keptIn(entry).action?.kind ?? ((entry.key.at(-1) ?? '').replace(/#.*$/, '') as ActionKind | 'row')

/** Of the longest key. */
const ID_LENGTH_MAX = 5_000

/** Names an entry for people and command lines: its key without project and sync. No part of a key has a line break. */
export const idOf = ({ key }: Pick<Entry, 'key'>): string => Buffer.from(key.slice(2).join('\n')).toString('base64url')

/** The key of an id; `undefined` for a text that is none. */
export function keyOfId(scope: Scope, id: unknown): Key | undefined {
  if (typeof id !== 'string' || id.length > ID_LENGTH_MAX) return undefined
  const parts = Buffer.from(id, 'base64url').toString('utf8').split('\n')
  const key = [...checkpointKey(scope), ...parts]
  return parts.length === 2 && !parts.includes('') && idOf({ key }) === id ? key : undefined
}
