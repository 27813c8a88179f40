import type { Project } from '../project.js'
import { envelope, json, Refused } from '../wire/answer.js'
import type { FakeCatalog } from './fake-catalog.js'

/** Source: SW, HC-360033215072, for names of catalogs and ids of items alike; what another name gets is unsure. */
const NAME = /^[A-Za-z0-9-]{1,255}$/

export const refused = (msg: string, code = 'BadParams'): Refused => new Refused(envelope(400, code, msg))

export function requireName(name: string, what: string): void {
  if (!NAME.test(name)) throw refused(`Invalid ${what}`) // words invented
}

/** Names are unique whatever their case. Source: SW. */
export const catalogNamed = ({ ledger }: Project, name: string): FakeCatalog | undefined =>
  ledger.catalogs.get(name.toLowerCase())

/**
 * The catalog of a request. Unknown, today: 404 in an envelope that only catalogs have (RT dataDelivery/network.ts, for the
 * bulk call). In 2019: 404 in the usual one, and 400 from PUT and PATCH of an item (VCR).
 */
export function found(project: Project, name: string, isUpload = false): FakeCatalog {
  const catalog = catalogNamed(project, name)
  if (catalog !== undefined) return catalog
  if (project.unsure.catalogErrors === 'today') {
    const body = { error: 'NotFound', message: `Catalog not found: ${name}`, code: 'error.catalogs.notFound' }
    throw new Refused(json(404, { ...body, data: { args: [name] } }))
  }
  const words = `You are trying to access catalog ${name}, but it does not yet exist. Please see our API docs to explicitly create the catalog.`
  if (isUpload) throw refused(`Failed to upload into ${name}. ${words}`)
  throw new Refused(envelope(404, 'NotFound', words))
}
