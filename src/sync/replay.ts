import { LakeloopError } from '../errors.js'
import { actionBlock } from '../model/action-block.js'
import type { Outcome } from '../model/outcome.js'
import type { Reason } from '../model/value.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { readCheckpoint } from './checkpoint.js'
import type { RunContext } from './context.js'
import type { Driven } from './drive.js'
import { evidenceOf } from './evidence.js'
import { hit } from './failpoint.js'
import { FieldOwners } from './field-owners.js'
import { HELD_MAX, tryHeld } from './held.js'
import { endOps, heldSubject, newerIn } from './held-ends.js'
import { isOfRow, keptIn, kindOf, orderOf, rowKeyOf } from './letter.js'
import { chosenLetters, type LetterSelection } from './letter-choice.js'
import { isAfter, type Order } from './order.js'
import { blockOf, type KeptRows } from './parked-rows.js'

/** Letters that are put in order at once, by their keys alone; what is beyond is ordered for itself. */
const SORTED_MAX = 100_000

/**
 * What a replay of dead letters reads and tries: rows go through the transform again, then actions are sent as they were
 * kept, each in the order in which they were read.
 *
 * Upholds  I2 (event ids, intents), I4 (a letter leaves in the commit of its outcome), I6 (nothing that was accepted since
 *          is overwritten; what a whole audience has not shown again since is not sent).
 */
export function replayOf(selection: LetterSelection, sharedFields: readonly string[]): Driven {
  return {
    reads: 'deadLetters',
    kept: rowsOf(selection),
    actions: (context, settleIdentity) => replayActions(context, { selection, sharedFields, settleIdentity }),
  }
}

const rowsOf = (selection: LetterSelection): KeptRows =>
  async function* (context, { judging, pageSize, cursor }) {
    const { facts } = context
    for await (const slice of inOrder(context, selection, { rows: true, sizeMax: Math.min(pageSize, HELD_MAX) })) {
      const letters = await withoutOvertaken(context, slice)
      if (letters.length === 0) continue
      const refused = new Map<number, Reason>()
      letters.forEach((entry, at) => {
        const reason = unreadable(entry, facts)
        if (reason !== undefined) refused.set(at, reason)
      })
      const rows = letters.map((entry) => {
        const { row = {}, changedAt = null } = keptIn(entry)
        return { row, changedAt, key: rowKeyOf(entry) ?? null }
      })
      const schema = judging.before ?? { columns: [] }
      yield {
        page: { schema, rows: blockOf(rows, refused), cursor, mode: 'changes' },
        done: letters.map(({ key }): Op => ({ op: 'delete', table: 'deadLetter', key })),
        former: { orders: letters.map(orderOf), keptAt: letters.map((entry) => keptIn(entry).at), letters },
      }
    }
  }

/** Why the transform cannot be shown a row: what is not there would read as if it were empty. */
function unreadable(entry: Entry, { reads }: RunContext['facts']): Reason | undefined {
  const { row = {}, by, lacks = [], edited, reason } = keptIn(entry)
  if (by === 'source' && edited === undefined) {
    return { code: 'DEAD_LETTER_UNCHANGED', facts: { ...reason.facts, code: reason.code } }
  }
  const missing = reads.find(({ column }) => !Object.hasOwn(row, column) && !lacks.includes(column))
  return missing && { code: 'DEAD_LETTER_OUTDATED', facts: { column: missing.column, at: missing.at } }
}

interface Replaying {
  readonly selection: LetterSelection
  readonly sharedFields: readonly string[]
  readonly settleIdentity: () => Promise<void>
}

async function replayActions(
  context: RunContext,
  { selection, sharedFields, settleIdentity }: Replaying,
): Promise<void> {
  const { tally, events, reading } = context
  const owners = new FieldOwners(context, sharedFields)
  for await (const slice of inOrder(context, selection, { rows: false, sizeMax: HELD_MAX })) {
    if (reading.aborted) throw new LakeloopError('ABORTED')
    const letters = await withoutOvertaken(context, slice)
    tally.read(letters.length)
    const told = (_: Entry, outcome: Outcome): void =>
      tally.row(outcome.status, 'reason' in outcome ? outcome.reason : undefined)
    const [nameless, entries] = [letters.filter(isNameless), letters.filter((one) => !isNameless(one))]
    await keepOn(context, nameless, told)
    if (await learn(context, entries)) await settleIdentity()
    await owners.take(actionBlock(entries.flatMap((entry) => keptIn(entry).action ?? [])))
    await tryHeld(context, { table: 'deadLetter', entries }, told)
    events.tell('progress', { rows: tally.counts })
  }
}

