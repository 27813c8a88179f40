import type { PartAsked, PartKept, PartMatched } from './matcher.js'
import type { WishPage } from './wish-batch.js'

export type Asked =
  | { readonly what: 'take'; readonly part: number; readonly kept: PartKept }
  | { readonly what: 'add'; readonly page: WishPage }
  | { readonly what: 'end' }
  | { readonly what: 'match'; readonly part: PartAsked }
  | { readonly what: 'close' }

export interface Question {
  readonly nth: number
  readonly asked: Asked
}

export interface Answered {
  readonly nth: number
  /** Of LIST_SPOOL. */
  readonly problem?: string
  /** Bytes of all wishes that were spooled. */
  readonly bytes?: number
  /** Bytes of a page that were handed over, and are of no more use there. */
  readonly spare?: Uint8Array
  readonly matched?: PartMatched
}
