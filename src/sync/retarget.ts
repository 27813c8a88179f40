import type { AddressChange } from '../identity/resolver.js'
import { actionBlock } from '../model/action-block.js'
import type { Outcome } from '../model/outcome.js'
import type { Op } from '../stores/store.js'
import { checkpointKey, writeCheckpoint } from './checkpoint.js'
import type { RunContext } from './context.js'
import type { Settled } from './dispatch.js'
import { unbound } from './first-writes.js'
import { kept } from './letter.js'
import { subjectOf } from './subjects.js'
import type { Window } from './window.js'

const CHANGES_MAX = 1_000

/**
 * Drains identity's feed of changes: people whose address moved are moved at the destination first (`addressChange`),
 * then their binding and their list state, also those who are not in today's rows. Gives how many were moved.
 *
 * @param also  profile ids that are looked at whatever the feed tells
 *
 * Repeat  the feed's position moves with the commit of what it led to; a change that comes again is harmless (I2).
 */
export async function drainIdentity(
  context: RunContext,
  window: Window,
  also: readonly string[] = [],
): Promise<number> {
  let moved = 0
  for (let round = 0; ; round += 1) {
    const from = { project: context.scope.project, after: window.checkpoint.identityAfter, limit: CHANGES_MAX }
    const { changes, after } = await context.identity.changes(round === 0 ? { ...from, also } : from)
    const moves = changes.filter((change): change is Move => change.to !== undefined && change.to !== change.from)
    if (moves.length > 0) moved += await move(context, moves)
    if (after !== window.checkpoint.identityAfter) {
      window.amend({ identityAfter: after })
      await context.commits.commit({ main: [writeCheckpoint(context.scope, window.checkpoint)] })
    }
    if (changes.length < CHANGES_MAX) return moved
  }
}

type Move = AddressChange & { readonly to: string }

async function move(context: RunContext, all: readonly Move[]): Promise<number> {
  const { destination, sender, departures } = context
  const left = await departures.among(all.flatMap(({ from, to }) => [from, to]))
  const isForgotten = ({ from, to }: Move) => [from, to].some((address) => left.get(address)?.forever === true)
  // Nothing is sent about the forgotten: as for rows that speak of them.
  for (const one of all.filter(isForgotten)) await settle(context, one, FORGOTTEN)
  const moves = all.filter((one) => !isForgotten(one))
  if (moves.some(({ unsure = false }) => unsure)) await context.arrived() // else a user who is there may not show yet
  const block = actionBlock(
    moves.map(({ from, to }) => ({
      kind: 'addressChange' as const,
      identifiers: { [destination.addressedBy]: from },
      from,
      to,
    })),
    moves.map(({ from }) => ({ address: from })),
  )
  let accepted = 0
  const onSettled = async ({ outcomes }: Settled): Promise<void> => {
    for (const [at, outcome] of outcomes) accepted += Number(await settle(context, moves[at] as Move, outcome))
  }
  if (moves.length > 0) await sender.send(block, { onSettled })
  return accepted
}

const FORGOTTEN: Outcome = { status: 'rejected', reason: { code: 'USER_FORGOTTEN', facts: {} } }

/** Remembers where a person is from now on. True if the destination has moved the profile. */
async function settle(context: RunContext, move: Move, outcome: Outcome): Promise<boolean> {
  const { profileId, from, to } = move
  const { identity, lists, scope, epoch } = context
  const done = outcome.status === 'accepted' || outcome.status === 'unchanged'
  const never = wasNever(move, outcome)
  // Where the destination did not move the profile (it cannot, or the new address is a user already), the person is
  // written to under the new address from now on, and the lists leave the old one.
  const rekeyed = await lists.rekey({ project: scope.project, from, to, moved: done }, scopeOf(scope, epoch))
  // For the forgotten no place is claimed: of what would move there only the going is left.
  const listed = outcome === FORGOTTEN ? rekeyed.filter(({ op }) => op === 'delete') : rekeyed
  const letters = done || never ? [] : deadLetter(context, { profileId, from, to }, outcome)
  const main = done ? await context.memory.moved(from, to) : letters
  const subjects = never ? [] : moveSubjects(context, { from, to }, outcome)
  if (done) context.settling.acceptedAt = context.clock.elapsed()
  await context.commits.commit({
    main: [...main, ...context.history.ops(subjects)],
    identity: never ? [unbound(scope.project, profileId)] : identity.bind(scope.project, [{ profileId, address: to }]),
    lists: listed,
  })
  return done
}

/** The first write of a run that died has not arrived: there is nobody to be moved, and nothing to be told. */
const wasNever = ({ unsure = false }: Move, outcome: Outcome): boolean =>
  unsure && outcome.status === 'rejected' && outcome.reason.code === 'USER_UNKNOWN'

const scopeOf = (scope: RunContext['scope'], epoch: string) => ({ project: scope.project, owner: scope.sync, epoch })

function deadLetter(
  context: RunContext,
  { profileId, from, to }: Pick<Move, 'profileId' | 'from' | 'to'>,
  outcome: Outcome,
): readonly Op[] {
  if (!('reason' in outcome)) return []
  const identifiers = { [context.destination.addressedBy]: from }
  const action = { kind: 'addressChange', identifiers, from, to }
  const key = [...checkpointKey(context.scope), profileId, 'addressChange']
  return [{ op: 'put', table: 'deadLetter', key, value: kept({ profileId, action }, outcome.reason, context) }]
}

/** Found under the old address and the new one. */
const moveSubjects = ({ destination }: RunContext, { from, to }: Omit<Move, 'profileId'>, outcome: Outcome) => [
  subjectOf({ kind: 'addressChange', identifiers: { [destination.addressedBy]: from } }, { address: to }, outcome),
]
