import type { Identifiers } from './identifier.js'
import type { JsonObject } from './value.js'

/** What a transform can make of a row. `addressChange` is made by identity alone: a person's address moved. */
export type ActionKind =
  | 'profile'
  | 'event'
  | 'purchase'
  | 'cart'
  | 'catalogItem'
  | 'membership'
  | 'subscription'
  | 'forget'
  | 'delete'
  | 'addressChange'

/** True for what makes a person go. */
export const isDeparture = (kind: ActionKind): boolean => kind === 'forget' || kind === 'delete'

/** An action as a plain object: what a transform returns, what a dead letter holds, what a test writes. */
export type Action =
  | ({ readonly kind: 'profile'; readonly dataFields?: JsonObject } & Named)
  | ({ readonly kind: 'event'; readonly dataFields?: JsonObject } & EventDetail & Named)
  | ({ readonly kind: 'purchase'; readonly dataFields?: JsonObject } & PurchaseDetail & Named)
  | ({ readonly kind: 'cart'; readonly items: readonly CommerceItem[] } & Named)
  | ({ readonly kind: 'catalogItem'; readonly dataFields?: JsonObject } & CatalogDetail & Named)
  | ({ readonly kind: 'membership'; readonly dataFields?: JsonObject } & MembershipDetail & Named)
  | ({ readonly kind: 'subscription' } & SubscriptionDetail & Named)
  | ({ readonly kind: 'forget' | 'delete' } & Named)
  | ({ readonly kind: 'addressChange'; readonly from: string; readonly to: string } & Named)

interface Named {
  readonly identifiers: Identifiers
}

/** `dataFields`: what the addition carries into the profile; set by the engine alone. */
interface MembershipDetail {
  readonly list: ListRef
  readonly member: boolean
}

interface EventDetail {
  readonly eventName: string
  /** Makes a repeat harmless; at most 512 bytes of letters, digits and hyphens. Made from the row where left out. */
  readonly id?: string
  /** When it happened, in whole seconds since 1970. Source: reference table 4.6 (Iterable's own SDKs send seconds). */
  readonly createdAt?: number
}

/** Source: Iterable api-docs.json `TrackPurchaseRequest`. */
interface PurchaseDetail {
  /** As an event's. */
  readonly id?: string
  readonly createdAt?: number
  /** Taken as it is: it is not the sum of the items. */
  readonly total: number
  readonly items: readonly CommerceItem[]
  readonly campaignId?: number
  readonly templateId?: number
}

/** Source: Iterable api-docs.json `CommerceItem`. */
export interface CommerceItem {
  readonly id: string
  readonly name: string
  readonly price: number
  /** Whole. */
  readonly quantity: number
  readonly sku?: string
  readonly description?: string
  readonly categories?: readonly string[]
  readonly imageUrl?: string
  readonly url?: string
  readonly dataFields?: JsonObject
}

/** One item of a catalog, which is about no person: `identifiers` is `{}`. */
interface CatalogDetail {
  readonly catalog: string
  /** Case counts. */
  readonly item: string
  /** The item goes; else `dataFields` are written. */
  readonly remove?: boolean
}

/**
 * Each array replaces the one that is stored; one that is left out stays. Lists have memberships.
 * Source: Iterable api-docs.json `UpdateSubscriptionsRequest`.
 */
interface SubscriptionDetail {
  readonly unsubscribedChannelIds?: readonly number[]
  readonly unsubscribedMessageTypeIds?: readonly number[]
  readonly subscribedMessageTypeIds?: readonly number[]
}

/** A list by name, or by the destination's own number. */
export type ListRef = string | number

/** What an action says besides who and the payload: `eventName`, `id`, `createdAt`; `list`, `member`; `from`, `to`; `items`. */
export type Detail = JsonObject

/**
 * What a leaf of a payload looks like to a destination that types its fields by value:
 * `date` a string in a form that Iterable types as a date, `nearDate` a string that only almost is (it would become a
 * string field for ever), `long` a number without fraction, `double` one with.
 * Source: Iterable help 208183076, as coded in block/iterable-go.
 */
export type FieldType = 'string' | 'date' | 'nearDate' | 'long' | 'double' | 'boolean' | 'null' | 'object' | 'array'

/** The fields of a payload by dotted path, parents before children. Equal shapes are one object within a block. */
export interface Shape {
  readonly fields: ReadonlyMap<string, FieldType>
  /** True where a field's own name holds a dot, so that its path is ambiguous. */
  readonly dotted: boolean
}

/**
 * Actions as columns plus payload bytes, so that the host checks a contract once per distinct shape and copies
 * payloads into request bodies without parsing them.
 *
 * Order   index order is row order, and within a row the order in which the transform gave them (I6).
 */
export interface ActionBlock {
  readonly length: number
  kind(index: number): ActionKind
  /** Index of the row it was made of, in the block of rows that was transformed. Never falls from one index to the next. */
  row(index: number): number
  /** The row's key (see `RowBlock.key`), where there is one. */
  key(index: number): string | undefined
  /** The row's `changedAt`, where there is one. */
  changedAt(index: number): string | undefined
  /** As the transform gave them: not normalised. */
  identifiers(index: number): Identifiers
  /** How the destination names this person; `undefined` until identity has spoken. */
  address(index: number): string | undefined
  detail(index: number): Detail
  shape(index: number): Shape
  /** UTF-8 JSON object: the `dataFields`. `{}` where there are none. */
  payload(index: number): Uint8Array
}
