import type { Json, JsonObject } from '../../../model/value.js'
import { fits, leaves } from '../fields/field-types.js'
import { merged } from '../fields/merge.js'
import type { Project } from '../project.js'
import { query, type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest } from '../wire/answer.js'
import { plain } from '../wire/spelled.js'
import { found, refused, requireName } from './catalog.js'
import { type FakeCatalog, type FakeItem, paths } from './fake-catalog.js'
import { page } from './page.js'

/** Source: SW (1,000 items a request, 30 KB an item), HC-360033215072 (350 fields). What goes beyond gets 400: unsure. */
const [ITEMS_MAX, ITEM_BYTES_MAX, FIELDS_MAX] = [1_000, 30_000, 350]

/** Throws if an item may not be stored: its id, its size, dots in names (SW), a type that contradicts a mapping (unsure). */
function requireItem({ unsure }: Project, catalog: FakeCatalog, id: string, value: JsonObject): void {
  requireName(id, 'item id')
  if (Buffer.byteLength(JSON.stringify(plain(value))) > ITEM_BYTES_MAX) throw refused('The item is too large')
  if (hasDots(value)) throw refused('Field names must not contain periods')
  for (const [path, got, held] of leaves(value)) {
    const expected = catalog.mappings.get(path) as Parameters<typeof fits>[0] | undefined
    const contradicts = expected !== undefined && !fits(expected, got, held, unsure)
    if (contradicts && unsure.catalogMismatch === 'refused') throw refused(`Field '${path}' is of type '${expected}'`)
  }
}

const hasDots = (value: Json): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(([name, held]) => (!Array.isArray(value) && name.includes('.')) || hasDots(held as Json))

function requireRoom(catalog: FakeCatalog, values: readonly JsonObject[]): void {
  const fields = new Set([...catalog.fields(), ...values.flatMap((value) => paths(value))])
  if (fields.size > FIELDS_MAX) throw refused('The limit of fields is exceeded', 'UniqueFieldsLimitExceeded')
}

function store(project: Project, catalog: FakeCatalog, id: string, value: JsonObject | undefined): void {
  const at = project.now()
  catalog.set(id, value && { value: plain(value), lastModified: at }, at)
  const kind = value === undefined ? 'itemRemoved' : 'item'
  project.ledger.note({
    address: `${catalog.name}/${id}`,
    kind,
    endpoint: 'catalogs/items',
    detail: plain(value ?? {}),
  })
}

/** POST items: replaces whole items, unless only the fields that are sent. No word on any single item. Source: SW, VCR, RT. */
function upload(project: Project, request: FakeRequest, name: string): FakeAnswer {
  const body = project.single(request, { documents: 'object', replaceUploadedFieldsOnly: 'boolean' })
  const catalog = found(project, name)
  const documents = Object.entries(body.documents as Readonly<Record<string, JsonObject>>)
  if (documents.length > ITEMS_MAX) throw refused(`More than ${ITEMS_MAX} items`, 'BatchTooLarge')
  const whole = documents.map(([id, value]): [string, JsonObject] => {
    const before = body.replaceUploadedFieldsOnly === true ? catalog.items.get(id)?.value : undefined
    return [id, before === undefined ? value : merged(before, value, false)]
  })
  for (const [id, value] of whole) requireItem(project, catalog, id, value)
  requireRoom(
    catalog,
    whole.map(([, value]) => value),
  )
  for (const [id, value] of whole) store(project, catalog, id, value)
  const msg = `Request to bulk-upload documents into ${name} processed successfully`
  return envelope(project.unsure.catalogBulkStatus, 'Success', msg)
}

/** PUT replaces an item, PATCH changes some of its fields; both make one that is not there. Source: SW, VCR (2019). */
function write(project: Project, request: FakeRequest, [name = '', id = '']: readonly string[]): FakeAnswer {
  const how = request.method === 'PUT' ? 'value' : 'update'
  const sent = project.single(request, { [how]: 'object' })[how] as JsonObject
  const catalog = found(project, name, true)
  const before = how === 'value' ? {} : (catalog.items.get(id)?.value ?? {})
  const value = merged(before, sent, false)
  requireItem(project, catalog, id, value)
  requireRoom(catalog, [value])
  store(project, catalog, id, value)
  return envelope(202, 'Success', '', { catalogName: name, itemId: id, url: `/api/catalogs/${name}/items/${id}` })
}

