import type { PartAsked, PartMatched } from './matcher.js'
import type { WishPage } from './wish-spool.js'

export type Asked =
  | { readonly what: 'add'; readonly page: WishPage }
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
  /** Bytes of all wishes. */
  readonly bytes?: number
  /** Bytes that were handed over, and are of no more use there. */
  readonly spare?: Uint8Array
  readonly matched?: PartMatched
}
