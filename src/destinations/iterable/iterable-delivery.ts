import { isLakeloopError, LakeloopError } from '../../errors.js'
import type { ActionBlock, ListRef } from '../../model/action.js'
import type { Outcome } from '../../model/outcome.js'
import type { JsonObject } from '../../model/value.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'
import type { Creation, Delivery, Foreseen, Prepared, PreparedRequest, Split } from '../destination.js'
import { inTurns, type Turns } from '../turns.js'
import { isListUnknown, taken } from './answers.js'
import type { CatalogKeeper } from './catalogs.js'
import { changeEmail } from './email-change.js'
import { bulkOutcomes, failedInside } from './failure-lists.js'
import type { Forgetting } from './forgetting.js'
import { ListMaker, readLists } from './list-maker.js'
import { listMembers } from './list-members.js'
import type { NewFields } from './new-fields.js'
import { alone, listFrame, type PrepareRules, preparing } from './prepare.js'
import { callSingle } from './single-calls.js'
import type { LearnedSizes } from './sizes.js'
import { ToldOfFields } from './told-of-fields.js'
import { subset, Wire, type WireRequest, type WireRow } from './wire.js'

/** Up to so many suspects are sent one by one; more are sent together, apart from the rest, and halved. */
const SUSPECTS_ALONE_MAX = 32
/** So often a row that fails inside Iterable is sent: one that always does must not stop every run. */
const INSIDE_TIMES_MAX = 3

/** What a delivery works with, beside the client. */
export interface DeliveryParts {
  readonly rules: PrepareRules
  readonly sizes: LearnedSizes
  readonly catalogs: CatalogKeeper
  readonly forgetting: Forgetting
  readonly newFields: NewFields
  readonly turns: Turns
}

/** One run's use of an Iterable project. Its field contract, lists and sizes are those of the moment it was opened. */
export class IterableDelivery implements Delivery {
  readonly #client: IterableClient
  readonly #rules: PrepareRules
  readonly #sizes: LearnedSizes
  readonly #catalogs: CatalogKeeper
  readonly #forgetting: Forgetting
  readonly #newFields: NewFields
  readonly #turns: Turns
  readonly #lists: ListMaker
  readonly #told: ToldOfFields
  readonly #insideTimes = new WeakMap<PreparedRequest, number>()
  #closed = false

  constructor(client: IterableClient, { rules, sizes, catalogs, forgetting, newFields, turns }: DeliveryParts) {
    this.#client = client
    this.#rules = rules
    this.#sizes = sizes
    this.#catalogs = catalogs
    this.#forgetting = forgetting
    this.#newFields = newFields
    this.#turns = turns
    this.#lists = new ListMaker(client)
    this.#told = new ToldOfFields((field) => newFields.has(field))
  }

