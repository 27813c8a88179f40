import { LakeloopError } from '../../errors.js'
import type { Outcome } from '../../model/outcome.js'
import type { JsonObject } from '../../model/value.js'
import type { IterableClient } from '../../vendors/iterable/iterable-client.js'
import { taken } from './answers.js'
import { catalogUnknown } from './catalog-items.js'
import { OnceEach } from './once-each.js'
import type { WireRequest } from './wire.js'

/** Source: Iterable api-docs.json, catalogs/{name}/fieldMappings. */
export const CATALOG_TYPES = ['boolean', 'date', 'geo_location', 'long', 'double', 'object', 'string'] as const
export type CatalogType = (typeof CATALOG_TYPES)[number]
export type CatalogFields = Readonly<Record<string, CatalogType>>

export interface CatalogOptions {
  /** Whether a catalog that is not there is made when it is first needed. */
  readonly create: boolean
  /** Types that the fields of a catalog are to have, by its name. */
  readonly fields: Readonly<Record<string, CatalogFields>>
}

/** What the configured catalogs lacked when the run was opened, by name in lower case. */
export type CatalogsFound = ReadonlyMap<string, Lack>

interface Lack {
  readonly isThere: boolean
  /** Fields without a type. */
  readonly fields: readonly (readonly [field: string, type: CatalogType])[]
}

/**
 * Compares the configured catalogs with what they are. Only reads: a dry run opens too.
 *
 * Throws  OPTION_INVALID where a field has another type already: it cannot be changed.
 */
export async function readCatalogs(
  client: IterableClient,
  { fields }: CatalogOptions,
  signal: AbortSignal,
): Promise<CatalogsFound> {
  const found = new Map<string, Lack>()
  for (const [catalog, wanted] of Object.entries(fields)) {
    const { status, json } = await client.call('catalogs/getMappings', signal, undefined, mappingsOf(catalog))
    const body = (json ?? {}) as JsonObject
    // Documented bare, seen wrapped. Source: Iterable/api-client src/client/catalogs.ts.
    const { definedMappings } = (body.params ?? body) as JsonObject
    if (status !== 404 && (status !== 200 || typeof definedMappings !== 'object'))
      throw unclear('catalogs/getMappings', status)
    const defined = (status === 404 ? {} : (definedMappings ?? {})) as Partial<CatalogFields>
    for (const [field, type] of Object.entries(wanted)) {
      const has = defined[field]
      if (has === undefined || has === type) continue
      const problem = `is ${type}, and the catalog has it as ${has}, for ever: take that, or another field`
      throw new LakeloopError('OPTION_INVALID', {
        part: 'IterableDestination',
        option: `catalogs.fields.${catalog}.${field}`,
        problem,
      })
    }
    const fields = Object.entries(wanted).filter(([field]) => defined[field] === undefined)
    found.set(catalog.toLowerCase(), { isThere: status !== 404, fields })
  }
  return found
}

/** Sends items, and first makes the catalog and the types of its fields, where that was asked for. */
export class CatalogKeeper {
  readonly #client: IterableClient
  readonly #options: CatalogOptions
  readonly #found: CatalogsFound
  readonly #ready = new OnceEach<void>()

  constructor(client: IterableClient, options: CatalogOptions, found: CatalogsFound) {
    this.#client = client
    this.#options = options
    this.#found = found
  }

  /** True for a configured catalog that was not there when the run was opened, and that the first item makes. */
  makes(catalog: string): boolean {
    return this.#options.create && this.#found.get(catalog.toLowerCase())?.isThere === false
  }

  /**
   * One outcome per action: Iterable answers for the request alone, and works it off later.
   *
   * Repeat  harmless: items are replaced or changed by the same values.
   * Throws  what `apply` may throw.
   */
  async apply(request: WireRequest, catalog: string, signal: AbortSignal): Promise<readonly Outcome[]> {
    const { endpoint, body, actions, wire } = request
    if (endpoint === 'catalogs/items') await this.#ready.of(catalog.toLowerCase(), () => this.#make(catalog, signal))
    let answer = await this.#client.call(endpoint, signal, body, wire.frame.path)
    if (answer.status === 404 && endpoint === 'catalogs/items' && this.#options.create) {
      if (!(await this.#create(catalog, signal))) return unknown(actions, catalog)
      answer = await this.#client.call(endpoint, signal, body, wire.frame.path)
      // Nothing says how soon a new catalog is there.
      if (answer.status === 404) throw unclear(endpoint, 404)
    }
    if (answer.status === 404) return unknown(actions, catalog)
    taken(request, answer)
    return actions.map(() => ({ status: 'accepted' }))
  }

  async #make(catalog: string, signal: AbortSignal): Promise<void> {
    const lack = this.#found.get(catalog.toLowerCase())
    if (lack === undefined) return
    if (!lack.isThere && this.#options.create) await this.#create(catalog, signal)
    if (lack.fields.length === 0) return
    const mappingsUpdates = lack.fields.map(([fieldName, fieldType]) => ({ fieldName, fieldType }))
    const body = Buffer.from(JSON.stringify({ mappingsUpdates }))
    const { status } = await this.#client.call('catalogs/putMappings', signal, body, mappingsOf(catalog))
    if (status === 404) return // the items say so themselves
    if (status < 200 || status >= 300) throw refusedOr('catalogs/putMappings', status)
  }

  /** False for an account without catalogs. Names are unique, so that making one twice makes one. Source: Iterable api-docs.json: letters, digits, dashes; case does not count. */
  async #create(catalog: string, signal: AbortSignal): Promise<boolean> {
    const { status } = await this.#client.call('catalogs/create', signal, undefined, `/${encodeURIComponent(catalog)}`)
    if (status === 404) return false
    if ((status >= 200 && status < 300) || status === 400 || status === 409) return true // the two may say that it is there
    throw refusedOr('catalogs/create', status)
  }
}

const unknown = (actions: readonly number[], catalog: string): readonly Outcome[] =>
  actions.map(() => ({ status: 'rejected', reason: catalogUnknown(catalog) }))

const mappingsOf = (catalog: string): string => `/${encodeURIComponent(catalog)}/fieldMappings`

const unclear = (endpoint: string, status: number) =>
  new LakeloopError('DESTINATION_ANSWER_UNCLEAR', { endpoint, problem: `${status}`, status })

const refusedOr = (endpoint: string, status: number) =>
  status >= 500 || status === 408
    ? unclear(endpoint, status)
    : new LakeloopError('DESTINATION_REFUSED', { endpoint, problem: `${status}` })
