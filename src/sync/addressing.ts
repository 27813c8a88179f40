import type { Resolution } from '../identity/resolver.js'
import { type Action, type ActionBlock, isDeparture, type ListRef } from '../model/action.js'
import { actionAt, actionBlock } from '../model/action-block.js'
import type { Evidence, Identifiers } from '../model/identifier.js'
import type { Outcome } from '../model/outcome.js'
import type { Json } from '../model/value.js'
import type { Key } from '../stores/store.js'
import { printOf } from './action-print.js'
import { onlyFields, type ProfileWrite, shortRow } from './address-memory.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import { isSettledAlready } from './leaving.js'
import { type ListProbe, misnamed } from './list-probe.js'
import { keep, type PageWork, type Pending, type RowWish } from './page.js'
import { NOTHING, type Recalled, recall } from './recalled.js'

/** Distinct sets of identifiers per page, so that a person named by several actions of a row is looked up once. */
export function bagsOf(block: ActionBlock): { readonly bags: readonly Identifiers[]; readonly of: readonly number[] } {
  const bags: Identifiers[] = []
  const of: number[] = []
  for (let action = 0; action < block.length; action++) {
    const bag = block.identifiers(action)
    const last = bags.at(-1)
    const same = action > 0 && last !== undefined && block.row(action) === block.row(action - 1) && sameBag(last, bag)
    if (!same) bags.push(bag)
    of.push(bags.length - 1)
  }
  return { bags, of }
}

export function sameBag(a: Identifiers, b: Identifiers): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** What the rows of a page show about who is who: one record per row and set of two identifiers or more (I5). */
export function evidenceOf(block: ActionBlock, source: string): readonly Evidence[] {
  const records: Evidence[] = []
  const seen = new Map<string, Identifiers[]>()
  for (let action = 0; action < block.length; action++) {
    const key = block.key(action)
    const bag = block.identifiers(action)
    const namespaces = Object.keys(bag)
    if (key === undefined || namespaces.length < 2) continue
    const before = seen.get(key)
    if (before?.some((one) => isAlike(one, bag))) continue
    const nth = before === undefined ? 1 : before.push(bag)
    if (before === undefined) seen.set(key, [bag])
    const ids = namespaces.map((namespace) => ({ namespace, value: bag[namespace] as string }))
    records.push({ source, key: nth === 1 ? key : `${key}#${nth}`, observedAt: block.changedAt(action) ?? null, ids })
  }
  return records
}

/** The same identifiers in the same order. */
function isAlike(a: Identifiers, b: Identifiers): boolean {
  const names = Object.keys(b)
  return sameBag(a, b) && Object.keys(a).every((name, at) => name === names[at])
}

/** Key of what is remembered about one action: project, sync, row key, kind and how-manieth of that kind in its row. */
export function actionKeys(block: ActionBlock, context: RunContext): readonly (Key | undefined)[] {
  let row = -1
  let counts = new Map<string, number>()
  return Array.from({ length: block.length }, (_, action) => {
    if (block.row(action) !== row) counts = new Map()
    row = block.row(action)
    const kind = block.kind(action)
    const nth = counts.get(kind) ?? 0
    counts.set(kind, nth + 1)
    const key = block.key(action)
    return key === undefined ? undefined : [...checkpointKey(context.scope), key, nth === 0 ? kind : `${kind}#${nth}`]
  })
}

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
  const who = Array.from(
    { length: block.length },
    (_, action) => itemOf(block, action) ?? (resolutions[of[action] ?? 0] as Resolution),
  )
  const written = who.flatMap((one, action) =>
    one.status === 'resolved' && (work.late || block.kind(action) === 'profile') ? [one.address] : [],
  )
  await context.memory.hold(written)
  const left = await context.departures.among(who.flatMap((one) => (one.status === 'resolved' ? [one.address] : [])))
  const pending: Pending[] = []
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
    const departed = left.get(address)
    if (isSettledAlready(departed, { work, action, key, address }, context)) continue
    const isMembership = block.kind(action) === 'membership'
    if (isMembership && resolution.status === 'resolved' && isOvertaken(work, action, resolution.address, context)) {
      work.end(action, { status: 'superseded' })
    } else if (isMembership) {
      const from = { action, left: (recalled[action] ?? NOTHING).left, ...(key === undefined ? {} : { key }) }
      const refused = await wish(work, from, resolution, refusedList)
      if (refused !== undefined) keep(work, action, key, refused, context)
    } else if (resolution.status === 'resolved') {
      const found = { action, key, resolution, recalled: recalled[action] ?? NOTHING, times: departed?.times ?? 0 }
      const one = pendingOf(work, found, context)
      if (one !== undefined) pending.push(one)
    }
  }
  context.memory.release(written)
  return pending
}

