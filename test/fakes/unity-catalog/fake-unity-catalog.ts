import { browses, effective, type FakeTable, missing, type World } from './world.js'

export interface FakeUnityCatalogOptions {
  readonly world: World
  /** Who asks. Default `app-1`. */
  readonly principal?: string
  /** Objects of a page. Default 2. */
  readonly pageSize?: number
  /** True: a page without objects, and with a token, before each page. Default true. */
  readonly emptyPages?: boolean
  /** False: asking for grants is refused. Unsure what a hosted workspace lets a principal without MANAGE see. Default true. */
  readonly showsGrants?: boolean
}

type Found = Record<string, unknown>
/** Source: databricks-sdk-py service/files.py. */
const FILES = '/api/2.0/fs/directories/Volumes/'
/** What each list may be asked with. Source: databricks-sdk-py service/catalog.py. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  catalogs: ['include_browse'],
  schemas: ['catalog_name', 'include_browse'],
  tables: ['catalog_name', 'schema_name', 'include_browse', 'omit_columns', 'omit_properties'],
  'table-summaries': ['catalog_name', 'schema_name_pattern', 'table_name_pattern'],
  'effective-permissions': ['principal'],
  'entity-tag-assignments': [],
}
const KEYS: Readonly<Record<string, string>> = {
  'table-summaries': 'tables',
  'effective-permissions': 'privilege_assignments',
  'entity-tag-assignments': 'tag_assignments',
}

/**
 * Unity Catalog's REST interface, in the process: hand `fetch` to what is tested. Strict: a request that the interface
 * does not document throws, as does a list that is asked for without `max_results=0`.
 */
export class FakeUnityCatalog {
  /** Tokens that are accepted; the token endpoint gives them in turn. */
  readonly tokens = ['t1']
  readonly asked: string[] = []
  /** Answers that come before any other, in turn; `undefined` lets one request through. */
  readonly faults: (Response | Error | undefined)[] = []
  readonly #options: FakeUnityCatalogOptions
  #given = 0

  constructor(options: FakeUnityCatalogOptions) {
    this.#options = options
  }

  readonly fetch = (async (input: Request): Promise<Response> => {
    const url = new URL(input.url)
    this.asked.push(`${url.pathname}${url.search}`)
    if (url.pathname === '/oidc/v1/token') return this.#token()
    const fault = this.faults.shift()
    if (fault instanceof Error) throw fault
    if (fault !== undefined) return fault
    if (!this.tokens.includes(input.headers.get('authorization')?.replace('Bearer ', '') ?? '')) {
      return refused(401, 'UNAUTHENTICATED', 'Credential was not sent or was of an unsupported type for this API.')
    }
    if (input.method !== 'GET') throw new Error(`the fake knows no ${input.method}`)
    return this.#answer(url)
  }) as unknown as typeof globalThis.fetch

