import type { ActionBlock } from '../../model/action.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { Refusal } from '../destination.js'
import { atOnce, isStep, type Steps } from '../turns.js'
import { type CatalogRules, catalogDraft } from './catalog-items.js'
import { changeDraft } from './change-draft.js'
import { cartDraft, purchaseDraft, type SingleDraft } from './commerce.js'
import { departure } from './departures.js'
import {
  type DraftRules,
  type EventDraft,
  eventDraft,
  foldedProfile,
  identified,
  isRefused,
  membershipDraft,
  profileDraft,
  profileFrame,
  type Refused,
  refused,
  whoOf,
} from './drafts.js'
import { eventIds } from './event-ids.js'
import type { ListDirectory, ListFound } from './list-directory.js'
import { Segment, type Single } from './segment.js'
import { SUBSCRIPTIONS, subscriptionDraft } from './subscriptions.js'
import { type Draft, type Frame, packed, type Sizes, type WireRequest } from './wire.js'

/** What preparing depends on, frozen at `open`. */
export interface PrepareRules extends DraftRules {
  readonly projectType: 'email' | 'userId' | 'hybrid'
  readonly lists: ListDirectory
  readonly catalogs: CatalogRules
  readonly sizes: (endpoint: Endpoint) => Sizes
}

export interface Made {
  readonly requests: readonly WireRequest[]
  readonly refused: readonly Refusal[]
}

/**
 * The requests for a block, in the order to be sent in, and the actions that none was made of. Pure.
 *
 * Cost    a step is some dozens of actions, or one body: see `inTurns`.
 */
export function* preparing(block: ActionBlock, rules: PrepareRules): Steps<Made> {
  const preparation = new Preparation(block, rules)
  for (let index = 0; index < block.length; index += 1) {
    preparation.add(index)
    if (isStep(index)) yield
  }
  return yield* preparation.finish()
}

/** One profile or membership as a request of its own: how a folded row is taken apart again. */
export function alone(block: ActionBlock, index: number, rules: PrepareRules): readonly WireRequest[] {
  const preparation = new Preparation(block, rules)
  preparation.add(index)
  return atOnce(preparation.finish()).requests
}

class Preparation {
  readonly #block: ActionBlock
  readonly #rules: PrepareRules
  readonly #refused: Refusal[] = []
  #last = new Segment()
  readonly #segments: Segment[] = [this.#last]
  /** Who was forgotten or deleted within the block; empty in nearly all. */
  readonly #departed = new Map<string, { readonly forever: boolean }>()

  constructor(block: ActionBlock, rules: PrepareRules) {
    this.#block = block
    this.#rules = rules
  }

  add(index: number): void {
    const refusal = this.#add(index)
    if (refusal !== undefined) this.#refused.push({ action: index, reason: refusal.reason })
  }

