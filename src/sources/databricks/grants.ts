import type { LakeloopError } from '../../errors.js'
import { listOf, objectOf } from '../../vendors/databricks/table-info.js'
import type { UnityCatalog } from '../../vendors/databricks/unity-catalog.js'
import { quoted } from './sql-text.js'

/** A right that something of ours needs. */
export interface Need {
  /** As SQL writes it: `USE CATALOG`, `READ VOLUME`. */
  readonly privilege: string
  readonly kind: 'Catalog' | 'Schema' | 'Table' | 'Volume'
  /** From the catalog down. */
  readonly parts: readonly string[]
}

/** What reading a table takes, from the top. Source: docs.databricks.com/data-governance/unity-catalog/manage-privileges. */
export const readingNeeds = (parts: readonly string[]): readonly Need[] => [
  ...parentNeeds(parts),
  { privilege: 'SELECT', kind: 'Table', parts },
]

/** What writing files takes: both rights on the volume. Source: docs.databricks.com/volumes/privileges. */
export const volumeNeeds = (parts: readonly string[]): readonly Need[] => [
  ...parentNeeds(parts),
  { privilege: 'READ VOLUME', kind: 'Volume', parts },
  { privilege: 'WRITE VOLUME', kind: 'Volume', parts },
]

const parentNeeds = (parts: readonly string[]): readonly Need[] => [
  { privilege: 'USE CATALOG', kind: 'Catalog', parts: parts.slice(0, 1) },
  { privilege: 'USE SCHEMA', kind: 'Schema', parts: parts.slice(0, 2) },
]

export const needText = ({ privilege, kind, parts }: Need): string =>
  `${privilege} on ${kind.toLowerCase()} ${parts.join('.')}`

/** Who is to be given a right, where lakeloop has only a token: to be filled in by whoever runs the statement. */
const SOMEBODY = '<application id or name of the principal behind auth.token>'
/** What SQL can grant on, by name. */
const GRANTABLE = new Set(['CATALOG', 'SCHEMA', 'TABLE', 'VIEW', 'VOLUME', 'FUNCTION'])

/** @param principal  the application id of the service principal; `undefined` gives a placeholder that says so */
export function grantStatement(
  need: Omit<Need, 'kind'> & { readonly kind: string },
  principal: string | undefined,
): string {
  const { privilege, kind, parts } = need
  const name = parts.map(quoted).join('.')
  return `GRANT ${privilege} ON ${kind.toUpperCase()} ${name} TO ${quoted(principal ?? SOMEBODY)};`
}

/** The statement for what a SOURCE_FORBIDDEN says is missing; none where SQL cannot grant it, or it says too little. */
export function grantsOf({ facts }: LakeloopError, principal: string | undefined): readonly string[] {
  const [, kind = '', name = ''] = /^(\w+) (.+)$/.exec(String(facts.securable)) ?? []
  const privilege = String(facts.privilege)
  if (!GRANTABLE.has(kind.toUpperCase()) || !/^[A-Z][A-Z ]+$/.test(privilege)) return []
  return [grantStatement({ privilege, kind, parts: name.split('.') }, principal)]
}

/** True if a SOURCE_FORBIDDEN is about just this. */
export const isAbout = ({ facts }: LakeloopError, { privilege, kind, parts }: Need): boolean =>
  facts.privilege === privilege && facts.securable === `${kind} ${parts.join('.')}`

/** The privileges of a principal on an object, those from above among them. Not told: what comes by a group or by owning. */
export async function privilegesOn(
  catalog: UnityCatalog,
  { kind, parts }: Need,
  { principal, signal }: { readonly principal: string; readonly signal: AbortSignal },
): Promise<ReadonlySet<string>> {
  const fullName = parts.join('.')
  const question = {
    path: `/effective-permissions/${kind.toLowerCase()}/${encodeURIComponent(fullName)}`,
    query: { principal },
    securable: `${kind} ${fullName}`,
  }
  const found = new Set<string>()
  for await (const { principal: who, privileges } of catalog.list(question, 'privilege_assignments', signal)) {
    if (String(who).toLowerCase() !== principal.toLowerCase()) continue // an application id is no text
    for (const one of listOf(privileges)) found.add(String(objectOf(one).privilege).replaceAll('_', ' '))
  }
  return found
}
