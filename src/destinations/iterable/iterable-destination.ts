import { LakeloopError } from '../../errors.js'
import type { Json, JsonObject } from '../../model/value.js'
import type { Clock } from '../../transport/clock.js'
import type { Fetch } from '../../transport/http-client.js'
import { Secret } from '../../transport/secret.js'
import { BASE_URLS } from '../../vendors/iterable/endpoints.js'
import { IterableClient } from '../../vendors/iterable/iterable-client.js'
import type { Delivery, Destination } from '../destination.js'
import { FieldContract } from './field-contract.js'
import { IterableDelivery } from './iterable-delivery.js'
import { checkedOptions, type IterableDestinationOptions, type IterableSettings } from './iterable-options.js'
import { ListDirectory } from './list-directory.js'
import { readLists } from './list-maker.js'
import { LearnedSizes } from './sizes.js'

export type { IterableDestinationOptions }

const PART = 'IterableDestination'

/**
 * An Iterable project: profiles, events, list memberships and changes of email, by the bulk endpoints.
 *
 * Repeat  profiles and memberships are upserts, events carry an id, changes of email and new lists are looked up (I2).
 * Throws  CREDENTIALS_MISSING and OPTION_INVALID, when it is made.
 */
export class IterableDestination implements Destination {
  readonly name = 'iterable'
  readonly project: string
  readonly addressedBy: 'email' | 'userId'
  readonly #settings: IterableSettings
  readonly #client: IterableClient
  #closed = false

  constructor(options: IterableDestinationOptions) {
    const apiKey = new Secret(options?.apiKey, { part: PART, option: 'apiKey' })
    const settings = checkedOptions(options)
    this.project = settings.project
    this.addressedBy = settings.addressBy
    this.#settings = settings
    const baseUrl = settings.baseUrl ?? BASE_URLS[settings.dataCenter]
    const { project, share, rates, timeoutMs } = settings
    const hooks = { fetch: settings.fetch as Fetch | undefined, clock: settings.clock as Clock | undefined }
    this.#client = new IterableClient({ baseUrl, project, apiKey, share, rates, timeoutMs, ...hooks })
  }

  /** Reads the types of the user fields and the lists, and freezes both. Cost: two requests. */
  async open(signal: AbortSignal, learned: JsonObject = {}): Promise<Delivery> {
    if (this.#closed) throw new LakeloopError('CLOSED', { part: PART })
    const fields = await this.#fields(signal)
    const entries = await readLists(this.#client, signal)
    const { projectType, sendUserId, mergeNestedObjects, createNewFields, newNumbers, nearDates } = this.#settings
    const { sizeMax, bytesMax, lists } = this.#settings
    const sizes = new LearnedSizes({ rowsMax: sizeMax, bytesMax }, learned)
    return new IterableDelivery(
      this.#client,
      {
        projectType,
        addressedBy: this.addressedBy,
        sendUserId,
        mergeNestedObjects,
        createNewFields,
        bytesMax,
        profileFields: new FieldContract({ fields, createNewFields, newNumbers, nearDates }),
        // Iterable shows no types of event fields: a whole number may belong to an integer field, so it is left as it is.
        eventFields: new FieldContract({ fields: undefined, createNewFields, newNumbers: 'long', nearDates }),
        lists: new ListDirectory(entries, { create: lists.create }),
        sizes: (endpoint) => sizes.of(endpoint),
      },
      sizes,
    )
  }

  async close(): Promise<void> {
    this.#closed = true
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
