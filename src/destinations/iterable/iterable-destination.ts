import { LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import { type Clock, systemClock } from '../../transport/clock.js'
import type { Fetch } from '../../transport/http-client.js'
import { Secret } from '../../transport/secret.js'
import { BASE_URLS, PUBLISHED_RATES } from '../../vendors/iterable/endpoints.js'
import { IterableClient } from '../../vendors/iterable/iterable-client.js'
import type { Delivery, Destination } from '../destination.js'
import { loopTurns } from '../turns.js'
import { type CatalogFields, CatalogKeeper, readCatalogs } from './catalogs.js'
import { contractOf, type IterableContract } from './contract.js'
import { EventContracts } from './event-contracts.js'
import { FieldContract } from './field-contract.js'
import { Forgetting } from './forgetting.js'
import { IterableDelivery } from './iterable-delivery.js'
import { checkedOptions, type IterableDestinationOptions, type IterableSettings } from './iterable-options.js'
import { ListDirectory, type ListEntry } from './list-directory.js'
import { readLists } from './list-maker.js'
import { NewFields } from './new-fields.js'
import { type IterableCheck, preflight } from './preflight.js'
import type { PrepareRules } from './prepare.js'
import { LearnedSizes } from './sizes.js'

export type { ContractChange, IterableContract, Likeness } from './contract.js'
export { contractChanges } from './contract.js'
export type { IterableEvent } from './iterable-options.js'
export type { IterableCheck } from './preflight.js'
export type { IterableDestinationOptions }

/** What preparing depends on and only Iterable knows. */
interface Found {
  readonly fields: ReadonlyMap<string, string>
  readonly entries: readonly ListEntry[]
  readonly sizes: LearnedSizes
  readonly events: EventContracts
}

const PART = 'IterableDestination'

/**
 * An Iterable project: profiles, events, purchases, carts, catalogs, list memberships, subscriptions, changes of email,
 * and people who are to be deleted or forgotten; by the bulk endpoints where there is one.
 *
 * Repeat  of each kind in docs/iterable.md: most are upserts or carry an id, the others are looked up (I2).
 * Throws  CREDENTIALS_MISSING and OPTION_INVALID, when it is made.
 */
export class IterableDestination implements Destination {
  readonly name = 'iterable'
  readonly project: string
  readonly addressedBy: 'email' | 'userId'
  readonly mergesItems: boolean
  readonly #settings: IterableSettings
  readonly #client: IterableClient
  /** Of the delivery that was opened last. */
  #events: EventContracts | undefined
  #closed = false

  constructor(options: IterableDestinationOptions) {
    const apiKey = new Secret(options?.apiKey, { part: PART, option: 'apiKey' })
    const settings = checkedOptions(options)
    this.project = settings.project
    this.addressedBy = settings.addressBy
    this.mergesItems = settings.catalogs.mergeItems
    this.#settings = settings
    const baseUrl = settings.baseUrl ?? BASE_URLS[settings.dataCenter]
    const { project, share, rates, timeoutMs, transport } = settings
    const hooks = { fetch: settings.fetch as Fetch | undefined, clock: settings.clock as Clock | undefined }
    this.#client = new IterableClient({ baseUrl, project, apiKey, share, rates, timeoutMs, transport, ...hooks })
  }

  /**
   * Reads the types of the user fields, the lists, and the catalogs that are configured, and freezes them.
   *
   * Cost    two requests, and one for each catalog.
   */
  async open(signal: AbortSignal, learned: JsonObject = {}): Promise<Delivery> {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: PART })
    const { sizeMax, bytesMax, catalogs, clock = systemClock } = this.#settings
    const client = this.#client
    const fields = await this.#fields(signal)
    const entries = await readLists(client, signal)
    const found = await readCatalogs(client, catalogs, signal)
    const { forgets = {}, events = {}, ...sizesBefore } = learned
    const sizes = new LearnedSizes({ rowsMax: sizeMax, bytesMax }, sizesBefore)
    return new IterableDelivery(client, {
      rules: this.#rules({ fields, entries, sizes, events: this.#knownEvents(events as JsonObject) }),
      sizes,
      catalogs: new CatalogKeeper(client, catalogs, found),
      turns: loopTurns(() => (clock as Clock).now()),
      newFields: new NewFields(fields.keys(), this.#settings.onEvent as IterableDestinationOptions['onEvent']),
      forgetting: this.#forgetting(forgets as JsonObject),
    })
  }

  #forgetting(forgets: JsonObject): Forgetting {
    return new Forgetting(this.#client, (this.#settings.today as (() => number) | undefined) ?? Date.now, forgets)
  }

  #knownEvents(before: JsonObject): EventContracts {
    const { createNewFields, newNumbers, nearDates, events: pinned } = this.#settings
    this.#events = new EventContracts({ pinned, before, rules: { createNewFields, newNumbers, nearDates } })
    return this.#events
  }

  #rules({ fields, entries, sizes, events }: Found): PrepareRules {
    const { projectType, sendUserId, mergeNestedObjects, createNewFields, newNumbers, nearDates } = this.#settings
    const { bytesMax, lists, catalogs } = this.#settings
    return {
      projectType,
      addressedBy: this.addressedBy,
      sendUserId: sendUserId && projectType === 'email',
      mergeNestedObjects,
      createNewFields,
      bytesMax,
      profileFields: new FieldContract({ fields, createNewFields, newNumbers, nearDates }),
      // A purchase cannot say whether fields may be made: that is the project's setting, which nobody can ask for.
      otherFields: new FieldContract({ fields: undefined, createNewFields: true, newNumbers: 'long', nearDates }),
      events,
      lists: new ListDirectory(entries, { create: lists.create }),
      catalogs: { mergeItems: catalogs.mergeItems, fields: contractsOf(catalogs.fields) },
      sizes: (endpoint) => sizes.of(endpoint),
    }
  }

  /**
   * The fields of the project's users with their types, how many it may still have, and names that look alike; and those of
   * events, as far as they are pinned or were learned by the run that this object was opened for last. Sends nothing.
   *
   * To be shown, or kept beside the code and compared in CI: see {@link contractChanges}.
   */
  async contract(options: { readonly signal?: AbortSignal } = {}): Promise<IterableContract> {
    const types = await this.#fields(options.signal ?? new AbortController().signal)
    const learned = this.#events?.learned() as IterableContract['events'] | undefined
    return contractOf(types, { ...learned, ...this.#settings.events })
  }

  /**
   * Looks for what a run needs of the project, and says what to do about what is missing: key, project type, room for new
   * fields, lists, and this machine's clock against the server's. Sends nothing.
   *
   * Throws  ABORTED, CLOSED; never for what is missing.
   */
  async preflight(options: { readonly signal?: AbortSignal } = {}): Promise<readonly IterableCheck[]> {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: PART })
    const now = (this.#settings.today as (() => number) | undefined) ?? Date.now
    return await preflight(this.#client, this.#settings, {
      signal: options.signal ?? new AbortController().signal,
      now,
    })
  }

  /** By the 1,000 people a day that Iterable takes, less those of the last 24 hours, and its rate. */
  forgetEtaMs(waiting: number, { forgets = {} }: JsonObject = {}): number {
    const { rates, share } = this.#settings
    const perSecond = (rates['users/forget'] ?? PUBLISHED_RATES['users/forget']) * share
    return this.#forgetting(forgets as JsonObject).etaMs(waiting, perSecond)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#client.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #fields(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { status, json } = await this.#client.call('users/getFields', signal)
    const fields: Json | undefined = (json as JsonObject | null | undefined)?.fields
    if (status !== 200 || typeof fields !== 'object' || fields === null) {
      const problem = `${status} without fields`
      throw new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint: 'users/getFields', problem })
    }
    return new Map(Object.entries(fields).map(([field, type]) => [field, String(type)]))
  }
}

/** Fields besides those are what the catalog makes of them: their types are not decided by the first value. */
function contractsOf(catalogs: Readonly<Record<string, CatalogFields>>): ReadonlyMap<string, FieldContract> {
  const rules = { createNewFields: true, newNumbers: 'long', nearDates: 'allow' } as const
  return new Map(
    Object.entries(catalogs).map(([catalog, types]) => {
      const fields = new Map<string, string>(Object.entries(types))
      return [catalog.toLowerCase(), new FieldContract({ ...rules, fields })] as const
    }),
  )
}
