import { type Holder, placeOf } from '../../src/identity/holders.js'
import type { IdentityResolverOptions } from '../../src/identity/resolver.js'
import type { Json } from '../../src/model/value.js'
import { type Key, type Op, type Store, TABLES, type Table } from '../../src/stores/store.js'

/** Everything that a store holds, as text: two stores with the same text are the same. */
export async function dump(store: Store, tables: readonly Table[] = TABLES): Promise<readonly string[]> {
  const lines: string[] = []
  for (const table of tables) {
    for (let after: Key | undefined; ; ) {
      const entries = await store.scan(table, { prefix: [], after, limit: 1_000 })
      for (const { key, value } of entries) lines.push(JSON.stringify([table, key, value]))
      if (entries.length < 1_000) break
      after = entries.at(-1)?.key
    }
  }
  return lines
}

/** Puts a dump into an empty store. */
export async function restore(store: Store, lines: readonly string[]): Promise<void> {
  const ops = lines.map((line): Op => {
    const [table, key, value] = JSON.parse(line) as [Table, Key, Json]
    return { op: 'put', table, key, value }
  })
  for (let from = 0; from < ops.length; from += 1_000) await store.commit(ops.slice(from, from + 1_000))
}

/** The tables that are a function of evidence and rules, without what is history, and whatever the generation is called. */
export async function stateOf(store: Store, graph = 'main'): Promise<readonly string[]> {
  const [meta] = (await store.get('identityMeta', [[graph]])) as [
    { generation?: string; conflicts: number } | undefined,
  ]
  const tables: readonly Table[] = ['evidence', 'evidenceById', 'identifier', 'profile', 'conflict', 'quarantine']
  const lines: string[] = [JSON.stringify(['conflicts', meta?.conflicts ?? 0])]
  for (const line of await dump(store, tables)) {
    const [table, [name, ...key], value] = JSON.parse(line) as [Table, string[], Record<string, Json>]
    if (name !== (meta?.generation ?? graph) || (table === 'profile' && 'to' in value)) continue
    if (table === 'profile') delete value.was
    lines.push(JSON.stringify([table, key, value]))
  }
  return lines
}

/** What outlives the rules stands under the graph's own name. */
const OUTLIVE: ReadonlySet<Table> = new Set(['binding', 'identityHistory', 'tombstone', 'forgetting'])

/** Generations that a store has rows of, besides the one that the graph names. */
export async function leftovers(store: Store, graph = 'main'): Promise<readonly string[]> {
  const [meta] = (await store.get('identityMeta', [[graph]])) as [{ generation?: string } | undefined]
  const names = new Set<string>()
  for (const line of await dump(store)) {
    const [table, key] = JSON.parse(line) as [Table, string[]]
    const name = key[0] as string
    if (OUTLIVE.has(table) || (table === 'identityMeta' && key.length === 1 && name === graph)) continue
    if (name !== (meta?.generation ?? graph) || table === 'identityMove') names.add(`${table} ${name}`)
  }
  return [...names]
}

export type RuleSet = Omit<IdentityResolverOptions, 'store' | 'target' | 'graph'>

/** Where each identifier of the graph leads, and the records that hold it, however its rows tell. Words by hand own nothing. */
export async function placesIn(store: Store, graph = 'main'): Promise<ReadonlyMap<string, object>> {
  const [meta] = (await store.get('identityMeta', [[graph]])) as [{ generation?: string } | undefined]
  const lines = (await dump(store, ['identifier', 'evidenceById'])).map((line) => JSON.parse(line))
  const own = (lines as [Table, string[], Json][]).filter(([, [name]]) => name === (meta?.generation ?? graph))
  const places = new Map<string, { home: string | null; holders: Holder[]; isScattered: boolean }>()
  for (const [table, [, ...key], value] of own) {
    const id = key.slice(0, 2).join(' ')
    if (table === 'identifier') {
      const { home, holders } = placeOf(value)
      places.set(id, { home, holders: [...(holders ?? [])], isScattered: holders === undefined })
    } else {
      if (places.get(id)?.isScattered !== true) throw new Error(`${id} has rows for its holders, and should not`)
      places.get(id)?.holders.push({ ref: key.slice(2) as string[] as never, owner: value as string | 0 })
    }
  }
  const owned = ({ ref, owner }: Holder): Holder => ({ ref, owner: ref[0].startsWith('!') ? 0 : owner })
  return new Map([...places].map(([id, { home, holders }]) => [id, { home, holders: holders.map(owned) }]))
}
