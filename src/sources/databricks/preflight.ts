import { isLakeloopError, type LakeloopError } from '../../errors.js'
import type { JsonObject } from '../../model/value.js'
import type { CatalogTable } from '../../vendors/databricks/table-info.js'
import type { UnityCatalog } from '../../vendors/databricks/unity-catalog.js'
import { hasFeed } from './feed-read.js'
import { tracksRows } from './row-tracking-read.js'
import { quoted, type TableName, tableName } from './sql-text.js'
import { type Asking, asked } from './table-facts.js'
import type { Mode } from './table-read.js'

/** One thing that a read needs. */
export interface PreflightCheck {
  /** In words, e.g. `SELECT on table main.crm.users`. */
  readonly what: string
  /** `unknown`: it could not be asked, because of something above it in the list. */
  readonly status: 'works' | 'missing' | 'unknown'
  readonly problem?: string
  /** What to hand to an admin: SQL, or a sentence where no SQL does it. */
  readonly statements: readonly string[]
}

export interface Preflight {
  /** True if nothing is missing. */
  readonly ok: boolean
  readonly checks: readonly PreflightCheck[]
}

export interface PreflightNeeds {
  readonly asking: Asking
  readonly catalog: UnityCatalog
  /** Who is granted to: the application id of the service principal. */
  readonly principal: string | undefined
  readonly table: string | undefined
  readonly query: string | undefined
  readonly changes: 'auto' | Mode
  /** Volumes that files are written to and read from. */
  readonly volumes: readonly string[]
  /** The credential is taken: a token could be had. */
  readonly token: () => Promise<string>
}

/**
 * What works and what is missing, each asked for by itself, so that an admin gets all of it at once.
 *
 * Throws  ABORTED; OPTION_INVALID for a name that is none. A missing right is an answer.
 */
export async function preflight(needs: PreflightNeeds): Promise<Preflight> {
  const checks: PreflightCheck[] = []
  const signedIn = await tried(checks, 'a token', needs, () => needs.token())
  const warehouse = 'CAN USE on the SQL warehouse'
  if (signedIn)
    await tried(checks, warehouse, needs, () => needs.asking.session.rows('SELECT 1 AS one', asked(needs.asking)))
  else checks.push(unknown(warehouse))
  const name = needs.table === undefined ? undefined : tableName(needs.table)
  if (name !== undefined) await ofTable(checks, needs, name, signedIn)
  for (const volume of needs.volumes) {
    const parts = tableName(volume)
    await rights(checks, needs, { kind: 'volume', name: parts, privileges: ['READ VOLUME', 'WRITE VOLUME'] }, signedIn)
  }
  if (needs.query !== undefined && signedIn) {
    await tried(checks, 'the query', needs, () =>
      needs.asking.session.rows(`SELECT * FROM (${needs.query}\n) LIMIT 0`, asked(needs.asking)),
    )
  }
  return { ok: checks.every(({ status }) => status !== 'missing'), checks }
}

async function ofTable(
  checks: PreflightCheck[],
  needs: PreflightNeeds,
  name: TableName,
  signedIn: boolean,
): Promise<void> {
  const [catalog, schema] = name.parts
  if (name.parts.length === 3) {
    const above = (parts: readonly string[]): TableName => ({
      parts,
      sql: parts.map(quoted).join('.'),
      text: parts.join('.'),
    })
    await rights(
      checks,
      needs,
      { kind: 'catalog', name: above([catalog as string]), privileges: ['USE CATALOG'] },
      signedIn,
    )
    await rights(
      checks,
      needs,
      { kind: 'schema', name: above([catalog as string, schema as string]), privileges: ['USE SCHEMA'] },
      signedIn,
    )
    await rights(checks, needs, { kind: 'table', name, privileges: ['SELECT'] }, signedIn)
  }
  if (!signedIn) return
  const { asking } = needs
  await tried(checks, `rows of ${name.text}`, needs, () =>
    asking.session.rows(`SELECT * FROM ${name.sql} LIMIT 0`, asked(asking)),
  )
  const info =
    name.parts.length === 3 ? await needs.catalog.table(name.parts.join('.'), asking.signal).catch(nothing) : undefined
  if (info !== undefined) checks.push(...modeChecks(needs.changes, name, info), ...guardChecks(info))
}

interface Wanted {
  readonly kind: 'catalog' | 'schema' | 'table' | 'volume'
  readonly name: TableName
  readonly privileges: readonly string[]
}

/** Effective rights, which inherited ones are among. Source: databricks-sdk-py, grants.get_effective. */
async function rights(
  checks: PreflightCheck[],
  needs: PreflightNeeds,
  wanted: Wanted,
  signedIn: boolean,
): Promise<void> {
  const { kind, name, privileges } = wanted
  const { principal, catalog, asking } = needs
  const held = signedIn ? await effective(catalog, wanted, principal, asking.signal).catch(nothing) : undefined
  for (const privilege of privileges) {
    const what = `${privilege} on ${kind} ${name.text}`
    const has = held === undefined ? undefined : held.has(privilege) || held.has('ALL PRIVILEGES') || held.has('OWNER')
    if (has === undefined) checks.push(unknown(what, 'the rights could not be asked for'))
    else if (has) checks.push({ what, status: 'works', statements: [] })
    else
      checks.push({
        what,
        status: 'missing',
        problem: 'it was not granted',
        statements: [grant(privilege, kind, name, principal)],
      })
  }
}