/** An item of a catalog is about no person: what stands for the address keeps changes of one item in their order. */
export function itemOf(block: ActionBlock, action: number): Resolution | undefined {
  if (block.kind(action) !== 'catalogItem') return undefined
  const { catalog, item } = block.detail(action)
  const address = JSON.stringify([catalog, item])
  return { status: 'resolved', why: 'bound', profileId: '', address, alternatives: [], rulesHash: '' }
}

/** What was wished for before newer rows of the person were accepted: what those said stays. */
const isOvertaken = (work: PageWork, action: number, address: string, { memory }: RunContext): boolean =>
  work.late && memory.isOvertaken(address, work.order(action))

interface Found {
  readonly action: number
  readonly key: Key | undefined
  readonly resolution: Extract<Resolution, { status: 'resolved' }>
  readonly recalled: Recalled
  /** How often the person has left. */
  readonly times: number
}

/** What has to be sent; `undefined` where the destination holds it already. */
function pendingOf(work: PageWork, found: Found, context: RunContext): Pending | undefined {
  const { block } = work
  const { action, key, resolution, recalled, times } = found
  const { address } = resolution
  const kind = block.kind(action)
  const isProfile = kind === 'profile'
  const print = key && printOf(block, action, { address, times, groups: context.groups })
  const isWrite = isProfile || isDeparture(kind)
  const whole = isWrite ? writeOf(work, action, isProfile ? { address, key, print } : { address }) : undefined
  const part = whole && partOf(work, action, whole, context)
  const isGone = kind === 'delete' && isOvertaken(work, action, address, context)
  if (isGone || (part?.length === 0 && work.late)) {
    work.end(action, { status: 'superseded' })
    return undefined
  }
  // Of what is left of a row of a former run it is not remembered that the profile holds what the row says.
  const write = whole && part && work.late ? { address, order: whole.order, fields: part } : whole
  const intended = (recalled.print as { readonly intent?: Json } | null | undefined)?.intent
  // What happened once is not told a second time: it may set off a journey.
  const isAgain = context.full && kind !== 'event' && kind !== 'purchase'
  const isKnown = print !== undefined && print === recalled.print && !isAgain
  if (write === undefined ? isKnown : part?.length === 0 || context.memory.isUnchanged(write)) {
    work.end(action, { status: 'unchanged' })
    if (key !== undefined) work.taken.push({ key, row: block.row(action) })
    // What a former run left of this action is not true any more: the destination holds what the row says.
    for (const table of recalled.left) work.kept.push({ op: 'delete', table, key: key as Key })
    // While older rows are held back it counts that this one was read since, also where it had nothing new to say.
    if (write !== undefined && context.memory.parked) work.kept.push(...context.memory.accepted(write))
    return undefined
  }
  work.waiting += 1
  if (write !== undefined) context.memory.sent(write)
  return {
    page: work,
    action,
    address,
    left: recalled.left,
    ...(print !== undefined && print === intended ? { again: true } : {}),
    ...(part === undefined ? {} : { rest: restOf(block, action, part) }),
    // A shared address is another person's: who leaves it later must not take that one's user along.
    ...(resolution.why === 'bound' || resolution.why === 'shared' ? {} : { bind: resolution.profileId }),
    ...(key === undefined ? {} : { key }),
    ...(write !== undefined ? { write } : print === undefined ? {} : { fingerprint: print }),
  }
}

/**
 * The fields of a profile that are to be sent; `undefined`: all that it has. Of a row of a former run those that no newer row has
 * written, of another one those whose group has changed since.
 */
function partOf(
  { block, late }: PageWork,
  action: number,
  write: ProfileWrite,
  { memory, groups }: RunContext,
): readonly string[] | undefined {
  if (late) {
    const left = memory.fieldsLeft(write)
    return left.length < write.fields.length ? left : undefined
  }
  const { print } = write
  const before = groups === undefined || print === undefined ? undefined : memory.held(write)
  if (groups === undefined || print === undefined || before === undefined || before === print) return undefined
  return groups.changed(before, { print, payload: block.payload(action) })
}

/** A profile with these fields alone. */
function restOf(block: ActionBlock, action: number, left: readonly string[]): ActionBlock {
  const { dataFields = {}, ...said } = actionAt(block, action) as Extract<Action, { kind: 'profile' }>
  return actionBlock(
    [{ ...said, dataFields: onlyFields(dataFields, left) }],
    [{ key: block.key(action), changedAt: block.changedAt(action) }],
  )
}

function writeOf(
  work: PageWork,
  action: number,
  { address, key, print }: { address: string; key?: Key | undefined; print?: string | undefined },
): ProfileWrite {
  const fields = [...work.block.shape(action).fields.keys()].filter((path) => !/[.[]/.test(path))
  const row = key === undefined || print === undefined ? {} : { row: shortRow(key), print }
  return { address, order: work.order(action), fields, ...row }
}

function unaddressed(resolution: Exclude<Resolution, { status: 'resolved' }>): Outcome {
  return { status: resolution.status === 'unresolved' ? 'parked' : 'rejected', reason: resolution.reason }
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
