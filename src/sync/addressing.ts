import type { Resolution } from '../identity/resolver.js'
import { type ActionBlock, type ActionKind, isDeparture, type ListRef } from '../model/action.js'
import type { Outcome } from '../model/outcome.js'
import type { Key, Op } from '../stores/store.js'
import { actionKeys } from './action-keys.js'
import { isSamePrint, printOf } from './action-print.js'
import type { Live, Word } from './address-memory.js'
import type { RunContext } from './context.js'
import type { Departed } from './departures.js'
import { newcomerOf } from './first-writes.js'
import { knownOf } from './intents.js'
import { isOfBefore, isSettledAlready } from './leaving.js'
import { type ListProbe, misnamed } from './list-probe.js'
import { keep, type PageWork, type Pending, type RowWish } from './page.js'
import { partOf, restOf, writeOf } from './profile-write.js'
import { NOTHING, type Recalled, recall } from './recalled.js'
import { saidBy } from './said.js'
import { wordsOf } from './words.js'

/** Looks up who each action speaks of, and what was sent for it before. Fills the page, gives what has to be sent. */
export async function addressPage(
  work: PageWork,
  resolutions: readonly Resolution[],
  of: readonly number[],
  context: RunContext,
  refusedList: ListProbe,
): Promise<readonly Pending[]> {
  const { block } = work
  const keys = actionKeys(block, context)
  const recalled = await recall(work, keys, context)
  const who = of.map((bag, action) => itemOf(block, action) ?? (resolutions[bag] as Resolution))
  const { held, lives } = await holdWritten(work, who, context)
  const left = context.departures.any
    ? await context.departures.among(who.flatMap(addressOf))
    : new Map<string, Departed>()
  const pending: Pending[] = []
  const returned: (readonly [address: string, departed: Departed])[] = []
  const unchanged: Unchanged = { ops: [], words: [] }
  const isTold = left.size > 0
  for (let action = 0; action < block.length; action++) {
    const key = keys[action]
    if (recalled[action]?.isOutdated === true) {
      work.note(block.row(action), { status: 'superseded' })
      continue
    }
    const resolution = who[action] as Resolution
    if (resolution.status !== 'resolved') {
      const outcome = unaddressed(resolution)
      work.end(action, outcome)
      keep(work, action, key, outcome, context)
    }
    const address = resolution.status === 'resolved' ? resolution.address : ''
    if (address !== '' && block.kind(action) !== 'catalogItem') work.found(action, address)
    const departed = isTold ? left.get(address) : undefined
    if (isSettledAlready(departed, { work, action, key }, context)) continue
    if (departed !== undefined && isOfBefore(work, action, departed, context)) {
      work.end(action, { status: 'superseded' })
      continue
    }
    if (departed?.gone === true && !isDeparture(block.kind(action))) {
      left.set(address, { ...departed, gone: false })
      returned.push([address, departed])
    }
    const one = { action, key, live: lives[action], recalled: recalled[action] ?? NOTHING, times: departed?.times ?? 0 }
    if (block.kind(action) === 'membership') await claim(work, one, resolution, context, refusedList)
    else if (resolution.status === 'resolved') {
      const sent = pendingOf(work, one, resolution, context, unchanged)
      if (sent !== undefined) pending.push(sent)
    }
  }
  await remember(context, returned, unchanged)
  context.memory.release(held)
  return pending
}

/** Has at hand what is known of the addresses that the page writes to; of each action, where it writes. */
async function holdWritten({ late, block }: PageWork, who: readonly Resolution[], { memory }: RunContext) {
  const written: string[] = []
  const at: number[] = []
  const targets: string[] = []
  who.forEach((one, action) => {
    if (one.status !== 'resolved' || !(late || block.kind(action) === 'profile')) return
    written.push(one.address)
    at.push(action)
    const target = late ? saidBy(block, action, one)?.target : undefined
    if (target !== undefined && target !== one.address) targets.push(target)
  })
  const held = await memory.hold([...written, ...targets])
  const lives = new Array<Live | undefined>(block.length).fill(undefined)
  at.forEach((action, nth) => {
    lives[action] = held[nth]
  })
  return { held, lives }
}

const addressOf = (one: Resolution): readonly string[] => (one.status === 'resolved' ? [one.address] : [])

