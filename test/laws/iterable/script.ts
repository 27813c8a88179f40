import type { FakeIterableOptions } from 'lakeloop/testing'
import type { Action } from '../../../src/model/action.js'
import type { JsonObject } from '../../../src/model/value.js'
import { drawn } from './simulated-time.js'

export type ProjectType = 'email' | 'userId' | 'hybrid'

/** One action with what is known of it beforehand. `mark` is its number, and stands in whatever it writes. */
export interface Step {
  readonly mark: number
  readonly action: Action
  /** Whom, or which item, it is about. */
  readonly about: string
  /** The one code with which it has to be rejected. */
  readonly must?: string
  /** Codes with which it may be. */
  readonly may: readonly string[]
}

export interface Script {
  readonly seed: number
  readonly projectType: ProjectType
  readonly addressBy: 'email' | 'userId'
  /** True: as `Sync` sends, each action with its address. False: as `deliver` does, one request after the other. */
  readonly addressed: boolean
  readonly sizeMax: number
  readonly concurrency: number
  readonly attemptsMax: number
  /** Of a request that it meets a fault. */
  readonly rate: number
  /** Runs with faults, before those without. */
  readonly faulty: number
  readonly unsure: NonNullable<FakeIterableOptions['unsure']>
  readonly batchRowsMax: number | undefined
  readonly blocks: readonly (readonly Step[])[]
}

/** What a destination has to do well with, both ways. Switches of reads that no action leads to are left out. */
const SWITCHES = {
  longIntoDouble: false,
  tooLarge: 'BatchTooLarge',
  badJsonBody: '2022',
  bulkShape: '2022',
  typeConflictStatus: 500,
  typeConflictOf: 'row',
  purchasesAmongEvents: true,
  unchanged: 'noOp',
  scopedFieldNames: true,
  retryAfter: true,
  forgottenStatus: 409,
  trackBulkCreates: true,
  disallowedCounted: true,
  eventUpsert: 'merge',
  unknownUserId: '2017',
  catalogErrors: '2019',
  catalogBulkStatus: 200,
  unsubscribeUnknown: 'notFound',
  rowsOfOne: 'first',
  eventUpsertMoves: false,
  dynamicListJoins: true,
  nullInside: 'kept',
  moreFields: true,
} as const

export const PEOPLE = 6
const ITEM = { id: 'sku', name: 'Shoe', price: 49.5, quantity: 1 }
const WEIGHTS: readonly (readonly [kind: string, weight: number])[] = [
  ['profile', 9],
  ['event', 6],
  ['membership', 5],
  ['purchase', 3],
  ['cart', 3],
  ['catalogItem', 3],
  ['subscription', 2],
  ['addressChange', 2],
  ['delete', 1],
  ['forget', 1],
]
const KINDS = WEIGHTS.flatMap(([kind, weight]) => Array<string>(weight).fill(kind))

/** Draws the actions of a script. */
class Drawing {
  readonly random: () => number
  readonly #addressBy: Script['addressBy']
  /** By person: their address as the script goes on. */
  readonly addresses: string[]
  /** Addresses of whom anything may be refused as unknown or forgotten. */
  readonly #unsettled = new Map<string, Set<string>>()
  /** Half of the scripts are about few kinds or few people, so that much is about the same. */
  readonly #kinds: readonly string[]
  readonly #people: number
  #mark = 0

  constructor(seed: number, addressBy: Script['addressBy']) {
    this.random = drawn(seed)
    this.#addressBy = addressBy
    this.#kinds = this.chance(0.7) ? KINDS : ['profile', this.pick(KINDS), this.pick(KINDS)]
    this.#people = this.chance(0.7) ? PEOPLE : 2
    this.addresses = Array.from({ length: PEOPLE }, (_, n) => this.#address(`p${n}`))
  }

  upTo = (count: number): number => Math.floor(this.random() * count)
  chance = (share: number): boolean => this.random() < share
  pick = <T>(from: readonly T[]): T => from[this.upTo(from.length)] as T

  #address(name: string): string {
    return this.#addressBy === 'email' ? `${name}@example.com` : `User-${name}`
  }

