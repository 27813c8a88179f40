import type { ActionKind, Detail } from '../../model/action.js'
import type { Identifiers } from '../../model/identifier.js'
import { nearest } from '../../model/nearest.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { Copier } from './copy.js'
import { Refused } from './refused.js'
import type { Seen } from './seen.js'

/** The properties of an object of the program, each as it was read, once. */
export interface Read {
  readonly names: readonly string[]
  readonly values: readonly unknown[]
  /** What `dataFields` and `identifiers` hold, where they are objects of fields. */
  readonly dataFields: Seen | undefined
  readonly identifiers: Seen | undefined
}

export interface Classified {
  readonly kind: ActionKind
  readonly identifiers: Identifiers
  readonly detail: Detail
  readonly dataFields: JsonObject
}

interface Fields {
  readonly detail: readonly string[]
  readonly data?: false
}

/** Detail fields of each kind that a program can return. */
const FIELDS: Partial<Record<ActionKind, Fields>> = {
  profile: { detail: [] },
  event: { detail: ['eventName', 'id', 'createdAt'] },
  membership: { detail: ['list', 'member'], data: false },
  purchase: { detail: ['items', 'total', 'id', 'createdAt', 'campaignId', 'templateId'] },
  cart: { detail: ['items'], data: false },
  catalogItem: { detail: ['catalog', 'item', 'remove'] },
  subscription: {
    detail: ['unsubscribedChannelIds', 'unsubscribedMessageTypeIds', 'subscribedMessageTypeIds'],
    data: false,
  },
  forget: { detail: [], data: false },
  delete: { detail: [], data: false },
}

/** Events that the destination has no name for: it has commerce calls. Source: Iterable API, commerce/trackPurchase, commerce/updateCart. */
const COMMERCE = {
  'order.purchased': { kind: 'purchase', needs: ['items', 'total'] },
  'cart.abandon': { kind: 'cart', needs: ['items'] },
} as const

/** Whole seconds above this are milliseconds: it is the year 5138. */
const SECONDS_MAX = 1e11

const bad = (problem: string): Refused => new Refused('TRANSFORM_BAD_OUTPUT', { problem })

export interface ClassifyRules {
  readonly copier: Copier
  readonly nulls: 'omit' | 'remove'
  /** Whether a name stands in the program: others are not quoted (I7). */
  readonly sayable: (name: string) => boolean
  /** Whether an action names its row in `from`. */
  readonly batch: boolean
}

/** One returned object as an action. Throws TRANSFORM_BAD_OUTPUT. */
export function classify(read: Read, { copier, nulls, sayable, batch }: ClassifyRules): Classified {
  const { names, values } = read
  // A generator, a promise in a list, a Map: what has no field of its own is no action, and none by mistake either.
  if (names.length === 0) throw bad('an object without a field where an action should be')
  const held: Record<string, Json> = {}
  let dataFields: Json = {}
  for (const [at, name] of names.entries()) {
    copier.name(name)
    const field = values[at]
    if (batch && name === 'from') continue
    const seen = name === 'dataFields' || name === 'identifiers' ? read[name] : undefined
    const copied = copier.copy(field, name === 'dataFields' ? nulls : 'remove', seen)
    if (copied === undefined || copied === null) continue
    if (name === 'dataFields') dataFields = copied
    else held[name] = copied
  }
  if (!isObject(dataFields)) throw bad('dataFields that are no object')
  const { kind: given, email, userId, identifiers: named = {}, ...rest } = held
  const identifiers = identifiersOf({ email, userId }, named, sayable)
  const { kind, detail, data } = kindOf(given, rest, dataFields)
  checkDetail(kind, detail, data, sayable)
  return { kind, identifiers, detail, dataFields: data }
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function identifiersOf(
  top: Record<string, Json | undefined>,
  named: Json,
  sayable: (name: string) => boolean,
): Identifiers {
  if (!isObject(named)) throw bad('identifiers that are no object')
  const found: Record<string, string> = {}
  for (const [namespace, value] of [...Object.entries(named), ...Object.entries(top)]) {
    if (value === undefined || value === null) continue
    const text = identifierText(value)
    const name = sayable(namespace) ? ` ${namespace}` : ''
    if (text === undefined) throw bad(`${describe(value)} as the identifier${name}: give a string or a whole number`)
    if (Object.hasOwn(found, namespace) && found[namespace] !== text)
      throw bad(`two different values for the identifier${name}`)
    found[namespace] = text
  }
  return found
}

function identifierText(value: Json): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined
}