/** DELETE items and one item: success also for what is not there, and for a catalog that is not. Source: VCR (2019). */
function remove(project: Project, name: string, ids: readonly string[]): void {
  const catalog = project.ledger.catalogs.get(name.toLowerCase())
  for (const id of ids) if (catalog?.items.has(id)) store(project, catalog, id, undefined)
}

function removeMany(project: Project, request: FakeRequest, name: string): FakeAnswer {
  const ids = project.single(request, { itemIds: 'strings' }).itemIds as readonly string[]
  remove(project, name, ids)
  return envelope(202, 'Success', `Successfully received request to delete ${ids.length} items from catalog ${name}`)
}

function removeOne(project: Project, [name = '', id = '']: readonly string[]): FakeAnswer {
  remove(project, name, [id])
  return envelope(202, 'Success', `Received request to deleted item ID ${id} from catalog ${name}`)
}

const shown = (project: Project, catalog: FakeCatalog): ReadonlyMap<string, FakeItem> =>
  catalog.asOf(project.now() - (project.options.visibleAfterMs ?? 0))

const described = (
  { name }: FakeCatalog,
  [itemId, { value, lastModified }]: readonly [string, FakeItem],
): JsonObject => ({
  catalogName: name,
  itemId,
  size: JSON.stringify(value).length,
  lastModified,
  value,
})

/** Source: VCR (2019; `size` is the length of the value as JSON). */
function read(project: Project, [name = '', id = '']: readonly string[]): FakeAnswer {
  const catalog = found(project, name)
  const item = shown(project, catalog).get(id)
  if (item !== undefined) return envelope(200, 'Success', '', described(catalog, [id, item]))
  return envelope(404, 'NotFound', `No catalog item found in catalog ${name} with itemId ${id}`)
}

/** Source: AC `src/types/catalogs.ts` (names), SW (`orderBy`, `sortAscending`: descending unless told). */
function list(project: Project, request: FakeRequest, name: string): FakeAnswer {
  const catalog = found(project, name)
  const by = query(request, 'orderBy')
  const key = ([id, { value }]: readonly [string, FakeItem]): Json => (by === undefined ? id : (value[by] ?? ''))
  const sign = query(request, 'sortAscending') === 'true' ? 1 : -1
  const items = [...shown(project, catalog)].sort((a, b) => sign * compare(key(a), key(b)))
  const { rows, urls } = page(request, items, `/api/catalogs/${name}/items`)
  const properties = rows.map((item) => described(catalog, item))
  return envelope(200, 'Success', '', {
    catalogItemsWithProperties: properties,
    totalItemsCount: items.length,
    ...urls,
  })
}

const compare = (a: Json, b: Json): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1

export const ITEMS: readonly Route[] = [
  route(
    'GET catalogs/{catalog}/items',
    ({ project, request, parts: [name = ''] }) => list(project, request, name),
    'catalogs/items',
  ),
  route(
    'POST catalogs/{catalog}/items',
    ({ project, request, parts: [name = ''] }) => upload(project, request, name),
    'catalogs/items/upload',
  ),
  route(
    'DELETE catalogs/{catalog}/items',
    ({ project, request, parts: [name = ''] }) => removeMany(project, request, name),
    'catalogs/items/delete',
  ),
  route('GET catalogs/{catalog}/items/{item}', ({ project, parts }) => read(project, parts), 'catalogs/item'),
  route(
    'PUT catalogs/{catalog}/items/{item}',
    ({ project, request, parts }) => write(project, request, parts),
    'catalogs/item/replace',
  ),
  route(
    'PATCH catalogs/{catalog}/items/{item}',
    ({ project, request, parts }) => write(project, request, parts),
    'catalogs/item/update',
  ),
  route(
    'DELETE catalogs/{catalog}/items/{item}',
    ({ project, parts }) => removeOne(project, parts),
    'catalogs/item/delete',
  ),
]