  /** The profile that everybody has before anything goes wrong. */
  first = (): readonly Step[] => this.addresses.map((about) => this.#about(about, 'profile', { first: true }))

  step(): Step {
    const kind = this.pick(this.#kinds)
    const person = this.upTo(this.#people)
    const about = this.addresses[person] as string
    if (kind === 'catalogItem') return this.#item()
    if (kind === 'addressChange') {
      // Who is to be forgotten stays: a day that is used up puts that off, and then it would be somebody else's.
      const isToGo = this.#unsettled.get(about)?.has('USER_FORGOTTEN')
      return this.#addressBy !== 'email' || isToGo ? this.step() : this.#move(person)
    }
    if (kind === 'delete' || kind === 'forget') this.#may(about, kind)
    return this.#about(about, kind)
  }

  #about(about: string, kind: string, fields: JsonObject = {}): Step {
    const mark = ++this.#mark
    const says = kind === 'profile' ? this.#profile(mark, fields) : this.#saying(kind, mark)
    const identifiers = this.#addressBy === 'email' ? { email: this.#spelled(about) } : { userId: about }
    const action = { kind, identifiers, ...says.detail } as unknown as Action
    const may = [...(says.may ?? []), ...(this.#unsettled.get(about) ?? [])]
    return { mark, action, about, may, ...(says.must === undefined ? {} : { must: says.must }) }
  }

  /** An email is one whatever its case; a userId is not. */
  #spelled = (email: string): string => (this.chance(0.2) ? ` ${email.toUpperCase()}` : email)

  #profile(mark: number, fields: JsonObject) {
    const said = { ...fields, [`m${mark}`]: true, last: mark, nest: { [`k${this.upTo(3)}`]: mark } }
    if (fields.first === true) return { detail: { dataFields: said } }
    if (this.chance(0.04)) return { detail: { dataFields: { ...said, seats: 'many' } }, must: 'FIELD_TYPE_CONFLICT' }
    if (this.chance(0.15)) {
      const contested = this.chance(0.5) ? 'text' : true
      return { detail: { dataFields: { ...said, contested } }, may: ['FIELD_TYPE_CONFLICT', 'DATA_INVALID'] }
    }
    const gone = this.chance(0.5) ? null : 'here'
    return { detail: { dataFields: this.chance(0.3) ? { ...said, gone } : said } }
  }

  #saying(kind: string, mark: number): { detail: object; must?: string; may?: readonly string[] } {
    switch (kind) {
      case 'event': {
        if (this.chance(0.1)) return { detail: { eventName: 'secret' }, must: 'EVENT_NAME_DISALLOWED' }
        const named = this.chance(0.5) ? { eventName: 'seen', id: `event-${mark}` } : { eventName: `seen ${mark}` }
        return { detail: { ...named, createdAt: 1_700_000_000 + mark, dataFields: { mark } } }
      }
      case 'purchase':
        return { detail: { id: `order-${mark}`, total: mark, items: [ITEM], createdAt: 1_700_000_000 } }
      case 'cart':
        return { detail: { items: Array.from({ length: mark }, () => ITEM) } }
      case 'subscription':
        return { detail: { unsubscribedChannelIds: [mark] } }
      case 'membership': {
        const list = this.pick(['vip', 'vip', 'news', 'fresh', 'rule'])
        const must = list === 'rule' ? { must: 'LIST_DYNAMIC' } : {}
        return { detail: { list, member: this.chance(0.6) }, ...must }
      }
      default:
        return { detail: {} }
    }
  }

  #item(): Step {
    const mark = ++this.#mark
    const item = `sku-${this.upTo(3)}`
    const says = this.chance(0.4) ? { remove: true } : { dataFields: { mark } }
    const action = { kind: 'catalogItem', identifiers: {}, catalog: 'shoes', item, ...says } as unknown as Action
    return { mark, action, about: `shoes/${item}`, may: [] }
  }

  /** To an email of their own, or to one that somebody has. Whether it comes to that, only the outcome tells. */
  #move(person: number): Step {
    const mark = ++this.#mark
    const from = this.addresses[person] as string
    const isTaken = this.chance(0.2)
    const to = isTaken ? (this.addresses[(person + 1) % PEOPLE] as string) : this.#address(`p${person}-${mark}`)
    const may = ['USER_CONFLICT', 'USER_UNKNOWN', ...[from, to].flatMap((one) => [...(this.#unsettled.get(one) ?? [])])]
    this.#may(from, 'move')
    this.#may(to, 'move')
    if (!isTaken) this.addresses[person] = to
    return { mark, action: { kind: 'addressChange', identifiers: { email: from }, from, to }, about: from, may }
  }

  #may(about: string, kind: 'delete' | 'forget' | 'move'): void {
    const codes = this.#unsettled.get(about) ?? new Set<string>()
    this.#unsettled.set(about, codes)
    codes.add('USER_UNKNOWN')
    // An update of subscriptions has no list for the forgotten: they fail inside, which is unsure.
    if (kind === 'forget') for (const code of ['USER_FORGOTTEN', 'ROW_REFUSED']) codes.add(code)
  }
}

/** The same seed, the same script. */
export function scriptOf(seed: number): Script {
  const random = drawn(seed ^ 0x5eed)
  const share = random()
  const projectType = share < 0.7 ? 'email' : share < 0.85 ? 'userId' : 'hybrid'
  const addressBy = projectType === 'email' || share >= 0.925 ? 'email' : 'userId'
  const drawing = new Drawing(seed, addressBy)
  const { upTo, chance } = drawing
  const unsure = Object.fromEntries(Object.entries(SWITCHES).filter(() => chance(0.35)))
  const settings = {
    seed,
    projectType,
    addressBy,
    addressed: chance(0.7),
    sizeMax: 1 + upTo(6),
    concurrency: 1 + upTo(4),
    attemptsMax: 3 + upTo(4),
    rate: 0.1 + drawing.random() * 0.35,
    faulty: 1 + upTo(3),
    unsure,
    batchRowsMax: chance(0.2) ? 2 : undefined,
  } as const
  const blocks = [drawing.first(), ...Array.from({ length: 1 + upTo(3) }, () => block(drawing))]
  return { ...settings, blocks: settings.addressed ? blocks.flatMap(apart) : blocks }
}

const block = (drawing: Drawing): readonly Step[] => Array.from({ length: 4 + drawing.upTo(12) }, () => drawing.step())

/** Changes of an address in blocks of their own: `Sync` lets nothing else be on its way then. */
function apart(steps: readonly Step[]): readonly (readonly Step[])[] {
  const blocks: Step[][] = []
  let former: boolean | undefined
  for (const step of steps) {
    const isMove = step.action.kind === 'addressChange'
    if (isMove || former !== false) blocks.push([])
    former = isMove
    blocks.at(-1)?.push(step)
  }
  return blocks
}
