import type { ActionBlock } from '../../model/action.js'
import type { Json, JsonObject } from '../../model/value.js'
import { type DraftRules, isRefused, isWhole, named, type Refused, refused, stampRefusal, whoOf } from './drafts.js'
import type { Unnamed } from './event-ids.js'
import type { Draft, Frame } from './wire.js'

/** There is no bulk form of either. Source: Iterable api-docs.json, commerce. */
const PURCHASE: Frame = { endpoint: 'commerce/trackPurchase', head: '', tail: '' }
const CART: Frame = { endpoint: 'commerce/updateCart', head: '', tail: '' }

/** One call of its own. */
export interface SingleDraft {
  readonly frame: Frame
  readonly draft: Draft
}

/** A purchase whose id is not known before those of the whole block are. */
export interface PurchaseDraft extends Unnamed {
  finish(id: string): SingleDraft
}

/** So that no event of the same row, time and name has the same id. */
const PURCHASE_NAME = '\u0000purchase'

/** Throws nothing: what is wrong is a reason. The user of a purchase is named, and none of its fields are written. */
export function purchaseDraft(block: ActionBlock, index: number, rules: DraftRules): PurchaseDraft | Refused {
  const who = whoOf(block, index, rules)
  if (isRefused(who)) return who
  const { id, createdAt, total, items, campaignId, templateId, ...rest } = block.detail(index)
  const unstamped = stampRefusal(id, createdAt)
  if (unstamped !== undefined) return unstamped
  const problem =
    (typeof total === 'number' ? undefined : 'has a total that is no number') ??
    itemProblem(items) ??
    (isNumbered(campaignId) && isNumbered(templateId)
      ? undefined
      : 'has a campaignId or templateId that is no whole number') ??
    unknownProblem(rest)
  if (problem !== undefined) return refused('ACTION_INVALID', { kind: 'purchase', problem })
  const { reason } = rules.otherFields.verdict(block.shape(index))
  if (reason !== undefined) return { reason }
  const { address, email, userId } = who
  const said = { items, total, ...present({ createdAt, campaignId, templateId }) }
  return {
    index,
    address,
    eventName: PURCHASE_NAME,
    id: id as string | undefined,
    createdAt: createdAt as number | undefined,
    finish: (made) => ({
      frame: PURCHASE,
      draft: {
        actions: [index],
        email,
        userId,
        head: `{"id":${JSON.stringify(made)},"user":${userOf(who)},${JSON.stringify(said).slice(1, -1)},"dataFields":`,
        payload: block.payload(index),
        tail: '}',
      },
    }),
  }
}

/** Replaces the cart: saying it twice is saying it once. */
export function cartDraft(block: ActionBlock, index: number, rules: DraftRules): SingleDraft | Refused {
  const who = whoOf(block, index, rules)
  if (isRefused(who)) return who
  const { items, ...rest } = block.detail(index)
  const problem = itemProblem(items) ?? unknownProblem(rest)
  if (problem !== undefined) return refused('ACTION_INVALID', { kind: 'cart', problem })
  const { email, userId } = who
  const head = `{"user":${userOf(who)},"items":${JSON.stringify(items)}}`
  return { frame: CART, draft: { actions: [index], email, userId, head, tail: '' } }
}

const userOf = (who: { readonly email?: string; readonly userId?: string }): string =>
  `${named(who)},"preferUserId":false}`

const present = (fields: Readonly<Record<string, Json | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter((field): field is [string, Json] => field[1] !== undefined))

/** Source: Iterable api-docs.json: int32. */
const isNumbered = (value: Json | undefined): boolean => value === undefined || isWhole(value, 2 ** 31)

type Check = (value: Json) => boolean
const isText: Check = (value) => typeof value === 'string'
const isTexts: Check = (value) => Array.isArray(value) && (value as readonly Json[]).every(isText)
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Source: Iterable api-docs.json `CommerceItem`: a text where a number should be refuses the call. */
const ITEM: Readonly<Record<string, readonly [check: Check, what: string]>> = {
  id: [isText, 'text'],
  name: [isText, 'text'],
  price: [(value) => typeof value === 'number', 'a number'],
  quantity: [(value) => Number.isSafeInteger(value), 'a whole number'],
  sku: [isText, 'text'],
  description: [isText, 'text'],
  categories: [isTexts, 'an array of texts'],
  imageUrl: [isText, 'text'],
  url: [isText, 'text'],
  dataFields: [isObject, 'an object'],
}
const REQUIRED = ['id', 'name', 'price', 'quantity']

function itemProblem(items: Json | undefined): string | undefined {
  if (!Array.isArray(items)) return 'has items that are no array'
  for (const [at, item] of (items as readonly Json[]).entries()) {
    if (!isObject(item)) return `has items[${at}] that is no object`
    const missing = REQUIRED.find((name) => (item as JsonObject)[name] === undefined)
    if (missing !== undefined) return `has items[${at}] without ${missing}`
    for (const [name, value] of Object.entries(item as JsonObject)) {
      const [check, what] = Object.hasOwn(ITEM, name) ? (ITEM[name] as (typeof ITEM)[string]) : []
      if (check === undefined) return `has items[${at}] with a field that no item has: put it under its dataFields`
      if (!check(value)) return `has items[${at}].${name} that is not ${what}`
    }
  }
  return undefined
}

const unknownProblem = (rest: JsonObject): string | undefined =>
  Object.keys(rest).length === 0 ? undefined : 'has a field that it cannot carry: put it under dataFields'
