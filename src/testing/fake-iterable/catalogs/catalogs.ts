import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest } from '../wire/answer.js'
import { catalogNamed, refused, requireName } from './catalog.js'
import { ITEMS } from './items.js'
import { MAPPINGS } from './mappings.js'
import { page } from './page.js'

/** POST /api/catalogs/{name}. Source: SW (201, names unique whatever their case), VCR (2019: both answers). */
function create(project: Project, name: string): FakeAnswer {
  requireName(name, 'catalog name')
  if (catalogNamed(project, name) !== undefined)
    throw refused(`Unable to create a catalog with name: ${name}. Make sure the catalog name is unique.`)
  const { id } = project.addCatalog(name)
  return envelope(201, 'Success', '', { id, name, url: `/api/catalogs/${name}` })
}

/** DELETE /api/catalogs/{name}: success also for one that is not there. Source: VCR (2019). */
function remove({ ledger }: Project, name: string): FakeAnswer {
  ledger.catalogs.delete(name.toLowerCase())
  return envelope(200, 'Success', `Successfully deleted catalog ${name}`)
}

/** GET /api/catalogs. Source: SW, AC `src/types/catalogs.ts` and `src/client/catalogs.ts` (wrapped in `params`). */
function list({ ledger }: Project, request: FakeRequest): FakeAnswer {
  const all = [...ledger.catalogs.values()].map(({ name }) => ({ name }))
  const { rows, urls } = page(request, all, '/api/catalogs')
  return envelope(200, 'Success', '', { catalogNames: rows, totalCatalogsCount: all.length, ...urls })
}

/** An add-on: without it, 404 (derived from SW, which says so of subscription groups). */
const withCatalogs = ({ method, path, endpoint, answer }: Route): Route =>
  route(
    `${method as 'GET'} ${path}`,
    (call) =>
      call.project.options.features?.catalogs === false ? envelope(404, 'NotFound', 'Not enabled') : answer(call),
    endpoint,
  )

export const CATALOGS: readonly Route[] = [
  route('GET catalogs', ({ project, request }) => list(project, request)),
  route('POST catalogs/{catalog}', ({ project, parts: [name = ''] }) => create(project, name), 'catalogs/create'),
  route('DELETE catalogs/{catalog}', ({ project, parts: [name = ''] }) => remove(project, name), 'catalogs/delete'),
  ...MAPPINGS,
  ...ITEMS,
].map(withCatalogs)