/**
 * What counts for the pages behind this one, whose rows may be settled before it is finished: that somebody who had left is
 * written to again, so that they can leave again, and that a profile holds what was read now. Their places on lists went
 * with who had left.
 */
async function remember(
  { commits, departures, lists, scope, epoch, memory }: RunContext,
  returned: readonly (readonly [address: string, departed: Departed])[],
  { ops, words }: Unchanged,
): Promise<void> {
  const said = await memory.say(words)
  if (returned.length === 0 && ops.length === 0 && said.ops.length === 0) return
  const addresses = returned.map(([address]) => address)
  const owner = { project: scope.project, owner: scope.sync, epoch }
  await commits.commit({
    main: [...ops, ...said.ops, ...returned.map(([address, departed]) => departures.back(address, departed))],
    lists: addresses.length === 0 ? [] : await lists.leave(addresses, owner, { claims: 'stay' }),
  })
  said.release()
}

/** What stands at the destination as it was read: what is remembered of it, while older words are held back. */
interface Unchanged {
  readonly ops: Op[]
  readonly words: Word[]
}

/** An item of a catalog is about no person: what stands for the address keeps changes of one item in their order. */
export function itemOf(block: ActionBlock, action: number): Resolution | undefined {
  if (block.kind(action) !== 'catalogItem') return undefined
  const { catalog, item } = block.detail(action)
  const address = JSON.stringify([catalog, item])
  return { status: 'resolved', why: 'bound', profileId: '', address, alternatives: [], rulesHash: '' }
}

/** The parts that nothing newer has said; `undefined`: all that it has. */
function wordsLeft(
  work: PageWork,
  action: number,
  address: string,
  context: RunContext,
): readonly string[] | undefined {
  const { mergesItems } = context.destination
  const said = work.late ? saidBy(work.block, action, { address, mergesItems }) : undefined
  const left = said && context.memory.left(said, work.order(action))
  return left?.length === said?.parts.length ? undefined : left
}

interface Found {
  readonly action: number
  readonly key: Key | undefined
  /** What is at hand of the address. */
  readonly live: Live | undefined
  readonly recalled: Recalled
  /** How often the person has left. */
  readonly times: number
}

/**
 * What has to be sent; `undefined` where the destination holds it already.
 *
 * @param unchanged  takes what is to be remembered of that
 * Upholds  I6: of what a former run has read only what nothing newer has said.
 */
function pendingOf(
  work: PageWork,
  found: Found,
  resolution: Extract<Resolution, { status: 'resolved' }>,
  context: RunContext,
  unchanged: Unchanged,
): Pending | undefined {
  const { block } = work
  const { action, key, recalled, times } = found
  const { address } = resolution
  const kind = block.kind(action)
  const isProfile = kind === 'profile'
  const print = key && printOf(block, action, { address, times, groups: context.groups, anchors: context.anchors })
  const isWrite = isProfile || isDeparture(kind)
  const live = found.live ?? (isWrite ? context.memory.live(address) : undefined)
  const whole = isWrite && live ? writeOf(work, action, live, isProfile ? { key, print } : {}) : undefined
  const part = whole ? partOf(work, action, whole, context) : wordsLeft(work, action, address, context)
  const isGone = kind === 'delete' && work.late && context.memory.isOvertaken(address, work.order(action))
  if (isGone || (part?.length === 0 && work.late)) {
    work.end(action, { status: 'superseded' })
    return undefined
  }
  // Of what is left of a row of a former run it is not remembered that the profile holds what the row says.
  const write = whole && part && work.late ? { live: whole.live, order: whole.order, fields: part } : whole
  const { accepted, intents: intended } = knownOf(recalled.print)
  // What happened once is not told a second time: it may set off a journey.
  const isAgain = context.full && kind !== 'event' && kind !== 'purchase'
  const isUnsure = key !== undefined && REPLACED.has(kind) && context.underWay.isUnsure(key)
  const isKnown = print !== undefined && accepted !== undefined && isSamePrint(print, accepted) && !isAgain && !isUnsure
  if (write === undefined ? isKnown : part?.length === 0 || context.memory.isUnchanged(write)) {
    stands(work, found, print, context)
    // While older rows are held back it counts that this one was read since, also where it had nothing new to say.
    if (write !== undefined && context.memory.parked) unchanged.ops.push(...context.memory.accepted(write))
    else if (SAID_ANEW.has(kind)) unchanged.words.push(...wordsOf(context, work, action, address))
    return undefined
  }
  work.waiting += 1
  if (write !== undefined) context.memory.sent(write)
  return {
    page: work,
    action,
    address,
    left: recalled.left,
    again: print !== undefined && intended.some((one) => isSamePrint(one, print)),
    intended,
    replaces:
      write === undefined ? REPLACED.has(kind) && recalled.print !== undefined : write.live.written !== undefined,
    rest: part && restOf(block, action, part),
    bind: newcomerOf(resolution),
    key,
    write,
    fingerprint: write === undefined && part === undefined ? print : undefined,
  }
}

