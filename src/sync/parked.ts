import type { Subject } from '../history/page-records.js'
import { type Action, isDeparture } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { Outcome } from '../model/outcome.js'
import type { JsonObject, Reason } from '../model/value.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { isAfter, type Order, onlyFields, type ProfileWrite } from './address-memory.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import type { Departed, Leaving } from './departures.js'
import type { Settled } from './dispatch.js'
import { departureOps, fateOfDeparted } from './leaving.js'
import { kept, originKey } from './page.js'
import { subjectOf } from './subjects.js'

const PARKED_PER_TURN = 1_000

export interface Tried {
  readonly accepted: number
  /** Dropped: newer values were accepted since, or the row has left. */
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
  const tried = { accepted: 0, overtaken: 0 }
  let after: Key | undefined
  for (;;) {
    const range = { prefix: checkpointKey(context.scope), after, limit: PARKED_PER_TURN }
    const entries = await context.store.scan('parked', range)
    const older = entries.filter(({ value }) => (value as JsonObject).runId !== context.runId)
    const gone = snapshot ? older.filter(({ value }) => hasLeft(value as JsonObject, context.epoch)) : []
    await drop(context, gone, (entry) => told(entry, { status: 'superseded' }))
    tried.overtaken += gone.length
    const { accepted, overtaken } = await tryThese(
      context,
      gone.length === 0 ? older : older.filter((one) => !gone.includes(one)),
    )
    tried.accepted += accepted
    tried.overtaken += overtaken
    after = entries.at(-1)?.key
    if (entries.length < PARKED_PER_TURN || after === undefined) return tried
  }
}

/** What a whole audience did not show again. Who is to be forgotten or deleted has left it, and that is no reason to drop it. */
const hasLeft = ({ epoch, action }: JsonObject, now: string): boolean =>
  epoch !== now && !isDeparture((action as unknown as Action).kind)

async function drop(context: RunContext, entries: readonly Entry[], tell: (entry: Entry) => Subject): Promise<void> {
  if (entries.length === 0) return
  const main = entries.map(({ key }): Op => ({ op: 'delete', table: 'parked', key }))
  await context.commits.commit({ main: [...main, ...context.history.ops(entries.map(tell))] })
}

/** What became of a parked action, for the history. */
const told = ({ key, value }: Entry, outcome: Outcome, address?: string): Subject =>
  subjectOf((value as JsonObject).action as unknown as Action, { key: key[2], address }, outcome)

interface Found {
  readonly entry: Entry
  readonly action: Action
  readonly address: string
  readonly profileId: string
  readonly order: Order
}

async function tryThese(context: RunContext, entries: readonly Entry[]): Promise<Tried> {
  if (entries.length === 0) return { accepted: 0, overtaken: 0 }
  const { identity, scope } = context
  const actions = entries.map(({ value }) => (value as JsonObject).action as unknown as Action)
  const who = await identity.resolve(
    actions.map(({ identifiers }) => identifiers),
    { project: scope.project },
  )
  const found: Found[] = []
  who.forEach((resolution, at) => {
    if (resolution.status !== 'resolved') return
    const { address, profileId } = resolution
    const entry = entries[at] as Entry
    const order = ((entry.value as JsonObject).order ?? [0, 0]) as unknown as Order
    found.push({ entry, action: actions[at] as Action, address, profileId, order })
  })
  return await tryFound(context, found)
}

async function tryFound(context: RunContext, all: readonly Found[]): Promise<Tried> {
  const left = await context.departures.among(all.map(({ address }) => address))
  const found: Found[] = []
  const main: Op[] = []
  const subjects: Subject[] = []
  let overtaken = 0
  for (const one of all) {
    const { entry, action, address } = one
    const fate = fateOf(one, left.get(address))
    if (fate === undefined) {
      found.push(one)
      continue
    }
    main.push({ op: 'delete', table: 'parked', key: entry.key })
    subjects.push(told(entry, fate, address))
    if ('reason' in fate) main.push(refused(context, entry, action, fate.reason))
    else overtaken += 1
  }
  if (main.length > 0) await context.commits.commit({ main: [...main, ...context.history.ops(subjects)] })
  found.sort((a, b) => (isAfter(a.order, b.order) ? 1 : -1)) // as they were read (I6)
  const claims = found.filter(({ action }) => action.kind === 'membership')
  const sends = found.filter(({ action }) => action.kind !== 'membership')
  const claimed = await claim(context, claims)
  const sent = await sendThese(context, sends)
  return { accepted: claimed + sent.accepted, overtaken: overtaken + sent.overtaken }
}

/** Of somebody who has left since: as for a row of today, and what was read before they left is overtaken. */
function fateOf({ action, entry }: Found, departed: Departed | undefined): Outcome | undefined {
  const fate = fateOfDeparted(action.kind, departed)
  if (fate !== undefined || departed?.gone !== true) return fate
  return String((entry.value as JsonObject).at) <= departed.at ? { status: 'superseded' } : undefined
}