function describe(value: Json): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number beyond 2^53' : 'a number with a fraction'
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function kindOf(
  given: Json | undefined,
  rest: Record<string, Json>,
  dataFields: JsonObject,
): { kind: ActionKind; detail: Record<string, Json>; data: JsonObject } {
  if (given !== undefined) {
    if (typeof given !== 'string' || !Object.hasOwn(FIELDS, given)) {
      throw bad(`an action of an unknown kind: the kinds are ${Object.keys(FIELDS).join(', ')}`)
    }
    return { kind: given as ActionKind, detail: rest, data: dataFields }
  }
  const eventName = rest.eventName
  if (eventName === undefined) return { kind: 'profile', detail: rest, data: dataFields }
  if (typeof eventName !== 'string' || !Object.hasOwn(COMMERCE, eventName)) {
    return { kind: 'event', detail: rest, data: dataFields }
  }
  return commerce(eventName as keyof typeof COMMERCE, rest, dataFields)
}

/** Lifts what the commerce calls want at the top out of `dataFields`, where those who think of an event put it. */
function commerce(
  eventName: keyof typeof COMMERCE,
  { eventName: _, ...rest }: Record<string, Json>,
  dataFields: JsonObject,
): ReturnType<typeof kindOf> {
  const { kind, needs } = COMMERCE[eventName]
  const data: Record<string, Json> = { ...dataFields }
  const detail: Record<string, Json> = { ...rest }
  for (const name of needs) {
    const lifted = data[name]
    if (detail[name] !== undefined || lifted === undefined || lifted === null) continue
    detail[name] = lifted
    delete data[name]
  }
  if (needs.some((name) => detail[name] === undefined)) {
    throw bad(
      `an event ${eventName} without ${needs.join(' and ')}: add ${needs.length > 1 ? 'them' : 'it'} to make it a ${kind}, ` +
        "or say kind: 'event' to track it as an event of that name",
    )
  }
  return { kind, detail, data }
}

/** What to do about a field that an action of its kind does not have. Names fields of ours alone (I7). */
function adviceOn(name: string, { detail, data }: Fields): string {
  const close = nearest(name, [
    'kind',
    'email',
    'userId',
    'identifiers',
    ...(data === false ? [] : ['dataFields']),
    ...detail,
  ])
  if (close !== undefined) return `: perhaps ${close}`
  return data === false ? ', which it cannot carry' : ': put data under dataFields'
}

function checkDetail(
  kind: ActionKind,
  detail: Record<string, Json>,
  data: JsonObject,
  sayable: (name: string) => boolean,
): void {
  const fields = FIELDS[kind] as Fields
  for (const name of Object.keys(detail)) {
    if (fields.detail.includes(name)) continue
    throw bad(
      `${kind === 'event' ? 'an' : 'a'} ${kind} with the field ${sayable(name) ? name : 'of another name'}${adviceOn(name, fields)}`,
    )
  }
  if (fields.data === false && Object.keys(data).length > 0)
    throw bad(`a ${kind} with dataFields, which it cannot carry`)
  const { eventName, id, createdAt, list, member, items, total } = detail
  if (kind === 'event' && (typeof eventName !== 'string' || eventName === ''))
    throw bad('an event without an eventName')
  if (kind === 'membership') checkMembership(list, member)
  if (kind === 'purchase' && typeof total !== 'number') throw bad('a purchase whose total is no number')
  if ((kind === 'purchase' || kind === 'cart') && !(Array.isArray(items) && items.every(isObject))) {
    throw bad(`a ${kind} whose items are no array of objects`)
  }
  if (kind === 'event' || kind === 'purchase') checkStamp(id, createdAt)
  if (kind === 'catalogItem' && (typeof detail.catalog !== 'string' || typeof detail.item !== 'string'))
    throw bad('a catalogItem without a catalog and an item: give both as strings')
}

function checkMembership(list: Json | undefined, member: Json | undefined): void {
  const isName = typeof list === 'string' && list !== ''
  if (!isName && !Number.isSafeInteger(list)) throw bad('a membership without a list: give its name or its number')
  if (member !== undefined && typeof member !== 'boolean')
    throw bad('a membership whose member is neither true nor false')
}

function checkStamp(id: Json | undefined, createdAt: Json | undefined): void {
  if (id !== undefined && typeof id !== 'string') throw bad('an id that is no string')
  if (createdAt === undefined) return
  if (!Number.isSafeInteger(createdAt)) throw bad('a createdAt that is no whole number: give seconds since 1970')
  if ((createdAt as number) > SECONDS_MAX) throw bad('a createdAt in milliseconds: give seconds since 1970')
}
