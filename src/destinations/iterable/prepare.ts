import type { ActionBlock } from '../../model/action.js'
import type { JsonObject } from '../../model/value.js'
import type { Endpoint } from '../../vendors/iterable/endpoints.js'
import type { Refusal } from '../destination.js'
import { emailOf } from './address.js'
import {
  type DraftRules,
  type EventDraft,
  eventDraft,
  foldedProfile,
  identified,
  isRefused,
  membershipDraft,
  type ProfileDraft,
  profileDraft,
  type Refused,
  refused,
} from './drafts.js'
import { eventIds } from './event-ids.js'
import type { ListDirectory, ListFound } from './list-directory.js'
import { type Draft, type Frame, packed, type Sizes, type WireRequest } from './wire.js'

/** What preparing depends on, frozen at `open`. */
export interface PrepareRules extends DraftRules {
  readonly projectType: 'email' | 'userId' | 'hybrid'
  readonly lists: ListDirectory
  readonly sizes: (endpoint: Endpoint) => Sizes
}

/** One list and one direction: drafts by address, so that saying it twice is saying it once. */
interface ListSide {
  readonly frame: Frame
  readonly drafts: Map<string, Draft>
}

/** Requests of a segment hold every address at most once per endpoint; segments follow each other in source order (I6). */
class Segment {
  readonly changes: Draft[] = []
  readonly profiles = new Map<string, ProfileDraft>()
  readonly events: EventDraft[] = []
  readonly sides = new Map<string, ListSide>()

  get hasRows(): boolean {
    return this.profiles.size > 0 || this.events.length > 0 || this.sides.size > 0
  }
}

export interface Made {
  readonly requests: readonly WireRequest[]
  readonly refused: readonly Refusal[]
}

/** The requests for a block, in the order to be sent in, and the actions that none was made of. Pure. */
export function prepare(block: ActionBlock, rules: PrepareRules): Made {
  const preparation = new Preparation(block, rules)
  for (let index = 0; index < block.length; index += 1) preparation.add(index)
  return preparation.finish()
}

/** One profile or membership as a request of its own: how a folded row is taken apart again. */
export function alone(block: ActionBlock, index: number, rules: PrepareRules): readonly WireRequest[] {
  const preparation = new Preparation(block, rules)
  preparation.add(index)
  return preparation.finish().requests
}

class Preparation {
  readonly #block: ActionBlock
  readonly #rules: PrepareRules
  readonly #refused: Refusal[] = []
  readonly #segments: Segment[] = [new Segment()]

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
    switch (kind) {
      case 'profile':
        return this.#profile(index)
      case 'event':
        return this.#event(index)
      case 'membership':
        return this.#membership(index)
      case 'addressChange':
        return this.#addressChange(index)
      default:
        return refused('ACTION_UNSUPPORTED', { kind })
    }
  }

  #profile(index: number): Refused | undefined {
    const made = profileDraft(this.#block, index, this.#rules)
    if (isRefused(made)) return made
    const { address } = made.who
    const earlier = this.#last().profiles.get(address)
    const both = earlier === undefined ? made : foldedProfile(earlier, made, this.#rules)
    if (both === undefined) this.#segments.push(new Segment())
    this.#last().profiles.set(address, both ?? made)
    return undefined
  }

  #event(index: number): Refused | undefined {
    const made = eventDraft(this.#block, index, this.#rules)
    if (isRefused(made)) return made
    this.#last().events.push(made)
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
    if (this.#last().sides.get(`${!member} ${key}`)?.drafts.has(made.address)) this.#segments.push(new Segment())
    const { sides } = this.#last()
    const side = sides.get(`${member} ${key}`) ?? { frame: listFrame(found, member), drafts: new Map() }
    sides.set(`${member} ${key}`, side)
    const earlier = side.drafts.get(made.address)
    side.drafts.set(made.address, { ...made, actions: [...(earlier?.actions ?? []), ...made.actions] })
    return undefined
  }

  #addressChange(index: number): Refused | undefined {
    if (this.#rules.projectType !== 'email') return refused('ACTION_UNSUPPORTED', { kind: 'addressChange' })
    const { from, to }: JsonObject = this.#block.detail(index)
    const [current, next] = [from, to].map((raw) => (typeof raw === 'string' ? emailOf(raw) : undefined))
    if (current === undefined || next === undefined) return refused('EMAIL_INVALID')
    if (current === next) return refused('ACTION_INVALID', { kind: 'addressChange', problem: 'changes nothing' })
    if (this.#last().hasRows) this.#segments.push(new Segment())
    const head = JSON.stringify({ currentEmail: current, newEmail: next })
    this.#last().changes.push({ actions: [index], email: current, head, tail: '' })
    return undefined
  }

  /** Within a segment: changes of address, then profiles, then events (an unknown user has none), then lists. */
  finish(): Made {
    const ids = eventIds(
      this.#block,
      this.#segments.flatMap((segment) => segment.events),
    )
    let at = 0
    const requests = this.#segments.flatMap((segment) => {
      const from = at
      at += segment.events.length
      return [
        ...segment.changes.flatMap((change) => this.#packed(CHANGE, [change])),
        ...this.#packed(profileFrame(this.#rules), [...segment.profiles.values()]),
        ...this.#packed(EVENTS, this.#identified(segment.events, ids.slice(from, at))),
        ...[...segment.sides.values()].flatMap(({ frame, drafts }) => this.#packed(frame, [...drafts.values()])),
      ]
    })
    return { requests, refused: this.#refused.sort((left, right) => left.action - right.action) }
  }

  #identified(events: readonly EventDraft[], ids: readonly string[]): readonly Draft[] {
    const drafts: Draft[] = []
    events.forEach((event, at) => {
      const made = identified(event, ids[at] as string, this.#rules)
      if (isRefused(made)) this.#refused.push({ action: event.index, reason: made.reason })
      else drafts.push(made)
    })
    return drafts
  }

  #packed(frame: Frame, drafts: readonly Draft[]): WireRequest[] {
    return packed(this.#block, frame, drafts, this.#rules.sizes(frame.endpoint))
  }

  #last(): Segment {
    return this.#segments.at(-1) as Segment
  }
}

const CHANGE: Frame = { endpoint: 'users/updateEmail', head: '', tail: '' }
const EVENTS: Frame = { endpoint: 'events/trackBulk', head: '{"events":[', tail: ']}' }

const profileFrame = ({ createNewFields }: DraftRules): Frame => ({
  endpoint: 'users/bulkUpdate',
  head: `{"createNewFields":${createNewFields},"users":[`,
  tail: ']}',
})

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
