/** What the fake knows: catalogs with schemas with tables, and who was granted what on them. */
export interface World {
  readonly catalogs: readonly FakeCatalog[]
  readonly grants: readonly Grant[]
  /** Groups and who is in them. Effective permissions of a member do not show what it has by a group. */
  readonly groups?: Readonly<Record<string, readonly string[]>>
  /** By entity: `tables main.crm.users`, `columns main.crm.users.email`. */
  readonly tags?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface FakeCatalog {
  readonly name: string
  readonly comment?: string
  readonly schemas: readonly {
    readonly name: string
    readonly comment?: string
    readonly tables: readonly FakeTable[]
  }[]
}

/** A table as the interface gives it, without what follows from its place. */
export interface FakeTable {
  readonly name: string
  readonly [field: string]: unknown
}

export interface Grant {
  /** `catalog main`, `schema main.crm`, `table main.crm.users`, `volume main.crm.landing`. */
  readonly on: string
  readonly to: string
  readonly privileges: readonly string[]
}

/** A privilege and where it comes from, if from above. */
export interface Effective {
  readonly privilege: string
  readonly from: string | undefined
}

/** The object itself, then its parents: where a privilege on it may have been granted. */
function lineOf(on: string): string[] {
  const [, kind = '', name = ''] = /^(\w+) (.+)$/.exec(on) ?? []
  const [catalog = '', schema = ''] = name.split('.')
  if (kind === 'catalog') return [on]
  if (kind === 'schema') return [on, `catalog ${catalog}`]
  return [on, `schema ${catalog}.${schema}`, `catalog ${catalog}`]
}

/** Privileges are inherited downwards. */
export function effective({ grants }: World, on: string, principal: string): Effective[] {
  return lineOf(on).flatMap((place) =>
    grants
      .filter((grant) => grant.on === place && grant.to === principal)
      .flatMap(({ privileges }) =>
        privileges.map((privilege) => ({ privilege, from: place === on ? undefined : place })),
      ),
  )
}

const has = (world: World, on: string, principal: string, privilege: string): boolean =>
  [principal, ...groupsOf(world, principal)]
    .flatMap((one) => effective(world, on, one))
    .some((one) => one.privilege === privilege || one.privilege === 'ALL_PRIVILEGES')

const groupsOf = ({ groups = {} }: World, principal: string): string[] =>
  Object.entries(groups).flatMap(([group, members]) => (members.includes(principal) ? [group] : []))

/** The first privilege that is missing to see a table, from the top. */
export function missing(world: World, table: string, principal: string): { privilege: string; on: string } | undefined {
  const [catalog, schema] = table.split('.')
  const needed = [
    { privilege: 'USE_CATALOG', on: `catalog ${catalog}` },
    { privilege: 'USE_SCHEMA', on: `schema ${catalog}.${schema}` },
    { privilege: 'SELECT', on: `table ${table}` },
  ]
  return needed.find(({ privilege, on }) => !has(world, on, principal, privilege))
}

export const browses = (world: World, table: string, principal: string): boolean =>
  has(world, `table ${table}`, principal, 'BROWSE')
