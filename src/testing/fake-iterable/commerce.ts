import type { Json, JsonObject } from '../../model/value.js'
import { refuseOdd } from './events.js'
import { refuseDots } from './fields/dots.js'
import { Typing } from './fields/field-types.js'
import { merged } from './fields/merge.js'
import type { Project } from './project.js'
import { type Route, route } from './route.js'
import { refusedOne, USER } from './users/users.js'
import { envelope, type FakeAnswer, type FakeRequest } from './wire/answer.js'
import type { BodyCheck, Rules } from './wire/body-check.js'
import { plain } from './wire/spelled.js'

/** Source: SW `CommerceItem`; a quantity that is text or a fraction is refused (derived). */
const ITEM: Rules = {
  id: 'string',
  name: 'string',
  price: 'number',
  quantity: 'long',
  sku: 'string?',
  description: 'string?',
  categories: 'strings?',
  imageUrl: 'string?',
  url: 'string?',
  dataFields: 'object?',
}

/** Source: SW `TrackPurchaseRequest`. */
const PURCHASE: Rules = {
  user: 'object',
  total: 'number',
  id: 'string?',
  createdAt: 'long?',
  campaignId: 'long?',
  templateId: 'long?',
  dataFields: 'object?',
}

/** Whose purchase or cart it is, with the items. Source: SW (`user` is an `ApiUserUpdateRequest`), VCR (nobody: 2017). */
function asked(project: Project, request: FakeRequest, rules: Rules) {
  const check: BodyCheck = project.check(request)
  check.fields(check.body, rules)
  const items = check.objects('items', ITEM)
  const user = check.object('user', { ...USER, createNewFields: 'boolean?' })
  check.end()
  project.requireIdentifiers([user], 'be set: ApiUserUpdateRequest(None,None,None,None)')
  return { body: check.body, items: plain(items as readonly Json[]), user }
}

/** Writes the profile fields that come along, and the cart. Gives the address, or the refusal. Source: SW, HC-29156459027348. */
function written(project: Project, user: JsonObject, how: { endpoint: string; cart(before?: Json): Json | undefined }) {
  const claim = project.judge(user)
  if ('refused' in claim) return refusedOne(project, claim)
  const typed = project.typeUsers([user], user.createNewFields)
  project.write(user, claim, { endpoint: how.endpoint, typed, at: 0 })
  const address = project.people.addressOf(claim.user ?? claim)
  const holder = project.ledger.user(address)
  const shoppingCartItems = how.cart(holder?.dataFields.shoppingCartItems)
  if (holder !== undefined && shoppingCartItems !== undefined)
    holder.dataFields = { ...holder.dataFields, shoppingCartItems }
  return { address }
}

/** A cart that was there is empty then. */
const emptied = (before?: Json): Json | undefined => (before === undefined ? undefined : [])

/**
 * POST /api/commerce/trackPurchase: writes the profile, empties its cart (SW; that it reads [] then is invented), and
 * stores the purchase. The same id is the same purchase (SW; its characters and what happens to the fields are unsure, as
 * for events). `total` is taken as it is (HC-360046134891). All purchases share one schema (reference 4.2).
 */
function trackPurchase(project: Project, request: FakeRequest): FakeAnswer {
  const { body, items, user } = asked(project, request, PURCHASE)
  refuseOdd(project, [body])
  refuseDots([body], project.unsure)
  const fields = (body.dataFields ?? {}) as JsonObject
  const typing = new Typing(project.purchaseFields, project.unsure)
  const create = project.creates(undefined)
  typing.unknown(fields, create)
  project.refuseConflicts([[{ type: 'purchase', category: 'purchase', prefix: '' }, typing]])
  const holder = written(project, user, { endpoint: 'commerce/trackPurchase', cart: emptied })
  if (!('address' in holder)) return holder
  for (const [path, type] of typing.fresh) project.purchaseFields.set(path, type)
  const { id, total, createdAt } = plain(body) as { id?: string; total: number; createdAt?: number }
  const { purchases } = project.ledger
  const at = purchases.findIndex((one) => id !== undefined && one.id === id)
  const known = purchases[at]
  const keeps = project.unsure.eventUpsert === 'merge' ? known?.dataFields : undefined
  const stored = {
    id: id ?? `purchase-${purchases.length + 1}`,
    address: holder.address,
    items: items as readonly JsonObject[],
    total,
    createdAt: createdAt ?? known?.createdAt ?? Math.floor(project.now() / 1_000),
    dataFields: merged(keeps ?? {}, plain(fields), true),
  }
  if (known === undefined) purchases.push(stored)
  else purchases[at] = stored
  const detail = { id: stored.id, total, items: items.length, createdAt: stored.createdAt }
  project.applied({ address: holder.address, kind: 'purchase', endpoint: 'commerce/trackPurchase', detail })
  return envelope(200, 'Success', '')
}

/** POST /api/commerce/updateCart: replaces the items of the cart. Source: SW; its answer: VCR (2017). */
function updateCart(project: Project, request: FakeRequest): FakeAnswer {
  const { items, user } = asked(project, request, { user: 'object' })
  const holder = written(project, user, { endpoint: 'commerce/updateCart', cart: () => items })
  if (!('address' in holder)) return holder
  const detail = { items: items.length }
  project.applied({ address: holder.address, kind: 'cart', endpoint: 'commerce/updateCart', detail })
  return envelope(200, 'Success', '')
}

/** There is no bulk endpoint. Source: SW (absence). */
export const COMMERCE: readonly Route[] = [
  route('POST commerce/trackPurchase', ({ project, request }) => trackPurchase(project, request)),
  route('POST commerce/updateCart', ({ project, request }) => updateCart(project, request)),
]
