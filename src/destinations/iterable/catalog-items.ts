import type { ActionBlock } from '../../model/action.js'
import type { JsonObject, Reason } from '../../model/value.js'
import { type Refused, refused } from './drafts.js'
import type { FieldContract } from './field-contract.js'
import type { Draft, Frame } from './wire.js'

/** Source: Iterable help 360033215072: letters, digits and dashes, at most 255; the case of an item's id counts. */
const NAME = /^[A-Za-z0-9-]{1,255}$/
/** Source: the same. The id and what stands around the value are counted with it here. */
const ITEM_BYTES_MAX = 30_000

export interface CatalogRules {
  /** True: an upload changes the fields that it has; false: it replaces the item. */
  readonly mergeItems: boolean
  /** Types of the fields of the catalogs that are configured, by catalog in lower case. */
  readonly fields: ReadonlyMap<string, FieldContract>
}

export interface CatalogDraft {
  /** Unique for one request: catalog and whether items go or come. */
  readonly frame: Frame
  readonly item: string
  readonly draft: Draft
}

/** What the answer to a refused catalog is: there is none of this name, or the account has no catalogs. */
export const catalogUnknown = (catalog: string): Reason => ({ code: 'CATALOG_UNKNOWN', facts: { catalog } })

/** One item of a catalog. Uploading it twice is uploading it once. */
export function catalogDraft(block: ActionBlock, index: number, rules: CatalogRules): CatalogDraft | Refused {
  const { catalog, item, remove = false, ...rest }: JsonObject = block.detail(index)
  const problem =
    (typeof catalog === 'string' && NAME.test(catalog)
      ? undefined
      : 'names its catalog by something else than letters, digits and dashes') ??
    (typeof item === 'string' && NAME.test(item)
      ? undefined
      : 'names its item by something else than letters, digits and dashes') ??
    (typeof remove === 'boolean' ? undefined : 'has a remove that is neither true nor false') ??
    (Object.keys(rest).length === 0 ? undefined : 'has a field that it cannot carry: put it under dataFields')
  if (problem !== undefined) return refused('ACTION_INVALID', { kind: 'catalogItem', problem })
  const [name, id] = [catalog as string, item as string]
  if (remove === true) {
    const draft: Draft = { actions: [index], head: JSON.stringify(id), tail: '' }
    return { frame: removing(name), item: id, draft }
  }
  const { reason } = rules.fields.get(name.toLowerCase())?.verdict(block.shape(index)) ?? dotted(block, index)
  if (reason !== undefined) return { reason }
  const payload = block.payload(index)
  if (payload.length + id.length > ITEM_BYTES_MAX) return refused('ROW_TOO_LARGE', { bytes: payload.length })
  const draft: Draft = { actions: [index], head: `${JSON.stringify(id)}:`, payload, tail: '' }
  return { frame: uploading(name, rules.mergeItems), item: id, draft }
}

function dotted(block: ActionBlock, index: number): { readonly reason?: Reason } {
  const { dotted: isDotted } = block.shape(index)
  return isDotted ? refused('FIELD_NAME_INVALID', { field: 'of the item' }) : {}
}

const pathOf = (catalog: string): string => `/${encodeURIComponent(catalog)}/items`

const uploading = (catalog: string, mergeItems: boolean): Frame => ({
  endpoint: 'catalogs/items',
  path: pathOf(catalog),
  catalog,
  head: `{"replaceUploadedFieldsOnly":${mergeItems},"documents":{`,
  tail: '}}',
})

const removing = (catalog: string): Frame => ({
  endpoint: 'catalogs/removeItems',
  path: pathOf(catalog),
  catalog,
  head: '{"itemIds":[',
  tail: ']}',
})
