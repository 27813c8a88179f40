import { hash } from 'node:crypto'
import { isLakeloopError } from '../errors.js'
import type { Json } from '../model/value.js'
import type { Key, Op } from '../stores/store.js'
import { GENERATION_TABLES, type MetaRow, type Rows } from './rows.js'

/** The generations of a graph besides the one that its meta row names. The row is there only while there is one. */
export interface GenerationsRow {
  /** Being made by a preview, or made and waiting to be adopted. */
  readonly made: string | null
  /** To be removed. */
  readonly gone: readonly string[]
}

/** Rows that one commit removes. */
const SWEEP_ROWS = 1_000

const keyOf = ({ metaKey }: Rows): Key => [...metaKey, 'generations']

export async function generationsOf(rows: Rows): Promise<GenerationsRow | undefined> {
  const [row] = await rows.store.get('identityMeta', [keyOf(rows)])
  return row as GenerationsRow | undefined
}

/** Holds while the generations are what the caller takes them for: of two previews the later one stops the other. */
export const generationsAre = (rows: Rows, is: GenerationsRow | undefined): Op => ({
  op: 'check',
  table: 'identityMeta',
  key: keyOf(rows),
  is: is as object | undefined as Json | undefined,
})

export const setGenerations = (rows: Rows, row: GenerationsRow): Op => ({
  op: 'put',
  table: 'identityMeta',
  key: keyOf(rows),
  value: row as object as Json,
})

/**
 * A name for a generation that is to be made: no host's graph has a `!` in its name.
 *
 * Laws    no generation that is still to be removed, and no other that was begun on the same graph, has the same name.
 */
export function nameOfNext(rows: Rows, rules: string, meta: MetaRow | undefined, now?: GenerationsRow): string {
  const text = JSON.stringify([rules, meta?.version ?? 0, meta?.generation ?? '', now?.made ?? '', now?.gone ?? []])
  return `${rows.metaKey[0]}!${hash('sha256', text).slice(0, 16)}`
}

/** The row with what was being made among what is to be removed. */
export const allGone = (now: GenerationsRow | undefined): readonly string[] => [
  ...(now?.gone ?? []),
  ...(now?.made == null ? [] : [now.made]),
]

/**
 * Removes the generations that are to be removed, in commits of 1,000 rows; a crash in between leaves the rest to the
 * next call. Gives what the row says afterwards.
 *
 * Throws  STORE_CONFLICT where another process has begun or ended a generation meanwhile: then it sees to it.
 */
export async function sweep(rows: Rows): Promise<GenerationsRow | undefined> {
  const now = await generationsOf(rows)
  if (now === undefined || (now.gone.length === 0 && now.made !== null)) return now
  const holds = generationsAre(rows, now)
  const own = rows.metaKey[0]
  for (const generation of now.gone) {
    for (const table of GENERATION_TABLES) {
      for (let isMore = true; isMore; ) {
        const entries = await rows.store.scan(table, { prefix: [generation], limit: SWEEP_ROWS })
        isMore = entries.length === SWEEP_ROWS
        if (entries.length > 0) await rows.store.commit([holds, ...entries.map(({ key }) => gone(table, key))])
      }
    }
  }
  const metas = now.gone.filter((name) => name !== own).map((name) => gone('identityMeta', [name]))
  const left = now.made === null ? undefined : { made: now.made, gone: [] }
  const last = left === undefined ? gone('identityMeta', keyOf(rows)) : setGenerations(rows, left)
  await rows.store.commit([holds, ...metas, last])
  return left
}

/** As {@link sweep}, and leaves it to another process where one sees to it already. */
export async function sweepOrLeave(rows: Rows): Promise<void> {
  try {
    await sweep(rows)
  } catch (error) {
    if (!isLakeloopError(error, 'STORE_CONFLICT')) throw error
  }
}

const gone = (table: (typeof GENERATION_TABLES)[number] | 'identityMeta', key: Key): Op => ({
  op: 'delete',
  table,
  key,
})