  prepare(actions: ActionBlock): Prepared | Promise<Prepared> {
    this.#checkOpen()
    const made = inTurns(preparing(actions, this.#rules), this.#turns)
    const told = (prepared: Prepared): Prepared => {
      this.#newFields.planned(this.#rules.profileFields.fresh)
      return prepared
    }
    return made instanceof Promise ? made.then(told) : told(made)
  }

  split(request: PreparedRequest, by: Split): readonly PreparedRequest[] {
    this.#checkOpen()
    const whole = ours(request)
    const { rows, block } = whole.wire
    if (whole.actions.length < 2) return [whole]
    const [only] = rows
    if (rows.length === 1 && only !== undefined) {
      return only.actions.flatMap((index) => alone(block, index, this.#rules))
    }
    if (by.kind === 'suspects') {
      const accused = new Set(by.actions)
      const suspects = rows.filter((row) => row.actions.some((index) => accused.has(index)))
      const rest = rows.filter((row) => !suspects.includes(row))
      const each = suspects.length <= SUSPECTS_ALONE_MAX ? suspects.map((row) => [row]) : [suspects]
      if (suspects.length > 0 && rest.length > 0) return [rest, ...each].map((part) => subset(whole, part))
    }
    const middle = Math.ceil(rows.length / 2)
    return [rows.slice(0, middle), rows.slice(middle)].map((part: readonly WireRow[]) => subset(whole, part))
  }

  async apply(request: PreparedRequest, signal: AbortSignal, again = false): Promise<readonly Outcome[]> {
    this.#checkOpen()
    const sent = ours(request)
    try {
      const outcomes = await this.#apply(sent, signal, again)
      this.#sizes.accepted(sent)
      return outcomes
    } catch (error) {
      if (isLakeloopError(error, 'REQUEST_TOO_LARGE')) this.#sizes.refused(sent)
      else if (isLakeloopError(error, 'DESTINATION_UNREACHABLE')) this.#sizes.doubted(sent)
      else if (isLakeloopError(error, 'DESTINATION_ANSWER_UNCLEAR')) this.#sizes.doubted(sent)
      throw error
    }
  }

  async *members(list: ListRef, signal: AbortSignal): AsyncGenerator<readonly string[]> {
    this.#checkOpen()
    const found = this.#rules.lists.find(list)
    if ('code' in found) throw new LakeloopError(found.code as 'LIST_UNKNOWN', found.facts)
    if (found.id === undefined) return // nobody is on a list that is still to be made
    yield* listMembers(this.#client, { id: found.id, list, addressedBy: this.#rules.addressedBy }, signal)
  }

  foresee(request: PreparedRequest): Foreseen {
    const { endpoint, actions, wire } = ours(request)
    const { list, catalog } = wire.frame
    const creates: Creation[] = []
    if (list !== undefined && list.id === undefined) creates.push({ kind: 'list', name: String(list.ref) })
    if (catalog !== undefined && endpoint === 'catalogs/items' && this.#catalogs.makes(catalog)) {
      creates.push({ kind: 'catalog', name: catalog })
    }
    if (endpoint === 'users/bulkUpdate' || endpoint === 'lists/subscribe') {
      const { profileFields } = this.#rules
      const shapes = new Set(actions.map((index) => wire.block.shape(index)))
      const fields = new Set([...shapes].flatMap((shape) => profileFields.verdict(shape).fresh ?? []))
      for (const name of fields) creates.push({ kind: 'field', name })
    }
    return { creates, perSecond: this.#client.perSecond(endpoint) }
  }

  async close(): Promise<JsonObject> {
    this.#closed = true
    const more = { forgets: this.#forgetting.learned(), events: this.#rules.events.learned() }
    const kept = Object.entries(more).filter(([, learned]) => Object.keys(learned).length > 0)
    return { ...this.#sizes.learned(), ...Object.fromEntries(kept) }
  }

  async #apply(request: WireRequest, signal: AbortSignal, again: boolean): Promise<readonly Outcome[]> {
    const { endpoint, body, wire } = request
    const { list, catalog, change } = wire.frame
    const client = this.#client
    if (change !== undefined) return [await changeEmail(request, change, { client, signal, again })]
    switch (endpoint) {
      case 'commerce/trackPurchase':
      case 'commerce/updateCart':
      case 'users/delete':
        return [await callSingle(request, { client, signal, again })]
      case 'users/forget':
        return [await this.#forgetting.apply(request, signal)]
    }
    if (catalog !== undefined) return await this.#catalogs.apply(request, catalog, signal)
    if (list !== undefined) return await this.#applyToList(request, list, signal)
    if (endpoint === 'users/bulkUpdate') {
      return await this.#told.without(request, (sound) => this.#update(sound, signal))
    }
    const answer = taken(request, await client.call(endpoint, signal, body))
    if (failedInside(request, answer)) return this.#insideAgain(request)
    const outcomes = bulkOutcomes(request, answer)
    if (endpoint === 'events/trackBulk') this.#learn(request, outcomes)
    return outcomes
  }

  async #update(request: WireRequest, signal: AbortSignal): Promise<readonly Outcome[]> {
    try {
      const answer = taken(request, await this.#client.call(request.endpoint, signal, request.body))
      this.#newFields.seen(request, answer)
      return bulkOutcomes(request, answer)
    } catch (error) {
      this.#told.heed(error)
      throw error
    }
  }

  #learn({ actions, wire }: WireRequest, outcomes: readonly Outcome[]): void {
    actions.forEach((index, at) => {
      if (outcomes[at]?.status !== 'accepted') return
      this.#rules.events.accepted(String(wire.block.detail(index).eventName), wire.block.shape(index))
    })
  }

  #insideAgain(request: WireRequest): readonly Outcome[] {
    const times = (this.#insideTimes.get(request) ?? 0) + 1
    this.#insideTimes.set(request, times)
    const [endpoint, problem] = [request.endpoint, 'an internal failure']
    if (times < INSIDE_TIMES_MAX) throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem })
    const reason = { code: 'ROW_REFUSED', facts: { problem: `${problem}, ${times} times` } }
    return request.actions.map(() => ({ status: 'rejected', reason }))
  }

  async #applyToList(
    request: WireRequest,
    list: { readonly ref: string | number; readonly id?: number | undefined },
    signal: AbortSignal,
  ): Promise<readonly Outcome[]> {
    const { ref } = list
    const reject = (code: string, facts: Readonly<Record<string, string | number>>): readonly Outcome[] =>
      request.actions.map(() => ({ status: 'rejected', reason: { code, facts } }))
    const made = list.id === undefined ? await this.#lists.idOf(String(ref), signal) : { id: list.id }
    if ('code' in made) return request.actions.map(() => ({ status: 'rejected', reason: made }))
    const { id } = made
    const body = list.id === undefined ? numbered(request, id) : request.body
    const answer = await this.#client.call(request.endpoint, signal, body)
    if (!isListUnknown(answer)) return bulkOutcomes(request, taken(request, answer))
    const isGone = list.id !== undefined && !(await readLists(this.#client, signal)).some((one) => one.id === id)
    if (isGone) return reject('LIST_UNKNOWN', { list: ref })
    // A new list is not everywhere at once. Source: Iterable's own client waits up to 30 s for it in its tests.
    const problem = 'that a list which is there is not there'
    throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: request.endpoint, problem })
  }

  #checkOpen(): void {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: 'IterableDelivery' })
  }
}

function ours(request: PreparedRequest): WireRequest {
  if ('wire' in request && request.wire instanceof Wire) return request as WireRequest
  throw new TypeError('the request was not prepared by an IterableDestination')
}

/** The body with the number of a list that had none when it was prepared. */
function numbered({ wire, body, endpoint }: WireRequest, id: number): Uint8Array {
  const { frame } = wire
  const { head } = listFrame({ ref: id, id }, endpoint === 'lists/subscribe')
  return Buffer.concat([Buffer.from(head), body.subarray(Buffer.byteLength(frame.head))])
}
