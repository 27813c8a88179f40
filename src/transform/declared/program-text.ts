/** The words of programs that every file of row types says: what goes in, and what may come out. Checked against `child/classify.ts` by tests. */
export const PROGRAM_TEXT = `\
/** Any JSON: what a VARIANT holds. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** A vector of Spark ML: \`type\` 1 is dense and has values alone, 0 is sparse. */
export type Vector = {
  readonly type: 0 | 1
  readonly size: number | null
  readonly indices: readonly number[] | null
  readonly values: readonly (number | null)[] | null
}

/** A program that is called once per row: its default export. */
export type Transform = (row: Row, context: Context) => Result | Promise<Result>

/** A program in the other form: a function \`send\`. */
export type Send = (payload: Payload, headers: Headers) => Result | Promise<Result>

/** The same with \`batch: true\`: all rows of a slice at once. Each action names its row, and so does each call of skip. */
export type BatchTransform = (rows: Row[], context: Context) => BatchResult | Promise<BatchResult>
export type BatchSend = (payload: Payload, headers: Headers) => BatchResult | Promise<BatchResult>

/** \`events\` holds the one row, or all rows of a slice. */
export type Payload = { readonly events: Row[] }
export type Headers = { readonly [name: string]: string | undefined }

export interface Context {
  /** The present of this call, in ms since 1970: the same as \`Date.now()\`. */
  readonly now: number
  /** Leaves the row out, and says why in the report. */
  readonly skip: {
    (reason?: string): undefined
    (row: Row, reason?: string): undefined
  }
  readonly spark: Spark
}

/** Several actions of a row are taken all or none. \`false\` and \`null\` are passed over. */
export type Result = Returned | readonly Returned[] | void
type Returned = Action | false | null | undefined

export type BatchResult = BatchReturned | readonly BatchReturned[] | void
type BatchReturned = BatchAction | false | null | undefined
/** \`from\` is the row itself, and no copy. */
export type BatchAction = Action & { readonly from: Row }

export type Action =
  | Profile
  | Event
  | OrderPurchased
  | CartAbandon
  | Purchase
  | Cart
  | CatalogItem
  | Membership
  | Subscription
  | Forget
  | Delete

type Maybe<T> = T | null | undefined

/** Text, or a whole number up to 2^53. */
export type Id = Maybe<string | number>

/** What a payload may hold: JSON, dates, and what says by toJSON how it is written. */
export type Data =
  | Maybe<string | number | boolean>
  | { toJSON(key?: any): unknown }
  | readonly Data[]
  | { readonly [name: string]: Data }
export type DataFields = { readonly [name: string]: Data }

interface Who {
  readonly email?: Id
  readonly userId?: Id
  /** By namespace, such as \`customer_id\`. */
  readonly identifiers?: Maybe<{ readonly [namespace: string]: Id }>
}

interface Stamp {
  /** Makes a repeat harmless; made from the row where it is left out. */
  readonly id?: Maybe<string>
  /** In whole seconds since 1970. */
  readonly createdAt?: Maybe<number>
}

/** What is true of a person. */
export interface Profile extends Who {
  readonly kind?: Maybe<'profile'>
  readonly eventName?: null | undefined
  readonly dataFields?: Maybe<DataFields>
}

export interface Event extends Who, Stamp {
  /** To be said for an event that is called order.purchased or cart.abandon and is no call of commerce. */
  readonly kind?: Maybe<'event'>
  readonly eventName: string
  readonly dataFields?: Maybe<DataFields>
}

/** A purchase by another name: items and total may stand in dataFields too. */
export interface OrderPurchased extends Who, Stamp {
  readonly kind?: null | undefined
  readonly eventName: 'order.purchased'
  readonly items?: Maybe<readonly CommerceItem[]>
  readonly total?: Maybe<number>
  readonly campaignId?: Maybe<number>
  readonly templateId?: Maybe<number>
  readonly dataFields?: Maybe<DataFields>
}

/** A cart by another name: items may stand in dataFields too. */
export interface CartAbandon extends Who {
  readonly kind?: null | undefined
  readonly eventName: 'cart.abandon'
  readonly items?: Maybe<readonly CommerceItem[]>
  readonly dataFields?: Maybe<DataFields>
}

export interface Purchase extends Who, Stamp {
  readonly kind: 'purchase'
  readonly items: readonly CommerceItem[]
  /** Taken as it is: it is not the sum of the items. */
  readonly total: number
  readonly campaignId?: Maybe<number>
  readonly templateId?: Maybe<number>
  readonly dataFields?: Maybe<DataFields>
}

/** Replaces the cart. */
export interface Cart extends Who {
  readonly kind: 'cart'
  readonly items: readonly CommerceItem[]
}

export interface CommerceItem {
  readonly id: string
  readonly name: string
  readonly price: number
  /** Whole. */
  readonly quantity: number
  readonly sku?: string | undefined
  readonly description?: string | undefined
  readonly categories?: readonly string[] | undefined
  readonly imageUrl?: string | undefined
  readonly url?: string | undefined
  readonly dataFields?: DataFields | undefined
}

/** An item of a catalog; it is about no person. */
export interface CatalogItem extends Who {
  readonly kind: 'catalogItem'
  readonly catalog: string
  readonly item: string
  /** The item goes; else dataFields are written. */
  readonly remove?: Maybe<boolean>
  readonly dataFields?: Maybe<DataFields>
}

export interface Membership extends Who {
  readonly kind: 'membership'
  /** Its name, or its number. */
  readonly list: string | number
  /** Left out: undecided, and whoever has a place keeps it. */
  readonly member?: Maybe<boolean>
}

/** Each array replaces the one that is stored; one that is left out stays. */
export interface Subscription extends Who {
  readonly kind: 'subscription'
  readonly unsubscribedChannelIds?: Maybe<readonly number[]>
  readonly unsubscribedMessageTypeIds?: Maybe<readonly number[]>
  readonly subscribedMessageTypeIds?: Maybe<readonly number[]>
}

export interface Forget extends Who {
  readonly kind: 'forget'
}

export interface Delete extends Who {
  readonly kind: 'delete'
}
`
