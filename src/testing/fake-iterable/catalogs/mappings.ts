import type { JsonObject } from '../../../model/value.js'
import type { Project } from '../project.js'
import { type Route, route } from '../route.js'
import { envelope, type FakeAnswer, type FakeRequest, Refused, text } from '../wire/answer.js'
import { catalogNamed, found, refused } from './catalog.js'
import type { FakeCatalog } from './fake-catalog.js'

/** Source: SW. */
const TYPES = ['boolean', 'date', 'geo_location', 'long', 'double', 'object', 'string']

/** A catalog that is not there: 500 in 2019 (VCR); as elsewhere today (unsure). */
function mapped(project: Project, name: string): FakeCatalog {
  const isOld = project.unsure.catalogErrors === '2019'
  if (!isOld || catalogNamed(project, name) !== undefined) return found(project, name)
  const msg = 'An error occured. Please try again later. If problem persists, please contact your CSM'
  throw new Refused(envelope(500, 'GenericError', msg))
}

/** GET fieldMappings: types that were defined, and fields that have none yet. Source: SW, VCR (2019). */
function read(project: Project, name: string): FakeAnswer {
  const catalog = mapped(project, name)
  const { mappings } = catalog
  const undefinedFields = [...catalog.fields()].filter((field) => !mappings.has(field))
  return envelope(200, 'Success', '', { definedMappings: Object.fromEntries(mappings), undefinedFields })
}

/** PUT fieldMappings: a type that was defined cannot change. Source: SW, VCR (2019: a body that is wrong gets text). */
function define(project: Project, request: FakeRequest, name: string): FakeAnswer {
  const check = project.check(request)
  const rows = check.rows('mappingsUpdates', { fieldName: 'string', fieldType: 'string' })
  const wrong = check.wrongAsText()
  if (wrong !== undefined) {
    const body = new TextDecoder().decode(request.body)
    return text(400, `Json error: ${JSON.stringify(wrong)}\n ${body}`, 'text/plain; charset=utf-8')
  }
  const { mappings } = mapped(project, name)
  const wanted = rows.flatMap((row) => defined(row, ''))
  for (const [path, type] of wanted) {
    if (!TYPES.includes(type)) throw refused(`Unknown type '${type}'`) // words invented, as those below
    const known = mappings.get(path)
    if (known !== undefined && known !== type) throw refused(`Field '${path}' is of type '${known}' already`)
  }
  for (const [path, type] of wanted) mappings.set(path, type)
  return envelope(200, 'Success', '')
}

/** A definition and its children, by dotted path (SW has the children; their paths in the answer are invented). */
function defined({ fieldName, fieldType, children }: JsonObject, prefix: string): (readonly [string, string])[] {
  const path = `${prefix}${fieldName}`
  const below = Array.isArray(children) ? (children as readonly JsonObject[]) : []
  return [[path, String(fieldType)], ...below.flatMap((child) => defined(child, `${path}.`))]
}

export const MAPPINGS: readonly Route[] = [
  route(
    'GET catalogs/{catalog}/fieldMappings',
    ({ project, parts: [name = ''] }) => read(project, name),
    'catalogs/fieldMappings',
  ),
  route(
    'PUT catalogs/{catalog}/fieldMappings',
    ({ project, request, parts: [name = ''] }) => define(project, request, name),
    'catalogs/fieldMappings/define',
  ),
]
