import type { Coercions, FakeType } from './field-types.js'
import type { Rate } from './rates.js'

export interface FakeIterableOptions {
  readonly projectType: 'email' | 'userId' | 'hybrid'
  /** Any other key gets 401. Default `fake-key`. */
  readonly apiKey?: string
  /** `published` (default): Iterable's limits as a sliding window; `off`; or limits of one's own by endpoint, over the published ones. */
  readonly rates?: 'published' | 'off' | Readonly<Record<string, Rate>>
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: () => number
  /** The project's setting for requests that do not say. Default true. */
  readonly createNewFields?: boolean
  /** User fields that are there already, by dotted path. */
  readonly fields?: Readonly<Record<string, FakeType>>
  /** Lists that are there already: a name, or a name and a type (`Standard`, `Dynamic`, ...). */
  readonly lists?: readonly (string | { readonly name: string; readonly type?: string })[]
  /** Addresses that were forgotten: never stored again. */
  readonly forgotten?: readonly string[]
  /** Event names that are not allowed. */
  readonly disallowedEvents?: readonly string[]
  /** How long a new list answers `invalidListId`, in ms. Source: AC `retryOnInvalidListId`. Default 0. */
  readonly newListBlindMs?: number
  /** Fields that a project may have. Source: SW, HC-26678893969812 (soft 1,000). Default 1,000. */
  readonly fieldsMax?: number
  /** Facts that no source settles: each can be answered both ways. */
  readonly unsure?: Partial<Unsure>
}

export interface Unsure extends Coercions {
  /** What a body over 4 MB gets. Default 413. */
  readonly tooLarge: 'BatchTooLarge' | '413'
  /** `createdAt` in milliseconds: taken for what it is, or refused as out of range. Default refused. */
  readonly createdAtMs: 'refused' | 'accepted'
}

export const UNSURE: Unsure = {
  longIntoDouble: true,
  doubleIntoLong: false,
  anythingIntoString: false,
  tooLarge: '413',
  createdAtMs: 'refused',
}
