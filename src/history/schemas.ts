import { hash } from 'node:crypto'
import type { Column, Schema } from '../model/row.js'
import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { isoOf, type Place, type Scope } from './place.js'

/** A schema that runs have met. */
export interface SeenSchema {
  /** As reports name it. */
  readonly digest: string
  readonly columns: readonly Column[]
  /** When a run met it first, and last: ISO 8601. */
  readonly first: string
  readonly last: string
}

/** More than a table has in years; further ones take the place of those that were not met for the longest time. */
export const SCHEMAS_MAX = 1_000

/** Names a schema by its columns. */
export const schemaDigest = ({ columns }: Schema): string => hash('sha256', JSON.stringify(columns)).slice(0, 32)

export const seenKey = ({ project, sync }: Scope, ...digest: readonly string[]): Key => [
  project,
  sync,
  'seen',
  ...digest,
]

/** The op that remembers that a run met a schema. */
export async function metSchema({ store, scope }: Place, schema: Schema, now: number): Promise<Op> {
  const digest = schemaDigest(schema)
  const key = seenKey(scope, digest)
  const [before] = await store.get('schema', [key])
  const at = isoOf(now)
  const { first = at } = (before ?? {}) as unknown as Partial<SeenSchema>
  const seen: SeenSchema = { digest, columns: schema.columns, first, last: at }
  return { op: 'put', table: 'schema', key, value: seen as unknown as Json }
}

/** All that runs have met. Order   by when they were first met. */
export async function seenSchemas({ store, scope }: Place): Promise<readonly SeenSchema[]> {
  const found: SeenSchema[] = []
  let after: Key | undefined
  for (;;) {
    const entries = await store.scan('schema', { prefix: seenKey(scope), after, limit: SCHEMAS_MAX })
    found.push(...entries.map(({ value }) => value as unknown as SeenSchema))
    after = entries.at(-1)?.key
    if (after === undefined || entries.length < SCHEMAS_MAX) break
  }
  return found.sort((a, b) => (a.first < b.first ? -1 : 1))
}
