import { fingerprint } from '../delta/fingerprint.js'
import type { Wish } from '../delta/list-delta.js'
import type { Resolution } from '../identity/resolver.js'
import type { ActionBlock, ListRef } from '../model/action.js'
import { actionAt } from '../model/action-block.js'
import type { Evidence, Identifiers } from '../model/identifier.js'
import { type Outcome, type OutcomeStatus, worse } from '../model/outcome.js'
import type { Json, JsonObject, Reason } from '../model/value.js'
import type { Page } from '../sources/source.js'
import type { Key, Op, Table } from '../stores/store.js'
import type { RowFate } from '../transform/transform.js'
import { checkpointKey } from './checkpoint.js'
import type { RunContext } from './context.js'

/** An action that waits for its outcome. */
export interface Pending {
  readonly page: PageWork
  readonly action: number
  readonly address: string
  /** Set where the destination's acceptance binds this address to this person for the first time. */
  readonly bind?: string
  /** Unique within the sync and stable across runs, so that a repeat replaces what is remembered; absent without a row key. */
  readonly key?: Key
  readonly fingerprint?: string
  /** Tables in which a former run left this action, to be cleared when it is accepted. */
  readonly left: readonly ('parked' | 'deadLetter')[]
}

/** A wish for a list, decided when the rest of its row is; with the action that it came from, where there is one. */
export interface RowWish {
  readonly row: number
  readonly wish: Wish
  readonly from?: Pick<Pending, 'action' | 'key' | 'left'>
}

/**
 * One page on its way: what became of each row so far, and what is still waited for.
 *
 * Upholds  I4: `settle` is called once per action; a row's status is the worst of its actions'.
 */
export class PageWork {
  readonly page: Page
  readonly block: ActionBlock
  readonly wishes: RowWish[] = []
  /** What to remember when the page is finished: parked actions and dead letters (I4: durable before the cursor). */
  readonly kept: Op[] = []
  /** Actions without an outcome. */
  waiting = 0
  readonly #status: (OutcomeStatus | undefined)[]
  readonly #reasons = new Map<number, Reason>()
  readonly #fates: readonly RowFate[]

  constructor(page: Page, block: ActionBlock, fates: readonly RowFate[]) {
    this.page = page
    this.block = block
    this.#fates = fates
    this.#status = new Array<OutcomeStatus | undefined>(page.rows.length)
    fates.forEach((fate, row) => {
      if (fate.status !== 'made') this.note(row, fate)
    })
  }

  /** The worst so far wins; the reason of the worst is kept. */
  note(row: number, outcome: Outcome): void {
    const before = this.#status[row]
    const status = before === undefined ? outcome.status : worse(before, outcome.status)
    if (status === before) return
    this.#status[row] = status
    if ('reason' in outcome) this.#reasons.set(row, outcome.reason)
    else this.#reasons.delete(row)
  }

  settle(action: number, outcome: Outcome): void {
    this.waiting -= 1
    this.note(this.block.row(action), outcome)
  }

  status(row: number): OutcomeStatus | undefined {
    return this.#status[row]
  }

  reason(row: number): Reason | undefined {
    return this.#reasons.get(row)
  }

  /** False for a row that the source or the transform refused: there is no action to keep, so the row is kept. */
  hasActions(row: number): boolean {
    return this.#fates[row]?.status === 'made'
  }
}

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

