import type { Cursor, Schema } from '../model/row.js'
import type { Json, JsonObject } from '../model/value.js'
import type { Op, Store } from '../stores/store.js'

/** Where a sync stands: committed with every finished page, read at the start of a run. */
export interface Checkpoint {
  /** Behind the last page whose every row has an outcome; `null` before the first. */
  readonly cursor: Cursor | null
  /** One pass over the source: kept by a run that goes on after an interruption, new after a complete one. */
  readonly epoch: string
  /** `now` of the pass, in ms: a run that goes on sends the bytes that the interrupted one would have sent (I9). */
  readonly now: number
  /** False while a pass is under way. */
  readonly complete: boolean
  /** What the destination learned (sizes); handed back at its next `open`. */
  readonly learned: JsonObject
  /** Position in identity's feed of changes. */
  readonly identityAfter: number
  /** True once a row of this pass could be anybody's: the pass then removes nobody for being absent (I5). */
  readonly untied?: boolean
  /** The last pass that was shown a whole audience: what was kept before it and not shown in it has left. */
  readonly whole?: { readonly epoch: string; readonly turn: number }
}

/** What a pass is named by, and its `now`. */
type Pins = Pick<Checkpoint, 'epoch' | 'now'>

/**
 * Where a run begins: a new pass, or the one that an interrupted run left, taken over from a plan if it is `given`; beside
 * the source it is the last one, and stays as it is.
 */
export function checkpointOf(
  before: Checkpoint | undefined,
  { isBeside, given, own }: { readonly isBeside: boolean; readonly given: Pins | undefined; readonly own: Pins },
): Checkpoint {
  if (before !== undefined && isBeside) return before
  if (before !== undefined && !before.complete) return { ...before, ...given }
  return {
    cursor: before?.cursor ?? null,
    ...(given ?? own),
    complete: isBeside,
    learned: before?.learned ?? {},
    ...(before?.whole === undefined ? {} : { whole: before.whole }),
    identityAfter: before?.identityAfter ?? 0,
  }
}

/** The names under which one sync keeps its things. Every key begins with the project (design, section 6). */
export interface Scope {
  readonly project: string
  readonly sync: string
}

export const checkpointKey = (scope: Scope): readonly string[] => [scope.project, scope.sync]

export async function readCheckpoint(store: Store, scope: Scope): Promise<Checkpoint | undefined> {
  const [found] = await store.get('checkpoint', [checkpointKey(scope)])
  return found as unknown as Checkpoint | undefined
}

export function writeCheckpoint(scope: Scope, checkpoint: Checkpoint): Op {
  return { op: 'put', table: 'checkpoint', key: checkpointKey(scope), value: checkpoint as unknown as Json }
}

/** The schema of the last complete run, and the version of the transform that was content with it. */
export interface AcceptedSchema extends Schema {
  readonly version: string
}

export async function readSchema(store: Store, scope: Scope): Promise<AcceptedSchema | undefined> {
  const [found] = await store.get('schema', [checkpointKey(scope)])
  return found as unknown as AcceptedSchema | undefined
}

export function writeSchema(scope: Scope, { columns, asOf }: Schema, version: string): Op {
  const value = { columns, version, ...(asOf === undefined ? {} : { asOf }) } as unknown as Json
  return { op: 'put', table: 'schema', key: checkpointKey(scope), value }
}
