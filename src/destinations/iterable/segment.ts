import type { CatalogDraft, CatalogRules } from './catalog-items.js'
import type { PurchaseDraft, SingleDraft } from './commerce.js'
import type { Departure } from './departures.js'
import type { EventDraft, ProfileDraft } from './drafts.js'
import type { Draft, Frame } from './wire.js'

/** Drafts that share what stands around them, by whom or what they are about: saying it twice is saying it once. */
export interface Gathered {
  readonly frame: Frame
  readonly drafts: Map<string, Draft>
}

/** A purchase before it has its id, or any other call of its own. */
export type Single = PurchaseDraft | SingleDraft

/**
 * A part of a block whose requests may be under way together: every address stands in it at most once per endpoint, or
 * what it says there does not depend on the order. Segments follow each other in source order (I6).
 */
export class Segment {
  readonly changes: SingleDraft[] = []
  readonly profiles = new Map<string, ProfileDraft>()
  readonly subscriptions = new Map<string, Draft>()
  readonly events: EventDraft[] = []
  /** Purchases and carts in source order: a purchase empties the cart. */
  readonly singles: Single[] = []
  /** By list and direction. */
  readonly sides = new Map<string, Gathered>()
  /** By catalog and direction. */
  readonly catalogs = new Map<string, Gathered>()
  readonly departures = new Map<string, Departure>()

  get hasRows(): boolean {
    const { profiles, subscriptions, events, singles, sides, departures } = this
    const sized = [profiles, subscriptions, sides, departures]
    return events.length > 0 || singles.length > 0 || sized.some(({ size }) => size > 0)
  }

  /** Adds a draft to those of its kind, with the actions of an earlier one that it says again or replaces. */
  gather(among: Map<string, Gathered>, key: string, frame: Frame, about: string, draft: Draft): void {
    const one = among.get(key) ?? { frame, drafts: new Map<string, Draft>() }
    among.set(key, one)
    const earlier = one.drafts.get(about)
    one.drafts.set(about, { ...draft, actions: [...(earlier?.actions ?? []), ...draft.actions] })
  }

  addItem({ frame, item, draft }: CatalogDraft): void {
    this.gather(this.catalogs, keyOf(frame), frame, item, draft)
  }

  /** True where the same item comes and goes, or is changed twice in different fields: the order must hold. */
  mustFollow({ frame, item }: CatalogDraft, { mergeItems }: CatalogRules): boolean {
    const has = (endpoint: Frame['endpoint']) =>
      this.catalogs.get(keyOf({ ...frame, endpoint }))?.drafts.has(item) === true
    if (frame.endpoint === 'catalogs/removeItems') return has('catalogs/items')
    return has('catalogs/removeItems') || (mergeItems && has('catalogs/items'))
  }
}

const keyOf = ({ endpoint, path = '' }: Pick<Frame, 'endpoint' | 'path'>): string => `${endpoint} ${path.toLowerCase()}`