/** The destination holds what the row says. */
function stands(
  work: PageWork,
  { action, key, recalled }: Found,
  print: string | undefined,
  context: RunContext,
): void {
  work.end(action, { status: 'unchanged' })
  if (key === undefined) return
  work.taken.push({ key, row: work.block.row(action) })
  const kind = work.block.kind(action)
  if (print !== undefined && (kind === 'purchase' || kind === 'cart')) {
    context.intents.stands(key, print, knownOf(recalled.print).intents)
    work.intended.push([key, print])
  }
  // What a former run left of this action is not true any more.
  for (const table of recalled.left) work.kept.push({ op: 'delete', table, key })
}

/** What is replaced by what is sent, and is no profile; what happened once is not. */
const REPLACED: ReadonlySet<ActionKind> = new Set<ActionKind>(['catalogItem', 'subscription'])

/** What a row that says the same again says anew; what happened once it only tells of. */
const SAID_ANEW: ReadonlySet<ActionKind> = new Set<ActionKind>(['catalogItem', 'subscription', 'cart'])

function unaddressed(resolution: Exclude<Resolution, { status: 'resolved' }>): Outcome {
  return { status: resolution.status === 'unresolved' ? 'parked' : 'rejected', reason: resolution.reason }
}

async function claim(
  work: PageWork,
  { action, key, recalled: { left } }: Pick<Found, 'action' | 'key' | 'recalled'>,
  resolution: Resolution,
  context: RunContext,
  refusedList: ListProbe,
): Promise<void> {
  if (work.late && resolution.status === 'resolved') {
    const { address, profileId } = resolution
    const said = saidBy(work.block, action, { address, claimant: work.block.key(action) ?? profileId })
    if (said !== undefined && context.memory.left(said, work.order(action)).length === 0) {
      work.end(action, { status: 'superseded' })
      return
    }
  }
  const refused = await wish(work, { action, left, ...(key === undefined ? {} : { key }) }, resolution, refusedList)
  if (refused !== undefined) keep(work, action, key, refused, context)
}

/** A membership is no request yet: its claim is noted when the rest of its row is known. Gives the refusal of its list. */
async function wish(
  work: PageWork,
  from: NonNullable<RowWish['from']>,
  resolution: Resolution,
  refusedList: ListProbe,
): Promise<Outcome | undefined> {
  const { block } = work
  const { action } = from
  const row = block.row(action)
  const detail = block.detail(action)
  const list = detail.list as ListRef
  const wrong = misnamed(list)
  if (wrong !== undefined) {
    const outcome: Outcome = { status: 'rejected', reason: wrong }
    work.end(action, outcome)
    return outcome
  }
  if (resolution.status !== 'resolved') {
    const claimant = block.key(action) ?? (resolution.status === 'unresolved' ? resolution.profileId : undefined)
    if (claimant !== undefined) work.wishes.push({ row, wish: { list, claimant } })
    return undefined
  }
  const { address, profileId } = resolution
  const refused = await refusedList(list, address)
  if (refused !== undefined) {
    const outcome: Outcome = { status: 'rejected', reason: refused }
    work.end(action, outcome)
    return outcome
  }
  const member = typeof detail.member === 'boolean' ? { member: detail.member } : {}
  work.wishes.push({ row, from, wish: { list, claimant: block.key(action) ?? profileId, address, ...member } })
  return undefined
}