  #token(): Response {
    const token = this.tokens[Math.min(this.#given++, this.tokens.length - 1)]
    return Response.json({ access_token: token, token_type: 'Bearer', expires_in: 3600 })
  }

  #answer({ pathname, searchParams: query }: URL): Response {
    if (pathname.startsWith(FILES)) return this.#files(pathname.slice(FILES.length).split('/').map(decodeURIComponent))
    const [kind = '', ...rest] = pathname
      .replace(/^\/api\/2\.1\/unity-catalog\//, '')
      .split('/')
      .map(decodeURIComponent)
    if (kind === 'tables' && rest.length === 1)
      return this.#table(rest[0] as string, query.get('include_browse') === 'true')
    const allowed = PARAMETERS[kind]
    if (allowed === undefined) throw new Error(`the fake knows no ${pathname}`)
    const strange = [...query.keys()].filter((name) => ![...allowed, 'max_results', 'page_token'].includes(name))
    if (strange.length > 0) throw new Error(`${kind} takes no ${strange.join()}`)
    if (query.get('max_results') !== '0') throw new Error(`${kind} was asked for without max_results=0`)
    const objects = this.#objects(kind, rest, query)
    return objects instanceof Response ? objects : this.#page(KEYS[kind] ?? kind, objects, query.get('page_token'))
  }

  #objects(kind: string, path: readonly string[], query: URLSearchParams): readonly Found[] | Response {
    const catalog = query.get('catalog_name') ?? ''
    const browse = query.get('include_browse') === 'true'
    switch (kind) {
      case 'catalogs':
        return this.#shown(browse, (name) => ({ name: name.split('.')[0] as string }))
      case 'schemas':
        return this.#shown(browse, (name) => {
          const [, schema = ''] = name.split('.')
          return name.startsWith(`${catalog}.`) ? { name: schema, full_name: `${catalog}.${schema}` } : undefined
        })
      case 'tables':
        return this.#all()
          .filter(({ name }) => name.startsWith(`${catalog}.${query.get('schema_name')}.`))
          .map(({ name }) => this.#seen(name, browse))
          .filter((table) => table !== undefined)
          .map((table) => (query.get('omit_columns') === 'true' ? { ...table, columns: undefined } : table))
      case 'table-summaries':
        return this.#all()
          .filter(({ name }) => {
            const [at, schema = '', table = ''] = name.split('.')
            const fits = like(schema, query.get('schema_name_pattern')) && like(table, query.get('table_name_pattern'))
            return at === catalog && fits && this.#seen(name, false) !== undefined
          })
          .map(({ name, table }) => ({ full_name: name, table_type: table.table_type }))
      case 'effective-permissions':
        return this.#permissions(path, query.get('principal'))
      default:
        return Object.entries(this.#options.world.tags?.[`${path[0]} ${path[1]}`] ?? {}).map(([key, value]) => ({
          entity_type: path[0],
          entity_name: path[1],
          tag_key: key,
          tag_value: value,
        }))
    }
  }

  #permissions([type = '', name = '']: readonly string[], principal: string | null): readonly Found[] | Response {
    const { world, showsGrants = true } = this.#options
    if (!showsGrants) return forbidden('MANAGE', `${type} ${name}`)
    const asked = principal === null ? [...new Set(world.grants.map(({ to }) => to))] : [principal]
    return asked
      .map((one) => ({
        principal: one,
        privileges: effective(world, `${type} ${name}`, one).map(({ privilege, from }) => ({
          privilege,
          ...(from === undefined
            ? {}
            : { inherited_from_type: from.split(' ')[0]?.toUpperCase(), inherited_from_name: from.split(' ')[1] }),
        })),
      }))
      .filter(({ privileges }) => privileges.length > 0)
  }

  /** Listing takes READ VOLUME; the body of a refusal is that of the other interface: unsure. */
  #files(parts: readonly string[]): Response {
    const { world } = this.#options
    const name = parts.join('.')
    const isThere = world.grants.some(({ on }) => on === `volume ${name}`)
    if (!isThere) return refused(404, 'NOT_FOUND', `The directory being accessed is not found.`)
    const granted = effective(world, `volume ${name}`, this.#me).some(({ privilege }) => privilege === 'READ_VOLUME')
    return granted ? Response.json({ contents: [] }) : forbidden('READ_VOLUME', `volume ${name}`)
  }

  #page(field: string, objects: readonly Found[], token: string | null): Response {
    const { pageSize = 2, emptyPages = true } = this.#options
    const at = token === null ? 0 : Number(token.slice(1))
    if (emptyPages && !token?.startsWith('f')) return Response.json({ next_page_token: `f${at}` })
    const end = at + pageSize
    const next = end < objects.length ? { next_page_token: `${emptyPages ? 'e' : 'f'}${end}` } : {}
    return Response.json({ [field]: objects.slice(at, end), ...next })
  }

  #table(name: string, browse: boolean): Response {
    const { world } = this.#options
    if (!this.#all().some((one) => one.name === name)) {
      return refused(404, 'TABLE_DOES_NOT_EXIST', `Table '${name}' does not exist.`)
    }
    const seen = this.#seen(name, browse)
    if (seen !== undefined) return Response.json(seen)
    const lacks = missing(world, name, this.#me)
    return forbidden(lacks?.privilege ?? '', lacks?.on ?? '')
  }

  get #me(): string {
    return this.#options.principal ?? 'app-1'
  }

  #all(): { name: string; table: FakeTable; parents: Found[] }[] {
    return this.#options.world.catalogs.flatMap((catalog) =>
      catalog.schemas.flatMap((schema) =>
        schema.tables.map((table) => ({
          name: `${catalog.name}.${schema.name}.${table.name}`,
          table,
          parents: [{ comment: catalog.comment }, { comment: schema.comment }],
        })),
      ),
    )
  }

  /** A table as the principal sees it: whole, only that it is there, or not at all. */
  #seen(name: string, browse: boolean): Found | undefined {
    const { world } = this.#options
    const { table } = this.#all().find((one) => one.name === name) as { table: FakeTable }
    const [catalog_name, schema_name] = name.split('.')
    const place = { full_name: name, catalog_name, schema_name }
    if (missing(world, name, this.#me) === undefined) return { ...table, ...place }
    if (!browse || !browses(world, name, this.#me)) return undefined
    return { name: table.name, comment: table.comment, table_type: table.table_type, ...place, browse_only: true }
  }

  /** Catalogs or schemas of the tables that are seen; browsable only, if no table of them is seen whole. */
  #shown(browse: boolean, objectOf: (table: string) => { name: string; full_name?: string } | undefined): Found[] {
    const found = new Map<string, Found>()
    for (const { name, parents } of this.#all()) {
      const object = objectOf(name)
      const seen = this.#seen(name, browse)
      if (object === undefined || seen === undefined) continue
      const isWhole = seen.browse_only !== true || found.get(object.name)?.browse_only === false
      found.set(object.name, { ...object, ...parents[object.full_name === undefined ? 0 : 1], browse_only: !isWhole })
    }
    return [...found.values()]
  }
}

function like(name: string, pattern: string | null): boolean {
  if (pattern === null || pattern === '') return true
  if (pattern.includes('\\')) throw new Error('unsure whether a hosted workspace knows an escape in patterns')
  return new RegExp(
    `^${pattern
      .replace(/[.*+?^${}()|[\]]/g, '\\$&')
      .replaceAll('%', '.*')
      .replaceAll('_', '.')}$`,
  ).test(name)
}

function refused(status: number, error_code: string, message: string, details?: unknown[]): Response {
  return Response.json({ error_code, message, ...(details === undefined ? {} : { details }) }, { status })
}

/** The recorded body of a refusal: see test/golden/databricks-rest/ORIGIN.md. */
function forbidden(privilege: string, on: string): Response {
  const [kind = '', name = ''] = on.split(' ')
  const right = privilege.replaceAll('_', ' ')
  const resourceType = kind.charAt(0).toUpperCase() + kind.slice(1)
  return refused(403, 'PERMISSION_DENIED', `User does not have ${right} on ${resourceType} '${name}'.`, [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'PERMISSION_DENIED',
      domain: 'unity-catalog.databricks.com',
      metadata: { principalName: 'User', msg: right, resourceType, resourceName: name },
    },
    { '@type': 'type.googleapis.com/google.rpc.RequestInfo', request_id: 'r-1', serving_data: '' },
  ])
}