function sameBag(a: Identifiers, b: Identifiers): boolean {
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

/** What an event's id is made of: the source and the key of the action, so that a repeat is the same event (I2). */
export const originKey = (source: string, key: Key): string => JSON.stringify([source, ...key.slice(2)])

/** Looks up who each action speaks of, and what was sent for it before. Fills the page, gives what has to be sent. */
export async function addressPage(
  work: PageWork,
  resolutions: readonly Resolution[],
  of: readonly number[],
  context: RunContext,
  refusedList: (list: ListRef, address: string) => Reason | undefined,
): Promise<readonly Pending[]> {
  const { block } = work
  const keys = actionKeys(block, context)
  const recalled = await recall(keys, context)
  const pending: Pending[] = []
  for (let action = 0; action < block.length; action++) {
    const row = block.row(action)
    const key = keys[action]
    const resolution = resolutions[of[action] ?? 0] as Resolution
    const { print: before, left } = recalled[action] ?? NOTHING
    if (resolution.status !== 'resolved') {
      const outcome = unaddressed(resolution)
      work.note(row, outcome)
      keep(work, action, key, outcome, context)
    }
    if (block.kind(action) === 'membership') {
      const from = { action, left, ...(key === undefined ? {} : { key }) }
      const refused = wish(work, from, resolution, refusedList)
      if (refused !== undefined) keep(work, action, key, refused, context)
    } else if (resolution.status === 'resolved') {
      const { address } = resolution
      const print =
        key &&
        fingerprint({ address, kind: block.kind(action), detail: block.detail(action), payload: block.payload(action) })
      if (print !== undefined && print === before) {
        work.note(row, { status: 'unchanged' })
        continue
      }
      work.waiting += 1
      const bind = resolution.why === 'bound' ? {} : { bind: resolution.profileId }
      pending.push({ page: work, action, address, left, ...bind, ...(key && print ? { key, fingerprint: print } : {}) })
    }
  }
  return pending
}

export function unaddressed(resolution: Exclude<Resolution, { status: 'resolved' }>): Outcome {
  return { status: resolution.status === 'unresolved' ? 'parked' : 'rejected', reason: resolution.reason }
}

/** A membership is no request yet: its claim is noted when the rest of its row is known. Gives the refusal of its list. */
function wish(
  work: PageWork,
  from: NonNullable<RowWish['from']>,
  resolution: Resolution,
  refusedList: (list: ListRef, address: string) => Reason | undefined,
): Outcome | undefined {
  const { block } = work
  const { action } = from
  const row = block.row(action)
  const detail = block.detail(action)
  const list = detail.list as ListRef
  if (resolution.status !== 'resolved') {
    const claimant = block.key(action) ?? (resolution.status === 'unresolved' ? resolution.profileId : undefined)
    if (claimant !== undefined) work.wishes.push({ row, wish: { list, claimant } })
    return undefined
  }
  const { address, profileId } = resolution
  const refused = refusedList(list, address)
  if (refused !== undefined) {
    const outcome: Outcome = { status: 'rejected', reason: refused }
    work.note(row, outcome)
    return outcome
  }
  const member = typeof detail.member === 'boolean' ? { member: detail.member } : {}
  work.wishes.push({ row, from, wish: { list, claimant: block.key(action) ?? profileId, address, ...member } })
  return undefined
}

interface Recalled {
  readonly print: Json | undefined
  readonly left: readonly ('parked' | 'deadLetter')[]
}

const NOTHING: Recalled = { print: undefined, left: [] }
const LOOKUP_MAX = 10_000

/** What former runs remember of each action. The two tables of what was left behind are asked only if they hold anything. */
async function recall(
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
  const prints = await look('fingerprint')
  const tables = context.leftBehind
  const lefts = await Promise.all(tables.map(look))
  let next = 0
  return keys.map((key) => {
    if (key === undefined) return undefined
    const at = next++
    return { print: prints[at], left: tables.filter((_, nth) => lefts[nth]?.[at] !== undefined) }
  })
}

/** Keeps a parked or rejected action whole. Without a row key it is kept under the run and its number (bounded by the circuit). */
export function keep(
  work: PageWork,
  action: number,
  key: Key | undefined,
  outcome: Outcome,
  context: RunContext,
): void {
  if (!('reason' in outcome) || outcome.status === 'filtered') return
  const table = outcome.status === 'parked' ? 'parked' : 'deadLetter'
  const value = kept({ action: actionAt(work.block, action) as unknown as Json }, outcome.reason, context)
  work.kept.push({ op: 'put', table, key: key ?? unkeyed(work, action, context), value })
}

/** A dead letter: what was refused, why, and in which run. */
export function kept(what: JsonObject, reason: Reason, context: RunContext): Json {
  const at = new Date(context.clock.now()).toISOString()
  return { ...what, reason: { code: reason.code, facts: reason.facts }, runId: context.runId, at }
}

const unkeyed = (work: PageWork, action: number, context: RunContext): Key => [
  ...checkpointKey(context.scope),
  `${context.runId}/${JSON.stringify(work.page.cursor)}/${work.block.row(action)}`,
  `${work.block.kind(action)}#${action}`,
]