  #add(index: number): Refused | undefined {
    const kind = this.#block.kind(index)
    const late = this.#departed.size === 0 ? undefined : this.#late(index)
    if (late !== undefined) return late
    switch (kind) {
      case 'profile':
        return this.#profile(index)
      case 'event':
        return this.#event(index)
      case 'membership':
        return this.#membership(index)
      case 'addressChange':
        return this.#addressChange(index)
      case 'purchase':
        return this.#single(purchaseDraft(this.#block, index, this.#rules))
      case 'cart':
        return this.#single(cartDraft(this.#block, index, this.#rules))
      case 'subscription':
        return this.#subscription(index)
      case 'catalogItem':
        return this.#catalogItem(index)
      case 'forget':
      case 'delete':
        return this.#departure(index, kind)
      default:
        return refused('ACTION_UNSUPPORTED', { kind })
    }
  }

  /** Somebody who has left within this block: forgotten for good, or deleted, and then what comes after comes after. */
  #late(index: number): Refused | undefined {
    const who = whoOf(this.#block, index, this.#rules)
    const left = isRefused(who) ? undefined : this.#departed.get(who.address)
    if (left?.forever === true) return refused('USER_FORGOTTEN')
    if (left !== undefined && !isRefused(who) && this.#last.departures.has(who.address)) this.#next()
    return undefined
  }

  #single(made: Single | Refused): Refused | undefined {
    if (isRefused(made)) return made
    this.#last.singles.push(made)
    return undefined
  }

  #subscription(index: number): Refused | undefined {
    const made = subscriptionDraft(this.#block, index, this.#rules)
    if (isRefused(made)) return made
    if (this.#last.subscriptions.has(made.address)) this.#next()
    this.#last.subscriptions.set(made.address, made)
    return undefined
  }

  #catalogItem(index: number): Refused | undefined {
    const made = catalogDraft(this.#block, index, this.#rules.catalogs)
    if (isRefused(made)) return made
    if (this.#last.mustFollow(made, this.#rules.catalogs)) this.#next()
    this.#last.addItem(made)
    return undefined
  }

  #departure(index: number, kind: 'forget' | 'delete'): Refused | undefined {
    const made = departure(this.#block, index, this.#rules, kind)
    if (isRefused(made)) return made
    if (this.#last.departures.has(made.address)) this.#next()
    this.#last.departures.set(made.address, made)
    this.#departed.set(made.address, made)
    return undefined
  }

  #profile(index: number): Refused | undefined {
    const made = profileDraft(this.#block, index, this.#rules)
    if (isRefused(made)) return made
    const { address } = made
    const earlier = this.#last.profiles.get(address)
    const both = earlier === undefined ? made : foldedProfile(earlier, made, this.#rules)
    if (both === undefined) this.#next()
    this.#last.profiles.set(address, both ?? made)
    return undefined
  }

  #event(index: number): Refused | undefined {
    const made = eventDraft(this.#block, index, this.#rules)
    if (isRefused(made)) return made
    this.#last.events.push(made)
    return undefined
  }

  #membership(index: number): Refused | undefined {
    const { list, member } = this.#block.detail(index)
    if ((typeof list !== 'string' && typeof list !== 'number') || typeof member !== 'boolean') {
      return refused('ACTION_INVALID', { kind: 'membership', problem: 'needs a list and member: true or false' })
    }
    const found = this.#rules.lists.find(list)
    if ('code' in found) return { reason: found }
    const made = membershipDraft(this.#block, index, this.#rules)
    if (isRefused(made)) return made
    const key = JSON.stringify(found.id ?? found.ref)
    // A person who leaves and joins one list in one block: the order must hold, so the two are never under way together.
    if (this.#last.sides.get(`${!member} ${key}`)?.drafts.has(made.address)) this.#next()
    const last = this.#last
    last.gather(last.sides, `${member} ${key}`, listFrame(found, member), made.address, made)
    return undefined
  }

  #addressChange(index: number): Refused | undefined {
    const made = changeDraft(this.#block, index, this.#rules)
    if (isRefused(made)) return made
    if (this.#last.hasRows) this.#next()
    this.#last.changes.push(made)
    return undefined
  }

  /**
   * Within a segment: changes of address, then profiles, what they want to be sent, events (an unknown user has none),
   * purchases and carts, lists; items of catalogs depend on none of them; who goes, goes last.
   */
  *finish(): Steps<Made> {
    const named = this.#segments.flatMap(({ events, singles }) => [...events, ...singles.filter(isUnnamed)])
    const ids = yield* eventIds(this.#block, named)
    const idOf = new Array<string>(this.#block.length)
    named.forEach(({ index }, at) => {
      idOf[index] = ids[at] as string
    })
    const requests: WireRequest[] = []
    for (const segment of this.#segments) {
      for (const [frame, drafts] of this.#parts(segment, idOf)) {
        for (const request of packed(this.#block, frame, drafts, this.#rules.sizes(frame.endpoint))) {
          requests.push(request)
          yield
        }
      }
    }
    return { requests, refused: this.#refused.sort((left, right) => left.action - right.action) }
  }

  *#parts(segment: Segment, idOf: readonly string[]): Generator<readonly [Frame, readonly Draft[]]> {
    for (const { frame, draft } of segment.changes) yield [frame, [draft]]
    yield [profileFrame(this.#rules), [...segment.profiles.values()]]
    yield [SUBSCRIPTIONS, [...segment.subscriptions.values()]]
    yield [EVENTS, this.#identified(segment.events, idOf)]
    for (const single of segment.singles) {
      const { frame, draft } = isUnnamed(single) ? single.finish(idOf[single.index] as string) : single
      yield [frame, [draft]]
    }
    for (const { frame, drafts } of segment.sides.values()) yield [frame, [...drafts.values()]]
    for (const { frame, drafts } of segment.catalogs.values()) yield [frame, [...drafts.values()]]
    for (const { frame, draft } of segment.departures.values()) yield [frame, [draft]]
  }

  #identified(events: readonly EventDraft[], idOf: readonly string[]): readonly Draft[] {
    const drafts: Draft[] = []
    for (const event of events) {
      const made = identified(event, idOf[event.index] as string, this.#rules)
      if (isRefused(made)) this.#refused.push({ action: event.index, reason: made.reason })
      else drafts.push(made)
    }
    return drafts
  }

  #next(): void {
    this.#last = new Segment()
    this.#segments.push(this.#last)
  }
}

const isUnnamed = (single: Single): single is Exclude<Single, SingleDraft> => 'finish' in single

const EVENTS: Frame = { endpoint: 'events/trackBulk', head: '{"events":[', tail: ']}' }

/** The bytes around the members. A list that is to be made stands there by its name until it has a number. */
export function listFrame(list: ListFound, member: boolean): Frame {
  const endpoint = member ? 'lists/subscribe' : 'lists/unsubscribe'
  const said = member ? '"updateExistingUsersOnly":false' : '"channelUnsubscribe":false'
  return {
    endpoint,
    head: `{"listId":${JSON.stringify(list.id ?? list.ref)},${said},"subscribers":[`,
    tail: ']}',
    list,
  }
}