/** Of an address change that was kept by name only, as versions before did. */
const isNameless = (entry: Entry): boolean => keptIn(entry).action === undefined

async function keepOn(
  context: RunContext,
  letters: readonly Entry[],
  told: (entry: Entry, outcome: Outcome) => void,
): Promise<void> {
  if (letters.length === 0) return
  const ends = letters.map((entry) => [entry, { status: 'rejected', reason: keptIn(entry).reason }] as const)
  await context.commits.commit({ main: await endOps(context, 'deadLetter', ends) })
  for (const [entry, outcome] of ends) told(entry, outcome)
}

/** Identifiers that somebody has edited are a record of their own, beside the one that the row is. */
async function learn({ identity, source }: RunContext, entries: readonly Entry[]): Promise<boolean> {
  const edited = entries.filter((entry) => keptIn(entry).edited !== undefined && rowKeyOf(entry) !== undefined)
  const block = actionBlock(
    edited.flatMap((entry) => keptIn(entry).action ?? []),
    edited.map((entry) => ({ key: `${rowKeyOf(entry)}#edited`, changedAt: keptIn(entry).edited })),
  )
  const evidence = evidenceOf(block, source.name)
  if (evidence.length > 0) await identity.observe(evidence)
  FAILPOINT: if (evidence.length > 0) hit('after-letters-learned')
  return evidence.length > 0
}

/** What is about somebody whatever rows there are. */
const staysWithout = (kind: string): boolean => kind === 'forget' || kind === 'delete' || kind === 'addressChange'

/** Drops, as superseded, letters that something newer of their row has taken the place of, or whose row has left since. */
async function withoutOvertaken(context: RunContext, entries: readonly Entry[]): Promise<readonly Entry[]> {
  const isNewer = await newerIn(context, 'parked', entries)
  const checkpoint = await readCheckpoint(context.store, context.scope)
  const whole = checkpoint?.whole
  const hasLeft = (entry: Entry): boolean => {
    const { epoch } = keptIn(entry)
    if (whole === undefined || epoch === whole.epoch || staysWithout(kindOf(entry))) return false
    return isAfter([whole.turn, 0], orderOf(entry))
  }
  const over = new Set(entries.filter((entry) => isNewer(entry) || hasLeft(entry)))
  if (over.size === 0) return entries
  const main = [...over].map(({ key }): Op => ({ op: 'delete', table: 'deadLetter', key }))
  const subjects = [...over].map((entry) => heldSubject([entry, { status: 'superseded' }]))
  await context.commits.commit({ main: [...main, ...context.history.ops(subjects)] })
  context.tally.read(over.size)
  for (const _ of over) context.tally.row('superseded')
  return entries.filter((entry) => !over.has(entry))
}

/** The chosen letters of rows, or of actions, in slices, as they were read. What this run itself has refused is done. */
async function* inOrder(
  context: RunContext,
  selection: LetterSelection,
  { rows, sizeMax }: { readonly rows: boolean; readonly sizeMax: number },
): AsyncGenerator<readonly Entry[]> {
  const { store, scope, runId } = context
  let picked: { readonly key: Key; readonly order: Order }[] = []
  for await (const entry of chosenLetters(store, scope, selection)) {
    if (isOfRow(entry) !== rows || keptIn(entry).runId === runId) continue
    picked.push({ key: entry.key, order: orderOf(entry) })
    if (picked.length < SORTED_MAX) continue
    yield* sorted(context, picked, sizeMax)
    picked = []
  }
  yield* sorted(context, picked, sizeMax)
}

async function* sorted(
  { store }: RunContext,
  picked: { readonly key: Key; readonly order: Order }[],
  sizeMax: number,
): AsyncGenerator<readonly Entry[]> {
  picked.sort((a, b) => (isAfter(a.order, b.order) ? 1 : -1))
  for (let at = 0; at < picked.length; at += sizeMax) {
    const keys = picked.slice(at, at + sizeMax).map(({ key }) => key)
    const values = await store.get('deadLetter', keys)
    const found = keys.flatMap((key, nth) => (values[nth] === undefined ? [] : [{ key, value: values[nth] }]))
    if (found.length > 0) yield found
  }
}