async function claim(context: RunContext, claims: readonly Found[]): Promise<number> {
  if (claims.length === 0) return 0
  const { lists, scope, epoch, commits } = context
  const wishes = claims.map(({ action, entry, address }) => {
    const { list, member } = action as Extract<Action, { kind: 'membership' }>
    return { list, claimant: entry.key[2] ?? '', address, ...(member === undefined ? {} : { member }) }
  })
  const noted = await lists.note(wishes, { project: scope.project, owner: scope.sync, epoch })
  await commits.commit({ lists: noted.ops })
  const outcomes = new Map(
    claims.map(({ entry, address }, at) => {
      const status = noted.changed[at] === true ? 'accepted' : 'unchanged'
      return [entry, told(entry, { status }, address)] as const
    }),
  )
  await drop(context, [...outcomes.keys()], (entry) => outcomes.get(entry) as Subject)
  return claims.length
}

/** An action without the fields that were overtaken. */
interface Rest extends Found {
  readonly write?: ProfileWrite
}

async function sendThese(context: RunContext, sends: readonly Found[]): Promise<Tried> {
  const addresses = sends.map(({ address }) => address)
  await context.memory.hold(addresses)
  try {
    const rests = sends.map((one) => restOf(context, one))
    const overtaken = sends.filter((_, at) => rests[at] === undefined)
    const entries = overtaken.map(({ entry }) => entry)
    await drop(context, entries, (entry) => told(entry, { status: 'superseded' }))
    const left = rests.filter((rest) => rest !== undefined)
    return { accepted: left.length === 0 ? 0 : await send(context, left), overtaken: overtaken.length }
  } finally {
    context.memory.release(addresses)
  }
}

function restOf(context: RunContext, found: Found): Rest | undefined {
  const { action, address, order } = found
  if (action.kind !== 'profile') return found
  const { dataFields = {} } = action
  const fields = Object.keys(dataFields)
  const write = { address, order, fields }
  const left = context.memory.fieldsLeft(write)
  if (left.length === 0 && fields.length > 0) return undefined
  return {
    ...found,
    action: { ...action, dataFields: onlyFields(dataFields, left) },
    write: { ...write, fields: left },
  }
}

async function send(context: RunContext, rests: readonly Rest[]): Promise<number> {
  const { identity, scope, commits, sender, source, memory, settling, clock } = context
  const block = actionBlock(
    rests.map(({ action }) => action),
    rests.map(({ entry, address }) => ({ address, key: originKey(source.name, entry.key) })),
  )
  let accepted = 0
  for (const { write } of rests) if (write !== undefined) memory.sent(write)
  const onSettled = async ({ outcomes }: Settled): Promise<void> => {
    const main: Op[] = []
    const bindings: { profileId: string; address: string }[] = []
    const leaving: Leaving[] = []
    const subjects: Subject[] = []
    for (const [at, outcome] of outcomes) {
      const { entry, action, address, profileId, write } = rests[at] as Rest
      if (outcome.status === 'parked') continue // it waits on, as it is
      subjects.push(told(entry, outcome, address))
      main.push({ op: 'delete', table: 'parked', key: entry.key })
      if ('reason' in outcome) main.push(refused(context, entry, action, outcome.reason))
      else {
        bindings.push({ profileId, address })
        if (isDeparture(action.kind)) leaving.push({ address, kind: action.kind })
        if (write !== undefined) main.push(...memory.accepted(write))
      }
    }
    accepted += bindings.length
    if (bindings.length > 0) settling.acceptedAt = clock.elapsed()
    const gone = await departureOps(context, leaving)
    await commits.commit({
      main: [...main, ...gone.main, ...context.history.ops(subjects)],
      identity: bindings.length > 0 ? identity.bind(scope.project, bindings) : [],
      lists: gone.lists,
    })
    for (const [at] of outcomes) {
      const { write } = rests[at] as Rest
      if (write !== undefined) memory.settled(write)
    }
  }
  await sender.send(block, {
    onSettled,
    onIntent: async (actions) => await commits.commit({ main: actions.map((at) => intended(rests[at] as Rest)) }),
    maybeSent: (at) => ((rests[at] as Rest).entry.value as JsonObject).sent === true,
  })
  return accepted
}

/** It stays parked until there is an answer; whoever finds it so looks first whether it has arrived (I2). */
const intended = ({ entry }: Rest): Op => ({
  op: 'put',
  table: 'parked',
  key: entry.key,
  value: { ...(entry.value as JsonObject), sent: true },
})

function refused(context: RunContext, entry: Entry, action: Action, reason: Reason): Op {
  const value = kept({ action: action as unknown as JsonObject }, reason, context)
  return { op: 'put', table: 'deadLetter', key: entry.key, value }
}
