import type { Resolution } from '../identity/resolver.js'
import { type Action, type ActionBlock, isDeparture, type ListRef } from '../model/action.js'
import { actionAt, actionBlock } from '../model/action-block.js'
import type { Evidence, Identifiers } from '../model/identifier.js'
import type { Outcome } from '../model/outcome.js'
import type { Json } from '../model/value.js'
import type { Key, Table } from '../stores/store.js'
import { printOf } from './action-print.js'
import { isAfter, onlyFields, type ProfileWrite, shortRow } from './address-memory.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'
import { isSettledAlready } from './leaving.js'
import { orderOf } from './letter.js'
import { type ListProbe, misnamed } from './list-probe.js'
import { keep, type PageWork, type Pending, type RowWish } from './page.js'

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
  const seen = new Map<string, number>()
  for (let action = 0; action < block.length; action++) {
    const key = block.key(action)
    const ids = Object.entries(block.identifiers(action)).map(([namespace, value]) => ({ namespace, value }))
    if (key === undefined || ids.length < 2) continue
    const text = JSON.stringify([key, ids])
    if (seen.has(text)) continue
    const nth = (seen.get(key) ?? 0) + 1
    seen.set(key, nth)
    seen.set(text, nth)
    records.push({ source, key: nth === 1 ? key : `${key}#${nth}`, observedAt: block.changedAt(action) ?? null, ids })
  }
  return records
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
  const print = key && printOf(block, action, { address, times })
  const isWrite = isProfile || isDeparture(kind)
  const whole = isWrite ? writeOf(work, action, isProfile ? { address, key, print } : { address }) : undefined
  const left = whole !== undefined && work.late ? context.memory.fieldsLeft(whole) : whole?.fields
  const isGone = kind === 'delete' && isOvertaken(work, action, address, context)
  if (whole !== undefined && (isGone || (left?.length === 0 && whole.fields.length > 0))) {
    work.end(action, { status: 'superseded' })
    return undefined
  }
  const isWhole = left === undefined || left.length === whole?.fields.length
  // Of a part it is not remembered that the profile holds what the row says.
  const write = whole && left && !isWhole ? { address, order: whole.order, fields: left } : whole
  const intended = (recalled.print as { readonly intent?: Json } | null | undefined)?.intent
  const unchanged =
    write === undefined ? print !== undefined && print === recalled.print : context.memory.isUnchanged(write)
  if (unchanged) {
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
    ...(isWhole ? {} : { rest: restOf(block, action, left) }),
    // A shared address is another person's: who leaves it later must not take that one's user along.
    ...(resolution.why === 'bound' || resolution.why === 'shared' ? {} : { bind: resolution.profileId }),
    ...(key === undefined ? {} : { key }),
    ...(write !== undefined ? { write } : print === undefined ? {} : { fingerprint: print }),
  }
}

/** A profile without the fields that newer rows have written. */
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

interface Recalled {
  /** Of what was accepted, or `{ intent }` with that of what was about to be sent. */
  readonly print: Json | undefined
  readonly left: readonly ('parked' | 'deadLetter')[]
  /** Something of its row that was read later is held back: that is the newest word (I6). */
  readonly isOutdated?: boolean
}

const NOTHING: Recalled = { print: undefined, left: [] }
const LOOKUP_MAX = 10_000

/** What former runs remember of each action. The two tables of what was left behind are asked only if they hold anything. */
async function recall(
  work: PageWork,
  keys: readonly (Key | undefined)[],
  context: RunContext,
): Promise<readonly (Recalled | undefined)[]> {
  const asked = keys.filter((key) => key !== undefined)
  const look = async (table: Table): Promise<readonly (Json | undefined)[]> => {
    const found: (Json | undefined)[] = []
    for (let at = 0; at < asked.length; at += LOOKUP_MAX) {
      found.push(...(await context.store.get(table, asked.slice(at, at + LOOKUP_MAX))))
    }
    return found
  }
  // Of a profile it stands under its address, and is asked for when that is known.
  const prints = await look('fingerprint')
  const tables = [...context.leftBehind]
  const lefts = await Promise.all(tables.map(look))
  let next = 0
  return keys.map((key, action) => {
    if (key === undefined) return undefined
    const at = next++
    const held = lefts.map((values) => values[at])
    const isOutdated = held.some((value) => value !== undefined && isAfter(orderOf({ key, value }), work.order(action)))
    return { print: prints[at], left: tables.filter((_, nth) => held[nth] !== undefined), isOutdated }
  })
}
