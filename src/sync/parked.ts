import type { Action } from '../model/action.js'
import { actionBlock } from '../model/action-block.js'
import type { JsonObject, Reason } from '../model/value.js'
import type { Entry, Key, Op } from '../stores/store.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import { kept, originKey } from './page.js'

const PARKED_PER_TURN = 1_000

/**
 * Tries parked actions of former runs again: identity may have learned their address since. Gives how many were
 * accepted. A membership becomes a claim; one that is rejected becomes a dead letter.
 */
export async function tryParked(context: RunContext): Promise<number> {
  let accepted = 0
  let after: Key | undefined
  for (;;) {
    const range = { prefix: checkpointKey(context.scope), after, limit: PARKED_PER_TURN }
    const entries = await context.store.scan('parked', range)
    const older = entries.filter(({ value }) => (value as JsonObject).runId !== context.runId)
    if (older.length > 0) accepted += await tryThese(context, older)
    after = entries.at(-1)?.key
    if (entries.length < PARKED_PER_TURN || after === undefined) return accepted
  }
}

interface Found {
  readonly entry: Entry
  readonly action: Action
  readonly address: string
  readonly profileId: string
}

async function tryThese(context: RunContext, entries: readonly Entry[]): Promise<number> {
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
    found.push({ entry: entries[at] as Entry, action: actions[at] as Action, address, profileId })
  })
  const claims = found.filter(({ action }) => action.kind === 'membership')
  const sends = found.filter(({ action }) => action.kind !== 'membership')
  return (await claim(context, claims)) + (await sendThese(context, sends))
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
  await commits.commit({ main: claims.map(({ entry }) => ({ op: 'delete', table: 'parked', key: entry.key })) })
  return claims.length
}

async function sendThese(context: RunContext, sends: readonly Found[]): Promise<number> {
  if (sends.length === 0) return 0
  const { identity, scope, commits, sender, source } = context
  const block = actionBlock(
    sends.map(({ action }) => action),
    sends.map(({ entry, address }) => ({ address, key: originKey(source.name, entry.key) })),
  )
  let accepted = 0
  await sender.send(block, async ({ outcomes }) => {
    const main: Op[] = []
    const bindings: { profileId: string; address: string }[] = []
    for (const [at, outcome] of outcomes) {
      const { entry, action, address, profileId } = sends[at] as Found
      main.push({ op: 'delete', table: 'parked', key: entry.key })
      if ('reason' in outcome) main.push(refused(context, entry, action, outcome.reason))
      else bindings.push({ profileId, address })
    }
    accepted += bindings.length
    await commits.commit({ main, identity: bindings.length > 0 ? identity.bind(scope.project, bindings) : [] })
  })
  return accepted
}

function refused(context: RunContext, entry: Entry, action: Action, reason: Reason): Op {
  const value = kept({ action: action as unknown as JsonObject }, reason, context)
  return { op: 'put', table: 'deadLetter', key: entry.key, value }
}
