import * as z from 'zod'
import { LakeloopError } from '../errors.js'
import { optionFault } from '../model/option-fault.js'
import type { Entry, Key, Store } from '../stores/store.js'
import { keyPart } from '../stores/store.js'
import { checkpointKey, type Scope } from './checkpoint.js'
import { keptIn, keyOfId } from './letter.js'

/** Which dead letters: those for which all that is said holds. */
export interface LetterQuery {
  /** Code of the reason. */
  readonly reason?: string
  /** Key of the row, as the source names it: see `keyText`. */
  readonly key?: string
  /** The run, or the replay, that refused them last. */
  readonly runId?: string
}

/** Dead letters by name: all of them, or those of a query that says something. One that is gone since is none. */
export type LetterSelection =
  | 'all'
  | (LetterQuery & {
      /** At most 10,000 of {@link DeadLetter.id}. */
      readonly ids?: readonly string[]
    })

const IDS_MAX = 10_000
const PAGE = 1_000

const QUERY = {
  reason: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  runId: z.string().min(1).optional(),
}
const LIMIT = z.int().min(1).optional()
const LISTING = z.strictObject({ ...QUERY, limit: LIMIT })
const PARKED = z.strictObject({ limit: LIMIT })
const SELECTION = z
  .strictObject({ ...QUERY, ids: z.array(z.string()).max(IDS_MAX).optional() })
  .refine((query) => Object.values(query).some((value) => value !== undefined), {
    error: "says nothing: 'all' is a word of its own",
  })

/** Throws OPTION_INVALID, that names what was called and no value. */
export const checkListing = (part: string, query: unknown): void => check(part, 'query', LISTING, query)
export const checkLimit = (part: string, query: unknown): void => check(part, 'query', PARKED, query)

export function checkSelection(part: string, option: string, selection: unknown, scope: Scope): void {
  if (selection !== 'all') check(part, option, SELECTION, selection)
  const ids = selection === 'all' ? [] : ((selection as { ids?: readonly string[] }).ids ?? [])
  for (const id of ids) keyOf(part, scope, id)
}

/** The key of an id. Throws OPTION_INVALID for a text that is none. */
export function keyOf(part: string, scope: Scope, id: unknown): Key {
  const key = keyOfId(scope, id)
  if (key === undefined) throw invalid(part, 'id', 'is not the id of a dead letter')
  return key
}

function check(part: string, option: string, schema: z.ZodType, value: unknown): void {
  const { error } = schema.safeParse(value)
  if (error === undefined) return
  const fault = optionFault(error, schema, option)
  throw invalid(part, fault.option === 'options' ? option : fault.option, fault.problem)
}

const invalid = (part: string, option: string, problem: string): LakeloopError =>
  new LakeloopError('OPTION_INVALID', { part: `Sync.${part}`, option, problem })

/** Entries of a table that belong to a sync, by key. */
export async function* entriesOf(
  store: Store,
  table: 'deadLetter' | 'parked',
  prefix: Key,
): AsyncGenerator<Entry, void, undefined> {
  let after: Key | undefined
  for (;;) {
    const entries = await store.scan(table, { prefix, after, limit: PAGE })
    yield* entries
    after = entries.at(-1)?.key
    if (entries.length < PAGE) return
  }
}

/** The dead letters that are meant, by key. */
export async function* chosenLetters(
  store: Store,
  scope: Scope,
  selection: LetterSelection,
): AsyncGenerator<Entry, void, undefined> {
  const { ids, key, reason, runId }: Exclude<LetterSelection, 'all'> = selection === 'all' ? {} : selection
  const prefix = [...checkpointKey(scope), ...(key === undefined ? [] : [keyPart(key)])]
  const all = ids === undefined ? entriesOf(store, 'deadLetter', prefix) : named(store, scope, ids)
  for await (const entry of all) {
    const letter = keptIn(entry)
    if (reason !== undefined && letter.reason.code !== reason) continue
    if (runId !== undefined && letter.runId !== runId) continue
    if (key !== undefined && entry.key.at(-2) !== keyPart(key)) continue
    yield entry
  }
}

async function* named(store: Store, scope: Scope, ids: readonly string[]): AsyncGenerator<Entry, void, undefined> {
  const keys = [...new Set(ids)].flatMap((id) => {
    const key = keyOfId(scope, id)
    return key === undefined ? [] : [key]
  })
  const values = await store.get('deadLetter', keys)
  for (const [at, value] of values.entries()) if (value !== undefined) yield { key: keys[at] as Key, value }
}