async function effective(
  catalog: UnityCatalog,
  { kind, name }: Wanted,
  principal: string | undefined,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const path = `/effective-permissions/${kind}/${encodeURIComponent(name.parts.join('.'))}`
  const query = principal === undefined ? {} : { principal }
  const held = new Set<string>()
  for await (const one of catalog.list(path, query, { name: 'privilege_assignments', what: name.text, signal })) {
    for (const { privilege } of (one.privileges ?? []) as readonly JsonObject[])
      held.add(String(privilege).replaceAll('_', ' '))
  }
  return held
}

const PRINCIPAL = '<application id of the service principal>'

const grant = (privilege: string, kind: string, { sql }: TableName, principal = PRINCIPAL): string =>
  `GRANT ${privilege} ON ${kind.toUpperCase()} ${sql} TO ${quoted(principal)};`

/** What a mode needs the table to have. Source: docs.delta.io delta-change-data-feed; docs.databricks.com delta/row-tracking. */
function modeChecks(
  changes: 'auto' | Mode,
  { sql }: TableName,
  { properties, format, type }: CatalogTable,
): PreflightCheck[] {
  if (type === 'VIEW' || (format !== undefined && format !== 'DELTA')) {
    const isAny = changes !== 'feed' && changes !== 'rowTracking'
    const problem = 'it is no Delta table: name the table behind it'
    return isAny ? [] : [{ what: `changes by ${changes}`, status: 'missing', problem, statements: [] }]
  }
  const altered = (property: string) => [`ALTER TABLE ${sql} SET TBLPROPERTIES ('${property}' = 'true');`]
  const check = (mode: string, has: boolean, property: string): PreflightCheck => ({
    what: `changes by ${mode}`,
    ...(has
      ? { status: 'works', statements: [] }
      : { status: 'missing', problem: `${property} is off`, statements: altered(property) }),
  })
  const feed = check('feed', hasFeed(properties), 'delta.enableChangeDataFeed')
  const rows = check('rowTracking', tracksRows(properties), 'delta.enableRowTracking')
  if (changes === 'feed') return [feed]
  if (changes === 'rowTracking') return [rows]
  if (changes !== 'auto' || feed.status === 'works') return changes === 'auto' ? [feed] : []
  // Nothing is missing for `auto`: it takes what there is. What it would take first is worth knowing all the same.
  return [{ ...feed, status: 'unknown', problem: `${feed.problem}; auto takes the next best` }]
}

function guardChecks({ columns = [], rowFilter, fullName }: CatalogTable): PreflightCheck[] {
  const masks = columns.flatMap(({ name, mask }) => (mask === undefined ? [] : [{ name, mask }]))
  const remedy = 'Exempt the principal in the function, or allow it by name in the option allow.'
  const told = (what: string, problem: string): PreflightCheck => ({
    what,
    status: 'missing',
    problem,
    statements: [remedy],
  })
  return [
    ...masks.map(({ name, mask }) =>
      told(`stored values of ${fullName}.${name}`, `the mask ${mask} stands before them`),
    ),
    ...(rowFilter === undefined
      ? []
      : [told(`all rows of ${fullName}`, `the row filter ${rowFilter} stands before them`)]),
  ]
}

/** Does it, and writes down how it went. */
async function tried(
  checks: PreflightCheck[],
  what: string,
  needs: PreflightNeeds,
  does: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await does()
    checks.push({ what, status: 'works', statements: [] })
    return true
  } catch (error) {
    const told = answer(error)
    checks.push({ what, status: 'missing', problem: told.message, statements: statementsFor(told, needs.principal) })
    return false
  }
}

/** Our own errors are answers here, but not the host's wish to stop, or a mistake in its options. */
function answer(error: unknown): LakeloopError {
  if (!isLakeloopError(error) || HALTS.has(error.code)) throw error
  return error
}

const HALTS: ReadonlySet<string> = new Set(['ABORTED', 'OPTION_INVALID', 'PEER_MISSING', 'CLOSED'])

/** For what cannot be asked: that it could not is all there is to say. */
function nothing(error: unknown): undefined {
  answer(error)
}

/** For a right that the server itself named as missing. */
function statementsFor({ code, facts }: LakeloopError, principal: string | undefined): readonly string[] {
  if (code !== 'SOURCE_FORBIDDEN') return []
  const [, kind, name] = /^([A-Za-z]+) (\S.*)$/.exec(String(facts.securable)) ?? []
  if (facts.privilege === 'CAN USE') {
    return [
      `In the workspace: SQL warehouses, this one, Permissions: Can use for ${principal ?? PRINCIPAL}; and for the principal itself the entitlement Databricks SQL access.`,
    ]
  }
  if (name === undefined || kind === undefined || facts.privilege === 'a privilege') return []
  return [grant(String(facts.privilege), kind, tableName(name), principal)]
}

const unknown = (what: string, problem = 'something above it is missing'): PreflightCheck => ({
  what,
  status: 'unknown',
  problem,
  statements: [],
})
